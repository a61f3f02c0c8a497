"""Files in a spool that no hand-off names: found, and adopted so that they outlive nothing.

Most files without a hand-off belong to calls that are live, or whose hand-off is on its way: they
are the bridge's matter. Of the others a recording is made that says of itself that it was adopted.
What is left over from a recording that is deleted, or was discarded, is destroyed.
"""

from __future__ import annotations

import hashlib
import os
import re
import stat
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
from rq.job import Job

from hushtape import handoff_names, ids
from hushtape.errors import ConfigError, Damaged, HushtapeError, RecordingError, Unreachable
from hushtape.policy import parse
from hushtape.policy.schema import Policy
from hushtape.recordings import layout
from hushtape.recordings.archive import Busy, LocalArchive
from hushtape.recordings.catalogue import read_entry
from hushtape.recordings.ledger import Expectation, Ledger, began_at
from hushtape.recordings.manifest import Handoff, Party, Private, to_json
from hushtape.recordings.retention import Entry
from workers import adoption, discard, intake, settle, spool
from workers.adoption import Orphan, SpoolFile, file_name
from workers.expire import DeletedAgain
from workers.log import log
from workers.runtime import Context

ORPHAN_AFTER = timedelta(minutes=15)  # a running recorder writes every quarter of a second
# So long a hand-off may yet come: the bridge's machine is down, and its outbox is on its disk. That
# hand-off knows what must be cut away and who was in the call, and is worth waiting for.
BRIDGE_LIMIT = timedelta(hours=24)
CLOCK_LIMIT = timedelta(hours=24)  # a file from so far in the future has a wrong time
ADOPT_LIMIT = 200  # calls in one look
FOREIGN_LIMIT = 1000  # files in one look
FOREIGN_NAMED = 20  # in one line of the log
NAME_SHOWN = 60  # characters
NAMED_FOR_S = 30 * 86_400  # what was named isn't named again

_OURS = re.compile(
    r"(?P<id>\d{8}-\d{6}-[a-z2-7]{8})\.(?P<number>[1-9]\d{0,3})\.(?P<side>outside|inside|both)\.wav",
    re.ASCII,
)
_DIGIT = re.compile(r"[0-9]")
_NOT_SHOWN = re.compile(r"[^A-Za-z._#-]")
_OF_A_NEW_DISK = {"lost+found"}
_NAMED = "hushtape:named:"


@dataclass(frozen=True, kw_only=True)
class Found:
    """What lies in a spool beside hand-offs and the files that they name."""

    orphans: tuple[Orphan, ...]  # oldest call first; those of live calls are among them
    foreign: tuple[str, ...]  # the names of files that are none of ours


@dataclass(frozen=True, kw_only=True)
class Looked:
    """What one look did; ids of calls."""

    adopted: list[str] = field(default_factory=list)
    destroyed: list[str] = field(default_factory=list)
    left: list[str] = field(default_factory=list)  # something is wrong with them


def look(here: Context, pbx: str) -> Looked:
    """Adopt, destroy or name what no hand-off names in a PBX's spool.

    To be called before the hand-offs in the spool are rung for: it may add some.

    Raises:
        Unreachable: the spool or the archive isn't there.
    """
    if pbx not in here.config.pbx:
        raise ConfigError("pbx", "a job names a PBX that hushtape.toml doesn't have")
    here.archive.check()
    return _Look(here, pbx).run()


