"""The ear: who can be heard when, measured and not assumed.

Every party in the lab sings one tone whose frequency is known. So a recording is compared with
exactly those tones: in every frame of 20 ms the amplitudes of all candidate tones are fitted
together by (windowed) least squares. Because the tones are fitted jointly, a loud tone does not
leak into the others as it would in a plain Fourier transform of 160 samples.
"""

from __future__ import annotations

import struct
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

RATE_HZ = 8000
FRAME_S = 0.020
FINE_S = 0.200
DECODE_TIMEOUT_S = 120
SOLVED_KEPT = 16  # 3 MB each, for a hundred tones

# A tone is there when its amplitude is above this share of full scale ...
FLOOR_DBFS = -46.0
# ... and not this far below the loudest tone in its neighbourhood.
BELOW_LOUDEST_DB = -13.0
# How many frames on each side count as neighbourhood: a tone cut off within a frame smears, and
# the frame next to it still tells how loud it was.
NEIGHBOURHOOD = 2
# In fine mode the window is long, so the leak is small.
FINE_BELOW_LOUDEST_DB = -26.0

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
Channel = int | str
CHANNELS = {"left": 0, "right": 1, "mono": 0}


class EarError(RuntimeError):
    """The file can't be heard."""


@dataclass(frozen=True)
class Span:
    """From `start_s` to `end_s` exactly these tones were heard."""

    start_s: float
    end_s: float
    names: frozenset[str]

    @property
    def seconds(self) -> float:
        """How long."""
        return self.end_s - self.start_s


