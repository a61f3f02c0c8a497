"""Policy files as nobody should write them: each is refused in one clear line, at its place.

A row is what the file holds, where the first thing wrong stands in it, and words of what is said.
"""

from __future__ import annotations

import json
import os
import time
from datetime import date
from pathlib import Path

import pytest
from click.testing import CliRunner

from hushtape.cli import main
from hushtape.errors import PolicyError
from hushtape.policy import parse
from hushtape.policy.linting import lint
from hushtape.policy.linting.findings import Severity
from tests.policies import GOOD, changed

TODAY = date(2026, 11, 21)
MOST_S = 1.0
END = "\n[extra]\n"
HOLE = 'queues = ["help-line"]'
EVERY = 'every = ["extension"]'
KEEP = 'keep = "62 days"'


def of(old: str, new: str) -> str:
    return changed((old, new))


SYNTAX = [
    # quotes
    (of('"town"', "town"), "2:8", 'expected "town"'),
    (of('"town"', '"town'), "2:13", "isn't closed"),
    (of('"town"', 'town"'), "2:8", "isn't opened"),
    (of('"town"', "“town”"), "2:8", "typographic"),
    (of('"town"', "‘town’"), "2:8", "typographic"),
    (of('"town"', "'town\""), "2:8", "isn't closed"),
    (of('"town"', '"to\nwn"'), "2:11", "isn't closed"),
    (of('"town"', '"""town'), "2:8", 'expected """'),
    (of('"town"', '"C:\\hall"'), "2:13", "backslash"),
    (of('"town"', '"town" "hall"'), "2:15", "nothing more"),
    (of('"Town Council, Help Line"', "Town Council"), "3:9", 'expected "Town Council"'),
    # dates, numbers and words
    (of("2024-01-01", "01.01.2024"), "4:17", "2024-01-01"),
    (of("2024-01-01", "25/5/2018"), "4:17", "2018-05-25"),
    (of("2024-01-01", "2018-5-25"), "4:17", "2018-05-25"),
    (of("2024-01-01", "2024-13-45"), "4:17", "year-month-day"),
    (of("2024-01-01", "2024-02-30"), "4:17", "year-month-day"),
    (of("2024-01-01", "today"), "4:17", 'expected "today"'),
    (of("2024-01-01", ""), "4:16", "nothing after ="),
    (of(HOLE, "direct_dial = True"), "10:15", "expected true, in small letters"),
    (of(HOLE, "direct_dial = yes"), "10:15", "expected true, not yes"),
    (of(HOLE, "direct_dial = No"), "10:15", "expected false, not No"),
    (of(KEEP, "keep = 62 days"), "28:8", 'expected "62 days"'),
    (of(KEEP, "keep = " + "9" * 5000), "28:8", "thousands of digits"),
    (of('["01799 510510"]', "[01799 510510]"), "9:11", "in quotes"),
    # keys and =
    (of(KEEP, 'keep: "62 days"'), "28:5", "expected key = value"),
    (of(KEEP, 'keep "62 days"'), "28:6", "expected key = value"),
    (of(KEEP, "keep"), "28:5", "expected key = value"),
    (of(KEEP, "= 62"), "28:3", "in quotes"),
    (of(KEEP, 'kеep = "62 days"'), "28:2", "CYRILLIC SMALL LETTER IE"),
    (of(KEEP, 'kee\u200bp = "62 days"'), "28:4", "ZERO WIDTH SPACE"),
    (of(KEEP, 'keep\u00a0= "62 days"'), "28:5", "NO-BREAK SPACE"),
    (of(KEEP, f"{KEEP}\n{KEEP}"), "29:17", "said twice"),
    (of(KEEP, "a." * 30_000 + "b = 1"), "28:1", "dots in a key"),
    (of(KEEP, "[" + "a." * 30_000 + "b]"), "28:1", "dots in a key"),
    # tables and lists
    (of("[retention]", "[retention"), "27:11", "expected ]"),
    (of("[[destination]]", "[[destination]"), "12:14", "expected ]]"),
    (of("[[destination]]", "[destination]"), "16:14", "there already"),
    (GOOD + "[calls]\n", "29:7", "there already"),
    (GOOD + "[]\n", "29:2", "expected key = value"),
    (of(HOLE, 'queues = ["help-line"'), "10:10", "isn't closed"),
    (of(HOLE, 'queues = ["help-line" "till"]'), "10:10", "comma"),
    (of(HOLE, "queues = help-line]"), "10:10", "in quotes"),
    (of(HOLE, 'queues = {"help-line"}'), "10:22", "="),
    (of(HOLE, "queues = " + "[" * 100_000), "10:10", "brackets within brackets"),
    (of(HOLE, "queues = " + "{a = " * 50_000), "10:10", "brackets within brackets"),
    (GOOD + 'says = """', "29:8", 'expected """'),
    ("{}", "1:1", "expected key = value"),
    ('{"policy": {"name": "town"}}', "1:1", "expected key = value"),
    ("policy:\n  name: town\n", "1:7", "expected key = value"),
    ("<?xml version='1.0'?>", "1:1", "not TOML"),
    # what a terminal or a C program would trip over
    (of('"town"', '"to\x00wn"'), "2:11", "x00"),
    (of('"town"', '"to\x1b[2Jwn"'), "2:11", "x1b"),
    (of(KEEP, "keep\x00 = 1"), "28:5", "control character"),
    (GOOD.replace("\n", "\r"), "1:9", "carriage return"),
    ("\x00" * 1000, "1:1", "control character"),
]

