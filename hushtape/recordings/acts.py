"""What is done to a recording after it was stored: each act is an object of its own beside it.

Acts are only ever added. They are written before Redis is told, so that Redis can be rebuilt.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime

import msgspec

from hushtape.errors import Damaged, RecordingError
from hushtape.recordings import layout
from hushtape.recordings.archive import LocalArchive
from hushtape.recordings.manifest import to_json

HOLD = "hold"
RELEASE = "release"
PERIOD_CHANGED = "period-changed"
FINDING_SEEN = "finding-seen"  # somebody has looked at what is wrong with it
FOREIGN_RECORDER = "foreign-recorder"  # something else recorded in a payment, told late; as remark

RANDOM_BYTES = 4
ACT_LIMIT_BYTES = 65_536
WORDS_LIMIT = 2000
_KIND = re.compile(r"[a-z][a-z-]{0,31}")


class Act(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One act. Which fields are used depends on its kind."""

    kind: str  # "hold", "release", "period-changed"; later ones: small letters and hyphens
    at: datetime
    by: str  # the account that did it
    words: str  # why: "claim 2026/118"
    hold: str = ""  # hold and release: which matter; a recording is held while one is open
    until: datetime | None = None  # period-changed: kept until
    period: str = ""  # period-changed: "3 months"


def append(archive: LocalArchive, recording_id: str, act: Act, randomness: bytes) -> str:
    """Write an act beside its recording.

    Args:
        randomness: RANDOM_BYTES bytes: two acts in the same microsecond stay apart.

    Returns:
        The act's name in the archive.

    Raises:
        RecordingError: there is no such recording, or it is deleted.
        Busy: another process is working on it, perhaps deleting it; try again in a moment.
        ValueError: the act isn't well-formed.
    """
    _check(act)
    if len(randomness) != RANDOM_BYTES:
        raise ValueError(f"an act takes {RANDOM_BYTES} random bytes, not {len(randomness)}")
    name = layout.act(recording_id, act.at.astimezone(UTC), act.kind, randomness.hex())
    with archive.scratch(recording_id):  # under the lock a deletion can't begin meanwhile
        if archive.exists(layout.deletion_proof(recording_id)):
            raise RecordingError(f"recording {recording_id} is deleted: nothing can be done to it")
        if archive.exists(layout.discard_proof(recording_id)):
            raise RecordingError(f"call {recording_id} was discarded: there is no recording of it")
        if not archive.exists(layout.manifest(recording_id)):
            raise RecordingError(f"there is no recording {recording_id} in the archive")
        if not has_audio(archive, recording_id):
            raise RecordingError(
                f"the sound of recording {recording_id} is gone: a hold would keep nothing"
            )
        archive.put(name, to_json(act))
    return name


def has_audio(archive: LocalArchive, recording_id: str) -> bool:
    """Tell whether a recording's sound is in the archive, whatever its format."""
    prefix = layout.prefix(recording_id)
    return any(each.startswith(f"{prefix}{layout.AUDIO}.") for each in archive.names(prefix))


def read(archive: LocalArchive, recording_id: str) -> tuple[Act, ...]:
    """Read a recording's acts in the order in which they were done.

    Raises:
        Damaged: one of them can't be read. Then nobody knows whether the recording is held.
    """
    found = []
    for name in archive.names(layout.acts(recording_id)):
        try:
            act = msgspec.json.decode(archive.get(name, ACT_LIMIT_BYTES), type=Act)
            _check(act)
        except (msgspec.MsgspecError, UnicodeDecodeError, ValueError) as error:
            raise Damaged(f"{name} in the archive can't be read: {error}") from None
        found.append(act)
    return tuple(sorted(found, key=lambda act: act.at))


def _check(act: Act) -> None:
    if not _KIND.fullmatch(act.kind):
        raise ValueError("an act's kind is made of small letters and hyphens")
    if act.at.tzinfo is None or (act.until is not None and act.until.tzinfo is None):
        raise ValueError("an act's times need a time zone")
    if len(act.words) > WORDS_LIMIT:
        raise ValueError(f"an act's words are at most {WORDS_LIMIT} characters")
    if act.kind in (HOLD, RELEASE) and not act.hold:
        raise ValueError(f'a {act.kind} says which matter it belongs to: "hold" is empty')
    if act.kind == PERIOD_CHANGED and act.until is None:
        raise ValueError('a change of period says until when: "until" is missing')
