"""Destroys what something else recorded in a spool during a payment, and proves it.

A recorder that was started behind the bridge's back leaves a file that is none of ours. Every such
file that was being written during the payment is overwritten and removed; files of ours, and what
strangers wrote before or after, are not touched. The order is kept in the spool until all is done,
with what was about to be destroyed, so that a run that was interrupted forgets nothing.
"""

from __future__ import annotations

import hashlib
import os
import secrets
import stat
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from hushtape.errors import ConfigError, Damaged, HushtapeError, NotSettled, TooBig, Unreachable
from hushtape.ids import is_call_id
from hushtape.recordings import layout
from hushtape.recordings.archive import MARKER, Busy
from hushtape.recordings.foreign import ORDER_LIMIT_BYTES, Destroyed, Order, proofs_of
from hushtape.recordings.manifest import to_json
from workers import erase, orphans, spool
from workers.born import born_at, written_at
from workers.log import log
from workers.wave import HEAD_BYTES, SAMPLE_BYTES, parse_head

if TYPE_CHECKING:
    from workers.runtime import Context

METHOD = "overwritten with zeros, cut to nothing, removed from the spool"
FILE_CLOCK = timedelta(seconds=1)  # so much a file's times and the PBX's may differ
LONGEST = timedelta(hours=24)  # of a payment; longer is a mistake of some clock
DEEPEST = 4  # folders below the spool that are looked into
FILES_MAX = 100_000  # in one spool
FILE_NOTE_BYTES = 200  # what is kept of each that is about to be destroyed, at most
KEY_BYTES = 8
LOCK_LIMIT_S = 20.0  # the call's own recording is being archived
LOCK_POLL_S = 0.2