STRUCTURE = [
    ("", "1:1", "missing"),
    ("\r\n\r\n", "1:1", "missing"),
    ("# nothing but a comment\n", "1:1", "missing"),
    (of("[retention]\nkeep", "# keep"), "1:1", "how long recordings are kept"),
    (of(KEEP, ""), "27:1", "how long recordings are kept"),
    (of('title = "Town Council, Help Line"\n', ""), "1:1", "is missing"),
    (of("[policy]", "[polcy]"), "1:1", 'did you mean "policy"'),
    (of(HOLE, 'quues = ["help-line"]'), "10:1", 'did you mean "queues"'),
    (of(HOLE, 'Queues = ["help-line"]'), "10:1", 'did you mean "queues"'),
    (of('name = "town"', 'name = "town"\nkeep = "62 days"'), "3:1", "under [retention]"),
    (of('every = ["extension"]', 'every = ["extension"]\nlines = []'), "19:1", "under [payment]"),
    (GOOD + END, "30:1", "the keys here are"),
    (of(HOLE, "queues = 3"), "10:1", "a list in square brackets"),
    (of(HOLE, 'queues = "help-line"'), "10:1", "a list in square brackets"),
    (of(HOLE, 'queues = [["help-line"]]'), "10:11", "a text in quotes"),
    (of(HOLE, "queues = [nan]"), "10:11", "a text in quotes"),
    (of('["01799 510510"]', "[1799510510]"), "9:12", "a text in quotes"),
    (of('["01799 510510"]', "[+441799510510]"), "9:12", "a text in quotes"),
    (of('"town"', "2024-01-01"), "2:1", "a text in quotes"),
    (of('"town"', '{ en = "town" }'), "2:1", "a text in quotes"),
    (of("2024-01-01", '"soon"'), "4:1", "a date without quotes"),
    (of("2024-01-01", "2024-01-01T00:00:00Z"), "4:1", "a date without quotes"),
    (of("2024-01-01", "20240101"), "4:1", "a date without quotes"),
    (of('["inbound"]', '["imbound"]'), "8:15", 'did you mean "inbound"'),
    (of('["inbound"]', '["іnbound"]'), "8:15", 'did you mean "inbound"'),
    (of('"continue"', '"contnue"'), "19:1", 'did you mean "continue"'),
    (of('"continue"', '"сontinue"'), "19:1", 'did you mean "continue"'),
    (of('"continue"', '"Continue"'), "19:1", 'did you mean "continue"'),
    (of('"continue"', '""'), "19:1", '"stop", "continue" or "silent"'),
    (of('["extension"]', '["all"]'), "18:10", '"extension", "queue" or "outside"'),
    (of(KEEP, "keep = 62"), "28:1", "a text in quotes"),
    (of(KEEP, 'keep = ["62 days"]'), "28:1", "a text in quotes"),
    (of(KEEP, f'{KEEP}\nrule = {{ keep = "1 day" }}'), "29:1", "[[retention.rule]]"),
    (of(KEEP, f"{KEEP}\n[[retention.rule]]\ncalls_before = 2026-01-01"), "29:1", "is missing"),
    (GOOD + "[access]\nlisten = ['manager']\n", "30:1", "a table"),
    (GOOD + "[access.listen]\nrols = ['manager']\n", "30:1", 'did you mean "roles"'),
    (GOOD + "[monitoring]\ncalls_a_week = 1e400\n", "30:1", "a whole number"),
    (GOOD + "[audio]\nformat = 'ogg'\n", "30:1", '"opus"'),
    (GOOD + "[[destination]]\n" * 501, "12:1", "at the most"),
    (GOOD + "[[destination]]\n" * 15_000, "12:1", "at the most"),
    (GOOD + "".join(f"x{i} = 1\n" for i in range(20_000)), "29:1", "no such key"),
    (of('"town"', '"' + "a" * 200_000 + '"\nx = 1'), "3:1", "no such key"),
]