def find(folder: Path) -> Found:
    """List the calls whose files no hand-off in the spool names, and what isn't ours.

    Raises:
        Unreachable: the spool can't be listed.
    """
    files: dict[str, list[SpoolFile]] = {}
    foreign: dict[str, str] = {}  # name -> the id with which it begins
    taken: set[str] = set()
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                if entry.name.startswith(".") or entry.name in _OF_A_NEW_DISK:
                    continue
                begin = entry.name.partition(".")[0]
                if entry.name.endswith(spool.HANDOFF_SUFFIX) and ids.is_call_id(begin):
                    taken.add(begin)
                    continue
                with suppress(FileNotFoundError):  # it went while we looked
                    ours = _ours(entry)
                    if ours is None:
                        foreign[entry.name] = begin
                    else:
                        files.setdefault(begin, []).append(ours)
    except OSError as error:
        raise Unreachable(f"the spool {folder} can't be listed: {error.strerror}") from None
    return Found(
        orphans=tuple(
            Orphan(id=each, files=tuple(files[each])) for each in sorted(files.keys() - taken)
        ),
        foreign=tuple(sorted(name for name, begin in foreign.items() if begin not in taken)),
    )


def adopt(
    here: Context,
    pbx: str,
    orphan: Orphan,
    expected: Expectation | None,
    policies: Sequence[Policy],
) -> Handoff | None:
    """Write the hand-off of an orphan into the spool, where it is rung for.

    None: it has one; or it would be destroyed because nobody is known to have watched the call, and
    the bridge may yet tell that it has.

    Raises:
        Busy: another process is working on it.
        RecordingError: it can't be made into a recording, or belongs to one that can't be read.
        Unreachable: the spool can't be read or written.
    """
    folder = here.config.pbx[pbx].spool_path
    with here.archive.scratch(orphan.id):
        if not _is_still_so(here.archive, folder, orphan):
            return None
        parent = parent_of(here.archive, orphan.id)
        if parent is None:
            handoff = adoption.handoff_of(folder, orphan, pbx, policies, expected, here.clock())
            is_recent = here.clock() - began_at(orphan.id) < BRIDGE_LIMIT
            if handoff.discard is not None and expected is None and is_recent:
                return None
        else:
            party = _party(here.archive, parent.manifest.id)
            handoff = adoption.handoff_of_rest(folder, orphan, parent, party, here.clock())
        data = msgspec.json.encode(handoff)
        intake.parse(data)  # better refused here than by every run
        spool.write_handoff(folder, orphan.id, data)
    log.warning("adopted", recording=orphan.id, files=len(orphan.files), why=handoff.adopted)
    return handoff


def is_ours(name: str) -> bool:
    """Tell whether a name in a spool is one that bridge and workers give, hidden ones included."""
    begin = name.removeprefix(".").partition(".")[0]
    if name.startswith("."):
        return ids.is_call_id(begin) and name.endswith((spool.PART_SUFFIX, spool.ORDER_SUFFIX))
    is_handoff = ids.is_call_id(begin) and name == f"{begin}{spool.HANDOFF_SUFFIX}"
    return is_handoff or _OURS.fullmatch(name) is not None


def rest_id(recording_id: str) -> str:
    """The id of a recording of what another one was archived without; always the same."""
    digest = hashlib.sha256(f"left over from {recording_id}".encode()).digest()
    return ids.new_call_id(began_at(recording_id), digest[: ids.RANDOM_BYTES])


def parent_of(archive: LocalArchive, recording_id: str) -> Entry | None:
    """The recording that was archived without these files; None: they are of a call of their own.

    Raises:
        RecordingError: there is one, and it can't be read.
    """
    for each in archive.prefixes(layout.day_prefix_of(recording_id)):
        if each[:15] == recording_id[:15] and rest_id(each) == recording_id:
            return read_entry(archive, each)
    return None


