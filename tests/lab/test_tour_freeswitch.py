"""A few of the tour's calls on a real FreeSWITCH, where this machine has one.

All of them: `./run-lab --pbx freeswitch`; on a fake one they are played everywhere.
"""

from __future__ import annotations

import sys

import pytest

from lab import kinds, machine
from lab.scenarios import SCENARIOS
from lab.tour import Report, Selection, run
from lab.town import COUNCILS

pytestmark = pytest.mark.timeout(600)  # the first test waits for all of it

NAMES = (
    "hang-up-by-caller",
    "blind-to-extension",
    "blind-to-payment",
    "attended-to-extension",
    "second-line-to-payment",
    "parked-fetched-elsewhere",
    "hold",
    "opt-out-by-agent",
)
GOES_ON_AND_STOPS = ("surrey", "uttlesford")
AFTERWARDS = ("nothing else", "nothing personal", "retention", "sweep", "timeline")


@pytest.fixture(scope="module")
def report() -> Report:
    """Play them once; every test below looks at its own part of it."""
    if lacking := kinds.lacking(kinds.FREESWITCH):
        sys.stderr.write(f"no call is made through a real FreeSWITCH: {lacking}\n")
        pytest.skip(lacking)
    if machine.plan():
        pytest.fail("the lab is not installed: ./run-lab --yes, or ./run-tests lab, installs it")
    selection = Selection(
        scenarios=[each for each in SCENARIOS if each.name in NAMES],
        councils=[each for each in COUNCILS if each.policy in GOES_ON_AND_STOPS],
        crowd=0,
        faults=(),
        made_up=(),
        payments=(),
        pbx=kinds.FREESWITCH,
    )
    return run(selection, _say)


def _say(text: str) -> None:
    sys.stderr.write(text + "\n")


@pytest.mark.parametrize("policy", GOES_ON_AND_STOPS)
@pytest.mark.parametrize("scenario", NAMES)
def test_a_real_call_is_recorded_as_the_policy_says(
    report: Report, scenario: str, policy: str
) -> None:
    (take,) = [x for x in report.takes if (x.scenario, x.policy) == (scenario, policy)]
    assert take.ok, take.text()


@pytest.mark.parametrize("look", AFTERWARDS)
def test_what_is_left_of_all_of_them(report: Report, look: str) -> None:
    (take,) = [each for each in report.takes if each.scenario == look]
    assert take.ok, take.text()
