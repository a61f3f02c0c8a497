"""What is written down about one call's recording.

Two documents. The ``Handoff`` travels from the bridge to the workers and names the people in the
call; the ``Manifest`` stays in the archive beside the audio and holds no personal data. What is
personal goes into ``Private``, a file of its own that can be sealed and destroyed by itself.
All times are aware UTC.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

import msgspec

from hushtape.recordings.proof import Proof

HANDOFF_LIMIT_BYTES = 1_000_000  # a call with a thousand segments is far below

# What a spool file holds: what the channel said, what it heard, or the two as left and right.
OUTSIDE, INSIDE, BOTH = "outside", "inside", "both"


class Direction(StrEnum):
    """Which way a call went, seen from the contact centre."""

    INBOUND = "inbound"
    OUTBOUND = "outbound"
    INTERNAL = "internal"


class EndedBy(StrEnum):
    """What ended a segment."""

    HANG_UP = "hang-up"
    TRANSFER = "transfer"
    PAYMENT = "payment"
    QUEUE = "queue"
    LINK_LOST = "link lost"
    BRIDGE_ENDED = "the bridge ended"
    STOPPED_ELSEWHERE = "stopped by somebody else"
    PARKED = "parked"
    ANOTHER_VOICE = "somebody else is heard"
    HELD = "on hold"
    CONSULTED = "the consultation is over"
    OPT_OUT = "opt-out"
    NO_PERMISSION = "no permission"


class StopSeen(StrEnum):
    """How sure we are that a recorder took in nothing after its end."""

    CONFIRMED = "confirmed"  # the PBX showed the effect of the stop
    HANG_UP = "hang-up"  # the channel is gone, and with it the recorder
    UNSEEN = "unseen"  # it ended while nobody listened: what came after ``ended_at`` isn't kept


class Leg(StrEnum):
    """On whose channel a recorder was."""

    OUTSIDE = "outside"  # the outside party's
    CONSULTATION = "consultation"  # the agent's, while the outside party waits


class SpanKind(StrEnum):
    """What a stretch of the call is: without sound, or a consultation that is recorded."""

    PAYMENT = "payment"
    CONSULTATION = "consultation"
    NOT_RECORDED = "not-recorded"


class AudioFormat(StrEnum):
    """What a recording is encoded as; the value is the file name's ending."""

    OPUS = "opus"
    MP3 = "mp3"
    FLAC = "flac"
    WAV = "wav"


class Reason(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Why something was decided, in the policy's own words."""

    policy: str
    version: str  # the date from which this version is in force, "2024-01-01"
    rule: str  # where in the file: "destination: another queue"
    words: str  # "a transfer to another queue: recording stops"


class Happening(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One line of a call's story: what happened, and what it meant."""

    at: datetime
    what: str  # "queue entered", "transfer completed", …; never a name or a number of a person
    reason: Reason | None = None


class Segment(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What one recorder wrote: two files of the spool, one for each direction, or one with both.

    The segment of a consultation lies beside the outside party's own, at the same time: its two
    files are what the agent said and heard.
    """

    number: int  # from 1
    outside_file: str  # what the recorded channel said; a bare file name in the spool
    inside_file: str  # what it heard: everybody else. The same name: that file holds both
    started_at: datetime
    ended_at: datetime | None
    ended_by: EndedBy
    stop: StopSeen
    cut_s: float = 0.0  # seconds at the file's end that came after the cause of the stop
    leg: Leg = Leg.OUTSIDE

    @property
    def files(self) -> tuple[tuple[str, str], ...]:
        """Each of its files: what it holds, and its name."""
        if self.outside_file == self.inside_file:
            return ((BOTH, self.outside_file),)
        return ((OUTSIDE, self.outside_file), (INSIDE, self.inside_file))


class Span(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A stretch of the call that is special, and why."""

    kind: SpanKind
    started_at: datetime
    ended_at: datetime
    reason: Reason
    muted: bool = False  # the recorders ran on and were to write zeros; else they were stopped
    proof: Proof | None = None  # of a payment, in a manifest: what the samples say


class AudioTerms(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How the policy wants a recording to be encoded and tagged."""

    format: AudioFormat = AudioFormat.OPUS
    number_in_tags: bool = False


class Keep(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How long a recording is kept, settled when the call begins."""

    until: datetime
    period: str  # "62 days", as the policy says it
    time_zone: str  # the zone in which the period is counted
    reason: Reason


class Party(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The people in a call. Personal data: it goes into ``private.json`` and nowhere else."""

    number: str = ""  # of the outside party
    name: str = ""
    dialled: str = ""  # the number that the outside party rang
    agents: tuple[str, ...] = ()  # as the queue names them, in the order in which they answered


class CallFacts(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is known of a call without naming anybody."""

    pbx: str
    pbx_call: str  # the Uniqueid of the outside party's channel, to find the call in the CDRs
    direction: Direction
    queues: tuple[str, ...]
    started_at: datetime
    answered_at: datetime | None
    ended_at: datetime


class Handoff(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All that the workers need to make a recording out of spool files."""

    id: str
    call: CallFacts
    party: Party
    segments: tuple[Segment, ...]
    spans: tuple[Span, ...]
    story: tuple[Happening, ...]
    audio: AudioTerms
    keep: Keep
    tags: tuple[str, ...] = ()  # the policy's words for this call: "housing"
    discard: Reason | None = None  # nothing of it may be kept: an opt-out, no permission
    adopted: str = ""  # how a worker came to write it: the bridge didn't, a person should look
    version: int = 1


class StoredSegment(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where one segment lies in the recording."""

    number: int
    started_at: datetime
    offset_s: float  # from the recording's beginning
    duration_s: float
    ended_by: EndedBy
    stop: StopSeen
    cut_s: float
    leg: Leg = Leg.OUTSIDE


class AudioFile(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The stored audio."""

    name: str  # "audio.opus"
    format: AudioFormat
    size_bytes: int
    sha256: str  # 64 hexadecimal digits
    duration_s: float
    channels: tuple[str, str] = ("outside party", "everybody else")


class Manifest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the archive says of a recording. No personal data: numbers only as keyed hashes."""

    id: str
    call: CallFacts
    segments: tuple[StoredSegment, ...]
    spans: tuple[Span, ...]
    story: tuple[Happening, ...]
    audio: AudioFile
    keep: Keep
    number_hash: str
    dialled_hash: str
    agent_hashes: tuple[str, ...]
    archived_at: datetime
    tags: tuple[str, ...] = ()  # the policy's words for this call; older manifests have none
    remarks: tuple[str, ...] = ()  # "segment 2: the file was empty", for a person to read
    quarantined: bool = False  # a payment was not silent: what is left is not for hearing
    version: int = 1


class Private(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who was in the call; kept beside the manifest, destroyed with the recording."""

    id: str
    party: Party


def to_json(document: msgspec.Struct) -> bytes:
    """Write a document for the disk: indented, so that a person can read it, times with ``Z``."""
    return msgspec.json.format(msgspec.json.encode(document), indent=2) + b"\n"
