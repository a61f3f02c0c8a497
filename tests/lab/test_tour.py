"""The tour of real calls, as `./run-lab` makes it: one test for each scenario and policy."""

from __future__ import annotations

import sys

import pytest

from lab import machine, payments
from lab.payments import PAYMENTS
from lab.scenarios import MADE_UP, SCENARIOS
from lab.scene import Take
from lab.tour import MADE_UP_COUNCIL, Report, Selection, run
from lab.town import COUNCILS
from lab.troubles import FAULTS

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


LEAST_MEASURED = 50  # recordings of a whole tour
PLAYED = [
    (scenario.name, council.policy)
    for scenario in SCENARIOS
    for council in COUNCILS
    if scenario.is_for(council)
]


@pytest.mark.parametrize(("scenario", "council"), PLAYED)
def test_a_real_call_is_recorded_as_the_policy_says(
    report: Report, scenario: str, council: str
) -> None:
    take = take_of(report, scenario, council)
    assert take.ok, take.text()


@pytest.mark.parametrize("scenario", [scenario.name for scenario in MADE_UP])
def test_a_policy_may_say_what_none_of_the_five_does(report: Report, scenario: str) -> None:
    take = take_of(report, scenario, MADE_UP_COUNCIL)
    assert take.ok, take.text()


PAID = [
    (scenario.name, council.policy)
    for scenario in PAYMENTS
    for council in payments.COUNCILS_HERE
    if scenario.is_for(council)
]


@pytest.mark.parametrize(("scenario", "council"), PAID)
def test_a_payment_is_silent(report: Report, scenario: str, council: str) -> None:
    take = take_of(report, scenario, council)
    assert take.ok, take.text()


@pytest.mark.parametrize("look", ["no card", "silence"])
def test_no_card_is_anywhere_and_silence_comes_at_once(report: Report, look: str) -> None:
    take = take_of(report, look, payments.POLICIES)
    assert take.ok, take.text()


def test_twenty_calls_at_once_are_not_mixed_up(report: Report) -> None:
    take = take_of(report, "crowd", "crowd")
    assert take.ok, take.text()


@pytest.mark.parametrize("fault", [fault.name for fault in FAULTS])
def test_a_fault_loses_doubles_and_betrays_nothing(report: Report, fault: str) -> None:
    take = take_of(report, fault, "surrey")
    assert take.ok, take.text()


@pytest.mark.parametrize("policies", ["all", MADE_UP_COUNCIL, payments.POLICIES])
def test_nothing_else_lies_in_archive_and_spool(report: Report, policies: str) -> None:
    take = take_of(report, "nothing else", policies)
    assert take.ok, take.text()


def test_nothing_personal_stands_outside_the_private_part(report: Report) -> None:
    take = take_of(report, "nothing personal", "all")
    assert take.ok, take.text()


def test_every_recording_is_kept_as_long_as_its_council_says(report: Report) -> None:
    take = take_of(report, "retention", "all")
    assert take.ok, take.text()


def test_a_sweep_deletes_and_proves_what_is_due_and_leaves_the_rest(report: Report) -> None:
    take = take_of(report, "sweep", "all")
    assert take.ok, take.text()


def test_recordings_are_archived_soon_after_hang_up(report: Report) -> None:
    """Within a bound that is generous; the aim is a warning in the report."""
    assert len(report.latencies_s()) >= LEAST_MEASURED
    take = take_of(report, "speed", "all")
    assert take.ok, take.text()
