"""What a policy file may say. One file is one version of one policy.

Each key is documented for people in docs/policies.md; a key is added here first.
"""

from __future__ import annotations

from datetime import date
from enum import StrEnum
from zoneinfo import ZoneInfo

import msgspec

from hushtape.recordings.manifest import AudioFormat, Direction


class OnTransfer(StrEnum):
    """What a transfer to a destination does to the recording."""

    STOP = "stop"
    CONTINUE = "continue"
    SILENT = "silent"  # stop, and mark the span as a payment's


class OnConsultation(StrEnum):
    """What becomes of the agent's talk with somebody while the outside party waits."""

    RECORD = "record"
    NOT_RECORDED = "not recorded"


class Permission(StrEnum):
    """How it is known that the person who is called agrees to be recorded."""

    NONE = "none"  # it isn't asked for
    KEY = "key"  # the agent asked, and confirms it with a key
    ANNOUNCEMENT = "announcement"  # a message was played to the called person


class Asker(StrEnum):
    """Who may say that the outside party doesn't want to be recorded."""

    CALLER = "caller"  # a key during the announcement
    AGENT = "agent"  # the agent's key


class SoFar(StrEnum):
    """What becomes of what was recorded until somebody opted out."""

    DISCARD = "discard"
    KEEP = "keep"


class Starts(StrEnum):
    """When recording begins."""

    QUEUE_ENTRY = "queue entry"


class DestinationKind(StrEnum):
    """What a destination is to the PBX; the configuration says which numbers are what."""

    EXTENSION = "extension"
    QUEUE = "queue"
    OUTSIDE = "outside"
    UNKNOWN = "unknown"  # the configuration doesn't say; never written in a policy


class About(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``[policy]``: whose policy this is, and from when."""

    name: str
    title: str
    in_force_from: date
    time_zone: str
    source: str = ""
    country_code: str = "44"
    trunk_prefix: str = "0"


class Calls(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``[calls]``: which calls are recorded. Every key that is given narrows."""

    directions: tuple[Direction, ...] = (Direction.INBOUND,)
    numbers: tuple[str, ...] = ()  # the service's numbers, as callers dial them
    queues: tuple[str, ...] = ()
    direct_dial: bool = False  # calls dialled straight to somebody's extension
    starts: Starts = Starts.QUEUE_ENTRY


class Destination(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``[[destination]]``: a named set of places that a call can be transferred to."""

    name: str
    extensions: tuple[str, ...] = ()  # patterns, as dialled inside the PBX
    queues: tuple[str, ...] = ()
    numbers: tuple[str, ...] = ()  # outside numbers
    every: tuple[DestinationKind, ...] = ()  # every extension, queue or outside number
    on_transfer: OnTransfer = OnTransfer.STOP
    on_consultation: OnConsultation = OnConsultation.NOT_RECORDED


class Transfer(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``[transfer]``: what a transfer to none of the destinations does."""

    otherwise: OnTransfer = OnTransfer.STOP


class Outbound(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``[outbound]``: whose calls to the outside are recorded, and with which permission.

    Without it recording ends after ``permission_within``, and what there was is discarded.
    """

    extensions: tuple[str, ...] = ()
    permission: Permission = Permission.NONE
    permission_within: str = "60 seconds"


class OptOut(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``[opt_out]``: who may end the recording of a call, and what becomes of it."""

    by: tuple[Asker, ...] = ()
    recorded_so_far: SoFar = SoFar.DISCARD


class Payment(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``[payment]``: which destinations take payments."""

    lines: tuple[str, ...] = ()


class RetentionRule(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``[[retention.rule]]``: a period of its own for calls before a date."""

    calls_before: date
    keep: str


class Retention(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``[retention]``: how long recordings are kept. There is no default."""

    keep: str
    rule: tuple[RetentionRule, ...] = ()


class Audio(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``[audio]``: what the stored file is."""

    format: AudioFormat = AudioFormat.OPUS
    number_in_tags: bool = False


class Policy(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One version of one policy."""

    policy: About
    calls: Calls
    retention: Retention
    destination: tuple[Destination, ...] = ()
    transfer: Transfer = Transfer()
    payment: Payment = Payment()
    outbound: Outbound = Outbound()
    opt_out: OptOut = OptOut()
    audio: Audio = Audio()

    @property
    def name(self) -> str:
        """The policy's name, the same in all its versions."""
        return self.policy.name

    @property
    def version(self) -> str:
        """The version's name: the date from which it is in force."""
        return self.policy.in_force_from.isoformat()

    @property
    def zone(self) -> ZoneInfo:
        """The time zone in which the policy counts."""
        return ZoneInfo(self.policy.time_zone)
