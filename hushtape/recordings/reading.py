"""Every recording of an archive, one after the other."""

from __future__ import annotations

from collections.abc import Iterator

from hushtape.errors import HushtapeError
from hushtape.recordings.archive import LocalArchive
from hushtape.recordings.entry import read_entry
from hushtape.recordings.retention import Entry


def entries(archive: LocalArchive, unread: list[str]) -> Iterator[Entry]:
    """The recordings of an archive, oldest first; ``unread`` gets why one can't be read."""
    for day in archive.days():
        for recording_id in archive.ids(day):
            try:
                entry = read_entry(archive, recording_id)
            except HushtapeError as error:
                unread.append(str(error))
            else:
                yield entry