class Doomed(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A file that is about to be destroyed."""

    key: str  # made up: the proof must not tell its name, which may hold a number
    size_bytes: int
    has_other_name: bool


class KeptOrder(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An order in the spool, and what its runs were about to destroy."""

    order: Order
    files: dict[str, Doomed] = {}  # by a checksum of name and place on the disk


@dataclass(frozen=True, kw_only=True)
class _Stranger:
    path: Path
    checksum: str
    size_bytes: int
    has_other_name: bool


def parse(text: str | bytes) -> Order:
    """Read an order and see that it can be carried out.

    Raises:
        TooBig: it is over ORDER_LIMIT_BYTES.
        Damaged: it isn't an order, or something in it can't be.
    """
    if not isinstance(text, str | bytes):
        raise Damaged("an order to destroy is a JSON text")
    data = text.encode(errors="surrogatepass") if isinstance(text, str) else text
    if len(data) > ORDER_LIMIT_BYTES:
        raise TooBig(f"an order to destroy is at most {ORDER_LIMIT_BYTES} bytes, not {len(data)}")
    try:
        order = msgspec.json.decode(data, type=Order)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise Damaged(f"an order to destroy can't be read: {str(error)[:200]}") from None
    times = (order.since, order.until)
    if not is_call_id(order.call) or order.version != 1:
        raise Damaged("an order to destroy is of another version, or names no call of ours")
    if any(at.tzinfo is None for at in times):
        raise Damaged("an order to destroy: a time in it has no time zone")
    if not timedelta(0) <= order.until - order.since <= LONGEST:
        raise Damaged(f"an order to destroy is for {order.since} to {order.until}: a wrong time")
    return order


def destroy(here: Context, order: Order) -> None:
    """Carry out an order: destroy, look whether it is gone, write the proof, tell.

    Raises:
        ConfigError: the order names a PBX that the configuration doesn't have.
        Unreachable: something can't be destroyed, or the proof not written.
        NotSettled: a file came back.
        Busy: the call's own recording is being archived; the files are destroyed, the proof waits.
    """
    if order.pbx not in here.config.pbx:
        raise ConfigError("pbx", "an order names a PBX that hushtape.toml doesn't have")
    folder = here.config.pbx[order.pbx].spool_path
    name = _order_name(order)
    kept = _read(folder, name) or KeptOrder(order=order)
    _write(folder, name, kept)
    kept = _destroy_files(folder, name, kept)
    here.archive.prepare(here.catalogue.knows_recordings)
    _when_free(lambda: _prove(here, kept))
    _when_free(lambda: here.assurance.foreign(order.call, order.pbx))
    spool.remove(folder, (name,))


def resume(here: Context, pbx: str) -> int:
    """Carry out the orders in a PBX's spool that were interrupted, or failed.

    Returns:
        How many were carried out.
    """
    count = 0
    for name in _orders(here.config.pbx[pbx].spool_path):
        try:
            kept = _read(here.config.pbx[pbx].spool_path, name)
            if kept is not None and kept.order.pbx == pbx:
                destroy(here, kept.order)
                count += 1
        except HushtapeError as error:
            log.error("a stranger's recording is not destroyed yet", pbx=pbx, why=str(error))
    return count


def _destroy_files(folder: Path, name: str, kept: KeptOrder) -> KeptOrder:
    found = tuple(_strangers(folder, kept.order))
    new = {
        each.checksum: Doomed(
            key=secrets.token_hex(KEY_BYTES),
            size_bytes=each.size_bytes,
            has_other_name=each.has_other_name,
        )
        for each in found
        if each.checksum not in kept.files
    }
    if new:
        kept = KeptOrder(order=kept.order, files=kept.files | new)
        _write(folder, name, kept)
    for each in found:
        _destroy_file(each)
    left = [each for each in found if os.path.lexists(each.path)]
    if left:
        raise NotSettled("a stranger's file was destroyed and is in the spool again")
    return kept


def _destroy_file(stranger: _Stranger) -> None:
    try:
        # What has another name is somebody's own: its sound is not ours to overwrite there.
        if not stranger.has_other_name:
            with suppress(FileNotFoundError, PermissionError):
                _overwrite(stranger)
        stranger.path.unlink(missing_ok=True)
        spool.sync(stranger.path.parent)
    except OSError as error:
        raise Unreachable(
            "a file that something else recorded during a payment can't be destroyed"
            f" ({error.strerror}): the worker's account needs the right to write in the spool"
        ) from None


def _overwrite(stranger: _Stranger) -> None:
    descriptor = os.open(stranger.path, os.O_WRONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        if stat.S_ISREG(os.fstat(descriptor).st_mode):
            erase.fill(descriptor, 0, os.fstat(descriptor).st_size)
            os.fdatasync(descriptor)
            os.ftruncate(descriptor, 0)
            os.fdatasync(descriptor)
    finally:
        os.close(descriptor)


def _prove(here: Context, kept: KeptOrder) -> None:
    """Write the proof; under the call's lock, so that the call's manifest tells of it or is there.

    Raises:
        Busy: the call's recording is being archived.
    """
    order, now = kept.order, here.clock()
    with here.archive.scratch(order.call):
        proofs = [each for each in proofs_of(here.archive, order.call) if each.since == order.since]
        told = {key for each in proofs for key in each.keys}
        new = sorted(
            (each for each in kept.files.values() if each.key not in told),
            key=lambda each: each.key,
        )
        if proofs and not new:
            return  # by a run that was interrupted, or the order came twice
        proof = Destroyed(
            call=order.call,
            pbx=order.pbx,
            since=order.since,
            until=order.until,
            keys=tuple(each.key for each in new),
            size_bytes=sum(each.size_bytes for each in new),
            other_names=sum(each.has_other_name for each in new),
            method=METHOD,
            destroyed_at=now,
            verified=True,
        )
        name = layout.foreign_proof(order.call, order.since)
        if proofs:
            name = layout.foreign_again(order.call, order.since, now)
        here.archive.put(name, to_json(proof))


def _when_free(do: Callable[[], None]) -> None:
    """Do something that needs a call's lock, when whoever archives its recording is done."""
    deadline_s = time.monotonic() + LOCK_LIMIT_S
    while True:
        try:
            do()
            return
        except Busy:
            if time.monotonic() > deadline_s:
                raise
        time.sleep(LOCK_POLL_S)


def _strangers(folder: Path, order: Order) -> Iterator[_Stranger]:
    """Every plain file that is none of ours and was being written in the time of an order."""
    looked_at = 0
    for path, is_top in _plain_files(folder, DEEPEST):
        looked_at += 1
        if looked_at > FILES_MAX:
            log.error("more files in the spool than are looked at", pbx=order.pbx, limit=FILES_MAX)
            return
        if is_top and orphans.is_ours(path.name):
            continue
        found = _stranger(path, order)
        if found is not None:
            yield found


def _plain_files(folder: Path, depth: int, *, is_top: bool = True) -> Iterator[tuple[Path, bool]]:
    """The files of a spool and its folders; links are never followed."""
    try:
        with os.scandir(folder) as entries:
            listed = sorted(entries, key=lambda entry: entry.name)
    except OSError as error:
        if is_top:
            raise Unreachable(f"the spool {folder} can't be listed: {error.strerror}") from None
        log.warning("a folder in the spool can't be listed", why=error.strerror)
        return
    for entry in listed:
        if entry.is_file(follow_symlinks=False):
            yield Path(entry.path), is_top
        elif entry.is_dir(follow_symlinks=False) and depth and not _is_archive(Path(entry.path)):
            yield from _plain_files(Path(entry.path), depth - 1, is_top=False)


def _is_archive(folder: Path) -> bool:
    """Tell whether somebody put an archive of ours into a spool: it is looked after elsewhere."""
    return (folder / MARKER).exists()


def _stranger(path: Path, order: Order) -> _Stranger | None:
    """A file, if it was being written in the time of an order; None: it wasn't, or is gone."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise Unreachable(
            f"a file in the spool can't be looked at ({error.strerror}): the worker's account"
            " needs the right to read it"
        ) from None
    try:
        status = os.fstat(descriptor)
        last_at = written_at(descriptor)
        first_at = _begun_at(descriptor, status.st_size, last_at)
    finally:
        os.close(descriptor)
    if last_at < order.since - FILE_CLOCK:
        return None
    if first_at is not None and first_at > order.until + FILE_CLOCK:
        return None
    return _Stranger(
        path=path,
        checksum=hashlib.sha256(os.fsencode(path) + b"\0%d" % status.st_ino).hexdigest(),
        size_bytes=status.st_size,
        has_other_name=status.st_nlink > 1,
    )


def _begun_at(descriptor: int, size_bytes: int, last_at: datetime) -> datetime | None:
    """When a file was begun, at the earliest that anything says; None: nothing does."""
    said = [at for at in (born_at(descriptor),) if at is not None]
    with suppress(Damaged):
        head = parse_head(os.pread(descriptor, HEAD_BYTES, 0))
        frames = max(0, size_bytes - head.data_offset_bytes) // SAMPLE_BYTES
        said.append(last_at - timedelta(seconds=frames / head.rate_hz))
    return min(said) if said else None


def _order_name(order: Order) -> str:
    """A hidden name: who looks for recordings in the spool passes it over."""
    digest = hashlib.sha256(msgspec.json.encode(order)).hexdigest()[:16]
    return f".{order.call}.{digest}{spool.ORDER_SUFFIX}"


def _orders(folder: Path) -> tuple[str, ...]:
    try:
        with os.scandir(folder) as entries:
            names = [entry.name for entry in entries if entry.name.endswith(spool.ORDER_SUFFIX)]
    except OSError as error:
        raise Unreachable(f"the spool {folder} can't be listed: {error.strerror}") from None
    return tuple(sorted(name for name in names if is_call_id(name[1:].partition(".")[0])))


def _read(folder: Path, name: str) -> KeptOrder | None:
    try:
        data = spool.read_small(folder, name, ORDER_LIMIT_BYTES + FILES_MAX * FILE_NOTE_BYTES)
        return msgspec.json.decode(data, type=KeptOrder)
    except spool.Missing:
        return None
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise Damaged(f"an order in the spool can't be read: {error}") from None


def _write(folder: Path, name: str, kept: KeptOrder) -> None:
    spool.write_small(folder, name, msgspec.json.encode(kept))
