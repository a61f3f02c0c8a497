"""What is heard on the fake FreeSWITCH, listened to with the lab's ear."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from lab.ear import hear
from lab.sounds import ANNOUNCEMENT_S, write_sounds
from lab.town import TONES
from tests.fake_freeswitch.sound import FRAME_S, Source, Studio, heard, said, tone


@dataclass(eq=False)
class Leg:
    voice: Source | None = None
    playing: Source | None = None
    peer: Leg | None = None
    deaf: bool = False
    other_half: Leg | None = None
    room: Iterable[Leg] | None = None
    joined: list[Leg] = field(default_factory=list)


def voice(name: str) -> Source:
    return tone(TONES[name])


def talk() -> tuple[Leg, Leg]:
    caller, agent = Leg(voice("caller")), Leg(voice("agent"))
    caller.peer, agent.peer = agent, caller
    return caller, agent


class Clock:
    def __init__(self) -> None:
        self._now_ns = 0

    def __call__(self) -> int:
        return self._now_ns

    def passes(self, milliseconds: int) -> None:
        self._now_ns += milliseconds * 1_000_000


def test_two_who_are_bridged_hear_each_other() -> None:
    caller, agent = talk()

    assert heard(caller) == {voice("agent")}
    assert heard(agent) == {voice("caller")}


def test_what_is_played_is_heard_instead_of_the_other() -> None:
    caller, _ = talk()
    caller.playing = voice("music")

    assert heard(caller) == {voice("music")}
    assert said(caller) == {voice("caller")}


def test_a_loopback_channel_passes_on_what_its_other_end_hears() -> None:
    caller, agent, outer, inner = Leg(voice("caller")), Leg(voice("agent")), Leg(), Leg()
    outer.other_half, inner.other_half = inner, outer
    caller.peer, outer.peer = outer, caller
    agent.peer, inner.peer = inner, agent

    assert heard(caller) == {voice("agent")}
    assert heard(agent) == {voice("caller")}


def test_in_a_room_everybody_hears_the_others() -> None:
    legs = [Leg(voice(name)) for name in ("caller", "agent", "outside")]
    for leg in legs:
        leg.room = legs

    assert heard(legs[0]) == {voice("agent"), voice("outside")}


def test_a_third_one_is_heard_by_both() -> None:
    caller, agent = talk()
    third = Leg(voice("back_office"), joined=[caller, agent])
    caller.joined.append(third)
    agent.joined.append(third)

    assert heard(caller) == {voice("agent"), voice("back_office")}
    assert heard(third) == {voice("caller"), voice("agent")}


def test_a_recorder_takes_in_who_is_heard_when(tmp_path: Path) -> None:
    clock = Clock()
    studio = Studio(clock_ns=clock)
    caller, agent = talk()
    tape = studio.tape(tmp_path / "call.wav", caller, "said", "heard")
    for _ in range(10):
        clock.passes(100)
        studio.advance()
    agent.voice = voice("payment")
    tape.masked = True
    clock.passes(1000)
    studio.advance()
    tape.masked = False
    clock.passes(1000)
    studio.end(tape)
    clock.passes(1000)
    studio.advance()

    found = hear(tmp_path / "call.wav", TONES)

    assert found.seconds == 3.0
    assert found.share("caller", "left", 0.0, 1.0) == 1.0
    assert found.share("agent", "right", 0.0, 1.0) == 1.0
    assert found.silent(1.0, 2.0)
    assert found.share("payment", "right", 2.0, 3.0) == 1.0
    assert found.heard_at_all("left") == {"caller"}
    assert found.heard_at_all("right") == {"agent", "payment"}


def test_a_file_grows_before_its_header_says_how_much_it_holds(tmp_path: Path) -> None:
    clock = Clock()
    studio = Studio(clock_ns=clock)
    path = tmp_path / "call.wav"
    tape = studio.tape(path, talk()[0], "said")
    clock.passes(500)
    studio.advance()

    assert len(path.read_bytes()) == 44 + 8000
    assert path.read_bytes()[40:44] == bytes(4)

    studio.end(tape)

    assert int.from_bytes(path.read_bytes()[40:44], "little") == 8000


def test_a_telephone_hears_everything_late_and_the_last_of_it_never(tmp_path: Path) -> None:
    clock = Clock()
    studio = Studio(clock_ns=clock)
    tape = studio.tape(tmp_path / "heard.wav", talk()[0], "heard", late=5)
    clock.passes(1000)
    studio.end(tape)

    found = hear(tmp_path / "heard.wav", TONES)

    assert found.seconds == 1.0
    assert found.silent(0.0, 0.1)
    assert found.share("agent", "mono", 0.1, 1.0) == 1.0


def test_an_announcement_is_heard_once_from_its_beginning_on(tmp_path: Path) -> None:
    for folder in ("moh", "sounds"):
        (tmp_path / folder).mkdir()
    write_sounds(tmp_path)
    clock = Clock()
    studio = Studio(clock_ns=clock)
    clock.passes(5000)
    leg = Leg()
    tape = studio.tape(tmp_path / "heard.wav", leg, "heard")
    leg.playing, length_s = studio.source(str(tmp_path / "sounds" / "announcement.wav"))
    clock.passes(3000)
    studio.end(tape)

    found = hear(tmp_path / "heard.wav", TONES)

    assert length_s == ANNOUNCEMENT_S
    assert found.frames("any", "announcement") == round(ANNOUNCEMENT_S / FRAME_S)


def test_a_sound_that_is_generated_pauses_and_ends() -> None:
    studio = Studio(clock_ns=Clock())

    source, length_s = studio.source("tone_stream://%(200,300,440);loops=3")

    assert length_s == 1.5
    loud = [bool(np.any(frame)) for frame in source.stretch(0, 50)]
    assert loud == ([True] * 10 + [False] * 15) * 2
    assert studio.source("tone_stream://%(1000,0,2000);loops=-1")[1] is None
    assert studio.source("silence_stream://-1")[1] is None
