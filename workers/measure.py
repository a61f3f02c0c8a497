"""How long an encoded file is, from its own bytes: a second ffmpeg for that would cost too much."""

from __future__ import annotations

import struct
from pathlib import Path

from hushtape.errors import RecordingError
from hushtape.recordings.manifest import AudioFormat

HEAD_BYTES = 65_536
TAIL_BYTES = 131_072  # an Ogg page is at most 65,307 bytes

_OPUS_RATE_HZ = 48_000


def duration_s(path: Path, audio_format: AudioFormat) -> float:
    """The length in seconds that a player will show.

    Raises:
        RecordingError: the file isn't of this format, or is cut off.
    """
    size_bytes = path.stat().st_size if path.exists() else 0
    if not size_bytes:
        raise RecordingError("ffmpeg wrote nothing")
    with path.open("rb") as stream:
        head = stream.read(HEAD_BYTES)
        stream.seek(max(0, size_bytes - TAIL_BYTES))
        tail = stream.read(TAIL_BYTES)
    try:
        match audio_format:
            case AudioFormat.OPUS:
                return _opus_s(head, tail)
            case AudioFormat.FLAC:
                return _flac_s(head)
            case AudioFormat.WAV:
                return _wav_s(head, size_bytes)
            case AudioFormat.MP3:
                return _mp3_s(head)
    except (ValueError, LookupError, ZeroDivisionError, struct.error):
        raise RecordingError(f"ffmpeg wrote something else than {audio_format.value}") from None


def _opus_s(head: bytes, tail: bytes) -> float:
    opus = head.index(b"OpusHead")
    pre_skip = int.from_bytes(head[opus + 10 : opus + 12], "little")
    page = tail.rindex(b"OggS")
    if not tail[page + 5] & 0x04:
        raise ValueError("the last page doesn't say that it is the last")
    granule = int.from_bytes(tail[page + 6 : page + 14], "little")
    return (granule - pre_skip) / _OPUS_RATE_HZ


def _flac_s(head: bytes) -> float:
    if head[:4] != b"fLaC":
        raise ValueError("no FLAC")
    info = int.from_bytes(head[18:26], "big")  # 20 bits rate, 3 channels, 5 bits, 36 samples
    return (info & (1 << 36) - 1) / (info >> 44)


def _wav_s(head: bytes, size_bytes: int) -> float:
    if head[:4] != b"RIFF" or head[8:12] != b"WAVE":
        raise ValueError("no WAV")
    position, byte_rate = 12, 0
    while True:  # chunk by chunk: a tag may hold any word; struct.error ends it
        kind, claimed = struct.unpack_from("<4sI", head, position)
        if kind == b"fmt ":
            (byte_rate,) = struct.unpack_from("<I", head, position + 16)
        elif kind == b"data":
            if position + 8 + claimed > size_bytes:
                raise ValueError("cut off")
            return float(claimed / byte_rate)
        position += 8 + claimed + claimed % 2


def _mp3_s(head: bytes) -> float:
    """From the Xing header that LAME writes into the first frame: frames, delay and padding."""
    frame = 0
    if head[:3] == b"ID3":  # what is in the tags is no frame; their size has 7 bits a byte
        frame = 10 + sum((head[6 + n] & 0x7F) << 7 * (3 - n) for n in range(4))
    if head[frame] != 0xFF or head[frame + 1] & 0xE0 != 0xE0:
        raise ValueError("no MP3")
    version = head[frame + 1] >> 3 & 0x03  # 3: MPEG 1, 2: MPEG 2, 0: MPEG 2.5
    rate_hz = (44_100, 48_000, 32_000)[head[frame + 2] >> 2 & 0x03] >> {3: 0, 2: 1, 0: 2}[version]
    mono = head[frame + 3] >> 6 == 3
    xing = frame + 4 + ((17 if mono else 32) if version == 3 else (9 if mono else 17))
    if head[xing : xing + 4] not in (b"Xing", b"Info"):
        raise ValueError("no Xing header")
    (frames,) = struct.unpack_from(">I", head, xing + 8)
    # 12 bits delay, 12 bits padding
    gaps = struct.unpack_from("3B", head, xing + 120 + 21)
    delay, padding = gaps[0] << 4 | gaps[1] >> 4, (gaps[1] & 0x0F) << 8 | gaps[2]
    return float((frames * (1152 if version == 3 else 576) - delay - padding) / rate_hz)