@dataclass(frozen=True)
class Heard:
    """What was heard in a file.

    `present[channel]` is a table of frames by tones; the order of tones is that of `names`.
    `amplitudes` are shares of full scale.
    """

    path: Path
    names: tuple[str, ...]
    hz: tuple[float, ...]
    frame_s: float
    amplitudes: tuple[Floats, ...]
    present: tuple[Flags, ...]
    samples: tuple[Floats, ...]
    rate_hz: int = RATE_HZ

    # ------------------------------------------------------------------ sizes

    @property
    def channels(self) -> int:
        """1 or 2."""
        return len(self.samples)

    @property
    def seconds(self) -> float:
        """The length of the file."""
        return len(self.samples[0]) / self.rate_hz

    @property
    def frames_total(self) -> int:
        """The number of whole frames."""
        return len(self.present[0])

    # ------------------------------------------------------------------ questions

    def frames(
        self,
        channel: Channel,
        name: str,
        start_s: float = 0.0,
        end_s: float | None = None,
    ) -> int:
        """In how many frames of the channel ("left", "right", "any") this tone was heard."""
        return int(self._flags(channel, name, start_s, end_s).sum())

    def share(
        self,
        name: str,
        channel: Channel = "any",
        start_s: float = 0.0,
        end_s: float | None = None,
    ) -> float:
        """The share (0 to 1) of frames between the two times in which the tone was heard."""
        flags = self._flags(channel, name, start_s, end_s)
        return float(flags.mean()) if len(flags) else 0.0

    def first(self, name: str, channel: Channel = "any") -> float | None:
        """When the tone was first heard (s), or None."""
        found = np.flatnonzero(self._flags(channel, name, 0.0, None))
        return float(found[0] * self.frame_s) if len(found) else None

    def last(self, name: str, channel: Channel = "any") -> float | None:
        """The end (s) of the last frame in which the tone was heard, or None."""
        found = np.flatnonzero(self._flags(channel, name, 0.0, None))
        return float((found[-1] + 1) * self.frame_s) if len(found) else None

    def heard_at_all(self, channel: Channel = "any") -> set[str]:
        """The tones that were heard in at least one frame."""
        return {n for n in self.names if self.frames(channel, n)}

    def silent(self, start_s: float, end_s: float, channel: Channel = "any") -> bool:
        """Whether every sample between the two times is exactly zero."""
        return self.peak(start_s, end_s, channel) == 0.0

    def peak(self, start_s: float, end_s: float, channel: Channel = "any") -> float:
        """The largest sample between the two times, as a share of full scale."""
        a, b = round(start_s * self.rate_hz), round(end_s * self.rate_hz)
        parts = [self.samples[c][a:b] for c in self._which(channel)]
        return max((float(np.abs(p).max()) for p in parts if len(p)), default=0.0)

    def timeline(self, channel: Channel = "any", shortest_s: float = 0.0) -> list[Span]:
        """Run lengths: spans with the same tones, joined to one list without gaps.

        Spans shorter than `shortest_s` are added to the one before: for words, not for proofs.
        """
        table = np.zeros_like(self.present[0])
        for index in self._which(channel):
            table |= self.present[index]
        spans: list[Span] = []
        for number, row in enumerate(table):
            names = frozenset(n for n, on in zip(self.names, row, strict=True) if on)
            start = number * self.frame_s
            end = start + self.frame_s
            if spans and spans[-1].names == names:
                spans[-1] = Span(spans[-1].start_s, end, names)
            else:
                spans.append(Span(start, end, names))
        if shortest_s <= 0:
            return spans
        calm: list[Span] = []
        for span in spans:
            if calm and (span.names == calm[-1].names or span.seconds < shortest_s):
                calm[-1] = Span(calm[-1].start_s, span.end_s, calm[-1].names)
            else:
                calm.append(span)
        return calm

    def in_words(self, channel: Channel = "any", shortest_s: float = 0.0) -> str:
        """One line for people: `0.00-0.10 caller; 0.10-4.44 agent + caller; 4.44-5.00 nobody`."""
        parts = [
            f"{s.start_s:.2f}-{s.end_s:.2f} {' + '.join(sorted(s.names)) or 'nobody'}"
            for s in self.timeline(channel, shortest_s)
        ]
        return "; ".join(parts) or "(no sound at all)"

    def which_of(
        self,
        candidates: Mapping[str, float],
        channel: Channel = "any",
        start_s: float = 0.0,
        end_s: float | None = None,
        least_share: float = 0.5,
    ) -> set[str]:
        """Fine mode: which of many tones that lie 25 Hz or more apart are heard.

        A candidate counts when it is there in `least_share` of the windows of 200 ms; with 0, one
        window is enough.
        """
        names, hz = tuple(candidates), tuple(float(f) for f in candidates.values())
        found: set[str] = set()
        first = round(start_s * self.rate_hz)
        last = None if end_s is None else round(end_s * self.rate_hz)
        for index in self._which(channel):
            amplitudes = _fit(self.samples[index][first:last], hz, self.rate_hz, FINE_S)
            flags = _present(amplitudes, FINE_BELOW_LOUDEST_DB, neighbourhood=1)
            if not len(flags):
                continue
            share = flags.mean(axis=0)
            found |= {n for n, s in zip(names, share, strict=True) if s > 0 and s >= least_share}
        return found

    # ------------------------------------------------------------------ inside

    @cached_property
    def _column(self) -> dict[str, int]:
        return {n: i for i, n in enumerate(self.names)}

    def _which(self, channel: Channel) -> Sequence[int]:
        if channel == "any":
            return range(self.channels)
        index = CHANNELS[channel] if isinstance(channel, str) else channel
        if index >= self.channels:
            raise EarError(f"{self.path.name} has no channel {channel!r}: it is mono")
        return [index]

    def _flags(self, channel: Channel, name: str, start_s: float, end_s: float | None) -> Flags:
        column = self._column[name]
        first = round(start_s / self.frame_s)
        last = None if end_s is None else round(end_s / self.frame_s)
        either: Flags = np.zeros(len(self.present[0][first:last]), dtype=np.bool_)
        for index in self._which(channel):
            either |= self.present[index][first:last, column]
        return either


def hear(path: Path | str, tones: Mapping[str, float], frame_s: float = FRAME_S) -> Heard:
    """Listen to a file. `tones` must name EVERY tone that may occur, or it counts as another's."""
    path = Path(path)
    samples, rate = load(path)
    return hear_samples(samples, tones, rate, path, frame_s)


def hear_samples(
    samples: Sequence[Floats],
    tones: Mapping[str, float],
    rate_hz: int = RATE_HZ,
    path: Path | None = None,
    frame_s: float = FRAME_S,
) -> Heard:
    """The same for samples (one array of -1 to 1 per channel)."""
    names, hz = tuple(tones), tuple(float(f) for f in tones.values())
    amplitudes = tuple(_fit(s, hz, rate_hz, frame_s) for s in samples)
    present = tuple(_present(a, BELOW_LOUDEST_DB, NEIGHBOURHOOD) for a in amplitudes)
    return Heard(
        path or Path("-"), names, hz, frame_s, amplitudes, present, tuple(samples), rate_hz
    )


