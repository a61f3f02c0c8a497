"""Payments in a call: the ways in which one begins and ends, and what must come of it.

A payment begins by one way and ends by another. Meanwhile the caller reads out a card (card.py), to
whoever has him: that phone's own file is the control.
"""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from dataclasses import dataclass

from lab import card, desktop
from lab.card import keyed_in, number_read_out
from lab.deeds import DTMF_GAP_S
from lab.ear import Heard
from lab.eyes import event
from lab.outcomes import LAST_S, check_nobody, check_one
from lab.product import Recording, seconds
from lab.scene import (
    CONTROL_S,
    SHIFT_S,
    Check,
    QueueCall,
    Stage,
    Take,
    heard_by,
    words_of,
)
from lab.town import Council, Person
from lab.waiting import pass_time

CONFIRMED, ACKNOWLEDGED = 200, 202
MUTED = ("muted",)  # policies by which a recorder is muted, where nobody needs it to be stopped
KEY_BEGAN, KEY_ENDED = "*73", "*74"  # of dialplan/asterisk/hushtape-features.conf
EVENT_BEGAN, EVENT_ENDED = "*75", "*76"  # of lab/pbx/features.conf
BEGAN, ENDED = "payment-began", "payment-ended"
TOLD_TIMEOUT_S = 5.0

LOUD = 0.004  # of full scale: what an encoder may make of silence is far below
RESUMED_S = 0.1  # a recording goes on within this after a payment's end
EDGE_S = 0.1  # a payment in the manifest begins where the call's did
STOP_TIMEOUT_S = 5.0
SILENCE_BOUND_S = 1.0  # from cause to silence, on however busy a machine
SILENCE_AIM_S = 0.05


@dataclass(frozen=True)
class Moment:
    """A payment begins or ends (epoch, s).

    From `hands_s` to `free_s` the agent's hand is at the keys: meanwhile his phone sends no voice.
    """

    at_s: float
    hands_s: float
    free_s: float


class Way(ABC):
    """A way in which a payment begins and ends while somebody of us has the call."""

    words: str

    def __init__(self, stage: Stage, call: QueueCall, take: Take) -> None:
        self._stage = stage
        self._call = call
        self._take = take

    def begin(self, who: Person) -> Moment:
        """Begin a payment.

        Args:
            who: has the call.
        """
        moment = self._begin(who)
        self._tell(moment, f"the payment begins {self.words}")
        return moment

    def end(self, who: Person) -> Moment:
        """End it."""
        moment = self._end(who)
        self._tell(moment, f"the payment is over, {self.words}")
        return moment

    def _tell(self, moment: Moment, words: str) -> None:
        self._take.lines.append((moment.at_s - self._call.entered_s, words))

    @abstractmethod
    def _begin(self, who: Person) -> Moment: ...

    @abstractmethod
    def _end(self, who: Person) -> Moment: ...


class _Pressed(Way):
    """A key on the agent's telephone, which the dialplan tells of on the caller's channel."""

    keys: tuple[str, str]

    def _begin(self, who: Person) -> Moment:
        return self._press(who, self.keys[0], BEGAN)

    def _end(self, who: Person) -> Moment:
        return self._press(who, self.keys[1], ENDED)

    def _press(self, who: Person, keys: str, act: str) -> Moment:
        mark, began_s = self._stage.eyes.mark(), time.time()
        self._stage.phone(who).dtmf(keys, gap_s=DTMF_GAP_S)
        said = self._stage.eyes.wait_for(told_of(act, self._call.uniqueid), TOLD_TIMEOUT_S, mark)
        pass_time(DTMF_GAP_S)
        return Moment(said.at_s, began_s, time.time())


class ByKey(_Pressed):
    """The agent's key of Hushtape's own: the dialplan stops the recorder, and tells of it."""

    words = "by the agent's key"
    keys = (KEY_BEGAN, KEY_ENDED)


class ByEvent(_Pressed):
    """An event of the council's own making, behind a key of its own: nothing else is done."""

    words = "by an event"
    keys = (EVENT_BEGAN, EVENT_ENDED)


