"""The tour of real calls, as `./run-lab` makes it: one test for each scenario and policy."""

from __future__ import annotations

import os
import sys

import pytest

from lab import machine
from lab.faults import FAULTS
from lab.scenarios import SCENARIOS
from lab.scene import Take
from lab.tour import LATENCY_AIM_S, Report, Selection, percentile, run
from lab.town import COUNCILS

pytestmark = pytest.mark.timeout(600)  # the first test waits for the whole tour


@pytest.fixture(scope="session")
def report() -> Report:
    """Make the tour once; every test below looks at its own part of it."""
    missing = machine.plan()
    if missing:
        pytest.fail("the lab is not installed: ./run-lab --yes, or ./run-tests lab, installs it")
    return run(Selection(), _say)


def _say(text: str) -> None:
    sys.stderr.write(text + "\n")


def take_of(report: Report, scenario: str, policy: str) -> Take:
    (take,) = [t for t in report.takes if (t.scenario, t.policy) == (scenario, policy)]
    return take


@pytest.mark.parametrize("council", [council.policy for council in COUNCILS])
@pytest.mark.parametrize("scenario", [scenario.name for scenario in SCENARIOS])
def test_a_real_call_is_recorded_as_the_policy_says(
    report: Report, scenario: str, council: str
) -> None:
    take = take_of(report, scenario, council)
    assert take.ok, take.text()


def test_twenty_calls_at_once_are_not_mixed_up(report: Report) -> None:
    take = take_of(report, "crowd", "crowd")
    assert take.ok, take.text()


@pytest.mark.parametrize("fault", [fault.name for fault in FAULTS])
def test_a_fault_loses_and_doubles_nothing(report: Report, fault: str) -> None:
    take = take_of(report, fault, "surrey")
    assert take.ok, take.text()


def test_nothing_else_lies_in_archive_and_spool(report: Report) -> None:
    take = take_of(report, "nothing else", "all")
    assert take.ok, take.text()


def test_the_retention_plan_says_what_will_go_when_and_why(report: Report) -> None:
    take = take_of(report, "retention", "all")
    assert take.ok, take.text()


def test_recordings_are_archived_soon_after_hang_up(report: Report) -> None:
    """Not a measure of speed: the aim is ten times what an idle machine needs."""
    latencies = report.latencies_s()
    assert len(latencies) >= 50
    assert percentile(latencies, 50) < LATENCY_AIM_S * float(os.environ.get("TIMEOUT_FACTOR", "5"))
