"""A recording, read from the archive alone."""

from __future__ import annotations

import msgspec

from hushtape.errors import RecordingError
from hushtape.recordings import acts, layout
from hushtape.recordings.archive import LocalArchive
from hushtape.recordings.manifest import Manifest
from hushtape.recordings.retention import Entry


def read_entry(archive: LocalArchive, recording_id: str) -> Entry:
    """A recording as the archive tells it: the manifest and every later act.

    Raises:
        RecordingError: there is none, or it can't be read.
    """
    data = archive.get(layout.manifest(recording_id))
    try:
        manifest = msgspec.json.decode(data, type=Manifest)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise RecordingError(f"the manifest of {recording_id} can't be read: {error}") from None
    if manifest.id != recording_id:
        raise RecordingError(f"the manifest of {recording_id} belongs to another recording")
    return Entry(manifest, acts.read(archive, recording_id))
