"""Carries out a change of period: an act beside each recording, then the catalogue.

The act is what counts, and is only ever added. A run may be ended at any point and begun again:
what is done is done, and what isn't is found by the next preview.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime

from hushtape.errors import HushtapeError
from hushtape.recordings import acts, layout
from hushtape.recordings.archive import Absent, Busy, LocalArchive
from hushtape.recordings.catalogue import Catalogue
from hushtape.recordings.change import Change, act_of
from hushtape.recordings.entry import read_entry
from hushtape.recordings.retention import due_at

BUSY_TRIES = 50
BUSY_PAUSE_S = 0.1  # a worker has a recording for as long as it encodes or deletes it


@dataclass(frozen=True, kw_only=True)
class Done:
    """What was done; ids of recordings."""

    changed: list[str] = field(default_factory=list)
    gone: list[str] = field(default_factory=list)  # deleted since the preview
    failed: list[tuple[str, str]] = field(default_factory=list)  # and why


class Changing:
    """Changes the periods of recordings.

    Args:
        by: who wants it.
        reason: why, in words that name nobody.
        clock: tells the time, aware.
        new_bytes: gives so many random bytes.
    """

    def __init__(
        self,
        archive: LocalArchive,
        catalogue: Catalogue,
        by: str,
        reason: str,
        clock: Callable[[], datetime],
        new_bytes: Callable[[int], bytes],
    ) -> None:
        self._archive = archive
        self._catalogue = catalogue
        self._by = by
        self._reason = reason
        self._clock = clock
        self._new_bytes = new_bytes

    def carry_out(self, changes: Iterable[Change]) -> Done:
        """Write each change beside its recording. One that fails doesn't stop the others.

        Raises:
            redis.RedisError: Redis went away; what was done until then is done.
        """
        done = Done()
        for change in changes:
            try:
                self._change(change)
                done.changed.append(change.id)
            except HushtapeError as error:
                if self._archive.exists(layout.deletion_proof(change.id)):
                    done.gone.append(change.id)
                else:
                    done.failed.append((change.id, str(error)))
        return done

    def enter_again(self, recording_ids: Iterable[str]) -> int:
        """Enter those of which the catalogue says another time than the archive: a run was ended
        between the two.

        Returns:
            How many.
        """
        count = 0
        for recording_id in recording_ids:
            found = self._catalogue.get(recording_id)
            try:
                due = due_at(read_entry(self._archive, recording_id))
            except Absent:
                continue
            if found is None or round(found.keep_until.timestamp()) != round(due.timestamp()):
                self._patiently(recording_id, self._enter)
                count += 1
        return count

    def _change(self, change: Change) -> None:
        entry = read_entry(self._archive, change.id)
        if due_at(entry) != change.was:
            raise HushtapeError("somebody has changed its period in this moment")
        if change.until < change.was:
            # First: should this run end after the act, the sweep looks when it must all the same,
            # and what it finds in the archive counts.
            self._catalogue.schedule(change.id, change.until)
        act = act_of(change, entry, self._by, self._reason, self._clock())

        def append(recording_id: str) -> None:
            acts.append(self._archive, recording_id, act, self._new_bytes(acts.RANDOM_BYTES))

        self._patiently(change.id, append)
        self._patiently(change.id, self._enter)

    def _enter(self, recording_id: str) -> None:
        with self._archive.scratch(recording_id):  # so that no deletion comes in between
            self._catalogue.add(read_entry(self._archive, recording_id))

    def _patiently(self, recording_id: str, do: Callable[[str], None]) -> None:
        """Wait for a worker that has the recording.

        Raises:
            Busy: it has it for long.
        """
        for _ in range(BUSY_TRIES):
            try:
                do(recording_id)
            except Busy:
                time.sleep(BUSY_PAUSE_S)
            else:
                return
        do(recording_id)
