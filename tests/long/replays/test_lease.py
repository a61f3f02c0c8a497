"""Thousands of ways in which bridges come and go: no two of them hold the lease of a PBX."""

from __future__ import annotations

import random

import pytest

from tests.integration.ami_bridge.test_lease_interleavings import assert_one_holds
from tests.rivals import random_play

pytestmark = pytest.mark.timeout(600)

PLAYS = 5_000


def test_no_two_hold(chance: random.Random) -> None:
    for _ in range(PLAYS):
        seed = chance.getrandbits(64)
        assert_one_holds(random_play(random.Random(seed)))
