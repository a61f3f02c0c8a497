"""Looks whether the payments of a call were silent, and destroys what was taken in of them.

What is about to be overwritten is written down in the archive first, with what was found: when it
is gone nobody could find it again. The next run does by that note what the first one had begun.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

import msgspec

from hushtape.errors import Damaged
from hushtape.recordings import layout
from hushtape.recordings.archive import LocalArchive
from hushtape.recordings.assurance import Kind
from hushtape.recordings.manifest import Handoff, Segment, Span, SpanKind, to_json
from hushtape.recordings.proof import FREED, GRAVITY, Method, Proof, Result
from workers import erase, settle, silence
from workers.erase import Peak
from workers.log import log
from workers.settle import Settled, SpoolAudio
from workers.silence import Frames, Ruling

LONGEST = timedelta(hours=24)  # of a payment whose end nobody saw
_KINDS = {Result.FAILED: Kind.QUARANTINED, Result.UNPROVED: Kind.UNPROVED}


class FileNote(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What becomes of one spool file; places are frames, counted from its first sample."""

    keep_frames: int
    erase: tuple[Frames, ...]


class Note(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What was found, and what is to be overwritten because of it."""

    proofs: tuple[Proof, ...]  # one for each payment
    files: dict[str, FileNote]  # by the file's name
    version: int = 1


@dataclass(frozen=True, kw_only=True)
class Proven:
    """A settled recording of whose payments nothing is left."""

    settled: Settled
    spans: tuple[Span, ...]  # each payment with its proof
    remarks: tuple[str, ...]
    quarantined: bool


@dataclass(frozen=True, kw_only=True)
class _File:
    segment: Segment
    audio: SpoolAudio


def prove(
    archive: LocalArchive, folder: Path, handoff: Handoff, settled: Settled, margin_s: float
) -> Proven:
    """Examine every payment of a recording; overwrite in the spool what is not to be kept.

    To be called under the recording's lock, before anything of it is copied.

    Args:
        margin_s: so much at a payment's edges is cut to the exact moment, and is no failure.

    Raises:
        Unreachable: the note can't be written, or a file not be overwritten: nothing is kept of
            the recording until it can.
        Damaged: a file has become shorter since it settled.
    """
    payments = [span for span in handoff.spans if span.kind is SpanKind.PAYMENT]
    if not payments:
        spans = tuple(_with_proof(span, None) for span in handoff.spans)
        return Proven(settled=settled, spans=spans, remarks=(), quarantined=False)
    note = _noted(archive, handoff.id, len(payments))
    if note is None:
        note = _examine(folder, handoff, settled, payments, margin_s)
        if any(each.erase for each in note.files.values()):
            archive.put(layout.proof_begun(handoff.id), to_json(note))
    for file in _files(settled):
        stretches = note.files[file.audio.name].erase if file.audio.name in note.files else ()
        erase.overwrite(folder, handoff.id, file.audio, stretches)
    proofs = iter(note.proofs)
    spans = tuple(
        _with_proof(span, next(proofs) if span.kind is SpanKind.PAYMENT else None)
        for span in handoff.spans
    )
    for span in spans:
        if span.proof is not None and span.proof.result is not Result.PROVED:
            log.error(
                "a payment's silence is not proved",
                step="prove",
                recording=handoff.id,
                began=f"{span.started_at:%H:%M:%S} UTC",
                result=span.proof.result.value,
                why=span.proof.words,
            )
    return Proven(
        settled=_cut(settled, note),
        spans=spans,
        remarks=_remarks(note.proofs),
        quarantined=any(each.result is Result.FAILED for each in note.proofs),
    )


def forget(archive: LocalArchive, recording_id: str) -> None:
    """Take the note away, when the proof is in the manifest or nothing of the call is kept."""
    if archive.exists(layout.proof_begun(recording_id)):
        archive.delete(layout.proof_begun(recording_id))


def _noted(archive: LocalArchive, recording_id: str, payments: int) -> Note | None:
    """What a run found that was interrupted; None: none was."""
    name = layout.proof_begun(recording_id)
    if not archive.exists(name):
        return None
    try:
        note = msgspec.json.decode(archive.get(name), type=Note)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise Damaged(f"{name} in the archive can't be read: {error}") from None
    if len(note.proofs) != payments:
        raise Damaged(f"{name} in the archive belongs to another hand-off of this recording")
    return note


def _examine(
    folder: Path, handoff: Handoff, settled: Settled, payments: Sequence[Span], margin_s: float
) -> Note:
    files = list(_files(settled))
    kept = {file.audio.name: file.audio.frames for file in files}
    erased: dict[str, list[Frames]] = {file.audio.name: [] for file in files}
    proofs = []
    for span in (_to_its_end(each, handoff) for each in payments):
        proof = _begin(span, handoff, settled, margin_s)
        for file in files:
            ruling = silence.rule(span, file.segment, file.audio, handoff.call.ended_at, margin_s)
            heard = Peak()
            if ruling.look is not None:
                heard = erase.hear(folder, handoff.id, file.audio, ruling.look)
            proof, stretch = _judge(proof, ruling, heard, file.audio.rate_hz)
            kept[file.audio.name] = min(kept[file.audio.name], ruling.keep_frames)
            if stretch is not None:
                erased[file.audio.name].append(stretch)
                if not erase.may_write(folder / file.audio.name):
                    proof = msgspec.structs.replace(proof, replaced=True)
        proofs.append(proof)
    return Note(
        proofs=tuple(proofs),
        files={name: FileNote(keep_frames=kept[name], erase=tuple(erased[name])) for name in kept},
    )


def _begin(span: Span, handoff: Handoff, settled: Settled, margin_s: float) -> Proof:
    """What can be said of a payment without any file of it."""
    words = ""
    if span.ended_at <= span.started_at:
        words = "its times are wrong: a clock was set while it lasted"
    for segment in handoff.segments:
        for holds, _ in segment.files:
            if silence.may_touch(span, segment, margin_s) and settle.is_lacking(
                segment.number, holds, settled.remarks, left_only=True
            ):
                words = f"segment {segment.number}, {holds}, can't be read"
    return Proof(
        result=Result.UNPROVED if words else Result.PROVED,
        method=Method.ZEROS if span.muted else Method.NO_SAMPLES,
        margin_s=margin_s,
        words=words,
    )


def _to_its_end(span: Span, handoff: Handoff) -> Span:
    """A payment in whose first moment the call ended, with the length that it may have had.

    Of a call that ended while nobody listened, the end is when it was last heard. No recorder was
    started afterwards, so a later end makes no difference, and it is examined to the last sample.
    """
    ends_it = span.ended_at == span.started_at >= handoff.call.ended_at
    if not ends_it or any(each.started_at >= span.started_at for each in handoff.segments):
        return span
    return msgspec.structs.replace(span, ended_at=span.started_at + LONGEST)


def _judge(proof: Proof, ruling: Ruling, heard: Peak, rate_hz: int) -> tuple[Proof, Frames | None]:
    """Add what one file says; return what is to be overwritten in it, too."""
    result, stretch, words = ruling.result, ruling.erase, ruling.words
    samples = 0
    if proof.method is Method.ZEROS:
        samples = heard.loud
        if samples:
            result, stretch = Result.FAILED, ruling.erase_if_heard
            words = words or "a recorder that was to be muted took in sound"
    elif result is Result.FAILED:
        samples, stretch = heard.samples, ruling.erase_if_heard
    destroyed_s = (stretch[1] - stretch[0]) / rate_hz if stretch else 0.0
    graver = GRAVITY.index(result) > GRAVITY.index(proof.result)
    return msgspec.structs.replace(
        proof,
        result=result if graver else proof.result,
        words=words if graver else proof.words,
        samples=proof.samples + samples,
        largest_sample=max(proof.largest_sample, heard.largest if samples else 0),
        destroyed_s=max(proof.destroyed_s, round(destroyed_s, 4)),
    ), stretch


def _files(settled: Settled) -> Iterator[_File]:
    for each in settled.segments:
        both = {audio.name: audio for audio in (each.outside, each.inside) if audio is not None}
        yield from (_File(segment=each.segment, audio=audio) for audio in both.values())


def _cut(settled: Settled, note: Note) -> Settled:
    def kept(audio: SpoolAudio | None) -> SpoolAudio | None:
        if audio is None or audio.name not in note.files:
            return audio
        return audio.keep(note.files[audio.name].keep_frames)

    segments = tuple(
        replace(each, outside=kept(each.outside), inside=kept(each.inside))
        for each in settled.segments
    )
    return replace(settled, segments=segments)


def _remarks(proofs: Sequence[Proof]) -> tuple[str, ...]:
    """What a person should know, as remarks of the manifest."""
    return tuple(
        f"{_KINDS[each.result]}: payment {number}: {each.words}"
        + (f"; {FREED}" if each.replaced else "")
        for number, each in enumerate(proofs, start=1)
        if each.result in _KINDS
    )


def _with_proof(span: Span, proof: Proof | None) -> Span:
    """The span with our own proof; what a hand-off says of one is not believed."""
    return msgspec.structs.replace(span, proof=proof)
