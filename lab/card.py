"""A card: its number, keyed or spoken, and whether any of it is found again.

Nobody's card. What is keyed is sent as the telephone's own digits and, by a phone that knows no
better, as tones in the voice; what is spoken is a tone that nothing else in the lab has.
"""

from __future__ import annotations

import time
import wave
from dataclasses import dataclass
from functools import cache
from itertools import groupby
from pathlib import Path

import numpy as np

from lab.ear import RATE_HZ, Floats, load
from lab.phone import Phone
from lab.town import CARD_HZ, TONES
from lab.waiting import pass_time

NUMBER = "4716394179631497"
TRACE_DIGITS = 8  # so many of them in a row, anywhere, are a trace of it: fewer may be chance

SPOKEN_S = 1.4
KEY_S = 0.25  # a phone sends no more than four digits in a second
DIGIT_S = 0.1
PAUSE_S = 0.08
LEAD_S = 0.3
PLAYED_RATE_HZ = 48_000  # what the phones' source is set to, in stereo
AMPLITUDE = 0.25  # of each of a digit's two tones
TAIL_S = 30.0  # nobody's file may end before its phone sings again

LOW_HZ = (697, 770, 852, 941)
HIGH_HZ = (1209, 1336, 1477, 1633)
KEYS = ("123A", "456B", "789C", "*0#D")
# A digit is a pair of tones, about equally loud, that make up nearly all that is heard beside the
# tones that people in the lab sing.
WINDOW_S = 0.06
HOP_S = 0.02
PURITY = 0.85  # share of that energy
TWIST_DB = 8.0
FLOOR_DBFS = -36.0  # of each of the two
LEAST_WINDOWS = 2


def number_read_out(phone: Phone) -> float:
    """Say the number (a tone), key it, play its digits in the voice; return for how long (s)."""
    began_s = time.monotonic()
    sing(phone, CARD_HZ)
    pass_time(SPOKEN_S)
    sing(phone)
    key(phone)
    play_digits(phone)
    return time.monotonic() - began_s


def key(phone: Phone, number: str = NUMBER) -> None:
    """Press a number's digits, and wait until the phone has sent them all."""
    phone.dtmf(number, gap_s=KEY_S)


def sing(phone: Phone, hz: int | None = None) -> None:
    """Let a phone that talks sing another tone; None: its own again."""
    phone.command("ausrc", f"ausine,{hz or phone.tone_hz}")


def play_digits(phone: Phone, number: str = NUMBER) -> None:
    """Let a phone that talks play a number's digits as tones in the voice; then it sings again."""
    path = phone.folder / "digits.wav"
    if not path.exists():
        write_digits(path, number)
    phone.command("ausrc", f"aufile,{phone.inside(path.name)}")
    pass_time(2 * LEAD_S + len(number) * (DIGIT_S + PAUSE_S))
    sing(phone)


def write_digits(path: Path, number: str) -> None:
    """Write a number's digits as tones, the way a phone's source wants them."""
    mono = digits_tones(number, PLAYED_RATE_HZ)
    tail = np.zeros(round(TAIL_S * PLAYED_RATE_HZ))
    pcm = (np.concatenate([mono, tail]) * 32767).astype("<i2")
    with wave.open(str(path), "wb") as out:
        out.setnchannels(2)
        out.setsampwidth(2)
        out.setframerate(PLAYED_RATE_HZ)
        out.writeframes(np.repeat(pcm, 2).tobytes())


def digits_tones(number: str, rate_hz: int = RATE_HZ) -> Floats:
    """The samples of a number's digits, -1 to 1."""
    t = np.arange(round(DIGIT_S * rate_hz)) / rate_hz
    parts = [np.zeros(round(LEAD_S * rate_hz))]
    for key in number:
        low, high = _tones_of(key)
        both = np.sin(2 * np.pi * low * t) + np.sin(2 * np.pi * high * t)
        parts += [AMPLITUDE * both, np.zeros(round(PAUSE_S * rate_hz))]
    return np.concatenate(parts)


def _tones_of(key: str) -> tuple[int, int]:
    for low, row in zip(LOW_HZ, KEYS, strict=True):
        if key in row:
            return low, HIGH_HZ[row.index(key)]
    raise ValueError(f"{key} is no key")


# ---------------------------------------------------------------------- looking for it


def keyed_in(path: Path) -> list[str]:
    """The digits that are heard in a file as tones, for each of its channels."""
    samples, rate_hz = load(path)
    return [keyed(each, rate_hz) for each in samples]


def keyed(samples: Floats, rate_hz: int = RATE_HZ) -> str:
    """The digits that are heard as tones, in order: "" is none."""
    length, hop = round(WINDOW_S * rate_hz), round(HOP_S * rate_hz)
    if len(samples) < length:
        return ""
    frames = np.lib.stride_tricks.sliding_window_view(samples, length)[::hop]
    frames = frames[np.abs(frames).max(axis=1) > 10 ** (FLOOR_DBFS / 20)]
    best, which = np.zeros(len(frames)), np.full(len(frames), -1)
    keys = [key for row in KEYS for key in row]
    for number, key in enumerate(keys):
        share = _Pair.of(_tones_of(key), length, rate_hz).share(frames)
        better = share > best
        best[better], which[better] = share[better], number
    which[best < PURITY] = -1
    runs = [(number, len(list(run))) for number, run in groupby(which.tolist())]
    return "".join(keys[number] for number, count in runs if number >= 0 and count >= LEAST_WINDOWS)


@dataclass(frozen=True)
class _Pair:
    """Two tones, beside all that is sung in the lab.

    Args:
        waves: cosine and sine of each of the two, and of each that is sung: a column each.
        solve: a frame's samples times this are the weights of these.
    """

    waves: Floats
    solve: Floats

    @classmethod
    @cache
    def of(cls, pair_hz: tuple[int, int], length: int, rate_hz: int) -> _Pair:
        """Reckon it, once."""
        t = np.arange(length) / rate_hz
        tones = (*pair_hz, *TONES.values())
        turns = [turn(2 * np.pi * hz * t) for hz in tones for turn in (np.cos, np.sin)]
        waves = np.stack(turns, axis=1)
        gram = np.einsum("sw,sv->wv", waves, waves)
        return cls(waves, np.linalg.solve(gram, waves.T).T)

    def share(self, frames: Floats) -> Floats:
        """How much of each frame's energy, but for what is sung, the two tones explain.

        0 where one of them is too faint, or much fainter than the other.
        """
        # Without BLAS: its threads cost more than they save where frames are few.
        weights = np.einsum("fs,sw->fw", frames, self.solve)
        ours = np.einsum("fw,sw->fs", weights[:, :4], self.waves[:, :4])
        all_of_it = np.einsum("fw,sw->fs", weights, self.waves)
        explained = np.square(ours).sum(axis=1)
        total = explained + np.square(frames - all_of_it).sum(axis=1)
        share = np.divide(explained, total, out=np.zeros_like(total), where=total > 0)
        low, high = np.hypot(*weights[:, 0:2].T), np.hypot(*weights[:, 2:4].T)
        fainter, louder = np.minimum(low, high), np.maximum(low, high)
        twist, floor = 10 ** (TWIST_DB / 20), 10 ** (FLOOR_DBFS / 20)
        return np.asarray(np.where((louder < twist * fainter) & (fainter > floor), share, 0.0))


def stands_in(data: bytes) -> bool:
    """Whether some bytes hold a good part of the number, in one piece."""
    number = NUMBER.encode()
    last = len(number) - TRACE_DIGITS
    return any(number[at : at + TRACE_DIGITS] in data for at in range(last + 1))
