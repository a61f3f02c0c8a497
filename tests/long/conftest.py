"""What the long tests share: a Redis, and a seed that is told and can be given."""

from __future__ import annotations

import os
import random
import secrets
import sys
from collections.abc import Callable, Generator

import pytest

from lab import machine
from tests.integration.conftest import redis_server as _redis_server

SEED = "HUSHTAPE_SEED"
SEED_LIMIT = 1_000_000

redis_server = _redis_server


def _seed() -> int:
    """The one that was given, or one of this run's own."""
    if SEED not in os.environ:
        os.environ[SEED] = str(secrets.randbelow(SEED_LIMIT))
    return int(os.environ[SEED])


def pytest_report_header() -> str:
    """Say how this run is done again."""
    return f"seed {_seed()}: to do the same again, {SEED}={_seed()} ./run-tests long"


@pytest.fixture
def chance(request: pytest.FixtureRequest) -> random.Random:
    """Chance of a test's own: the same for the same seed, whatever ran before."""
    return random.Random(f"{_seed()} {request.node.name}")


@pytest.fixture(scope="session")
def lab_ready() -> None:
    """Whatever the lab needs is there."""
    if machine.plan():
        pytest.fail("the lab is not installed: ./run-tests long installs it")


@pytest.fixture
def say() -> Callable[[str], None]:
    """Tell how it goes, while it goes."""

    def write(words: str) -> None:
        sys.stderr.write(words + "\n")

    return write


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Say below each failure how it is done again."""
    report = yield
    if report.failed and "chance" in getattr(item, "fixturenames", ()):
        again = f"{SEED}={_seed()} ./run-tests long -k '{item.name}'"
        report.sections.append(("to do the same again", again))
    return report
