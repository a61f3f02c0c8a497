"""What a PBX tells us (facts, past tense) and what we tell it (commands, imperative).

Both are the same for every kind of PBX. A fact's ``at`` is the PBX's own time, aware UTC.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from hushtape.policy.decide import Arrival, Place
from hushtape.policy.schema import Asker, PaymentWay, Permission
from hushtape.recordings.manifest import Handoff


@dataclass(slots=True)
class Channel:
    """A channel, as its PBX knows it."""

    uniqueid: str
    name: str  # what commands are addressed to; the PBX may change it
    context: str  # where it entered the dialplan
    dialled: str  # the extension with which it entered the dialplan
    extension: str = ""  # where in the dialplan it was last known to be
    others: list[str] = field(default_factory=list)  # uniqueids of those it was talking with
    number: str = ""  # of whom it belongs to, as the PBX shows it
    opted_out: bool = False  # its caller asked not to be recorded
    announced: bool = False  # it was told that the call is recorded, before it was connected
    queue: str = ""  # the last that it entered
    paying: PaymentBegan | None = None  # what was said last of one, for a call that begins in it
    strange: bool = False  # somebody else has started a recorder on it, or may have


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """Something that happened to one call."""

    at: datetime


@dataclass(frozen=True, slots=True)
class Talker:
    """Somebody with whom the outside party talks.

    Args:
        uniqueid: of the channel.
        place: where a policy would find it: a transfer to it would lead there.
        telephone: the same for all channels of one telephone, "PJSIP/211"; "" where that can't be
            told, as for a line to the outside.
        halves: the uniqueids of the channels whose part in the talk it took over, unasked: of
            halves of Local channels, and there may be several on the way.
        stands_in: it is half of a Local channel, and somebody else is heard through it.
        ways: what else was dialled to reach it: a payment line may be reached over a trunk.
    """

    uniqueid: str
    place: Place
    telephone: str = ""
    halves: tuple[str, ...] = ()
    stands_in: bool = False
    ways: tuple[Place, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrived(Fact):
    """A call came to where its recording may begin."""

    arrival: Arrival
    number: str = ""  # of the outside party
    name: str = ""
    agent: str = ""  # our side, as the PBX names it, where it is known already


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueEntered(Arrived):
    """The outside party waits in a queue."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered(Arrived):
    """A call that came through no queue was answered."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Claimed(Arrived):
    """A live channel carries the note of a bridge that is gone, and nothing else is known of it.

    Args:
        note: what that bridge had noted (noted.py).
        since: when that bridge was last known to be there; what came later is uncertain.
        talkers: with whom it talks.
        waits_in: the queue in which it waits, or through which it came to its talk.
    """

    note: str
    since: datetime
    talkers: tuple[Talker, ...] = ()
    waits_in: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentAnswered(Fact):
    """An agent took the call from the queue.

    Args:
        talker: the agent, where the PBX says with which channel.
    """

    agent: str
    talker: Talker | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TalkChanged(Fact):
    """With whom the outside party talks now. Nobody: it waits, or went."""

    talkers: tuple[Talker, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Held(Fact):
    """Somebody in the talk put the others on hold, or is dialling: nobody is heard."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Parked(Fact):
    """The outside party was parked: it waits for somebody to fetch it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsultationBegan(Fact):
    """The agent talks to somebody else, while the outside party waits.

    Args:
        leg: the agent's channel in that talk.
        place: whom the agent has called.
        talkers: who is there by now. Told again when that changes.
        telephone: the agent's, as in ``Talker``.
    """

    leg: Channel
    place: Place
    telephone: str = ""
    talkers: tuple[Talker, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsultationEnded(Fact):
    """The agent's talk is over, however it went on."""

    leg: str  # uniqueid


@dataclass(frozen=True, slots=True, kw_only=True)
class LegGone(Fact):
    """The channel on which a consultation was recorded is gone."""

    leg: str  # uniqueid


@dataclass(frozen=True, slots=True, kw_only=True)
class OptedOut(Fact):
    """The outside party asked not to be recorded."""

    by: Asker


@dataclass(frozen=True, slots=True, kw_only=True)
class PermissionGiven(Fact):
    """The called person agreed to be recorded: the agent says so, or heard the announcement."""

    by: Permission


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentBegan(Fact):
    """A payment began while somebody of us has the call; payment lines are seen by themselves.

    Args:
        what: how that was told, in words of our own; never a text from the network.
        stops: the recorders must stop, also where the policy says "mute": somebody has stopped them
            already, or asks for a proof now.
        consulting: the agent has called a payment line while the outside party waits.
    """

    way: PaymentWay
    what: str = ""
    stops: bool = False
    consulting: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentEnded(Fact):
    """A payment is over, it was said.

    Args:
        noted: who said so has taken the note of it off the outside party's channel, too.
    """

    way: PaymentWay
    noted: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsultedGone(Fact):
    """Nobody is left of those whom an agent had called while the outside party waited."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SilenceAsked(Fact):
    """A dialplan asks whether nothing records, and waits for the answer on its own channel.

    Args:
        nonce: digits; the answer repeats them.
        way: by which the payment begins.
        callers: the outside parties whose calls it concerns, the asking channel perhaps among them.
        channels: every channel on which something might record, the asking one the first.
        sure: whose call it is can be told.
        overheard: something that isn't ours to stop records it, or listens in.
    """

    nonce: str
    way: PaymentWay
    callers: tuple[Channel, ...]
    channels: tuple[Channel, ...]
    sure: bool = True
    overheard: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ForeignRecorder(Fact):
    """A recorder was started that the bridge hadn't asked for.

    Args:
        on: the channel on which it is.
    """

    on: Channel


@dataclass(frozen=True, slots=True, kw_only=True)
class Overheard(Fact):
    """Something began to record the call, or to listen in, that isn't ours to stop."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TransferCompleted(Fact):
    """The outside party was sent to another place; the one who sent it is out of the call.

    Args:
        how: "blind", "attended", "redirected" (no transfer was told, but the call is elsewhere), or
            "unseen" while the link was away.
    """

    place: Place
    how: str = "blind"