def load(path: Path) -> tuple[list[Floats], int]:
    """The samples of a file, one array of -1 to 1 per channel, and the rate in Hz.

    A WAV of 16 bits and 8 kHz is read as it is, also while its recorder still runs (the header's
    size is then 0); everything else goes through ffmpeg.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise EarError(f"{path}: {error}") from error
    if not data:
        raise EarError(f"{path} is empty")
    wav = _read_wav(data)
    if wav is None:
        wav = _read_wav(_decode(path))
    if wav is None:
        raise EarError(f"{path} is not a sound file")
    return wav


def _read_wav(data: bytes) -> tuple[list[Floats], int] | None:
    if data[:4] != b"RIFF" or data[8:12] != b"WAVE":
        return None
    position, layout = 12, None
    while position + 8 <= len(data):
        kind, size = data[position : position + 4], struct.unpack_from("<I", data, position + 4)[0]
        body = position + 8
        if kind == b"fmt ":
            layout = struct.unpack_from("<HHIIHH", data, body)
        elif kind == b"data":
            if layout is None or layout[5] != 16 or layout[2] != RATE_HZ or layout[0] != 1:
                return None
            # 0 or all ones: a recorder (or a pipe) that has not said how much it will be.
            if size in (0, 0xFFFFFFFF) or body + size > len(data):
                size = len(data) - body
            channels = layout[1]
            size -= size % (2 * channels)
            raw = np.frombuffer(data, dtype="<i2", count=size // 2, offset=body)
            table = raw.reshape(-1, channels).astype(np.float64) / 32768.0
            return [np.ascontiguousarray(table[:, c]) for c in range(channels)], layout[2]
        position = body + size + (size & 1)
    return None


def _decode(path: Path) -> bytes:
    command = ["ffmpeg", "-v", "error", "-nostdin", "-i", str(path.absolute())]
    command += ["-ar", str(RATE_HZ), "-c:a", "pcm_s16le", "-f", "wav", "-"]
    try:
        done = subprocess.run(command, capture_output=True, timeout=DECODE_TIMEOUT_S, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise EarError(f"ffmpeg: {error}") from error
    if done.returncode:
        raise EarError(f"{path.name}: {done.stderr.decode('utf-8', 'replace').strip()[-300:]}")
    return done.stdout


def _fit(samples: Floats, hz: Iterable[float], rate_hz: int, frame_s: float) -> Floats:
    """The amplitude of each tone in each frame: a table of frames by tones."""
    length = round(rate_hz * frame_s)
    count = len(samples) // length
    frames = samples[: count * length].reshape(count, length)
    weights = frames @ _solved(tuple(hz), rate_hz, length).T
    return np.asarray(np.hypot(weights[:, 1::2], weights[:, 2::2]))


@lru_cache(SOLVED_KEPT)  # takes longer than all the rest, for many tones
def _solved(hz: tuple[float, ...], rate_hz: int, length: int) -> Floats:
    """What a frame is to be multiplied by, for the weights of all tones."""
    t = (np.arange(length) - (length - 1) / 2) / rate_hz
    waves = [np.ones_like(t)]
    for f in hz:
        waves += [np.cos(2 * np.pi * f * t), np.sin(2 * np.pi * f * t)]
    basis = np.stack(waves, axis=1)
    # A gentle taper: strong enough that noise and half-filled frames leak little, not so strong
    # that tones 90 Hz apart become one.
    taper = np.sin(np.pi * (np.arange(length) + 0.5) / length)
    solved: Floats = np.linalg.pinv(basis * taper[:, None]) * taper[None, :]
    solved.setflags(write=False)
    return solved


def _present(amplitudes: Floats, below_loudest_db: float, neighbourhood: int) -> Flags:
    if not amplitudes.size:
        return np.zeros(amplitudes.shape, dtype=np.bool_)
    loudest = amplitudes.max(axis=1)
    around = loudest.copy()
    for shift in range(1, neighbourhood + 1):
        around[shift:] = np.maximum(around[shift:], loudest[:-shift])
        around[:-shift] = np.maximum(around[:-shift], loudest[shift:])
    floor = 10 ** (FLOOR_DBFS / 20)
    needed = np.maximum(floor, around * 10 ** (below_loudest_db / 20))
    return np.asarray(amplitudes >= needed[:, None])
