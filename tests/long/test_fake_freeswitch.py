"""The whole tour of the lab on the fake FreeSWITCH: all councils, made-up policies, payments."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from lab import payments, town
from lab.payments import PAYMENTS
from lab.scenarios import MADE_UP
from lab.tour import MADE_UP_COUNCIL, Report, Selection, run
from tests.fake_freeswitch.stage import Programme, in_its_place, played

LINES = 2  # of each council
TOUR_TIMEOUT_S = 900.0
MADE_UP_LOOKS = ("nothing else",)
PAYMENT_LOOKS = ("nothing else", "no card", "calm", "silence", "timeline")

pytestmark = pytest.mark.timeout(1200)  # the first test waits for all that is before it


def _say(text: str) -> None:
    sys.stderr.write(text + "\n")


@pytest.fixture(scope="module")
def others() -> Iterator[Future[Report]]:
    """Play what none of the five policies says, and payments, beside all that follows."""
    selection = Selection(pbx="freeswitch", scenarios=(), crowd=0, faults=())
    with in_its_place(), ThreadPoolExecutor(1) as pool:
        yield pool.submit(run, selection, _say)


@pytest.fixture(scope="module")
def programme(others: Future[Report]) -> Iterator[Programme]:
    """Play it once; every test below looks at its own part of it."""
    with Programme(town.COUNCILS, LINES, say=_say) as playing:
        yield playing


@pytest.fixture
def report(others: Future[Report]) -> Report:
    return others.result(TOUR_TIMEOUT_S)


@pytest.mark.parametrize(("scenario", "council"), played(town.COUNCILS))
def test_a_call_is_recorded_as_the_policy_says(
    programme: Programme, scenario: str, council: str
) -> None:
    take = programme.take(scenario, council)
    if take.lacks:
        pytest.skip(f"not on a FreeSWITCH: {take.lacks}")
    assert take.ok, take.text()


def test_nothing_else_lies_in_archive_and_spool(programme: Programme) -> None:
    take = programme.take("nothing else", "all")
    assert take.ok, take.text()


def test_the_fake_has_made_no_mistake_of_its_own(programme: Programme) -> None:
    assert not programme.failures()


@pytest.mark.parametrize(
    ("scenario", "policy"),
    [
        *[(each, MADE_UP_COUNCIL) for each in [*(x.name for x in MADE_UP), *MADE_UP_LOOKS]],
        *played(payments.COUNCILS_HERE, PAYMENTS),
        *[(each, payments.POLICIES) for each in PAYMENT_LOOKS],
    ],
)
def test_a_made_up_policy_or_a_payment_is_as_it_says(
    report: Report, scenario: str, policy: str
) -> None:
    (take,) = [x for x in report.takes if (x.scenario, x.policy) == (scenario, policy)]
    if take.lacks:
        pytest.skip(f"not on a FreeSWITCH: {take.lacks}")
    assert take.ok, take.text()
