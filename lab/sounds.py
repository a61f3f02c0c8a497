"""What a PBX of the lab plays: tones by which the ear knows it."""

from __future__ import annotations

import math
import struct
import wave
from pathlib import Path

from lab import town

MUSIC_S = 10
ANNOUNCEMENT_S = 1.5
CARD_PROMPT_S = 2.5
TONE_AMPLITUDE = 0.4
SAMPLE_RATE_HZ = 8000


def write_sounds(tree: Path, music_s: float = MUSIC_S) -> None:
    """Write music, announcement and card prompt into a PBX's `moh` and `sounds`."""
    _write_tone(tree / "moh" / "tone.wav", town.MUSIC_HZ, music_s)
    sounds = tree / "sounds"
    _write_tone(sounds / "announcement.wav", town.ANNOUNCEMENT_HZ, ANNOUNCEMENT_S)
    _write_tone(sounds / "card-prompt.wav", town.PAYMENT_HZ, CARD_PROMPT_S)


def _write_tone(path: Path, hz: int, seconds: float) -> None:
    # Whole periods, so that a loop has no click.
    count = round(SAMPLE_RATE_HZ * seconds)
    step = 2 * math.pi * hz / SAMPLE_RATE_HZ
    samples = [int(32767 * TONE_AMPLITUDE * math.sin(step * i)) for i in range(count)]
    with wave.open(str(path), "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(SAMPLE_RATE_HZ)
        out.writeframes(struct.pack(f"<{count}h", *samples))
