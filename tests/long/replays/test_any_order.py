"""Very many orders of facts; what is watched stands in test_call_properties.py."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from hushtape.policy.schema import Policy
from hushtape.recordings.manifest import Direction
from tests.integration.ami_bridge.call.test_call_properties import (
    BACKWARDS_S,
    DIRECTIONS,
    POLICIES,
    Moves,
    moves,
    play,
)

pytestmark = pytest.mark.timeout(600)

ORDERS = 30_000


@settings(max_examples=ORDERS, deadline=None)
@given(some.sampled_from(POLICIES), DIRECTIONS, moves(BACKWARDS_S))
def test_no_order_of_facts_breaks_a_call(policy: Policy, direction: Direction, told: Moves) -> None:
    play(policy, direction, told)
