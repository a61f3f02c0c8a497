"""What a policy says of a recording once it exists: how long, where, who, and what for.

Each key is documented for people in docs/policies.md. Where a list of people is empty, nobody may.
"""

from __future__ import annotations

from datetime import date
from enum import StrEnum

import msgspec

from hushtape.recordings.manifest import AudioFormat, Direction


class Told(StrEnum):
    """When callers are told that calls are recorded."""

    WELCOME_MESSAGE = "welcome message"
    BEFORE_ADVISER = "before an adviser"  # a message of its own, before anybody answers
    NOT_PLAYED = "not played"  # on a web page, say, or in a letter


class Colleagues(StrEnum):
    """Whether a call may be played to the colleagues of the adviser who is heard in it."""

    NEVER = "never"
    WITH_PERMISSION = "with the adviser's permission"
    FREELY = "freely"


class TrainingUse(StrEnum):
    """Which recordings may be used for training."""

    NONE = "none"
    ANONYMOUS = "anonymous"  # edited, so that the caller can't be known
    AS_RECORDED = "as recorded"


class Right(StrEnum):
    """What the person who was recorded may ask for."""

    COPY = "copy"
    DELETION = "deletion"


class Announcement(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``[announcement]``: how people know that they are recorded."""

    played: Told | None = None  # None: it isn't said
    says: str = ""
    outbound: str = ""  # what staff say when they ring out
    notices: tuple[str, ...] = ()  # where else it is written: "the website"


class Tag(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``[[tag]]``: a word that recordings carry. Every key that is given narrows."""

    name: str
    directions: tuple[Direction, ...] = ()
    numbers: tuple[str, ...] = ()
    queues: tuple[str, ...] = ()  # the call was in one of them
    hours: tuple[str, ...] = ()  # the call began in them
    outside_hours: tuple[str, ...] = ()  # the call began outside all of them


class RetentionRule(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``[[retention.rule]]``: a period of its own for some calls; the first rule that fits counts.

    Every key that is given narrows.
    """

    keep: str
    calls_before: date | None = None  # calls that began before this day
    calls_from: date | None = None  # calls that began on this day or later
    queues: tuple[str, ...] = ()  # the call was in one of them
    tags: tuple[str, ...] = ()  # the recording carries one of them


class Retention(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``[retention]``: how long recordings are kept. There is no default."""

    keep: str
    rule: tuple[RetentionRule, ...] = ()


class Audio(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``[audio]``: what the stored file is."""

    format: AudioFormat = AudioFormat.OPUS
    number_in_tags: bool = False


class Storage(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``[storage]``: where recordings may lie, and in whose hands."""

    regions: tuple[str, ...] = ()  # "UK", "EEA", or a country's two letters; none: anywhere
    processed_by: tuple[str, ...] = ()  # the organisations that may; none: any


class Act(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``[access.listen]`` and so on: who may do it, with how many, and why."""

    roles: tuple[str, ...] = ()
    people: int = 1  # how many must agree, whoever does it included
    others_with_permission_of: str = ""  # the role that may let anybody else do it; "": nobody
    reasons: tuple[str, ...] = ()  # one is chosen; none: those of [access]


class Access(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``[access]``: what may be done with a recording, and by whom. Not named: nobody."""

    reasons: tuple[str, ...] = ()  # to choose from, for every act; none: a reason in own words
    find: Act = Act()
    listen: Act = Act()
    export: Act = Act()
    hold: Act = Act()
    release: Act = Act()
    delete: Act = Act()


class Holds(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``[holds]``: why a recording may be kept beyond its time, and who looks whether it must."""

    reasons: tuple[str, ...] = ()
    reviewed_by: tuple[str, ...] = ()  # roles
    reviewed_every: str = ""  # a period; "": nobody is reminded


class Exports(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``[exports]``: copies outside the system."""

    tracked_until_deleted: bool = True  # until somebody confirms that the copy is gone
    responsible: str = "whoever saved it"


class Monitoring(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``[monitoring]``: listening for quality."""

    calls_a_week: int = 0  # 0: none are listened to for it
    scored_on: str = ""  # the name of the record that scores are written on
    played_to_colleagues: Colleagues = Colleagues.NEVER


class Training(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``[training]``: recordings as examples."""

    use: TrainingUse = TrainingUse.NONE
    agents_consent: bool = True


class Use(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``[use]``: what recordings are for."""

    purposes: tuple[str, ...] = ()
    statistics: str = ""  # "anonymised"


class Rights(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``[rights]``: what a recorded person may ask for, and of whom."""

    may_ask_for: tuple[Right, ...] = ()
    requests_to: str = ""
    in_writing: bool = False
