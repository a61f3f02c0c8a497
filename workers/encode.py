"""Encodes a recording with one ffmpeg, which gets the samples through a pipe as they are mixed."""

from __future__ import annotations

import itertools
import secrets
import struct
import subprocess
import threading
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path

from hushtape.errors import RecordingError, Unreachable
from hushtape.recordings.manifest import AudioFormat, Handoff
from workers import measure

TIMEOUT_FLOOR_S = 30.0
TIMEOUT_PER_S = 0.1  # ffmpeg is a hundred times faster than the sound, or something is wrong
STOP_LIMIT_S = 5.0
COMPLAINT_LIMIT = 300
COMPLAINT_LIMIT_BYTES = 65_536
TAG_LIMIT = 200
LENGTH_TOLERANCE_S = 0.1
FRAME_BYTES = 4  # two samples of 16 bits

CODEC = {
    # Not "voip": measured on two tones, its stereo carries each side into the other at -32 dB,
    # "audio" at -73 dB. It takes 39 instead of 25 kb/s and two thirds of the time.
    AudioFormat.OPUS: ("-c:a", "libopus", "-b:a", "32k", "-application", "audio", "-f", "ogg"),
    AudioFormat.MP3: ("-c:a", "libmp3lame", "-b:a", "48k", "-f", "mp3"),
    AudioFormat.FLAC: ("-c:a", "flac", "-f", "flac"),
    AudioFormat.WAV: ("-c:a", "pcm_s16le", "-f", "wav"),
}
_CAF_LITTLE_ENDIAN = 2
_DISK_FULL = ("No space left on device", "Disk quota exceeded")


def encode(
    blocks: Iterable[bytes],
    *,
    folder: Path,
    audio_format: AudioFormat,
    rate_hz: int,
    duration_s: float,
    tags: Mapping[str, str],
) -> Path:
    """Encode interleaved 16-bit stereo samples into a file in ``folder``.

    Args:
        folder: empty and our own; on the archive's disk.
        duration_s: how long the result must be.

    Returns:
        The file.

    Raises:
        Unreachable: ffmpeg isn't installed, took too long, or found the archive's disk full.
        RecordingError: ffmpeg failed or complained, or wrote something else than was asked for.
    """
    # A name of its own: the encoder of a worker that was killed may still be about to write.
    target = folder / f"{secrets.token_hex(8)}.{audio_format.value}"
    limit_s = TIMEOUT_FLOOR_S + duration_s * TIMEOUT_PER_S
    command = [
        *("ffmpeg", "-nostdin", "-hide_banner", "-loglevel", "error", "-xerror", "-y"),
        *("-protocol_whitelist", "file,pipe"),
        *("-f", "caf", "-i", "pipe:0", "-map", "0:a", "-threads", "1"),
        *CODEC[audio_format],
        f"file:{target}",
    ]
    try:
        process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            cwd=folder,
        )
    except FileNotFoundError:
        raise Unreachable("ffmpeg is not installed, or not on the worker's PATH") from None
    complaint = _Complaint(process)
    head = caf_head(rate_hz, round(duration_s * rate_hz), _fitting(audio_format, tags))
    timed_out = _feed(process, itertools.chain((head,), blocks), limit_s)
    words = complaint.words(folder)
    if timed_out:
        raise Unreachable(f"ffmpeg was stopped: it took more than {limit_s:.0f} s")
    if any(each in words for each in _DISK_FULL):
        raise Unreachable(
            f"the archive's disk is full: recordings wait in the spool until there is room: {words}"
        )
    # Its exit code alone isn't believed: some versions end with 0 when the last block didn't fit.
    if process.returncode != 0 or words:
        raise RecordingError(f"ffmpeg ended with {process.returncode}: {words or 'without a word'}")
    found_s = measure.duration_s(target, audio_format)
    if abs(found_s - duration_s) > LENGTH_TOLERANCE_S:
        raise RecordingError(
            f"ffmpeg wrote {found_s:.2f} s of sound where {duration_s:.2f} s were to be encoded"
        )
    return target


