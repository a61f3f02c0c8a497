"""What is left of a card in a PBX's own tree is found there, however it was written down."""

from __future__ import annotations

from pathlib import Path

import pytest

from lab import card, payments

BEGAN = "[2026-11-21 13:15:09.101] DTMF[71][C-0001] channel.c: DTMF begin '4' received on PJSIP/x"


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    (tmp_path / "log" / "cdr-csv").mkdir(parents=True)
    (tmp_path / "log" / "full").write_text("[13:15:09] VERBOSE[71] app_queue.c: Called PJSIP/211\n")
    return tmp_path


def test_nothing_is_found_where_nothing_is(tree: Path) -> None:
    assert payments.left_of_card(tree) == ([], 0)


@pytest.mark.parametrize("name", ["log/full", "var/astdb.sqlite3", "log/cdr-csv/Master.csv"])
def test_a_number_is_found_wherever_it_stands(tree: Path, name: str) -> None:
    path = tree / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(f"VERBOSE[71] app_read.c: User entered '{card.NUMBER[4:]}'\n")
    assert payments.left_of_card(tree) == ([name], 0)


def test_digits_that_are_logged_one_by_one_are_counted(tree: Path) -> None:
    """No line of them holds a number, and all of them do."""
    lines = [BEGAN.replace("'4'", f"'{digit}'") for digit in card.NUMBER]
    (tree / "log" / "full").write_text("\n".join(lines))
    assert payments.left_of_card(tree) == ([], len(card.NUMBER))
