"""What becomes of an encoder that fails, hangs or complains; played by a script."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from hushtape.errors import RecordingError, Unreachable
from hushtape.recordings.manifest import AudioFormat
from workers import encode

SECONDS = 1.0


def run(folder: Path, monkeypatch: pytest.MonkeyPatch, script: str) -> Path:
    programs = folder / "programs"
    programs.mkdir()
    (programs / "ffmpeg").write_text(f"#!/bin/sh\n{script}\n")
    (programs / "ffmpeg").chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}:{os.environ['PATH']}")
    target = folder / "scratch"
    target.mkdir()
    return encode.encode(
        iter([bytes(32_000)]),
        folder=target,
        audio_format=AudioFormat.WAV,
        rate_hz=8000,
        duration_s=SECONDS,
        tags={},
    )


def wav_file() -> str:
    """A script that writes a second of sound where it was told to."""
    head = "RIFF\\044\\372\\000\\000WAVEfmt \\020\\000\\000\\000\\001\\000\\002\\000"
    head += "\\100\\037\\000\\000\\000\\175\\000\\000\\004\\000\\020\\000data\\000\\175\\000\\000"
    return (
        'cat > /dev/null; for last; do :; done; out="${last#file:}";'
        f' printf \'{head}\' > "$out"; head -c 32000 /dev/zero >> "$out"'
    )


def test_the_script_is_believed_when_it_is_silent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run(tmp_path, monkeypatch, wav_file()).suffix == ".wav"


@pytest.mark.parametrize(
    ("words", "error", "told"),
    [
        ("av_write_trailer: No space left on device", Unreachable, "archive's disk is full"),
        ("Disk quota exceeded", Unreachable, "archive's disk is full"),
        ("something odd", RecordingError, "ffmpeg ended with 0: something odd"),
    ],
)
def test_a_complaint_is_a_failure_whatever_the_exit_code(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    words: str,
    error: type[Exception],
    told: str,
) -> None:
    with pytest.raises(error, match=told):
        run(tmp_path, monkeypatch, f"{wav_file()}; echo '{words}' >&2")


def test_an_exit_code_is_a_failure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(RecordingError, match="ffmpeg ended with 3: without a word"):
        run(tmp_path, monkeypatch, f"{wav_file()}; exit 3")


def test_an_encoder_that_hangs_is_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(encode, "TIMEOUT_FLOOR_S", 0.2)
    monkeypatch.setattr(encode, "STOP_LIMIT_S", 2.0)
    with pytest.raises(Unreachable, match="it took more than"):
        run(tmp_path, monkeypatch, "exec sleep 30")


def test_endless_complaints_are_read_to_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(RecordingError) as caught:
        run(tmp_path, monkeypatch, f"{wav_file()}; yes complaint | head -c 1000000 >&2")
    assert len(str(caught.value)) < 400


def test_a_length_that_is_not_the_recordings_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(encode, "LENGTH_TOLERANCE_S", -1)
    with pytest.raises(RecordingError, match=r"wrote 1\.00 s of sound where 1\.00 s"):
        run(tmp_path, monkeypatch, wav_file())
