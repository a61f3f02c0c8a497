"""A stranger's recording of a payment: the order to destroy it, and the proof of what became of it.

The bridge orders, the workers beside the PBX's spool carry it out. All times are aware UTC.
"""

from __future__ import annotations

from datetime import datetime

import msgspec

from hushtape.errors import Damaged
from hushtape.recordings import layout
from hushtape.recordings.archive import LocalArchive
from hushtape.recordings.assurance import Kind

ORDER_LIMIT_BYTES = 10_000
OUT_OF_REACH = "out of reach: not in the spool"


class Order(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the bridge asks for when it finds that something else records during a payment.

    Attributes:
        call: the call's id, ours.
        since: the payment's beginning, or when the other recorder was started in it.
        until: its end, or when the other recorder was seen to be stopped.
    """

    pbx: str
    call: str
    since: datetime
    until: datetime
    version: int = 1


class Destroyed(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The proof. No personal data, and no file names, which may hold some: it stays."""

    call: str
    pbx: str
    since: datetime
    until: datetime
    keys: tuple[str, ...]  # one for each file, made up; none: nothing was found
    size_bytes: int
    other_names: int  # of these files, how many have another name elsewhere: that one stays
    removed_only: int = 0  # how many could not be overwritten, only removed
    method: str
    destroyed_at: datetime
    verified: bool
    version: int = 1


def sentence(proof: Destroyed) -> str:
    """What became of it, for a person."""
    began = f"the payment at {proof.since:%H:%M:%S} UTC"
    files = len(proof.keys)
    if not files:
        return f"something else recorded during {began}, {OUT_OF_REACH}"
    count = f"{files} file" + "s" * (files > 1)
    text = f"something else recorded during {began}: {count} in the spool destroyed"
    if proof.other_names:
        text += f"; {proof.other_names} of them may be found under another name elsewhere"
    if proof.removed_only:
        text += (
            f"; {proof.removed_only} of them was not overwritten: the worker may not write to the"
            " PBX's files"
        )
    return text


def proofs_of(archive: LocalArchive, call_id: str) -> tuple[Destroyed, ...]:
    """What became of strangers' recordings of a call's payments, in order.

    Raises:
        Damaged: a proof can't be read.
    """
    found = []
    for name in archive.names(layout.foreign_proofs(call_id)):
        try:
            found.append(msgspec.json.decode(archive.get(name), type=Destroyed))
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            raise Damaged(f"{name} in the archive can't be read: {error}") from None
    return tuple(found)


def remarks(archive: LocalArchive, call_id: str) -> tuple[str, ...]:
    """The same as remarks, for a manifest or a finding.

    Raises:
        Damaged: a proof can't be read.
    """
    return tuple(f"{Kind.FOREIGN}: {sentence(each)}" for each in proofs_of(archive, call_id))
