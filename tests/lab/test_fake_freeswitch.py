"""The lab's scenes on the fake FreeSWITCH: two councils, what goes on and what stops."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import pytest

from lab import town
from tests.fake_freeswitch.stage import Programme, played

COUNCILS = [town.council(name) for name in ("surrey", "uttlesford")]
LINES = 6  # of each council: the fake needs next to no processor

pytestmark = pytest.mark.timeout(600)  # the first test waits for all that is before it


def _say(text: str) -> None:
    sys.stderr.write(text + "\n")


@pytest.fixture(scope="module")
def programme() -> Iterator[Programme]:
    """Play it once; every test below looks at its own part of it."""
    with Programme(COUNCILS, LINES, say=_say) as playing:
        yield playing


@pytest.mark.parametrize(("scenario", "council"), played(COUNCILS))
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