class _Look:
    """One look into one spool."""

    def __init__(self, here: Context, pbx: str) -> None:
        self._here = here
        self._pbx = pbx
        self._folder = here.config.pbx[pbx].spool_path
        self._archive = here.archive
        self._redis = here.redis
        self._looked = Looked()
        self._expected: dict[str, Expectation] = {}

    def run(self) -> Looked:
        found = find(self._folder)
        self._name_foreign(found.foreign)
        if not found.orphans:
            return self._looked
        self._expected = Ledger(self._redis).all()
        moved = False
        for orphan in found.orphans:
            with self._naming(orphan):
                moved |= self._tidy(orphan)
        self._adopt_all(find(self._folder).orphans if moved else found.orphans)
        return self._looked

    def _adopt_all(self, orphans: Iterable[Orphan]) -> None:
        policies: Sequence[Policy] = ()
        for orphan in orphans:
            if len(self._looked.adopted) >= ADOPT_LIMIT:
                return
            if not self._is_ripe(orphan) or _is_settled(self._archive, orphan.id):
                continue
            with self._naming(orphan):
                known = self._expected.get(orphan.id)
                if known is None or known.keep is None:
                    folder = Path(self._here.config.policies.folder)
                    policies = policies or parse.load_folder(folder)
                if adopt(self._here, self._pbx, orphan, known, policies):
                    self._looked.adopted.append(orphan.id)

    def _tidy(self, orphan: Orphan) -> bool:
        """See to what is left over from a recording; tell whether files got other names."""
        archive, now = self._archive, self._here.clock()
        if discard.was_discarded(archive, orphan.id):
            with archive.scratch(orphan.id):
                discard.destroy_late(archive, self._folder, orphan.id, now)
            self._looked.destroyed.append(orphan.id)
        elif archive.exists(layout.deletion_proof(orphan.id)):
            with archive.scratch(orphan.id):
                self._destroy_deleted(orphan.id, now)
            self._looked.destroyed.append(orphan.id)
        elif archive.exists(layout.manifest(orphan.id)) and self._is_ripe(orphan):
            with archive.scratch(orphan.id), archive.scratch(rest_id(orphan.id)):
                return self._set_aside(orphan)
        return False

    def _destroy_deleted(self, recording_id: str, now: datetime) -> None:
        files = discard.destroy(self._folder, recording_id)
        if files:
            again = DeletedAgain(id=recording_id, files=len(files), deleted_at=now, verified=True)
            self._archive.put(layout.deletion_again(recording_id, now), to_json(again))
            log.warning("late files of a deleted recording destroyed", recording=recording_id)

    def _set_aside(self, orphan: Orphan) -> bool:
        """Give what a recording was archived without an id of its own, and overwrite nothing."""
        remarks = read_entry(self._archive, orphan.id).manifest.remarks
        wanted = []
        for each in orphan.files:
            if settle.is_lacking(each.number, each.side, remarks, left_only=True):
                continue  # it can't be read: that was said when the recording was archived
            try:
                adoption.length_of(self._folder, orphan.id, each)
                wanted.append(each)
            except Damaged as error:
                self._name(orphan.id, f"{error}; {settle.LEFT}")
        if not wanted:
            return False
        other = rest_id(orphan.id)
        if _is_settled(self._archive, other) or _has_handoff(self._folder, other):
            raise RecordingError(
                f"recording {orphan.id} was archived without them, and {other} holds what was left"
                f" over from it before; {settle.LEFT}"
            )
        for each in wanted:
            self._rename(
                file_name(orphan.id, each.number, each.side),
                file_name(other, each.number, each.side),
            )
        spool.sync(self._folder)
        return True

    def _rename(self, name: str, other: str) -> None:
        target = self._folder / other
        if os.path.lexists(target):
            raise RecordingError(f"{other} is in the spool already; {name} keeps its name")
        try:
            (self._folder / name).rename(target)
        except FileNotFoundError:
            pass
        except OSError as error:
            raise Unreachable(f"{name} can't be renamed: {error.strerror}") from None

    def _is_ripe(self, orphan: Orphan) -> bool:
        """Tell whether nobody writes these files any more, and no hand-off is on its way."""
        now = self._here.clock()
        for each in orphan.files:
            if -CLOCK_LIMIT < now - each.modified_at < ORPHAN_AFTER:
                return False
        known = self._expected.get(orphan.id)
        if known is not None:
            since = now - (known.seen_at or known.started_at)
            if -CLOCK_LIMIT < since < BRIDGE_LIMIT:
                return False
        if Job.exists(handoff_names.archive_job_id(orphan.id), connection=self._redis):
            return False
        # Redis may have been emptied; where the bridge is on this machine, its own papers tell.
        config = self._here.config
        papers = (config.live_path, config.outbox_path)
        is_recent = now - began_at(orphan.id) < BRIDGE_LIMIT
        return not (is_recent and any(_is_there(each / f"{orphan.id}.json") for each in papers))

    @contextmanager
    def _naming(self, orphan: Orphan) -> Iterator[None]:
        """Whatever is wrong with one call must not keep the others; it is said once."""
        try:
            yield
        except Busy:
            pass
        except HushtapeError as error:
            self._looked.left.append(orphan.id)
            self._name(orphan.id, str(error))

    def _name(self, recording_id: str, why: str) -> None:
        """Say once why files stay in the spool."""
        (first,) = self._firsts([f"{recording_id} {why}"])
        if first:
            log.error("left in the spool", pbx=self._pbx, recording=recording_id, why=why)

    def _name_foreign(self, names: Sequence[str]) -> None:
        """Say once what isn't ours. Digits aren't shown: they may be somebody's number."""
        looked_at = names[:FOREIGN_LIMIT]
        firsts = self._firsts(f"{self._pbx} {each}" for each in looked_at)
        new = [each for each, first in zip(looked_at, firsts, strict=True) if first]
        if new:
            shown = [_NOT_SHOWN.sub("?", _DIGIT.sub("#", each))[:NAME_SHOWN] for each in new]
            log.warning(
                "not ours: left in the spool",
                pbx=self._pbx,
                count=len(new),
                files=shown[:FOREIGN_NAMED],
            )

    def _firsts(self, texts: Iterable[str]) -> list[bool]:
        """Tell of each text whether it is said for the first time."""
        with self._redis.pipeline(transaction=False) as pipe:
            for each in texts:
                digest = hashlib.sha256(each.encode(errors="surrogateescape")).hexdigest()
                pipe.set(_NAMED + digest[:32], b"1", nx=True, ex=NAMED_FOR_S)
            return [bool(each) for each in pipe.execute()]


