"""What a policy file may say. One file is one version of one policy.

Each key is documented for people in docs/policies.md; a key is added here first.
"""

from __future__ import annotations

from datetime import date
from enum import StrEnum
from zoneinfo import ZoneInfo

import msgspec

from hushtape.policy.duties import (
    Access,
    Announcement,
    Audio,
    Exports,
    Holds,
    Monitoring,
    Retention,
    Rights,
    Storage,
    Tag,
    Training,
    Use,
)
from hushtape.recordings.manifest import Direction


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
    """When the recording of a queue call begins; a call without a queue begins with its answer."""

    QUEUE_ENTRY = "queue entry"
    ANSWER = "answer"  # of the queue's agent


class PaymentWay(StrEnum):
    """How a payment may begin and end."""

    TRANSFER = "transfer"  # to a payment line, or a payment line comes into the talk
    KEY = "key"  # a feature key, on the agent's leg only
    DIALPLAN = "dialplan"  # a subroutine of the dialplan, around a card prompt
    EVENT = "event"  # a UserEvent of the PBX
    API = "api"  # a call of the bridge's own API, from an agent's desktop


class Pause(StrEnum):
    """What a recorder does during a payment."""

    STOP = "stop"  # it ends, and a new segment begins afterwards: shown by the PBX
    MUTE = "mute"  # it writes zeros: acknowledged only, and proved afterwards


class AfterPayment(StrEnum):
    """Whether recording goes on after a payment that the agent stayed with the caller for."""

    RESUME = "resume"
    STAY_SILENT = "stay silent"


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
    except_numbers: tuple[str, ...] = ()  # the dialled numbers whose calls are never recorded
    except_queues: tuple[str, ...] = ()
    hours: tuple[str, ...] = ()  # "Mon-Fri 08:30-17:00"; none: at all times
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
    on_blind_transfer: OnTransfer | None = None  # None: as on_transfer
    on_attended_transfer: OnTransfer | None = None
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
    pointed_to: str = ""  # the other channel that such a caller is told of


class Payment(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``[payment]``: how payments begin, how silence is kept, and what comes after."""

    lines: tuple[str, ...] = ()  # the names of destinations
    by: tuple[PaymentWay, ...] = tuple(PaymentWay)
    pause: Pause = Pause.STOP
    longest: str = "15 minutes"  # not for payment lines: there it lasts as long as the transfer
    afterwards: AfterPayment = AfterPayment.RESUME  # when its end is told
    when_too_long: AfterPayment = AfterPayment.STAY_SILENT  # when it isn't, for `longest`


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
    announcement: Announcement = Announcement()
    tag: tuple[Tag, ...] = ()
    audio: Audio = Audio()
    storage: Storage = Storage()
    access: Access = Access()
    holds: Holds = Holds()
    exports: Exports = Exports()
    monitoring: Monitoring = Monitoring()
    training: Training = Training()
    use: Use = Use()
    rights: Rights = Rights()

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