@dataclass(frozen=True, slots=True, kw_only=True)
class TransferFailed(Fact):
    """A transfer was tried and came to nothing: all is as it was."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftTalk(Fact):
    """The outside party talks to nobody and waits for nobody: it left a bridge or a queue.

    An agent who answers, a hang-up, a transfer or another queue may explain it within milliseconds,
    before or after.
    """


@dataclass(frozen=True, slots=True, kw_only=True)
class JoinedTalk(Fact):
    """The outside party talks to somebody: its channel entered a bridge."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HungUp(Fact):
    """The outside party's channel is gone.

    Args:
        seen: False if it went while nobody listened; ``at`` is then when that was noticed.
    """

    seen: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class NobodyListened(Fact):
    """From ``at`` until now nobody listened; what was to be seen afterwards has been told."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BridgeFact(Fact):
    """Something that happened to the bridge, and so to its calls."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkReturned(BridgeFact):
    """The link to the PBX was lost and is back; the call lives on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BridgeEnds(BridgeFact):
    """The bridge is told to end: from now on nobody would stop the recorder in time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Adopted(BridgeFact):
    """A new bridge has taken over a live call of its predecessor's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RecorderFact(Fact):
    """An answer about the recorder of one segment."""

    segment: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RecorderStarted(RecorderFact):
    """The PBX says that the recorder runs."""

    recorder_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RecorderRefused(RecorderFact):
    """The PBX refused to start the recorder: there is none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RecorderUncertain(RecorderFact):
    """No answer to the start: there may be a recorder, whose id we don't know."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RecorderStopped(RecorderFact):
    """The PBX showed that the recorder is gone; its file was closed at ``at`` or before.

    Args:
        found: how many there were to stop. 0: it had been stopped before, nobody knows when.
    """

    found: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class StopUnconfirmed(RecorderFact):
    """The PBX didn't show that the recorder is gone.

    Args:
        by_id: it was the recorder's own id that was tried, and nothing else.
    """

    by_id: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class RecorderMuted(RecorderFact):
    """The PBX says that the recorder writes zeros now. It shows nothing of the kind."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MuteUnconfirmed(RecorderFact):
    """The PBX didn't say that the recorder is muted, or no longer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VariableSet(Fact):
    """The PBX says that a variable of a channel is set."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rested(BridgeFact):
    """The pause that ``Rest`` asked for is over."""

    rest: int


@dataclass(frozen=True, slots=True)
class Command:
    """Something to be done for one call."""


@dataclass(frozen=True, slots=True)
class StartRecorder(Command):
    """Start a recorder, one file for each direction, or one with both.

    Args:
        outside_file: what the channel says.
        inside_file: what it hears. The same name: left is what it says, right what it hears.
        leg: the agent's channel in a consultation; None: the outside party's. So in every command.
    """

    segment: int
    outside_file: str
    inside_file: str
    leg: Channel | None = None


@dataclass(frozen=True, slots=True)
class StopRecorder(Command):
    """Stop one recorder, and make sure that it is gone."""

    segment: int
    recorder_id: str
    leg: Channel | None = None


@dataclass(frozen=True, slots=True)
class StopEveryRecorder(Command):
    """Stop whatever records on a channel, and make sure."""

    segment: int
    leg: Channel | None = None


@dataclass(frozen=True, slots=True)
class MuteRecorder(Command):
    """Have one recorder write zeros, in both directions."""

    segment: int
    recorder_id: str
    leg: Channel | None = None


@dataclass(frozen=True, slots=True)
class UnmuteRecorder(Command):
    """Have it write what there is again."""

    segment: int
    recorder_id: str
    leg: Channel | None = None


@dataclass(frozen=True, slots=True)
class Rest(Command):
    """Let some time pass before a next recorder is started on the channel."""

    rest: int
    pause_s: float


@dataclass(frozen=True, slots=True)
class NoteState(Command):
    """Keep the call's id and state in a variable of the outside party's channel."""

    text: str


@dataclass(frozen=True, slots=True)
class NotePayment(Command):
    """Keep on a channel that a payment has begun, as the dialplan does; None: that it is over."""

    at: datetime | None
    way: PaymentWay = PaymentWay.TRANSFER


@dataclass(frozen=True, slots=True)
class AnswerYes(Command):
    """Answer the dialplan's question: nothing records."""

    nonce: str


@dataclass(frozen=True, slots=True)
class HandOff(Command):
    """The call is over: give its recording to the workers."""

    handoff: Handoff


@dataclass(frozen=True, slots=True)
class RaiseAlarm(Command):
    """Tell somebody. The text holds no name and no number of a person."""

    what: str


@dataclass(frozen=True, slots=True)
class PaymentTooLong(RaiseAlarm):
    """Nobody has said for too long that a payment is over: the call stays silent."""
