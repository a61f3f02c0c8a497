"""docker/hushtape.sh: what a part logs is told and kept, and what is kept has a limit."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TIMEOUT_S = 20
LIMIT = "large=50M "  # in the script
LIMIT_BYTES = 4096  # here
SAYS = 100_000  # lines: many pipes full


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The script with folders and a limit of the test's, and a Hushtape that only talks."""
    text = (ROOT / "docker" / "hushtape.sh").read_text(encoding="utf-8")
    assert LIMIT in text
    text = text.replace(LIMIT, "large=4k\n")
    for place in ("/var/log/hushtape", "/etc/hushtape"):
        assert place in text
        text = text.replace(place, str(tmp_path / Path(place).parent.name))
    (tmp_path / "start.sh").write_text(text, encoding="utf-8")
    for name in ("etc", "log", "bin"):
        (tmp_path / name).mkdir()
    for name in ("hushtape", "asterisk"):
        (tmp_path / "etc" / f"{name}.toml").write_text(f"# {name}\n", encoding="utf-8")
    talker = tmp_path / "bin" / "hushtape"
    talker.write_text(f'#!/bin/sh\nseq "${{LINES_SAID:-{SAYS}}}"\n', encoding="ascii")
    talker.chmod(0o755)
    return tmp_path


def start(folder: Path, lines: int = SAYS) -> list[str]:
    """Run the bridge's part to its end; return the lines that it told."""
    done = subprocess.run(
        ["bash", str(folder / "start.sh"), "bridge"],
        env={
            "PATH": f"{folder}/bin:{os.environ['PATH']}",
            "PBX": "asterisk",
            "HUSHTAPE_CONFIG": str(folder / "hushtape.toml"),
            "LINES_SAID": str(lines),
        },
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=True,
    )
    assert done.stderr == ""
    return done.stdout.splitlines()


def test_all_is_told_and_what_is_kept_has_a_limit(folder: Path) -> None:
    assert start(folder) == [str(each) for each in range(1, SAYS + 1)]
    assert (folder / "log" / "bridge-asterisk.log").stat().st_size == LIMIT_BYTES


def test_what_is_small_is_added_to_and_what_is_large_begun_anew(folder: Path) -> None:
    logs = folder / "log"
    log, session = logs / "bridge-asterisk.log", logs / "session.asterisk"
    others = [logs / "worker.log", logs / "session.freeswitch"]
    large = b"x" * 3 * LIMIT_BYTES
    session.write_bytes(b"small")
    start(folder, 3)
    start(folder, 2)
    assert log.read_text(encoding="ascii") == "1\n2\n3\n1\n2\n"
    assert session.read_bytes() == b"small"
    for each in (log, session, *others):
        each.write_bytes(large)
    start(folder, 2)
    assert log.read_text(encoding="ascii") == "1\n2\n"
    assert not session.exists()
    assert [each.read_bytes() for each in others] == [large, large]
