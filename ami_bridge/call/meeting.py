"""With whom the outside party talks: strangers, voices, whoever came along, holds."""

from __future__ import annotations

from datetime import datetime

from ami_bridge.call import judging, parking
from ami_bridge.call.company import Meeting
from ami_bridge.call.recorder import Signal
from ami_bridge.call.standing import EXPLAINED_WITHIN_S, Redirect, Standing
from ami_bridge.facts import Command, Held, TalkChanged
from hushtape.policy import decide
from hushtape.policy.schema import OnTransfer, PaymentWay
from hushtape.policy.stages import Stage, Turn
from hushtape.recordings.manifest import EndedBy, Reason

# While Local channels are optimised away, people come and go within the millisecond.
SETTLED_AFTER_S = 0.03


def changed(call: Standing, fact: TalkChanged) -> list[Command]:
    """Look at who is there now."""
    company = call.company
    if call.stage is Stage.UNRECORDED:
        return _recalled(call, fact)
    if call.stage in (Stage.WAITING, Stage.DECLINED):
        company.talkers = fact.talkers
        return []
    if call.stage is Stage.PARKED:
        return parking.fetched(call, fact)
    if call.stage is Stage.SILENT and call.beneath in (Stage.UNRECORDED, Stage.WAITING):
        return _beside_the_recording(call, fact)
    meeting, line = judging.look(call.policy, company, fact.talkers, fact.at)
    if line is not None:
        call.tell(fact.at, "a payment line is in the talk", line.reason)
        return call.silence(PaymentWay.TRANSFER, fact.at, line.reason)
    if call.stage is Stage.SILENT:
        company.strangers_since = None  # they are judged when the payment is over
        return []
    if call.redirected is not None and meeting is not Meeting.NOBODY:
        return _came_along(call, fact.at, meeting)
    if meeting is Meeting.STRANGERS:
        rest = call.new_rest(EXPLAINED_WITHIN_S)
        call.meeting = rest.rest
        return [rest]
    if meeting is Meeting.KNOWN and company.voice != company.heard:
        rest = call.new_rest(SETTLED_AFTER_S)
        call.listening = rest.rest
        return [rest]
    return []


def _beside_the_recording(call: Standing, fact: TalkChanged) -> list[Command]:
    """In payment, and not recorded without it: only a payment line is looked for."""
    call.company.talkers = fact.talkers
    line = judging.payment_line(call.policy, call.company, fact.talkers)
    if line is None:
        return []
    return call.silence(PaymentWay.TRANSFER, fact.at, line.reason)


def _recalled(call: Standing, fact: TalkChanged) -> list[Command]:
    """A transfer after which nobody came to the talk but the adviser was none.

    Asterisk 22, run: who hangs up while the colleague's telephone rings has completed an
    attended transfer; if the colleague doesn't answer, the adviser is called back.
    """
    company = call.company
    company.talkers = fact.talkers
    voices = [talker for talker in fact.talkers if not talker.stands_in]
    recallable, call.recallable = call.recallable, call.recallable and not voices
    back = any(talker.telephone in company.known for talker in voices if talker.telephone)
    line = judging.payment_line(call.policy, company, fact.talkers)
    if not recallable or not back or line is not None:
        return []
    reason = decide.on_recall(call.policy)
    call.tell(fact.at, "the adviser has the call again", reason)
    commands = call.turn(Turn.ENTERED, fact.at, reason, EndedBy.TRANSFER)
    company.expected, company.heard = False, company.voice  # who came is there already
    return commands


def strangers_due(call: Standing) -> list[Command]:
    """The time in which strangers may be explained is over: they are judged."""
    call.meeting = 0
    return among_strangers(call)


def among_strangers(call: Standing) -> list[Command]:
    """Judge the strangers with whom the outside party was left alone, if it still is."""
    company = call.company
    since, ruling = company.strangers_since, judging.talk(call.policy, company.talkers)
    if since is None or ruling is None or call.stage is not Stage.RECORDED:
        company.strangers_since = None  # they are gone again
        return []
    call.tell(since, "in a talk with somebody else, without a transfer", ruling.reason)
    if ruling.outcome is not OnTransfer.CONTINUE:
        return call.turn(Turn.LEFT, since, ruling.reason, EndedBy.TRANSFER)
    commands = call.turn(Turn.WENT_ON, since, ruling.reason, EndedBy.TRANSFER)
    company.heard = company.voice
    return commands


def voice_settled(call: Standing, at: datetime) -> list[Command]:
    """Begin a new segment where somebody else is heard now."""
    call.listening = 0
    if call.stage is not Stage.RECORDED or not call.company.hears_somebody_else():
        return []
    if call.track.writing:  # one that somebody else has stopped waits for a new place
        return call.signal(Signal.WANTED_ANEW, at, EndedBy.ANOTHER_VOICE)
    return []


def perhaps_together(call: Standing, at: datetime, reason: Reason) -> list[Command]:
    """A Redirect may take the adviser along, into a conference: who is there is what counts."""
    rest = call.new_rest(EXPLAINED_WITHIN_S)
    call.redirected, call.together = Redirect(at, reason), rest.rest
    call.company.expected = False
    return [rest]


def _came_along(call: Standing, at: datetime, meeting: Meeting) -> list[Command]:
    if meeting is not Meeting.KNOWN:
        return not_together(call)
    call.redirected = None
    call.tell(at, "somebody who has the call came along", decide.on_fetching(call.policy))
    commands = call.signal(Signal.WANTED_ANEW, at, EndedBy.TRANSFER)
    call.company.heard = call.company.voice
    return commands


def not_together(call: Standing) -> list[Command]:
    """Nobody came along, if a Redirect made that a question."""
    call.together = 0
    redirected, call.redirected = call.redirected, None
    if redirected is None or call.stage is not Stage.RECORDED:
        return []
    return call.turn(Turn.LEFT, redirected.at, redirected.reason, EndedBy.TRANSFER)


def held(call: Standing, fact: Held) -> list[Command]:
    """Renew the recorder while only music is lost by it.

    Asterisk 22, run: a telephone that begins its RTP anew after the hold, with lower numbers,
    is never heard again by a recorder that ran through it (0 of 15; renewed 10 of 10).
    """
    if call.stage is not Stage.RECORDED or not call.track.writing:
        return []
    return call.signal(Signal.WANTED_ANEW, fact.at, EndedBy.HELD)