class ByApi(Way):
    """The agent's desktop tells of it."""

    words = "by the agent's desktop"

    def _begin(self, who: Person) -> Moment:
        told = desktop.begin(self._stage.product, who.number)
        # A mute is acknowledged only, and so not confirmed: the answer says so.
        expected = ACKNOWLEDGED if self._take.policy in MUTED else CONFIRMED
        self._take.check(
            told.status == expected and told.states == ["silent"],
            f"the API answers {told.status} after {1000 * (told.answered_s - told.asked_s):.0f} ms:"
            f" {told.said}",
        )
        return Moment(told.asked_s, told.asked_s, told.asked_s)

    def _end(self, who: Person) -> Moment:
        told = desktop.end(self._stage.product, who.number)
        self._take.check(told.status == 200, f"the API answers {told.status}: {told.said}")
        return Moment(told.asked_s, told.asked_s, told.asked_s)


def told_of(act: str, uniqueid: str):  # type: ignore[no-untyped-def]
    """A predicate: the dialplan tells of this, on this channel."""
    return event("UserEvent", UserEvent="Hushtape", Act=act, Uniqueid=uniqueid)


# ---------------------------------------------------------------------- what is said meanwhile


def pay(stage: Stage, council: Council, take: Take, to: Person) -> None:
    """Let the caller read out the card to somebody; that one's phone must hear it (afterwards)."""
    if stage.phone(to).deaf:
        pass_time(card.SPOKEN_S)
        return
    number_read_out(stage.phone(council.caller))


def check_was_paid(stage: Stage, take: Take, to: Person, *, keyed: bool = True) -> None:
    """Control: somebody's phone, whose call is over, has heard the card."""
    if stage.phone(to).deaf:
        return
    control = heard_by(stage, to)
    spoken_s = control.frames("any", "card") * control.frame_s
    words = words_of(to.role)
    take.check(
        spoken_s >= CONTROL_S, f"control: the {words}'s phone heard the card for {spoken_s:.2f} s"
    )
    if keyed:
        digits = keyed_in(stage.phone(to).heard)
        # One of them may get lost on the way, where a busy machine drops a packet: once more.
        ok, heard = card.NUMBER in digits, len(digits[0])
        what = f"control: the {words}'s phone heard {heard} digits"
        take.checks.append(Check(ok, what, noise=not ok and heard >= len(card.NUMBER) - 1))


# ---------------------------------------------------------------------- what must come of it


def silence_s(stage: Stage, take: Take, call: QueueCall, cause_s: float, *, began_s: float) -> None:
    """Say how long it took from a payment's cause until the recorder was gone.

    Args:
        began_s: the last recorder's start, or the call's (epoch, s): stops before it are others'.
    """
    stops = stage.eyes.events(event("MixMonitorStop", Uniqueid=call.uniqueid))
    after = [each.at_s for each in stops if each.at_s > began_s]
    if not after:
        take.check(ok=False, what="no recorder was stopped")
        return
    late_s = after[0] - cause_s
    take.silences_s.append(late_s)
    words = f"from the cause to the recorder's end: {1000 * late_s:+.1f} ms"
    take.check(late_s < SILENCE_BOUND_S, words)
    take.aim(late_s < SILENCE_AIM_S, f"{words} (aim: under {1000 * SILENCE_AIM_S:.0f} ms)")


def check_until(
    take: Take, heard: Heard, recording: Recording, call: QueueCall, began: Moment
) -> None:
    """The talk is there, up to the payment; while the agent presses keys, the caller is."""
    zero_s = recording.began_s
    talked_s = min(began.hands_s, began.at_s)
    check_one(
        take,
        heard,
        "left",
        "caller",
        call.answered_s - zero_s,
        began.at_s - EDGE_S - zero_s,
        "up to the payment",
    )
    check_one(
        take,
        heard,
        "right",
        "agent",
        call.answered_s - zero_s,
        talked_s - EDGE_S - zero_s,
        "up to the payment, or the key",
    )


