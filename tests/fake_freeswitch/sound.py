"""What is heard: tones, in frames of 20 ms, mixed for whoever writes them down.

Nothing is sent anywhere. Who says and who hears what follows from how the legs are connected, and
that is asked for each stretch of time in which it stays the same. So the samples are exact however
busy the machine is.
"""

from __future__ import annotations

import asyncio
import re
import struct
import time
import wave
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from tests.fake_freeswitch.channel import Channel
    from tests.fake_freeswitch.switch import FakeFreeSwitch

RATE_HZ = 8000
FRAME_S = 0.02
FRAME_NS = 20_000_000
FRAME_SAMPLES = 160
SECOND_FRAMES = 50
AMPLITUDE = 0.25  # three may sing at once
FULL_SCALE = 32767
HEADER_BYTES = 44
SILENCE_URI = "silence_stream://"
FOREVER = -1

_TONE = re.compile(r"^tone_stream://%\((\d+),(\d+),(\d+)[^)]*\)")
_LOOPS = re.compile(r";loops=(-?\d+)")

Samples = NDArray[np.int16]
Side = Literal["said", "heard", "both"]


@dataclass(frozen=True, eq=False)
class Source:
    """A sound that goes on, or ends: whole frames, the first of them at frame `begun`."""

    frames: Samples
    begun: int = 0
    loops: bool = True

    def stretch(self, first: int, count: int) -> Samples:
        """Its frames from one on; silence after its end."""
        if self.loops and count == 1:  # as a rule
            at_one = (first - self.begun) % len(self.frames)
            return self.frames[at_one : at_one + 1]
        at = np.arange(first, first + count) - self.begun
        if self.loops:
            return self.frames[at % len(self.frames)]
        return np.where(
            ((at >= 0) & (at < len(self.frames)))[:, None],
            self.frames[np.clip(at, 0, len(self.frames) - 1)],
            np.int16(0),
        )


class Leg(Protocol):
    """What a channel's sound depends on."""

    @property
    def voice(self) -> Source | None:
        """What its telephone says."""

    @property
    def playing(self) -> Source | None:
        """What an application plays to it."""

    @property
    def peer(self) -> Leg | None:
        """With whom it is bridged."""

    @property
    def deaf(self) -> bool:
        """Whether nothing of whom it is bridged with has come yet."""

    @property
    def other_half(self) -> Leg | None:
        """A loopback channel's other end."""

    @property
    def room(self) -> Iterable[Leg] | None:
        """Who is in the same conference."""

    @property
    def joined(self) -> Iterable[Leg]:
        """Whom it hears besides: a third one in a talk."""


def said(leg: Leg) -> frozenset[Source]:
    """What a leg's telephone says, or what comes through a loopback channel."""
    if leg.other_half is not None:
        return heard(leg.other_half)
    return frozenset([leg.voice] if leg.voice is not None else [])


def heard(leg: Leg) -> frozenset[Source]:
    """What is sent to a leg."""
    if leg.playing is not None:
        return frozenset([leg.playing])
    others = list(leg.joined)
    if leg.room is not None:
        others += [each for each in leg.room if each is not leg]
    elif leg.peer is not None and not leg.deaf:
        others.append(leg.peer)
    return frozenset(source for other in others for source in said(other))


SIDES: dict[Side, Callable[[Leg], frozenset[Source]]] = {
    "said": said,
    "heard": heard,
    "both": lambda leg: said(leg) | heard(leg),
}


@cache
def tone(hz: int, amplitude: float = AMPLITUDE) -> Source:
    """A sine tone for ever: any whole number of Hz fits into a second."""
    t = np.arange(RATE_HZ) / RATE_HZ
    samples = (FULL_SCALE * amplitude * np.sin(2 * np.pi * hz * t)).astype(np.int16)
    return Source(samples.reshape(SECOND_FRAMES, FRAME_SAMPLES))


