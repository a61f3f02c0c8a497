"""Who is in the talk, and what of it is a payment, as the policy's words have it."""

from __future__ import annotations

from collections.abc import Iterable

from ami_bridge.facts import Talker
from ami_bridge.walk.reading import Reading, stricter
from ami_bridge.walk.seen import FOR_GOOD, LINE, UNSEEN, Seen, Where
from hushtape.policy.decide import Place
from hushtape.policy.schema import AfterPayment, OnTransfer, Policy


class TalkFollower:
    """Follows who has a call, and whether it is paid in."""

    def __init__(self, policy: Policy) -> None:
        self._policy = policy
        self._reading = Reading(policy)

    def _opens(self, seen: Seen, by: str) -> None:
        """Let in who comes next; who has come a moment too early, too."""
        voices = [each for each in seen.talk if not each.stands_in]
        early = seen.talk and not self._somebody_has_it(seen) and not seen.pays
        seen.door = "" if early else by
        if early and (by == "any" or not self._stops_with(voices, by)):
            self._lets_in(seen, seen.talk)

    def _goes_out(self, seen: Seen) -> None:
        seen.where, seen.doubt, seen.consults = Where.OUT, False, frozenset()

    def _line_in(self, seen: Seen) -> bool:
        for each in seen.talk:
            if self._reading.line(each.place):
                return True
            if not self._has_it(seen, each):
                how = seen.door if seen.door not in ("", "any") else UNSEEN
                if self._reading.transfer(each.place, how) is OnTransfer.SILENT:
                    return True
        return False

    def _sometimes_silent(self, place: Place) -> bool:
        kinds = {self._reading.transfer(place, how) for how in ("blind", "attended")}
        return OnTransfer.SILENT in kinds

    def _stops_with(self, voices: Iterable[Talker], how: str) -> bool:
        outcomes = {self._reading.transfer(each.place, how) for each in voices}
        return bool(outcomes - {OnTransfer.CONTINUE})

    def _strictest(self, seen: Seen) -> OnTransfer:
        outcome = OnTransfer.CONTINUE
        for each in seen.talk:
            outcome = stricter(outcome, self._reading.transfer(each.place, UNSEEN))
        return outcome

    def _has_it(self, seen: Seen, talker: Talker) -> bool:
        return bool({talker.uniqueid, talker.telephone} & seen.have_it)

    def _somebody_has_it(self, seen: Seen) -> bool:
        return any(self._has_it(seen, each) for each in seen.talk)

    def _knows_somebody(self, seen: Seen) -> bool:
        return self._somebody_has_it(seen) and not self._line_in(seen)

    def _lets_in(self, seen: Seen, talkers: Iterable[Talker]) -> None:
        for each in talkers:
            seen.have_it |= {each.uniqueid, each.telephone} - {""}
        seen.door = ""

    def _pays(self, seen: Seen, way: str) -> None:
        if seen.declined:
            return
        if not seen.pays:
            seen.consulted = False
        if seen.vanished and not seen.pays:
            seen.where = Where.IN  # the payment explains the leave
        if seen.doubt:
            seen.where = Where.IN
        seen.vanished = seen.left = seen.recallable = seen.doubt = False
        seen.parkable_until = None
        seen.left_into, seen.pays, seen.consults = "", seen.pays | {way}, frozenset()

    def _paid(self, seen: Seen, ways: set[str]) -> None:
        line = self._line_in(seen)
        known = self._somebody_has_it(seen) and not line
        named = {LINE, FOR_GOOD, *(way.value for way in self._policy.payment.by)}
        ways |= seen.pays - named  # nobody is bound to tell their end by the same way
        gone = known and not seen.consulted  # what the agent has on the telephone isn't
        seen.pays = seen.pays - ways - ({LINE} if gone else set())
        if line:
            seen.pays |= {LINE}
        if seen.pays:
            return
        if self._policy.payment.afterwards is AfterPayment.STAY_SILENT:
            seen.pays = frozenset({FOR_GOOD})
            return
        self._after_payment(seen)

    def _after_payment(self, seen: Seen) -> None:
        if seen.where not in (Where.IN, Where.PARKED):
            return
        strangers = bool(seen.talk) and not self._somebody_has_it(seen)
        if strangers and self._strictest(seen) is OnTransfer.CONTINUE:
            self._lets_in(seen, seen.talk)
        if not seen.talk:
            seen.where = Where.PARKED  # until somebody is there who has the call
        else:
            seen.where = Where.IN if self._somebody_has_it(seen) else Where.OUT