def blanked_s(take: Take, method: str) -> float:
    """So much of the talk after a payment is blanked, since where in the file it lies is unsure.

    Args:
        method: how silence is shown: only a recorder that was muted has gone on.
    """
    return len(card.NUMBER) * take.measure.key_s if method == "zeros" else 0.0


def check_paused(
    take: Take,
    recording: Recording,
    heard: Heard,
    began: Moment,
    over: Moment,
    late_s: float = 0.0,
) -> None:
    """Nobody is heard in the payment; the caller is, at once after its end.

    Args:
        late_s: what may be blanked beyond it.
    """
    zero_s = recording.began_s
    check_nobody(take, heard, zero_s, began.at_s, over.at_s, "in the payment")
    peak = heard.peak(began.at_s + SHIFT_S - zero_s, over.at_s - heard.frame_s - zero_s)
    take.check(peak < LOUD, f"the largest sample in it: {peak:.4f} of full scale")
    first_s = _first_after(heard, over.at_s - zero_s)
    words = "never" if first_s is None else f"{1000 * first_s:.0f} ms after its end"
    words = f"the caller is recorded again {words}"
    take.check(first_s is not None and first_s <= take.renewed_s + late_s, words)
    take.aim(
        first_s is not None and first_s <= RESUMED_S + late_s,
        f"{words} (aim: {1000 * (RESUMED_S + late_s):.0f} ms)",
    )


def _first_after(heard: Heard, at_s: float) -> float | None:
    """When the caller is heard on the left again, from a moment of the recording on (s)."""
    frame = heard.frame_s
    for number in range(round(at_s / frame), heard.frames_total):
        if heard.frames("left", "caller", number * frame, (number + 1) * frame):
            return number * frame - at_s
    return None


def check_resumed(
    take: Take,
    heard: Heard,
    recording: Recording,
    over: Moment,
    ended_s: float,
    other: str = "agent",
    late_s: float = 0.0,
) -> None:
    """From the payment's end on the talk is there, but for a fresh recorder's beginning.

    Args:
        late_s: what may be blanked beyond the payment.
    """
    zero_s, lost_s = recording.began_s, take.renewed_s + late_s
    check_one(
        take,
        heard,
        "left",
        "caller",
        over.at_s + lost_s - zero_s,
        ended_s - LAST_S - zero_s,
        "after the payment",
    )
    check_one(
        take,
        heard,
        "right",
        other,
        max(over.free_s, over.at_s) + lost_s - zero_s,
        ended_s - LAST_S - zero_s,
        "after the payment",
    )


def check_nothing_of_it(take: Take, heard: Heard, recording: Recording) -> None:
    """No frame of a recording holds the payment line, the card, or a digit."""
    found = {name: heard.frames("any", name) for name in ("payment", "card")}
    digits = [each for each in keyed_in(recording.audio) if each]
    words = ", ".join(f"{count} frames of the {words_of(name)}" for name, count in found.items())
    take.check(
        not any(found.values()) and not digits,
        f"in the recording: {words}, {sum(map(len, digits))} digits",
    )


def check_proof(
    take: Take,
    recording: Recording,
    began: Moment,
    method: str,
    result: str = "proved",
) -> None:
    """The manifest has the payment, from its cause on, and the proof that it was silent."""
    spans = [each for each in recording.manifest["spans"] if each["kind"] == "payment"]
    off_s = min((abs(seconds(each["started_at"]) - began.at_s) for each in spans), default=99.0)
    take.check(off_s <= EDGE_S, f"the manifest has the payment, {1000 * off_s:.0f} ms off")
    proofs = [each.get("proof") or {} for each in spans]
    said = [
        f"{each.get('result')}: {each.get('method')} {each.get('words', '')}" for each in proofs
    ]
    take.check(
        bool(proofs)
        and all((x.get("result"), x.get("method")) == (result, method) for x in proofs),
        f"the payment's silence: {'; '.join(said) or 'nothing is said of it'}",
    )
