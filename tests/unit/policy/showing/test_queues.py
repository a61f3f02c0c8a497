from __future__ import annotations

from hushtape.policy.showing import queues
from tests.councils import POLICIES
from tests.policy_changes import EVERYTHING, changed

PLACE = {"name": "ours", "queues": ["housing"], "on_transfer": "continue"}


def test_a_queue_that_a_destination_stops_is_not_recorded() -> None:
    assert queues.recorded(EVERYTHING) == ["help-line", "housing"]
    stops = changed(("destination", 1, "queues"), ["housing", "other"])
    assert queues.recorded(stops) == ["help-line"]
    assert queues.not_by_themselves(stops) == ["housing"]
    assert queues.not_by_themselves(changed(("calls", "queues"), [], stops)) == ["housing", "other"]
    excepted = changed(("calls", "except_queues"), ["housing"], stops)
    assert queues.not_by_themselves(excepted) == []


def test_a_transfer_that_stops_though_the_queue_is_recorded() -> None:
    assert not queues.stopped_on_the_way(EVERYTHING)
    attended = {**PLACE, "on_attended_transfer": "stop"}
    policy = changed(("destination",), [attended], changed(("payment", "lines"), []))
    assert queues.recorded(policy) == ["help-line", "housing"]
    assert queues.stopped_on_the_way(policy)


def test_a_number_alone_brings_nothing_back() -> None:
    assert queues.anew(EVERYTHING) == "it enters a recorded queue anew"
    assert queues.anew(POLICIES["hammersmith-fulham"]) == ""