class _Complaint:
    """What ffmpeg says on its standard error, read beside it so that it never waits for us.

    Kept in memory, not in a file: the disk may be what it complains of.
    """

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        assert process.stderr is not None  # noqa: S101 -- for mypy; it was opened as a pipe
        self._stream = process.stderr
        self._text = b""
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def words(self, folder: Path) -> str:
        """All in one line, after the process has ended; the folder's name is left out."""
        self._reader.join(STOP_LIMIT_S)
        text = self._text.decode(errors="replace")
        return " ".join(text.replace(f"{folder}/", "").split())[:COMPLAINT_LIMIT]

    def _read(self) -> None:
        with self._stream:
            while block := self._stream.read1(COMPLAINT_LIMIT_BYTES):  # type: ignore[attr-defined]
                self._text = (self._text + block)[:COMPLAINT_LIMIT_BYTES]


def tags_of(handoff: Handoff) -> dict[str, str]:
    """What is written into the audio file; the caller's number only if the policy says so."""
    reason = handoff.keep.reason
    tags = {
        "title": f"Recording {handoff.id}",
        "date": handoff.call.started_at.isoformat(timespec="seconds"),
        "queue": ", ".join(handoff.call.queues),
        "agent": ", ".join(handoff.party.agents),
        "call_id": handoff.id,
        "policy": f"{reason.policy} {reason.version}",
        "tags": ", ".join(handoff.tags),
        "keep_until": handoff.keep.until.isoformat(timespec="seconds"),
    }
    if handoff.audio.number_in_tags:
        tags["caller"] = handoff.party.number
    cleaned = {name: _clean(value) for name, value in tags.items()}
    return {name: value for name, value in cleaned.items() if value}


def caf_head(rate_hz: int, frames: int, tags: Mapping[str, str]) -> bytes:
    """The head of a CAF file, which carries tags beside raw samples; ffmpeg misses any that lack.

    So the tags are on no command line, which everybody on the machine can read, and need no second
    input, which makes ffmpeg ten times slower.
    """
    description = struct.pack(">d4sIIIII", rate_hz, b"lpcm", _CAF_LITTLE_ENDIAN, 4, 1, 2, 16)
    strings = b"".join(
        each.replace("\0", " ").encode() + b"\0" for pair in tags.items() for each in pair
    )
    information = struct.pack(">I", len(tags)) + strings
    return b"".join(
        (
            struct.pack(">4sHH", b"caff", 1, 0),
            struct.pack(">4sq", b"desc", len(description)) + description,
            struct.pack(">4sq", b"info", len(information)) + information,
            struct.pack(">4sqI", b"data", 4 + frames * FRAME_BYTES, 0),
        )
    )


def _feed(process: subprocess.Popen[bytes], blocks: Iterable[bytes], limit_s: float) -> bool:
    """Write all blocks and wait for the end; tell whether the time was up."""
    timed_out = threading.Event()

    def stop() -> None:
        timed_out.set()
        process.kill()

    # A write to a pipe has no timeout of its own: killing its reader ends it.
    watchdog = threading.Timer(limit_s, stop)
    watchdog.daemon = True
    watchdog.start()
    assert process.stdin is not None  # noqa: S101 -- for mypy; it was opened as a pipe
    try:
        with suppress(BrokenPipeError):  # ffmpeg says itself what went wrong
            for block in blocks:
                process.stdin.write(block)
            process.stdin.close()
        process.wait(timeout=limit_s + STOP_LIMIT_S)
    finally:
        watchdog.cancel()
        if process.poll() is None:
            process.kill()
            process.wait(timeout=STOP_LIMIT_S)
        with suppress(BrokenPipeError):
            process.stdin.close()
    return timed_out.is_set()


def _fitting(audio_format: AudioFormat, tags: Mapping[str, str]) -> dict[str, str]:
    """WAV knows a few tags only; there the others go into the comment."""
    if audio_format is not AudioFormat.WAV:
        return dict(tags)
    known = {name: tags[name] for name in ("title", "date") if name in tags}
    # A value must not pass for another tag.
    others = "; ".join(
        f"{name}={value.replace(';', ',')}" for name, value in tags.items() if name not in known
    )
    return known | {"comment": others}


def _clean(value: str) -> str:
    """Names come from queues and from the network: nothing but printable characters stays."""
    return "".join(each if each.isprintable() else " " for each in value).strip()[:TAG_LIMIT]