CONTENT = [
    (of('"town"', '"The Town"'), "2:1", "small letters"),
    (of('"town"', '"../../etc/passwd"'), "2:1", "small letters"),
    (of('"town"', '"' + "a" * 65 + '"'), "2:1", "up to 64"),
    (of('"Town Council, Help Line"', '" "'), "3:1", "as people say it"),
    (of('"Town Council, Help Line"', '"\\u001b]0;x\\u0007"'), "3:1", "control characters"),
    (of('"Town Council, Help Line"', '"\\u202eenil"'), "3:1", "control characters"),
    (of('"Town Council, Help Line"', '"' + "T" * 200_000 + '"'), "3:1", "2000 characters"),
    (of("Europe/London", "Europe/Londres"), "5:1", "no time zone"),
    (of("Europe/London", "../../../etc/passwd"), "5:1", "no time zone"),
    (of("Europe/London", ""), "5:1", "no time zone"),
    (of("Europe/London", "/dev/zero"), "5:1", "no time zone"),
    (of('["inbound"]', "[]"), "8:1", "no call would be recorded"),
    (of('["inbound"]', '["inbound", "outbound"]'), "1:1", "outbound"),
    (of('"01799 510510"', '"the main line"'), "9:12", "not a telephone number"),
    (of('"01799 510510"', '"' + "0" * 1900 + '"'), "9:12", "not a telephone number"),
    (of('"01799 510510"', '"٠١٧٩٩"'), "9:12", "not a telephone number"),
    (of('"help-line"', '"help line"'), "10:11", "name of a queue"),
    (of('"help-line"', '"hеlp-line"'), "10:11", "name of a queue"),
    (of('"help-line"', '"a", "b,c"'), "10:16", "name of a queue"),
    (of('numbers = ["01799 510510"]\nqueues = ["help-line"]\n', ""), "7:1", "numbers or queues"),
    (of(HOLE, f'{HOLE}\nhours = ["always"]'), "11:10", "Mon-Fri"),
    (of(HOLE, f'{HOLE}\nhours = ["Mon-Fri 25:00-26:00"]'), "11:10", "no time of day"),
    (of('"700"', '"seven"'), "14:15", "pattern"),
    (of('"700"', '"[9-1]"'), "14:15", "pattern"),
    (of('"700"', '"(a+)+$"'), "14:15", "pattern"),
    (of('"700"', '"' + "[0-9]" * 300 + '"'), "14:15", "pattern"),
    (of('"700"', '"[' + "0-9" * 600 + '"'), "14:15", "pattern"),
    (of('"700"', '"' + "X" * 1999 + '"'), "14:15", "pattern"),
    (of('extensions = ["700"]', ""), "12:1", "names no place"),
    (of('name = "colleagues"', 'name = "the payment line"'), "13:1", "two destinations"),
    (of('name = "the payment line"', 'name = ""'), "13:1", "a name that people use"),
    (of('["extension"]', '["unknown"]'), "18:1", '"outside"'),
    (of('otherwise = "stop"', 'otherwise = "silent"'), "22:1", '"continue"'),
    (of('lines = ["the payment line"]', 'lines = ["the paymnt line"]'), "25:10", "did you mean"),
    (of('lines = ["the payment line"]', 'lines = ["colleagues"]'), "19:1", "can't be recorded"),
    (of('["700"]', '["700"]\nqueues = ["help-line"]'), "10:11", "a payment line"),
    (of(KEEP, 'keep = "a while"'), "28:1", "62 days"),
    (of(KEEP, 'keep = "-3 days"'), "28:1", "62 days"),
    (of(KEEP, 'keep = "0 days"'), "28:1", "no time at all"),
    (of(KEEP, 'keep = "9999 years"'), "28:1", "100 years"),
    (of(KEEP, 'keep = "99999999999999999999 days"'), "28:1", "62 days"),
    (of(KEEP, 'keep = "62 dаys"'), "28:1", "62 days"),
    (of(KEEP, 'keep = ""'), "28:1", "62 days"),
    (of(KEEP, f"{KEEP}\n[[retention.rule]]\nkeep = '1 day'"), "29:1", "fits every call"),
    (
        of(KEEP, f"{KEEP}\n[[retention.rule]]\nkeep = '1 day'\ntags = ['x']"),
        "31:9",
        "no [[tag]] named",
    ),
    (GOOD + "[storage]\nregions = ['Europe']\n", "30:12", '"EEA"'),
    (GOOD + "[access.listen]\nroles = ['m']\npeople = -1\n", "31:1", "number of people"),
    (GOOD + "[access.listen]\nroles = ['m', 'm']\n", "30:15", "twice"),
    (GOOD + "[monitoring]\ncalls_a_week = -5\n", "30:1", "number of calls"),
]

