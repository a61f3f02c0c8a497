"""The ear must hear what is there, and nothing else: also through Opus and MP3."""

from __future__ import annotations

import shutil
import subprocess
import wave
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from lab import ear, town

RATE = 8000
TONES = town.TONES
Scene = list[tuple[float, set[str], set[str]]]

needs_ffmpeg = pytest.mark.skipif(not shutil.which("ffmpeg"), reason="no ffmpeg")

# Seconds, left, right. Edges lie on frames, so that every frame has one truth.
SCENE: Scene = [
    (0.50, set(), set()),
    (1.00, {"caller"}, {"music"}),
    (2.00, {"caller"}, {"agent"}),
    (0.20, set(), {"agent"}),
    (0.50, {"caller"}, set()),
    (1.00, {"caller"}, {"payment"}),
    (1.00, {"caller"}, {"back_office"}),
    (0.04, {"caller"}, {"outside"}),
    (1.00, {"caller"}, {"other_agent"}),
    (0.76, set(), set()),
]
ENCODERS = {
    "flac": ["-c:a", "flac"],
    "opus": ["-c:a", "libopus", "-b:a", "32k"],
    "mp3": ["-c:a", "libmp3lame", "-b:a", "48k"],
}


def compand(x: np.ndarray) -> np.ndarray:
    """G.711 there and back, as a telephone call is."""
    y = np.sign(x) * np.log1p(255 * np.abs(x)) / np.log1p(255)
    y = np.round(y * 127) / 127
    return np.sign(y) * np.expm1(np.abs(y) * np.log1p(255)) / 255


def play(scene: Scene, level: float = 0.45, seed: int = 1) -> list[np.ndarray]:
    """Two channels of singing; every tone keeps its phase throughout."""
    rng = np.random.default_rng(seed)
    total = sum(round(s * RATE) for s, _, _ in scene)
    t = np.arange(total) / RATE
    voices = {n: level * np.sin(2 * np.pi * f * t + rng.uniform(0, 6)) for n, f in TONES.items()}
    out = [np.zeros(total), np.zeros(total)]
    at = 0
    for seconds, *sides in scene:
        end = at + round(seconds * RATE)
        for channel, names in zip(out, sides, strict=True):
            for name in names:
                channel[at:end] += voices[name][at:end]
        at = end
    return [compand(np.clip(c, -1, 1)) for c in out]


def truth(scene: Scene, side: int, name: str) -> np.ndarray:
    """Frame by frame, whether that tone was played."""
    rows: list[bool] = []
    for seconds, *sides in scene:
        rows += [name in sides[side]] * round(seconds / ear.FRAME_S)
    return np.array(rows)


def write(path: Path, channels: list[np.ndarray]) -> Path:
    table = (np.clip(np.stack(channels, axis=1), -1, 1) * 32767).astype("<i2")
    with wave.open(str(path), "wb") as out:
        out.setnchannels(len(channels))
        out.setsampwidth(2)
        out.setframerate(RATE)
        out.writeframes(table.tobytes())
    return path


def encode(source: Path, kind: str) -> Path:
    target = source.with_suffix(f".{kind}")
    command = ["ffmpeg", "-v", "error", "-y", "-i", str(source), *ENCODERS[kind], str(target)]
    subprocess.run(command, check=True, timeout=60)
    return target


@pytest.fixture
def recording(tmp_path: Path) -> Callable[[str], Path]:
    def make(kind: str) -> Path:
        source = write(tmp_path / "scene.wav", play(SCENE))
        return source if kind == "wav" else encode(source, kind)

    return make


@pytest.mark.parametrize("kind", ["wav", *(pytest.param(k, marks=needs_ffmpeg) for k in ENCODERS)])
@pytest.mark.parametrize("side", [0, 1])
def test_every_tone_is_found_and_none_is_invented(
    recording: Callable[[str], Path], kind: str, side: int
) -> None:
    heard = ear.hear(recording(kind), TONES)
    assert heard.channels == 2
    for column, name in enumerate(TONES):
        played = truth(SCENE, side, name)
        found = heard.present[side][: len(played), column]
        played = played[: len(found)]
        # A codec smears a beginning or an end over the frame beside it, no further.
        near = played.copy()
        near[1:] |= played[:-1]
        near[:-1] |= played[1:]
        allowed = near if kind in ("opus", "mp3") else played
        assert not (found & ~allowed).any(), f"{name} was never there"
        if played.any():
            assert found[played].mean() >= 0.995, f"{name} was missed"


def test_counts_are_exact_in_a_wav(recording: Callable[[str], Path]) -> None:
    heard = ear.hear(recording("wav"), TONES)
    for side, channel in enumerate(("left", "right")):
        for name in TONES:
            assert heard.frames(channel, name) == int(truth(SCENE, side, name).sum())


