"""Puts a recording into the archive, once: the manifest comes last and makes it exist."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path

from hushtape.recordings import layout, number_key
from hushtape.recordings.archive import (
    BLOCK_BYTES,
    FILE_MODE,
    PRIVATE_MODE,
    Absent,
    Conflict,
    Digest,
    LocalArchive,
)
from hushtape.recordings.assurance import Kind
from hushtape.recordings.catalogue import read_entry
from hushtape.recordings.manifest import AudioFile, Handoff, Manifest, Private, Span, to_json
from hushtape.recordings.retention import Entry
from workers.mix import Timeline


def stored(archive: LocalArchive, recording_id: str) -> Entry | None:
    """The recording if the archive has it already, its audio verified.

    Raises:
        RecordingError: there is a manifest, but not the audio that it describes.
    """
    if not archive.exists(layout.manifest(recording_id)):
        return None
    entry = read_entry(archive, recording_id)
    audio = entry.manifest.audio
    archive.verify(layout.audio(recording_id, audio.format), Digest(audio.size_bytes, audio.sha256))
    return entry


def store(
    archive: LocalArchive,
    handoff: Handoff,
    timeline: Timeline,
    encoded: Path,
    remarks: Iterable[str],
    key: bytes,
    now: datetime,
    *,
    spans: tuple[Span, ...] = (),
    quarantined: bool = False,
) -> Entry:
    """Store audio, private part and manifest, and read each back.

    Args:
        encoded: the audio file, in the archive's scratch folder.
        key: with which numbers and agents are hashed.
        spans: the call's, each payment with its proof.
        quarantined: what is left of the recording is not for hearing.

    Raises:
        Unreachable: the archive's disk is full or can't be written; nothing is lost.
        RecordingError: what was read back isn't what was written.
    """
    # Without a manifest it isn't a recording: what lies there is left over from a run that died.
    archive.delete_prefix(layout.prefix(handoff.id))
    digest = _digest(encoded)
    audio_name = layout.audio(handoff.id, handoff.audio.format)
    archive.put_file(audio_name, encoded, FILE_MODE)
    archive.verify(audio_name, digest)
    private = to_json(Private(id=handoff.id, party=handoff.party))
    _put(archive, layout.private(handoff.id), private, PRIVATE_MODE)
    party = handoff.party
    manifest = Manifest(
        id=handoff.id,
        call=handoff.call,
        segments=timeline.stored_segments(),
        spans=spans,
        story=handoff.story,
        audio=AudioFile(
            name=audio_name.rsplit("/", 1)[1],
            format=handoff.audio.format,
            size_bytes=digest.size_bytes,
            sha256=digest.sha256,
            duration_s=round(timeline.duration_s, 4),
        ),
        keep=handoff.keep,
        number_hash=number_key.number_hash(party.number, key),
        dialled_hash=number_key.number_hash(party.dialled, key),
        agent_hashes=tuple(number_key.agent_hash(agent, key) for agent in party.agents if agent),
        archived_at=now,
        tags=handoff.tags,
        remarks=tuple(remarks),
        quarantined=quarantined,
    )
    _put(archive, layout.manifest(handoff.id), to_json(manifest), FILE_MODE)
    return Entry(manifest)


def check_same(entry: Entry, handoff: Handoff, *, left_over: bool = True) -> None:
    """See that a stored recording holds the segments of a hand-off: else its files are elsewhere.

    Args:
        left_over: whether any of its files is in the spool. Of two bridges both may hand a call
            off; the second hand-off names what the first one's recording was made of.

    Raises:
        Conflict: it doesn't; the files of this hand-off are in no recording.
    """
    stored_ones = {(each.number, each.started_at) for each in entry.manifest.segments}
    lacking = [
        str(each.number)
        for each in handoff.segments
        if (each.number, each.started_at) not in stored_ones
    ]
    if lacking and any(each.startswith(f"{Kind.ADOPTED}:") for each in entry.manifest.remarks):
        raise Conflict(
            f"recording {handoff.id} was adopted from the spool, and now its hand-off has come:"
            " what the hand-off says is to be cut away may be in the recording; somebody has to"
            " look at it"
        )
    if lacking and left_over:
        raise Conflict(
            f"recording {handoff.id} is archived already, without segment {', '.join(lacking)} of"
            " this second hand-off: its files stay in the spool"
        )


def was_deleted(archive: LocalArchive, recording_id: str) -> bool:
    """Tell whether this recording's time is over and it was deleted: it must not come back."""
    try:
        archive.get(layout.deletion_proof(recording_id))
    except Absent:
        return archive.exists(layout.deletion_begun(recording_id))
    return True


def _put(archive: LocalArchive, name: str, data: bytes, mode: int) -> None:
    archive.put(name, data, mode)
    archive.verify(name, Digest(len(data), hashlib.sha256(data).hexdigest()))


def _digest(path: Path) -> Digest:
    checksum = hashlib.sha256()
    with path.open("rb") as stream:
        while block := stream.read(BLOCK_BYTES):
            checksum.update(block)
        return Digest(stream.tell(), checksum.hexdigest())
