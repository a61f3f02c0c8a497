from __future__ import annotations

from pathlib import Path

from hushtape.policy.linting.findings import Finding, Severity, in_order, shortened
from hushtape.policy.reading.locate import Position


def finding(line: int, column: int = 1, what: str = "is wrong") -> Finding:
    return Finding(Severity.ERROR, Path("a.toml"), Position(line, column), "calls", what)


def test_a_finding_is_one_line() -> None:
    assert finding(3, 2).line() == "a.toml:3:2: error: calls: is wrong"


def test_findings_come_in_the_order_of_the_file_and_once() -> None:
    found = in_order([finding(10), finding(9, 20), finding(9, 3), finding(10)])
    assert [(each.position.line, each.position.column) for each in found] == [
        (9, 3),
        (9, 20),
        (10, 1),
    ]


def test_what_is_too_long_loses_its_middle() -> None:
    words = shortened("a" * 300 + "b" * 300)
    assert len(words) < 410
    assert words.startswith("aaa")
    assert words.endswith("bbb")
    assert shortened("short") == "short"
