"""Where one call stands: all that is known of it, and the two tables that move it.

``STAGES`` (hushtape/policy/stages.py) says where it stands under its policy; ``RECORDERS``
(recorder.py) says what becomes of its recorders. What a fact means to the first table is a
``Turn``; what the stage means to the second is a ``Signal``. The modules that turn facts into turns
(moves, talk, meeting, parking, consultation, consent, payment, outage) all work on this.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from ami_bridge.call import judging
from ami_bridge.call.company import Company
from ami_bridge.call.papers import Papers
from ami_bridge.call.recorder import Recorder, Signal, Track
from ami_bridge.facts import Arrived, Channel, Command, Rest
from hushtape.policy import decide
from hushtape.policy.decide import Beside
from hushtape.policy.schema import OnTransfer, Pause, PaymentWay
from hushtape.policy.stages import BENEATH, STAGES, Stage, Turn
from hushtape.recordings.manifest import EndedBy, Reason, Segment, SpanKind

# A channel that leaves a bridge without a hang-up, a transfer or a queue to explain it has been
# taken somewhere by the dialplan or a Redirect, which sends no event; one that talks to strangers
# has been left with them. Transfer and talk are told within 3 ms of each other on an idle
# Asterisk 22; what is recorded meanwhile is cut away.
EXPLAINED_WITHIN_S = 0.25

_SPAN_KINDS = {
    Stage.UNRECORDED: SpanKind.NOT_RECORDED,
    Stage.WAITING: SpanKind.NOT_RECORDED,
    Stage.PARKED: SpanKind.NOT_RECORDED,
    Stage.DECLINED: SpanKind.NOT_RECORDED,
    Stage.SILENT: SpanKind.PAYMENT,
}


@dataclass(slots=True)
class Redirect:
    """A Redirect of which it isn't clear yet who came along."""

    at: datetime
    reason: Reason  # for stopping, unless somebody who has the call came along


@dataclass(slots=True)
class Paying:
    """A payment.

    Args:
        beneath: where the call would be without it.
        ways: by which it has begun and isn't over. None: over, or it isn't known what had begun.
        since: when the first began for which there is a longest duration.
        rest: after which that is over; 0: nothing is waited for.
        stops: recorders must stop, whatever the policy says of muting them.
        moved: somebody came or went meanwhile: a recorder that ran through that may be deaf.
        consulted: an agent has a payment line on the telephone, while the caller waits.
        late: its end wasn't told in time, or the policy stays silent after it: no end that is told
            now brings the recording back.
        leaving: after this rest it is clear what became of that call; 0: nothing is waited for.
    """

    beneath: Stage
    ways: list[PaymentWay] = field(default_factory=list)
    since: datetime | None = None
    rest: int = 0
    stops: bool = False
    moved: bool = False
    consulted: bool = False
    leaving: int = 0
    late: bool = False

    @property
    def told(self) -> bool:
        """Whether somebody who has the call has still to tell its end, wherever the call goes."""
        return not self.late and any(way is not PaymentWay.TRANSFER for way in self.ways)