def test_forty_milliseconds_of_a_payment_line_are_not_overlooked(tmp_path: Path) -> None:
    leak: Scene = [
        (1.0, {"caller"}, {"agent"}),
        (0.04, {"caller"}, {"payment"}),
        (1.0, {"caller"}, set()),
    ]
    clean: Scene = [(1.0, {"caller"}, {"agent"}), (1.04, {"caller"}, set())]
    with_leak = ear.hear(write(tmp_path / "leak.wav", play(leak)), TONES)
    without = ear.hear(write(tmp_path / "clean.wav", play(clean)), TONES)
    assert with_leak.frames("any", "payment") == 2
    assert without.frames("any", "payment") == 0


def test_a_tone_that_begins_within_a_frame_invents_no_other() -> None:
    rng = np.random.default_rng(7)
    t = np.arange(RATE) / RATE
    for name, hz in TONES.items():
        for begin in rng.integers(1000, 7000, size=40):
            sound = 0.5 * np.sin(2 * np.pi * hz * t)
            sound[:begin] = 0
            heard = ear.hear_samples([compand(sound)], TONES)
            assert heard.heard_at_all() == {name}, f"{name} from sample {begin}"


def test_noise_alone_is_nobody_and_hides_nobody() -> None:
    rng = np.random.default_rng(3)
    noise = rng.normal(0, 0.002, RATE * 5)
    assert ear.hear_samples([noise], TONES).heard_at_all() == set()
    t = np.arange(len(noise)) / RATE
    voice = 0.3 * np.sin(2 * np.pi * TONES["agent"] * t)
    heard = ear.hear_samples([noise + voice], TONES)
    assert heard.heard_at_all() == {"agent"}
    assert heard.share("agent") == 1.0


def test_silence_is_exact_zero() -> None:
    sound = np.zeros(RATE)
    assert ear.hear_samples([sound], TONES).silent(0.0, 1.0)
    sound[4000] = 1 / 32768
    heard = ear.hear_samples([sound], TONES)
    assert not heard.silent(0.0, 1.0)
    assert heard.silent(0.0, 0.4)
    assert heard.peak(0.4, 0.6) == 1 / 32768


def test_times_and_words(tmp_path: Path) -> None:
    scene: Scene = [(0.10, {"caller"}, set()), (0.40, {"caller"}, {"agent"}), (0.1, set(), set())]
    heard = ear.hear(write(tmp_path / "x.wav", play(scene)), TONES)
    spans = [(round(s.start_s, 2), round(s.end_s, 2), set(s.names)) for s in heard.timeline()]
    assert spans == [
        (0.0, 0.1, {"caller"}),
        (0.1, 0.5, {"caller", "agent"}),
        (0.5, 0.6, set()),
    ]
    assert heard.in_words() == "0.00-0.10 caller; 0.10-0.50 agent + caller; 0.50-0.60 nobody"
    assert heard.first("agent") == pytest.approx(0.1)
    assert heard.last("agent") == pytest.approx(0.5)
    assert heard.first("payment") is None
    assert heard.share("agent", "right", 0.1, 0.5) == 1.0
    assert heard.share("agent", "left", 0.1, 0.5) == 0.0


@needs_ffmpeg
@pytest.mark.parametrize("kind", ["wav", "opus"])
def test_one_voice_out_of_a_crowd(tmp_path: Path, kind: str) -> None:
    tones = town.Crowd(town.CROWD_LIMIT).tones
    t = np.arange(RATE * 3) / RATE
    for caller, agent in (("crowd00", "3000"), ("crowd17", "3042"), ("crowd49", "3049")):
        left = compand(0.45 * np.sin(2 * np.pi * tones[caller] * t))
        right = compand(0.45 * np.sin(2 * np.pi * tones[agent] * t))
        path = write(tmp_path / f"{caller}.wav", [left, right])
        if kind != "wav":
            path = encode(path, kind)
        heard = ear.hear(path, {})
        assert heard.which_of(tones, "left", 0.2, 2.8, least_share=0) == {caller}
        assert heard.which_of(tones, "right", 0.2, 2.8, least_share=0) == {agent}
        assert heard.which_of(tones, "any", 0.2, 2.8) == {caller, agent}


def test_a_recording_that_is_still_written_can_be_heard(tmp_path: Path) -> None:
    path = write(tmp_path / "x.wav", play([(1.0, {"caller"}, {"agent"})]))
    data = bytearray(path.read_bytes())
    data[40:44] = bytes(4)
    path.write_bytes(bytes(data))
    heard = ear.hear(path, TONES)
    assert heard.seconds == pytest.approx(1.0)
    assert heard.share("caller", "left") == 1.0


def test_what_is_no_sound_is_refused(tmp_path: Path) -> None:
    empty, rubbish = tmp_path / "empty.wav", tmp_path / "rubbish.wav"
    empty.write_bytes(b"")
    rubbish.write_bytes(b"no sound at all")
    for path in (empty, rubbish, tmp_path / "missing.wav"):
        with pytest.raises(ear.EarError):
            ear.hear(path, TONES)


def test_a_mono_file_has_no_right_channel() -> None:
    heard = ear.hear_samples([np.zeros(RATE)], TONES)
    with pytest.raises(ear.EarError, match="mono"):
        heard.frames("right", "caller")
