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
from collections.abc import Callable, Iterable
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from hushtape.alarms import Kind, raise_alarm
from hushtape.errors import ConfigError, Damaged, HushtapeError, NotSettled, TooBig, Unreachable
from hushtape.ids import is_call_id
from hushtape.recordings import layout
from hushtape.recordings.archive import Busy
from hushtape.recordings.foreign import ORDER_LIMIT_BYTES, Destroyed, Order, proofs_of
from hushtape.recordings.manifest import to_json
from workers import erase, spool
from workers.strangers import FILES_MAX, Stranger, search

if TYPE_CHECKING:
    from workers.runtime import Context

OVERWRITTEN = "overwritten with zeros, cut to nothing, removed from the spool"
REMOVED = "removed from the spool; not overwritten: the worker may not write to it"
UNNAMED = "removed from the spool; not overwritten: it has another name elsewhere"
LONGEST = timedelta(hours=24)  # of a payment; longer is a mistake of some clock
FILE_NOTE_BYTES = 200  # what is kept of each that is about to be destroyed, at most
KEY_BYTES = 8
LOCK_LIMIT_S = 20.0  # the call's own recording is being archived
LOCK_POLL_S = 0.2


class Doomed(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A file that is about to be destroyed."""

    key: str  # made up: the proof must not tell its name, which may hold a number
    size_bytes: int
    has_other_name: bool
    removed_only: bool = False  # nobody lets us write to it

    @property
    def method(self) -> str:
        """What is done to it."""
        if self.has_other_name:
            return UNNAMED
        return REMOVED if self.removed_only else OVERWRITTEN


class KeptOrder(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An order in the spool, and what its runs were about to destroy."""

    order: Order
    files: dict[str, Doomed] = {}  # by a checksum of name and place on the disk


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
        Unreachable: something can't be destroyed or not be looked at, or the proof not written.
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
            raise_alarm(
                Kind.FOREIGN,
                f"what something else recorded during a payment is not destroyed yet: {error}",
                call=name[1:].partition(".")[0],
                pbx=pbx,
            )
    return count


def _destroy_files(folder: Path, name: str, kept: KeptOrder) -> KeptOrder:
    """Destroy what there is, each after it was noted what will be done to it."""
    sought = search(folder, kept.order)
    noted = {each.checksum: _doomed(each, kept.files.get(each.checksum)) for each in sought.found}
    if noted.items() - kept.files.items():
        kept = KeptOrder(order=kept.order, files=kept.files | noted)
        _write(folder, name, kept)
    for each in sought.found:
        _destroy_file(each, noted[each.checksum])
    left = [each for each in sought.found if os.path.lexists(each.path)]
    if left:
        raise NotSettled("a stranger's file was destroyed and is in the spool again")
    if sought.lacking:
        raise Unreachable(
            f"the spool can't be looked through: {sought.lacking}; give Hushtape a folder of its"
            " own, in which the worker's account may read everything"
        )
    return kept


def _doomed(stranger: Stranger, before: Doomed | None) -> Doomed:
    """What is to be noted of a file; one that is noted already keeps its key."""
    return Doomed(
        key=before.key if before is not None else secrets.token_hex(KEY_BYTES),
        size_bytes=stranger.size_bytes if before is None else before.size_bytes,
        has_other_name=stranger.has_other_name,
        removed_only=not stranger.may_write,
    )


def _destroy_file(stranger: Stranger, doomed: Doomed) -> None:
    try:
        # What has another name is somebody's own: its sound is not ours to overwrite there.
        if doomed.method == OVERWRITTEN:
            with suppress(FileNotFoundError):
                _overwrite(stranger)
        stranger.path.unlink(missing_ok=True)
        spool.sync(stranger.path.parent)
    except OSError as error:
        raise Unreachable(
            "a file that something else recorded during a payment can't be destroyed"
            f" ({error.strerror}): the worker's account needs the right to write in the spool"
        ) from None


def _overwrite(stranger: Stranger) -> None:
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
            removed_only=sum(each.method == REMOVED for each in new),
            method=_method(new),
            destroyed_at=now,
            verified=True,
        )
        name = layout.foreign_proof(order.call, order.since)
        if proofs:
            name = layout.foreign_again(order.call, order.since, now)
        here.archive.put(name, to_json(proof))


def _method(destroyed: Iterable[Doomed]) -> str:
    """What was done, and to how many, where it wasn't the same for all."""
    methods = [each.method for each in destroyed]
    counts = {each: methods.count(each) for each in (OVERWRITTEN, REMOVED, UNNAMED)}
    told = {method: count for method, count in counts.items() if count}
    if len(told) > 1:
        return "; ".join(f"{count}: {method}" for method, count in told.items())
    return next(iter(told), OVERWRITTEN)


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