ROWS = SYNTAX + STRUCTURE + CONTENT
ALL = [pytest.param(*row, id=f"{n}-{row[2][:20]}") for n, row in enumerate(ROWS)]


def write(folder: Path, content: str | bytes) -> Path:
    path = folder / "town.toml"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def lines_of(path: Path, code: int) -> list[str]:
    began = time.monotonic()
    done = CliRunner().invoke(main, ["policy", "lint", str(path)], env={"HUSHTAPE_CONFIG": ""})
    took_s = time.monotonic() - began
    assert done.exit_code == code, done.output
    assert done.exception is None or isinstance(done.exception, SystemExit)
    assert took_s < MOST_S
    return done.output.splitlines()


def test_there_are_a_hundred_and_more() -> None:
    assert len({row[0] for row in ROWS}) == len(ROWS) >= 100


@pytest.mark.parametrize(("content", "place", "words"), ALL)
def test_a_broken_file_is_told_of_in_lines_with_their_place(
    tmp_path: Path, content: str, place: str, words: str
) -> None:
    path = write(tmp_path, content)
    *lines, total = lines_of(path, 1)
    errors = [line for line in lines if ": error: " in line]
    assert any(line.startswith(f"{path}:{place}: error: ") and words in line for line in errors)
    assert all(line.isprintable() for line in lines)
    assert total.startswith("1 policy, ")


@pytest.mark.parametrize(("content", "place", "words"), ALL)
def test_the_programs_refuse_it_at_a_place_too(
    tmp_path: Path, content: str, place: str, words: str
) -> None:
    path = write(tmp_path, content)
    with pytest.raises(PolicyError) as caught:
        parse.load(path)
    assert str(caught.value).startswith(f"{path}:")
    assert "\n" not in str(caught.value)


BYTES = [
    (b"\x7fELF\x02\x01\x01" + bytes(range(256)) * 10, "2:118", "is not UTF-8"),
    (b"\xff\xfe" + GOOD.encode("utf-16-le"), "1:1", "UTF-16"),
    (GOOD.replace("Council", "Gemeinderäte").encode("latin-1"), "3:24", "is not UTF-8"),
    (GOOD.encode() + b"\n# \xc3", "30:3", "is not UTF-8"),
    (b"\xed\xa0\x80", "1:1", "is not UTF-8"),
    (b"#" * 10_000_000, "1:1", "is larger than 262144 bytes"),
    (b"[[destination]]\n" * 100_000, "1:1", "is larger than 262144 bytes"),
]


@pytest.mark.parametrize(("content", "place", "words"), BYTES)
def test_what_is_no_text_is_told_of_in_one_line(
    tmp_path: Path, content: bytes, place: str, words: str
) -> None:
    path = write(tmp_path, content)
    line, _ = lines_of(path, 2)
    assert line.startswith(f"{path}:{place}: error: ")
    assert words in line