def _ours(entry: os.DirEntry[str]) -> SpoolFile | None:
    """What a file's name says; None: the name isn't one of ours, or it is no plain file."""
    match = _OURS.fullmatch(entry.name)
    if match is None or f"{began_at(match['id']):%Y%m%d-%H%M%S}" != match["id"][:15]:
        return None
    status = entry.stat(follow_symlinks=False)
    if not stat.S_ISREG(status.st_mode):
        return None
    return SpoolFile(
        number=int(match["number"]),
        side=match["side"],
        size_bytes=status.st_size,
        modified_at=datetime.fromtimestamp(status.st_mtime, UTC),
    )


def _is_there(path: Path) -> bool:
    try:
        return path.exists()
    except OSError:  # the bridge has an account of its own here
        return False


def _is_still_so(archive: LocalArchive, folder: Path, orphan: Orphan) -> bool:
    """Look again, under the lock: a hand-off may have come meanwhile, and even be done with."""
    return (
        not _has_handoff(folder, orphan.id)
        and not _is_settled(archive, orphan.id)
        and all(os.path.lexists(folder / each) for each in orphan.names)
    )


def _has_handoff(folder: Path, recording_id: str) -> bool:
    return os.path.lexists(spool.handoff_path(folder, recording_id))


def _is_settled(archive: LocalArchive, recording_id: str) -> bool:
    """Tell whether it is decided already what becomes of a call."""
    names = (layout.manifest, layout.deletion_proof, layout.deletion_begun, layout.discard_proof)
    return any(archive.exists(name(recording_id)) for name in names)


def _party(archive: LocalArchive, recording_id: str) -> Party:
    """Who was in an archived call, so that its rest is found by the same search."""
    try:
        private = msgspec.json.decode(archive.get(layout.private(recording_id)), type=Private)
    except (RecordingError, msgspec.MsgspecError, UnicodeDecodeError):
        return Party()
    return private.party
