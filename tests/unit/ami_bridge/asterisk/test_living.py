"""What an Asterisk's ``Status`` events say."""

from __future__ import annotations

import pytest

from ami_bridge.asterisk.living import bridge_of, in_queue, queue_of, variables_of, was_dialled


def test_several_variables_are_told_apart() -> None:
    class Several(dict[str, str]):
        def every(self, name: str) -> tuple[str, ...]:
            assert name == "Variable"
            return ("HUSHTAPE_CALL=x;y", "HUSHTAPE_OPT_OUT=(null)", "EMPTY=", "odd")

    assert variables_of(Several()) == {"HUSHTAPE_CALL": "x;y"}
    assert variables_of({}) == {}


@pytest.mark.parametrize(
    ("living", "queue"),
    [
        ({"Application": "Queue", "Data": "help-line,t,,,30"}, "help-line"),
        ({"Application": "Queue", "Data": "help-line"}, "help-line"),
        ({"Application": "Dial", "Data": "help-line,t"}, ""),
        ({}, ""),
    ],
)
def test_a_queue_is_named_by_what_its_application_was_given(
    living: dict[str, str], queue: str
) -> None:
    assert queue_of(living) == queue
    assert in_queue(living) == bool(queue)


def test_who_was_called_and_where_it_talks() -> None:
    called = {"Application": "AppDial", "BridgeID": "b1"}
    assert was_dialled(called)
    assert bridge_of(called) == "b1"
    assert not was_dialled({"Application": "Dial"})
    assert bridge_of({}) == ""
