"""The page of a tour's results; and the one in the docs, which must know every scenario."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from lab import crowd, kinds, table
from lab.faults import FAULTS
from lab.scenarios import MADE_UP, SCENARIOS
from lab.scene import Scenario, Take
from lab.town import COUNCILS, Council

DOCS = Path(__file__).parents[3] / "docs"
PAGES = {"asterisk": "scenarios.md", "freeswitch": "scenarios-freeswitch.md"}
FIRST, SECOND = SCENARIOS[:2]
SURREY, UTTLESFORD = COUNCILS[:2]
FAULT = FAULTS[0]


def take_of(scenario: Scenario, council: Council, *, ok: bool = True, says: str = "so") -> Take:
    take = Take(scenario.name, scenario.title, council.policy, says)
    take.check(ok, "something")
    return take


def rows_of(page: str) -> dict[str, list[str]]:
    """The first table's cells after the name, by name."""
    first = page.partition("\n## ")[0]
    rows = [line.strip("| ").split(" | ") for line in first.splitlines() if line.startswith("| ")]
    return {cells[0].strip("`"): cells[1:] for cells in rows}


def test_every_scenario_has_a_line_and_every_policy_a_column() -> None:
    takes = [take_of(SECOND, UTTLESFORD, ok=False), take_of(FIRST, SURREY), take_of(SECOND, SURREY)]
    rows = rows_of(table.markdown(takes))
    assert rows["scenario"] == ["the call", *(council.policy for council in COUNCILS)]
    not_played = [table.NOT_PLAYED] * 3
    assert rows[FIRST.name] == [FIRST.title, table.OK, table.NOT_PLAYED, *not_played]
    assert rows[SECOND.name] == [SECOND.title, table.OK, table.FAILED, *not_played]


def test_what_the_policies_say_stands_once_where_it_is_the_same() -> None:
    page = table.markdown([take_of(FIRST, SURREY), take_of(FIRST, UTTLESFORD)])
    assert f"| `{FIRST.name}` | so |" in page
    page = table.markdown([take_of(FIRST, SURREY), take_of(FIRST, UTTLESFORD, says="not so")])
    assert f"| `{FIRST.name}` | surrey: so<br>uttlesford: not so |" in page


def test_what_is_no_councils_scenario_stands_apart() -> None:
    fault = Take(FAULT.name, FAULT.title, SURREY.policy)
    fault.check(ok=True, what="something")
    page = table.markdown([take_of(FIRST, SURREY), fault])
    assert FAULT.name not in rows_of(page)
    beside = page.partition("## Beside these")[2]
    assert f"| `{FAULT.name}` | {FAULT.title} | surrey | {table.OK} |" in beside


def test_what_a_pbx_lacks_stands_with_the_reason_and_is_no_result() -> None:
    lacking = Take(FIRST.name, FIRST.title, SURREY.policy, lacks="no such thing")
    page = table.markdown([lacking, take_of(SECOND, SURREY)], kinds.FREESWITCH)
    assert page.startswith("# Scenarios, on a FreeSWITCH\n")
    assert rows_of(page)[FIRST.name][1] == table.LACKING
    assert f"| `{FIRST.name}` | no such thing |" in page
    assert f"| `{FIRST.name}` | so |" not in page
    assert "Scenes: 1." in page


def test_a_page_without_anything_lacking_says_nothing_of_it() -> None:
    assert table.LACKED not in table.markdown([take_of(FIRST, SURREY)])


def test_the_summary_counts_failed_checks_and_missed_aims() -> None:
    take = take_of(FIRST, SURREY, ok=False)
    take.aim(ok=False, what="nearly")
    assert "Scenes: 1. Checks: 2, of which failed: 1. Aims missed: 1." in table.markdown([take])


# ---------------------------------------------------------------------- the page in the docs


def page(pbx: str) -> str:
    return (DOCS / PAGES[pbx]).read_text(encoding="utf-8")


@pytest.mark.parametrize("pbx", PAGES)
def test_the_page_knows_every_policy(pbx: str) -> None:
    rows = rows_of(page(pbx))
    assert rows["scenario"] == ["the call", *(council.policy for council in COUNCILS)]


@pytest.mark.parametrize("pbx", PAGES)
@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)
def test_the_page_has_a_good_result_of_every_scenario(scenario: Scenario, pbx: str) -> None:
    """A whole tour writes it anew: `./run-lab --pbx PBX --table docs/PAGE`."""
    good = table.LACKING if pbx in scenario.lacks else table.OK
    results = [good if scenario.is_for(council) else table.NOT_PLAYED for council in COUNCILS]
    assert rows_of(page(pbx))[scenario.name] == [scenario.title, *results]


@pytest.mark.parametrize("pbx", PAGES)
def test_the_page_has_nothing_else(pbx: str) -> None:
    names = {scenario.name for scenario in SCENARIOS}
    assert rows_of(page(pbx)).keys() - names == {"scenario", "---"}


@pytest.mark.parametrize("pbx", PAGES)
def test_the_page_has_a_good_result_of_everything_beside(pbx: str) -> None:
    beside = page(pbx).partition("## Beside these")[2]
    good = set(re.findall(rf"^\| `([^`]+)` \|.* \| {table.OK} \|$", beside, re.MULTILINE))
    wanted = {crowd.NAME, *(each.name for each in (*MADE_UP, *FAULTS) if pbx not in each.lacks)}
    assert wanted <= good
    assert table.FAILED not in beside
