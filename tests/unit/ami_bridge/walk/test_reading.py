"""The second reading of a policy says what the decisions say; neither is made of the other."""

from __future__ import annotations

import pytest

from ami_bridge.walk.facts import HOWS
from ami_bridge.walk.reading import Reading
from hushtape.policy import decide
from hushtape.policy.decide import Place
from hushtape.policy.schema import DestinationKind, Policy
from tests.policies import changed, policy_of

HOUSING = """[[destination]]
name = "housing"
queues = ["housing"]
on_transfer = "{}"

[transfer]"""
EXCEPTING = 'queues = ["help-line"]\nexcept_numbers = ["250", "600"]\nexcept_queues = ["staff"]'
CASHIERS = policy_of(changed(('"town"', '"cashiers"'), ('["700"]', '["79X"]\nqueues = ["till"]')))
POLICIES = [
    policy_of(changed(('queues = ["help-line"]', EXCEPTING), ("[transfer]", HOUSING.format(says))))
    for says in ("stop", "continue", "silent")
]
POLICIES += [
    policy_of(
        changed(('queues = ["help-line"]\n', ""), ("[transfer]", HOUSING.format("continue")))
    ),
    decide.beside(policy_of(changed(('"help-line"', '"help-line", "till"'))), [CASHIERS]),
]
PLACES = [
    *(Place(DestinationKind.EXTENSION, each) for each in ("250", "251", "700", "790")),
    *(
        Place(DestinationKind.QUEUE, extension, queue=queue)
        for extension in ("", "600", "790")
        for queue in ("help-line", "housing", "staff", "till", "another")
    ),
    Place(DestinationKind.OUTSIDE, "901632960000", number="01632960000"),
    Place(DestinationKind.UNKNOWN, ""),
]


@pytest.mark.parametrize("policy", POLICIES)
def test_both_say_the_same_of_each_place(policy: Policy) -> None:
    reading = Reading(policy)
    for place in PLACES:
        for how in HOWS:
            said = decide.on_transfer(policy, place, how)
            assert reading.transfer(place, how) is said.outcome, (place, how)
        assert reading.consultation(place) is decide.on_consultation(policy, place).allowed, place
        if place.queue:
            move, back = decide.on_move(policy, place.queue), decide.on_return(policy, place.queue)
            assert reading.queue(place.queue, on_the_way=True) is move.outcome, place
            assert reading.queue(place.queue, on_the_way=False) is back.outcome, place
