"""What lies where in the archive. Every name in it is decided here and nowhere else.

A recording is one prefix, ``2026/11/21/20261121-171502-k3f9x2m7/``; the proof that it was deleted,
or discarded before it was one, lies outside of it, because it outlives the recording. A recording's
id begins with the call's start in UTC, so its place is known from the id alone, also when Redis is
lost.
"""

from __future__ import annotations

from datetime import date, datetime

from hushtape.ids import is_call_id
from hushtape.recordings.manifest import AudioFormat

MANIFEST = "manifest.json"
AUDIO = "audio"
ACTS = "acts/"
SCRATCH = ".scratch"  # half-made recordings; on the archive's own disk, never in $TMPDIR
DELETIONS = "deletions/"
DELETIONS_BEGUN = "deletions/begun/"
DISCARDS = "discards/"
DISCARDS_BEGUN = "discards/begun/"
PROOFS_BEGUN = "proofs/begun/"
FOREIGN = "foreign/"


def prefix(recording_id: str) -> str:
    """The folder of a recording, with a slash at its end.

    Raises:
        ValueError: the text isn't a recording's id.
    """
    return f"{day_prefix_of(recording_id)}{recording_id}/"


def day_prefix(day: date) -> str:
    """The folder of all recordings of calls that began on this day (UTC)."""
    return f"{day:%Y/%m/%d}/"


def days_between(first: date, last: date) -> tuple[str, ...]:
    """The day prefixes from one date to another, both included."""
    return tuple(
        day_prefix(date.fromordinal(number))
        for number in range(first.toordinal(), last.toordinal() + 1)
    )


def day_prefix_of(recording_id: str) -> str:
    """The folder of all recordings of the same day as this one."""
    _checked(recording_id)
    return f"{recording_id[0:4]}/{recording_id[4:6]}/{recording_id[6:8]}/"


def audio(recording_id: str, audio_format: AudioFormat) -> str:
    """The sound. A sealed one will be called ``audio.opus.age``."""
    return f"{prefix(recording_id)}{AUDIO}.{audio_format.value}"


def private(recording_id: str) -> str:
    """Who was in the call. A sealed one will be called ``private.json.age``."""
    return f"{prefix(recording_id)}private.json"


def manifest(recording_id: str) -> str:
    """What makes a recording exist."""
    return f"{prefix(recording_id)}{MANIFEST}"


def acts(recording_id: str) -> str:
    """The folder of what was done to a recording later."""
    return f"{prefix(recording_id)}{ACTS}"


def act(recording_id: str, at: datetime, kind: str, randomness: str) -> str:
    """One act; names sort by time."""
    return f"{acts(recording_id)}{at:%Y%m%dT%H%M%S%fZ}-{kind}-{randomness}.json"


def deletion_proof(recording_id: str) -> str:
    """The proof that a recording is gone; by the month in which its call began."""
    _checked(recording_id)
    return f"{DELETIONS}{recording_id[0:4]}/{recording_id[4:6]}/{recording_id}.json"


def deletion_again(recording_id: str, at: datetime) -> str:
    """The proof that what a backup had brought back was deleted again; beside the first proof."""
    return _again(deletion_proof(recording_id), at)


def deletion_begun(recording_id: str) -> str:
    """What is needed to finish a deletion, and to prove it, if the machine stops half-way."""
    return f"{DELETIONS_BEGUN}{_checked(recording_id)}.json"


def discard_proof(recording_id: str) -> str:
    """The proof that nothing of a call was kept; by the month in which it began."""
    _checked(recording_id)
    return f"{DISCARDS}{recording_id[0:4]}/{recording_id[4:6]}/{recording_id}.json"


def discard_again(recording_id: str, at: datetime) -> str:
    """The proof that files which came after the first proof were destroyed, too; beside it."""
    return _again(discard_proof(recording_id), at)


def discard_begun(recording_id: str) -> str:
    """The folder of what is written down before a file is destroyed, so that none is forgotten."""
    return f"{DISCARDS_BEGUN}{_checked(recording_id)}/"


def discard_step(recording_id: str, number: int) -> str:
    """What one run was about to destroy; from 1."""
    return f"{discard_begun(recording_id)}{number:04}.json"


def proof_begun(recording_id: str) -> str:
    """What was found in a recording's payments, until it is in the manifest: the sound is gone."""
    return f"{PROOFS_BEGUN}{_checked(recording_id)}.json"


def foreign_proof(call_id: str, since: datetime) -> str:
    """The proof of what became of a stranger's recording of a payment, by the call's month."""
    return f"{foreign_proofs(call_id)}{since:%Y%m%dT%H%M%S%fZ}.json"


def foreign_proofs(call_id: str) -> str:
    """The folder of all such proofs of one call."""
    _checked(call_id)
    return f"{FOREIGN}{call_id[0:4]}/{call_id[4:6]}/{call_id}/"


def foreign_again(call_id: str, since: datetime, at: datetime) -> str:
    """The proof that more of the same was found and destroyed later; beside the first proof."""
    return _again(foreign_proof(call_id, since), at)


def _again(proof: str, at: datetime) -> str:
    return f"{proof.removesuffix('.json')}.again-{at:%Y%m%dT%H%M%S%fZ}.json"


def _checked(recording_id: str) -> str:
    if not is_call_id(recording_id):
        raise ValueError("not a recording's id: expected the shape 20261121-171502-k3f9x2m7")
    return recording_id
