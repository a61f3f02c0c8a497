"""Each look at what a hostile name may have done finds what is planted there, and nothing else."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from lab import stains
from lab.hostile import LEAST_CALLS, Attempt, attempts, passed_on, unfitness
from lab.hostile_names import PBX_LIMIT_BYTES, hostile_names
from lab.rawsip import Claim

MARK = "x5d3f9e21"
PARTY = {"name": f"{MARK} Zoë", "number": f"{MARK}7", "dialled": "500"}
CLAIMED = Attempt("some kind", "500", Claim(), f"{MARK} Zoë\0x".encode(), f"{MARK}77".encode())
ACTION = b"Action: MixMonitor\r\nActionID: hushtape-1\r\nOptions: r(/a/b.wav)t(/a/c.wav)\r\n\r\n"


def test_all_of_them_hold_the_mark_and_have_a_kind_of_their_own() -> None:
    names = hostile_names(MARK)
    assert all(MARK.encode() in each.raw for each in names)
    tried = list(attempts(MARK, "500"))
    assert len({each.kind for each in tried}) == len(tried) > LEAST_CALLS
    assert any(each.raw.count(b"\r\n") for each in names)
    # Cut by the PBX, each still holds the mark: else nobody could look for it.
    assert all(MARK.encode() in each.raw[:PBX_LIMIT_BYTES] for each in names)


def test_names_of_files(tmp_path: Path) -> None:
    deep, shallow = tmp_path / "deep", tmp_path / "shallow"
    (deep / "a" / "b").mkdir(parents=True)
    (shallow / "c").mkdir(parents=True)
    (shallow / "c" / MARK).touch()
    assert stains.in_names(MARK, [deep], [shallow, tmp_path / "missing"]) == []
    (deep / "a" / "b" / f"x{MARK}y").touch()
    (shallow / f"{MARK}.wav").mkdir()
    assert len(stains.in_names(MARK, [deep], [shallow])) == 2


def test_files_of_an_archive(tmp_path: Path) -> None:
    (tmp_path / "private.json").write_text(MARK)
    (tmp_path / "manifest.json").write_text("{}")
    assert stains.in_files(MARK, tmp_path) == []
    (tmp_path / "audio.opus").write_bytes(b"\0" + MARK.encode())
    assert stains.in_files(MARK, tmp_path) == [f"{MARK} in audio.opus"]


@pytest.mark.parametrize(
    "line",
    [
        b"no JSON",
        b"[1]",
        b'{"event": "\x1b[2J"}',
        '{"event": "Zoë"}'.encode(),
        b'{"event": "a"} {"event": "b"}',
        b"",
    ],
)
def test_lines_of_a_log(line: bytes) -> None:
    good = json.dumps({"event": "link up", "why": "\x1b\r\n\u202e"}).encode()
    assert stains.in_log(MARK, good + b"\n" + good + b"\n") == []
    assert len(stains.in_log(MARK, good + b"\n" + line + b"\n" + good + b"\n")) == 1
    assert stains.in_log(MARK, b'{"event": "%b"}\n' % MARK.encode()) == [f"it holds {MARK}"]


def test_keys_of_redis() -> None:
    assert stains.in_redis(MARK, [("hushtape:by-queue:Büro", b"a\x1b")]) == []
    for key, held in (("a\x1b", b""), ("a\ufffd", b""), ("a", b"b" + MARK.encode())):
        assert len(stains.in_redis(MARK, [(key, held)])) == 1, key


@pytest.mark.parametrize(
    "action",
    [
        b"Action: Originate\r\nActionID: 1\r\n\r\n",
        b"Action: Setvar\r\nValue: a\r\nAction: Logoff\r\n\r\n",
        b"Action: Setvar\r\nValue: %b\r\n\r\n" % MARK.encode(),
        b"Action: Setvar\r\nValue: a\x1b\r\n\r\n",
        b"Action: Setvar\r\nValue: `a`\r\n\r\n",
        b"garbage\r\n\r\n",
    ],
)
def test_actions(action: bytes) -> None:
    assert stains.in_actions(MARK, ACTION * 2) == []
    assert stains.in_actions(MARK, ACTION + action + ACTION) != []
    assert len(list(stains.sent_actions(ACTION + action))) == 2


def test_what_a_terminal_gets() -> None:
    assert stains.in_output(MARK, "a  Zoë\r\nb\r\n".encode()) == []
    for printed in (b"a\x1b[2J", b"a\xc2\x9b", b"a\rb", b"a\xe2\x80\xae", MARK.encode()):
        assert stains.in_output(MARK, printed) != [], printed


def test_a_command_at_a_terminal_believes_that_it_is_at_one() -> None:
    code = "import sys; print(sys.stdout.isatty(), sys.stderr.isatty()); sys.exit('bye')"
    printed = stains.on_terminal([sys.executable, "-c", code], 10, {"PYTHONUNBUFFERED": "1"})
    assert printed == b"True True\r\nbye\r\n"


def test_what_is_kept_of_a_claim() -> None:
    assert unfitness(PARTY, CLAIMED) == []
    assert unfitness(PARTY | {"name": rf"{MARK}\r Zoë"}, CLAIMED) == []  # as Asterisk escapes it
    for wrong in (
        {"dialled": "5\x1b"},
        {"number": f"{MARK}7" + " " * 200},
        {"name": ""},
        {"name": "somebody else"},
        {"number": f"{MARK}78"},
        {"name": f"{MARK}\u202e"},
    ):
        assert len(unfitness(PARTY | wrong, CLAIMED)) == 1, wrong


def test_what_a_pbx_passed_on() -> None:
    long = Attempt("4 KB", "500", Claim(), b"a" * 4096, b"1\r\n2")
    said = b"CallerIDNum: 1\r\n2\r\nCallerIDName: %b\r\n" % (b"a" * PBX_LIMIT_BYTES)
    assert passed_on(long, said) == (
        f"name passed on up to {PBX_LIMIT_BYTES} bytes, number passed on as it is"
    )
    other = b"CallerIDName: b\r\nCallerIDNum_: 1\r\n"
    assert passed_on(long, other) == "name passed on as b'b', number passed on not at all"
