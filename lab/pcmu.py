"""Tones in G.711 µ-law (PCMU), as they travel in a telephone call's packets."""

from __future__ import annotations

import math

import numpy as np

from lab.ear import Floats

RATE_HZ = 8000
AMPLITUDE = 0.45

_BIAS = 132
_CLIP = 32635


def tone(hz: int) -> bytes:
    """One second of a tone: whole periods, so that it can be sung in a circle."""
    step = 2 * math.pi * hz / RATE_HZ
    return bytes(
        encode(round(32767 * AMPLITUDE * math.sin(step * position))) for position in range(RATE_HZ)
    )


def decoded(data: bytes) -> Floats:
    """Samples as shares of full scale."""
    samples: Floats = _TABLE[np.frombuffer(data, dtype=np.uint8)]
    return samples


def encode(sample: int) -> int:
    """One 16-bit sample as a byte."""
    sign = 0x80 if sample < 0 else 0
    biased = min(abs(sample), _CLIP) + _BIAS
    exponent = biased.bit_length() - 8
    return ~(sign | exponent << 4 | (biased >> (exponent + 3)) & 0x0F) & 0xFF


def decode(code: int) -> int:
    """A byte as a 16-bit sample."""
    code = ~code & 0xFF
    magnitude = (((code & 0x0F) << 3) + _BIAS << (code >> 4 & 0x07)) - _BIAS
    return -magnitude if code & 0x80 else magnitude


_TABLE = np.array([decode(code) for code in range(256)]) / 32768