@dataclass(slots=True)
class Standing:
    """One call that a policy names, from its first recorded place to its end.

    Args:
        id: the call's id, of our own making.
        pbx: the PBX's name in the configuration.
        pbx_call: the PBX's own id of the outside party's channel.
        policy: the version in force when the call began, beside the others of then; it decides to
            the end.
        began: the fact with which the call came into a recorded place.
        reason: why the policy names it.
        discard: why nothing of it may be kept, as things stand; None: it may.
        one_file: its PBX writes both sides of a recorder into one file.
    """

    id: str
    pbx: str
    pbx_call: str
    policy: Beside
    began: Arrived
    reason: Reason

    stage: Stage = Stage.UNRECORDED
    discard: Reason | None = None
    one_file: bool = False
    paying: Paying | None = None  # while it is silent
    awaits_answer: bool = False  # it is recorded from its first agent's answer on
    ending: bool = False  # the bridge ends: no new recorder; its successor goes on
    track: Track = field(default_factory=Track)  # the outside party's channel
    consultations: list[Track] = field(default_factory=list)
    company: Company = field(default_factory=Company)
    papers: Papers = field(default_factory=Papers)

    # Where it is, and how it came there.
    left_talk_at: datetime | None = None  # nobody to talk to since, unexplained so far
    moving_until: datetime | None = None  # leaving the talk is part of the transfer until then
    arriving: bool = False  # a blind transfer was told, and nobody was talked to since
    parking_until: datetime | None = None  # the unknown place may be a parking lot until then
    recallable: bool = False  # nobody has answered the transfer; the adviser may be called back
    vanished: bool = False  # unrecorded only because it left its talk unexplained
    redirected: Redirect | None = None  # it isn't clear yet who came along
    went_on_to: str = ""  # the queue to which a transfer allowed recording to go on
    left_into: str = ""  # the queue whose entry ended recording, with no transfer to it so far
    sent_out_to: str = ""  # the queue to which a transfer has ended recording, not entered so far
    came_into: str = ""  # the recorded queue that was entered, and nothing was told since

    # The rests that are waited for, by number; 0: none.
    rests: int = 0  # how many there were
    explaining: int = 0  # until then a leave must have been explained
    together: int = 0  # until then somebody must have come along
    meeting: int = 0  # until then strangers in the talk must have been explained
    listening: int = 0  # until then it is clear who is heard
    permitting: int = 0  # until then permission must have been given

    @property
    def recorder(self) -> Recorder:
        """What we know of the recorder on the outside party's channel."""
        return self.track.recorder

    @property
    def tracks(self) -> list[Track]:
        """Every recorder that there is, or was; the outside party's is the first."""
        return [self.track, *self.consultations]

    @property
    def sound(self) -> bool:
        """Whether what was read back from a disk can be a call: a recorder has its segment."""
        return all(track.sound for track in self.tracks) and self.began.at.tzinfo is not None

    @property
    def writing(self) -> bool:
        """Whether there is, or may be, a recorder of this call."""
        return any(track.writing for track in self.tracks)

    @property
    def done(self) -> bool:
        """Whether nothing more is to come: it is over, and every recorder is gone."""
        return self.stage is Stage.OVER and not self.writing

    @property
    def legs(self) -> list[Channel]:
        """The agents' channels on which a consultation is, or may be, recorded."""
        return [track.channel for track in self.consultations if track.channel is not None]

    @property
    def segments(self) -> int:
        """How many recorders were started."""
        return self.papers.segment_count

    @property
    def beneath(self) -> Stage:
        """Where it stands, or would stand without the payment."""
        return self.stage if self.paying is None else self.paying.beneath

    # turns -> stages -> signals

    def turn(
        self, turn: Turn, at: datetime, reason: Reason, ended_by: EndedBy, *, stops: bool = False
    ) -> list[Command]:
        """Move the stage, and tell the recorders what it means to them.

        Args:
            stops: in a payment they must stop, whatever the policy says of muting them.
        """
        before, paid = self.stage, self.paying
        self.stage = STAGES[before, turn]
        if self.stage is not before:
            self.papers.change_span(_SPAN_KINDS.get(self.stage), at, reason)
        if self.stage is not Stage.UNRECORDED:
            self.recallable, self.parking_until = False, None
        here = (Stage.RECORDED, Stage.WAITING)
        if self.stage not in here:
            self.went_on_to = ""
        elif before not in here:
            self.sent_out_to = ""
        self._follow_payment(before, turn, stops=stops)
        if turn in (Turn.ENTERED, Turn.WENT_ON) and self.beneath is Stage.RECORDED:
            self.company.expect()
        commands: list[Command] = []
        if self.stage is Stage.OVER:
            commands += self.signal(Signal.CHANNEL_GONE, at, ended_by)
        else:
            commands += self.signal(self._wish(before, turn, paid), at, ended_by)
        if self.stage is not Stage.RECORDED:
            self.redirected = self.company.strangers_since = None
        if self.stage is not Stage.RECORDED or turn in (Turn.ENTERED, Turn.WENT_ON):
            commands += self.end_consultations(at, ended_by)
        return commands

    def _follow_payment(self, before: Stage, turn: Turn, *, stops: bool) -> None:
        if self.stage is not Stage.SILENT:
            self.paying = None
            return
        if self.paying is None:
            self.paying = Paying(Stage.RECORDED if self.vanished else before)
            # The payment explains what was unexplained, and nothing of that may end it.
            self.vanished = self.recallable = False
            self.left_into, self.left_talk_at = "", None
        self.paying.stops |= stops
        if turn in BENEATH:
            self.paying.beneath = STAGES[self.paying.beneath, turn]

    def silence(
        self, way: PaymentWay, at: datetime, reason: Reason, *, stops: bool = False
    ) -> list[Command]:
        """Begin a payment, or one more way of it.

        Args:
            stops: recorders must stop, whatever the policy says of muting them.
        """
        commands = self.turn(Turn.PAYMENT_BEGAN, at, reason, EndedBy.PAYMENT, stops=stops)
        if self.paying is not None and way not in self.paying.ways:
            self.paying.ways.append(way)
        return commands

    def _wish(self, before: Stage, turn: Turn, paid: Paying | None) -> Signal:
        """Say what the stage means to the recorder; ``paid`` is the payment that may be over."""
        if self.stage is not Stage.RECORDED or self.ending:
            paying = self.paying
            hushed = paying is not None and not paying.stops and not self.ending
            mutes = decide.payment_terms(self.policy).pause is Pause.MUTE
            return Signal.HUSHED if hushed and mutes else Signal.UNWANTED
        if self.recorder is Recorder.MUTED and paid is not None:
            anew = paid.moved or turn is not Turn.PAYMENT_ENDED
        else:
            anew = before is Stage.RECORDED
        return Signal.WANTED_ANEW if anew else Signal.WANTED

    def signal(
        self, signal: Signal, at: datetime, ended_by: EndedBy = EndedBy.HANG_UP
    ) -> list[Command]:
        """Tell the recorder on the outside party's channel something."""
        if signal is Signal.WANTED_ANEW and self.ending:
            return []
        if signal in (Signal.WANTED, Signal.WANTED_ANEW):
            # The new recorder hears who is there; after a transfer nobody is yet.
            goes_on = ended_by in (EndedBy.ANOTHER_VOICE, EndedBy.HELD, EndedBy.PARKED)
            self.company.heard = self.company.voice if goes_on else ""
        doubted_since, draft = self._doubted_since(), self.track.draft
        if doubted_since is not None and draft is not None:
            draft.unwanted_since(doubted_since, EndedBy.TRANSFER)
        return self.track.signal(self, signal, at, ended_by)

    def _doubted_since(self) -> datetime | None:
        """Since when the talk may be a forbidden one; in a moment it will be clear."""
        if self.redirected is not None:
            return self.redirected.at
        if self.company.strangers_since is None:
            return None
        ruling = judging.talk(self.policy, self.company.strangers)
        if ruling is None or ruling.outcome is OnTransfer.CONTINUE:
            return None
        return self.company.strangers_since

    def end_consultations(self, at: datetime, ended_by: EndedBy) -> list[Command]:
        """Stop every recorder of a consultation."""
        self.papers.close_consultation(at)
        commands: list[Command] = []
        for track in self.consultations:
            commands += track.signal(self, Signal.UNWANTED, at, ended_by)
        return commands

    # what the recorders write into (recorder.Book)

    def new_segment(self) -> int:
        """Number the next segment; 0 if there were too many."""
        return self.papers.new_segment()

    def new_rest(self, pause_s: float) -> Rest:
        """Number the next rest."""
        self.rests += 1
        return Rest(self.rests, pause_s)

    def keep(self, segment: Segment) -> None:
        """Add a segment that is closed."""
        self.papers.segments.append(segment)

    def tell(self, at: datetime, what: str, reason: Reason | None = None) -> None:
        """Add a line to the call's story."""
        self.papers.tell(at, what, reason)

    def is_muted(self) -> None:
        """Note that the stretch without sound is, in part at least, zeros."""
        self.papers.mute_span()