def test_a_byte_order_mark_and_windows_line_ends_are_read(tmp_path: Path) -> None:
    path = write(tmp_path, b"\xef\xbb\xbf" + GOOD.replace("\n", "\r\n").encode())
    assert lines_of(path, 0) == ["1 policy, no errors, no warnings"]
    assert parse.load(path).name == "town"
    broken = write(tmp_path, changed((KEEP, "keep = 62")).replace("\n", "\r\n"))
    assert lines_of(broken, 1)[0].startswith(f"{broken}:28:1: error: retention.keep: ")


def test_what_is_no_file_is_told_of_in_one_line(tmp_path: Path) -> None:
    loop, pipe, missing = (tmp_path / name for name in ("loop.toml", "pipe.toml", "no.toml"))
    loop.symlink_to(loop)
    os.mkfifo(pipe)
    words = {loop: "leads to itself", pipe: "is not a file", missing: "there is no such file"}
    for path, what in words.items():
        assert lines_of(path, 2)[0] == f"{path}:1:1: error: " + (
            "can't be read: a link that " + what if path == loop else what
        )
    folder = tmp_path / "folder.toml"
    folder.mkdir()
    assert lines_of(folder, 2) == [
        f"hushtape: {folder}:1:1: there is no policy (*.toml) in this folder"
    ]
    assert lines_of(Path("/dev/zero"), 2)[0] == "/dev/zero:1:1: error: is not a file"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_an_unreadable_file_is_told_of_in_one_line(tmp_path: Path) -> None:
    path = write(tmp_path, GOOD)
    path.chmod(0)
    assert lines_of(path, 2)[0] == f"{path}:1:1: error: can't be read: Permission denied"


def test_a_file_that_becomes_unreadable_is_told_of(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(tmp_path, GOOD)

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", refuse)
    report = lint.lint([path], TODAY, None)
    assert [each.what for each in report.findings] == ["can't be read: Permission denied"]
    assert not report.readable


def test_terminal_escapes_in_a_file_s_name_stay_in_their_line(tmp_path: Path) -> None:
    path = tmp_path / "a\x1b[2J\nb.toml"
    path.write_text(changed((KEEP, "keep = 62")))
    line, _ = lines_of(path, 1)
    assert "\\u001b[2J\\nb.toml:28:1: error: " in line


def test_all_of_a_file_s_problems_are_told_at_once(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        changed(
            (HOLE, 'quues = ["help-line"]'),
            ('"continue"', '"contnue"'),
            (KEEP, 'keep = "a while"'),
            ("2024-01-01", '"soon"'),
        ),
    )
    report = lint.lint([path], TODAY, None)
    assert [(each.position.line, each.severity) for each in report.findings] == [
        (4, Severity.ERROR),
        (10, Severity.ERROR),
        (19, Severity.ERROR),
        (28, Severity.ERROR),
    ]
    only = write(tmp_path, changed(("2024-01-01", '"soon"'), (KEEP, 'keep = "a while"')))
    found = lint.lint([only], TODAY, None).findings
    assert [each.key for each in found] == ["policy.in_force_from", "retention.keep"]


def test_json_says_the_same(tmp_path: Path) -> None:
    path = write(tmp_path, changed((KEEP, "keep = 62")))
    done = CliRunner().invoke(main, ["policy", "lint", "--json", str(path)])
    assert done.exit_code == 1
    told = json.loads(done.output)
    assert (told["policies"], told["errors"], told["warnings"], told["notes"]) == (1, 1, 0, 0)
    (finding,) = told["findings"]
    assert (finding["line"], finding["column"], finding["key"]) == (28, 1, "retention.keep")


def test_strict_takes_warnings_for_errors(tmp_path: Path) -> None:
    path = write(tmp_path, GOOD + '[opt_out]\nby = ["caller"]\n')
    assert ": warning: opt_out.by: " in lines_of(path, 0)[0]
    done = CliRunner().invoke(main, ["policy", "lint", "--strict", str(path)])
    assert done.exit_code == 1


def test_a_thousand_problems_are_not_all_printed(tmp_path: Path) -> None:
    path = write(tmp_path, GOOD + "".join(f"x{i} = 1\n" for i in range(1000)))
    lines = lines_of(path, 1)
    assert len(lines) == 102
    assert "mend the first 100" in lines[0]
    assert lines[-1] == "1 policy, 101 errors, no warnings"