@cache
def _file(path: Path) -> Samples:
    with wave.open(str(path), "rb") as sound:
        samples = np.frombuffer(sound.readframes(sound.getnframes()), dtype="<i2")
        # Nothing in the lab is so high that it would need a filter.
        samples = samples[:: sound.getnchannels()][:: sound.getframerate() // RATE_HZ]
    count = len(samples) // FRAME_SAMPLES
    return samples[: count * FRAME_SAMPLES].reshape(count, FRAME_SAMPLES).astype(np.int16)


@dataclass(eq=False)
class Tape:
    """A WAV file that grows while it is written: what a recorder takes in, or a phone plays.

    Args:
        sides: of the leg; one channel of the file for each.
        late: so many frames later than it is sent it is heard: the last of them never.
    """

    path: Path
    leg: Leg
    sides: tuple[Side, ...]
    masked: bool = False
    late: int = 0
    samples: int = 0

    def __post_init__(self) -> None:
        self._file = self.path.open("wb", buffering=0)
        self._file.write(self._header(0))
        self._file.write(bytes(self._size(self.late * FRAME_SAMPLES)))

    def take(self, first: int, count: int) -> None:
        """Write so many frames, as it is now."""
        table = np.zeros((count * FRAME_SAMPLES, len(self.sides)), dtype="<i2")
        if not self.masked:
            for column, side in enumerate(self.sides):
                sources = SIDES[side](self.leg)
                if len(sources) == 1:
                    (only,) = sources
                    table[:, column] = only.stretch(first, count).reshape(-1)
                elif sources:
                    mixed = sum(each.stretch(first, count).astype(np.int32) for each in sources)
                    table[:, column] = np.clip(mixed, -FULL_SCALE, FULL_SCALE).reshape(-1)
        self._file.write(table.tobytes())
        self.samples += len(table)

    def close(self) -> None:
        """End the file: now its header is right."""
        size = self._size(self.samples)
        self._file.truncate(HEADER_BYTES + size)
        self._file.seek(0)
        self._file.write(self._header(size))
        self.abandon()

    def abandon(self) -> None:
        """Leave the file as it is."""
        self._file.close()

    @property
    def seconds(self) -> float:
        """How long it is."""
        return self.samples / RATE_HZ

    def _size(self, samples: int) -> int:
        return samples * 2 * len(self.sides)

    def _header(self, size: int) -> bytes:
        channels = len(self.sides)
        layout = struct.pack(
            "<IHHIIHH", 16, 1, channels, RATE_HZ, RATE_HZ * 2 * channels, 2 * channels, 16
        )
        whole = struct.pack("<I", size and size + HEADER_BYTES - 8)
        return b"RIFF" + whole + b"WAVEfmt " + layout + b"data" + struct.pack("<I", size)


class Studio:
    """Writes all tapes on, frame by frame, and knows the sounds by their names.

    Args:
        switch: on whose loop it runs; left out: nobody's, and it goes on by `advance` alone.
    """

    def __init__(
        self, switch: FakeFreeSwitch | None = None, clock_ns: Callable[[], int] = time.monotonic_ns
    ) -> None:
        self.music: dict[str, Path] = {}  # local_stream://NAME
        self._clock_ns = clock_ns
        self._tapes: list[Tape] = []
        self._began_ns = clock_ns()
        self._done = 0  # frames
        if switch is not None:
            streams = switch.document.configuration("local_stream.conf")
            for folder in streams.iter("directory") if streams is not None else ():
                sounds = sorted(Path(folder.get("path", "")).glob("*.wav"))
                self.music |= {folder.get("name", ""): sound for sound in sounds[:1]}
            switch.beside(self.run(), "the studio")

    def close(self) -> None:
        """Leave all files as they are, as a power cut would."""
        while self._tapes:
            self._tapes.pop().abandon()

    @property
    def now(self) -> int:
        """The frame that is heard now."""
        return (self._clock_ns() - self._began_ns) // FRAME_NS

    def advance(self) -> None:
        """Write all that was heard up to now. To be called before anything of it changes."""
        first, self._done = self._done, max(self._done, self.now)
        if self._done > first:
            for tape in self._tapes:
                tape.take(first, self._done - first)

    async def run(self) -> None:
        """Go on for ever."""
        while True:
            await asyncio.sleep(FRAME_S)
            self.advance()

    def tape(self, path: Path, leg: Leg, *sides: Side, late: int = 0) -> Tape:
        """Begin a file.

        Raises:
            OSError: it can't be made.
        """
        self.advance()
        tape = Tape(path, leg, sides, late=late)
        self._tapes.append(tape)
        return tape

    def end(self, tape: Tape) -> None:
        """End a file."""
        self.advance()
        self._tapes.remove(tape)
        tape.close()

    def source(self, name: str, *, loops: bool = False) -> tuple[Source, float | None]:
        """A sound by its name in the dialplan, from now on, and how long it lasts (s).

        Raises:
            OSError: there is no such file.
        """
        if name.startswith(SILENCE_URI):
            length_ms = int(name.removeprefix(SILENCE_URI).partition(",")[0])
            return silence(), None if length_ms < 0 else length_ms / 1000
        if match := _TONE.match(name):
            on_ms, off_ms, hz = (int(each) for each in match.groups())
            again = _LOOPS.search(name)
            times = int(again[1]) if again else 1
            frames = tone(hz).frames
            if off_ms:
                cycle = [np.resize(frames, (_frames(on_ms), FRAME_SAMPLES))]
                cycle += [np.zeros((_frames(off_ms), FRAME_SAMPLES), dtype=np.int16)]
                frames = np.concatenate(cycle)
            length_s = None if times == FOREVER else times * (on_ms + off_ms) / 1000
            return Source(frames, self.now), length_s
        if name.startswith("local_stream://"):
            path = self.music[name.removeprefix("local_stream://")]
            return Source(_file(path), 0), None  # everybody hears the same of it
        frames = _file(Path(name))
        return Source(frames, self.now, loops), None if loops else len(frames) * FRAME_S


@asynccontextmanager
async def plays(
    switch: FakeFreeSwitch, channel: Channel, name: str, *, loops: bool = False
) -> AsyncIterator[float | None]:
    """Let a channel hear a sound meanwhile; yields how long it lasts (s), None: for ever."""
    source, length_s = switch.studio.source(name, loops=loops)
    switch.studio.advance()
    channel.playing = source
    try:
        yield length_s
    finally:
        switch.studio.advance()
        if channel.playing is source:
            channel.playing = None


@cache
def silence() -> Source:
    """A sound in which nobody is heard."""
    return Source(np.zeros((1, FRAME_SAMPLES), dtype=np.int16))


def _frames(length_ms: int) -> int:
    return max(1, round(length_ms / 1000 / FRAME_S))
