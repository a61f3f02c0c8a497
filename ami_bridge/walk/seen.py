"""What somebody who watches a call knows of it, without a look into the machine."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from ami_bridge.facts import Talker

LINE = "line"  # a payment line's payment
FOR_GOOD = "for good"  # the policy stays silent after a payment
UNSEEN = "unseen"  # the stricter of blind and attended counts


class Where(StrEnum):
    """Where the call is, in the policy's words."""

    IN = "in a recorded place"
    WAITS = "waiting for an agent, from whose answer on it is recorded"
    OUT = "in a place that isn't recorded"
    PARKED = "parked"


class Writes(StrEnum):
    """What is known of a recorder that may be writing."""

    ASKED = "asked for"
    RUNS = "running"
    PERHAPS = "perhaps running"
    MUTING = "being muted"
    MUTED = "muted"
    STOPPING = "being stopped"
    FAILED = "not shown to be stopped just now"
    UNCONFIRMED = "not shown to be stopped, and that was told"
    UNANSWERED = "gone with its channel, and the PBX hasn't said whether it had started"


class Wait(StrEnum):
    """What a rest is for, told by its length and by what it followed."""

    EXPLANATION = "the leave must be explained"
    COMPANY = "somebody must have come along"
    STRANGERS = "strangers must be explained"
    VOICE = "the voices must have settled"
    PERMISSION = "permission must be given"
    PAYMENT = "the payment must be over"
    LINE = "the payment line that the agent had called is gone, or here"


@dataclass(slots=True)
class Seen:
    """What the observer knows of a call; copied for each state of a walk."""

    where: Where = Where.OUT
    pays: frozenset[str] = frozenset()
    declined: bool = False
    opted_out_at: datetime | None = None
    opted_out_of: frozenset[int] = frozenset()  # the segments that were being written then
    permitted: bool = True
    awaits_answer: bool = False
    over: bool = False
    ending: bool = False
    talk: tuple[Talker, ...] = ()
    have_it: frozenset[str] = frozenset()  # who has the call: channels and telephones
    lines: frozenset[str] = frozenset()  # halves through which somebody came who has it
    door: str = ""  # who joins next has the call: "any", or by which kind of transfer; "": nobody
    left: bool = False  # the talk, and nobody has said why
    moving_until: datetime | None = None  # a transfer explains the next leave
    vanished: bool = False  # out only because nobody has said why
    consulted: bool = False  # the agent has a payment line on the telephone
    doubt: bool = False  # redirected: who came along?
    arriving: bool = False  # sent blindly, and nobody has joined
    recallable: bool = False  # sent to somebody who hasn't answered
    parkable_until: datetime | None = None  # sent to nowhere known: a parking lot perhaps
    went_on_to: str = ""
    left_into: str = ""
    sent_out_to: str = ""  # a queue, by a transfer that ends recording; not entered so far
    came_into: str = ""  # a recorded queue, and nothing was told since
    consults: frozenset[str] = frozenset()  # legs of consultations that may be recorded
    recorders: dict[int, tuple[str, Writes]] = field(default_factory=dict)  # segment -> leg, what
    waits: dict[Wait, int] = field(default_factory=dict)  # the newest rest of each kind
    written: bool = False  # there was a recorder that the PBX didn't refuse
    handed_off: bool = False
