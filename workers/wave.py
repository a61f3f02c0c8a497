"""Reads the head of a WAV file. Pure; whether it tells the truth is for ``settle`` to find out."""

from __future__ import annotations

from typing import NamedTuple

from hushtape.errors import Damaged

HEAD_BYTES = 4096
SAMPLE_BYTES = 2
RATES_HZ = (8000, 16000, 24000, 32000, 44100, 48000)

_PCM = 1
_EXTENSIBLE = 0xFFFE


class WaveHead(NamedTuple):
    """Where the samples begin, and how many the head claims there are."""

    data_offset_bytes: int
    claimed_bytes: int
    rate_hz: int

    def claims(self, size_bytes: int) -> bool:
        """Tell whether a file of this size holds exactly what the head says."""
        return self.claimed_bytes == size_bytes - self.data_offset_bytes


class Incomplete(Damaged):
    """The head isn't wholly there yet."""


def parse_head(head: bytes, channels: int = 1) -> WaveHead:
    """Find the samples in the first HEAD_BYTES bytes of a file.

    Args:
        channels: how many it must have.

    Raises:
        Incomplete: it ends before the samples begin.
        Damaged: it isn't a file of 16-bit samples in so many channels.
    """
    if len(head) >= 12 and not (head[:4] == b"RIFF" and head[8:12] == b"WAVE"):
        raise Damaged("it is not a WAV file")
    position = 12
    rate_hz = 0
    while position + 8 <= len(head):
        kind = head[position : position + 4]
        size = int.from_bytes(head[position + 4 : position + 8], "little")
        body = head[position + 8 : position + 8 + size]
        if kind == b"fmt ":
            rate_hz = _rate_hz(body, channels)
        elif kind == b"data":
            if not rate_hz:
                raise Damaged("its WAV header names no format")
            return WaveHead(position + 8, size, rate_hz)
        position += 8 + size + size % 2
    if len(head) >= HEAD_BYTES:
        raise Damaged("its WAV header has no samples in reach")
    raise Incomplete("its WAV header is incomplete")


def _rate_hz(body: bytes, wanted: int) -> int:
    if len(body) < 16:
        raise Incomplete("its WAV header is incomplete")
    encoding = int.from_bytes(body[0:2], "little")
    channels = int.from_bytes(body[2:4], "little")
    rate_hz = int.from_bytes(body[4:8], "little")
    bits = int.from_bytes(body[14:16], "little")
    if encoding == _EXTENSIBLE and len(body) >= 26:
        encoding = int.from_bytes(body[24:26], "little")
    if (encoding, channels, bits) != (_PCM, wanted, 16) or rate_hz not in RATES_HZ:
        expected = "one channel" if wanted == 1 else f"{wanted} channels"
        raise Damaged(
            f"expected {expected} of 16-bit PCM, not {channels} of {bits} bits at {rate_hz} Hz"
            f" in encoding {encoding}"
        )
    return rate_hz
