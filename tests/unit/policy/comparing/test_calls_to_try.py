from __future__ import annotations

import pytest

from hushtape.errors import PolicyError
from hushtape.policy.comparing import calls_to_try
from hushtape.policy.schema import DestinationKind
from tests.policy_changes import EVERYTHING, changed

SAME = (EVERYTHING, EVERYTHING)


def test_numbers_in_the_same_lists_are_one_kind() -> None:
    words = [kind.words for kind in calls_to_try.dialled_numbers(SAME)]
    assert words[:3] == ["01737 276000", "01737 276001", "01737 276999"]  # the first has a tag
    assert words[3:] == [
        "020 7946 0020, 21X (such as 210) or 72[1-3] (such as 721)",
        "any number",
    ]


def test_a_line_that_both_take_payments_on_is_left_out() -> None:
    assert "700" not in str(calls_to_try.dialled_numbers(SAME))
    other = changed(("destination", 0, "extensions"), ["701"])
    assert "701" in str(calls_to_try.dialled_numbers((EVERYTHING, other)))


def test_a_second_spelling_is_the_same_number() -> None:
    old = changed(("calls", "numbers"), ["91737 276000"])
    new = changed(("calls", "numbers"), ["+353 1737 276000", "00353-1737-276000"])
    words = [kind.words for kind in calls_to_try.dialled_numbers((old, new))]
    assert "91737 276000" in words
    assert "353" not in str(words)


def test_queues_are_those_that_are_named_any_other_and_none() -> None:
    kinds = calls_to_try.queues(SAME)
    assert {kind.words for kind in kinds} == {
        *(f"the queue {name}" for name in ("back-office", "help-line", "housing")),
        *("the queue payments", "the queue union", "any queue", "no queue"),
    }
    assert [kind.sample for kind in kinds][-1] == ""


def test_callers_are_those_of_outbound_and_any_other() -> None:
    other = changed(("outbound", "extensions"), ["21X"])
    kinds = calls_to_try.callers((EVERYTHING, other))
    assert [kind.words for kind in kinds] == [
        "extensions 211 or 213",
        "extension 21X (such as 210)",
        "any extension",
    ]


def test_places_are_all_that_is_named_and_one_other_of_each_sort() -> None:
    found = {kind.words: kind.sample for kind in calls_to_try.places(SAME)}
    assert found["700"].kind is DestinationKind.EXTENSION
    assert found["the queue payments"].queue == "payments"
    assert found["020 7946 0010"].kind is DestinationKind.OUTSIDE
    assert {"any other extension", "any other queue", "any other outside number"} <= set(found)


def test_an_excepted_extension_is_a_place_like_those_of_destinations() -> None:
    excepting = changed(("calls", "except_numbers"), ["3999", "01737 276999"])
    found = {kind.words: kind.sample for kind in calls_to_try.places((EVERYTHING, excepting))}
    assert found["3999"].kind is DestinationKind.EXTENSION
    assert found["01737 276999"].kind is DestinationKind.OUTSIDE
    assert calls_to_try.other_extension((EVERYTHING, excepting)) != "3999"


def test_where_every_extension_is_named_there_is_no_other() -> None:
    every = changed(("destination", 1, "extensions"), ["X!"])
    assert calls_to_try.other_extension((every, every)) == ""
    assert "any other extension" not in {kind.words for kind in calls_to_try.places((every, every))}


def test_too_many_places_are_refused() -> None:
    many = changed(("calls", "numbers"), [f"01632 {number:06}" for number in range(3100)])
    with pytest.raises(PolicyError, match="too many to try"):
        calls_to_try.dialled_numbers((many, EVERYTHING))
