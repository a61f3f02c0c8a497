"""What an account may not read is found by what lives and was never told of."""

from __future__ import annotations

import pytest

from ami_bridge.asterisk.rights import LACKING, Rights

Event = dict[str, str]


def status(uniqueid: str, application: str = "Dial", variable: str = "") -> Event:
    return {"Uniqueid": uniqueid, "Application": application, "Variable": variable}


def told(privilege: str) -> Event:
    return {"Event": "Any", "Privilege": privilege}


NEW = status("1.2")
WAITS = status("1.2", "Queue")
PAYS = status("1.2", variable="HUSHTAPE_PAYMENT=began:1795266300.120:key")


@pytest.mark.parametrize(
    ("living", "lacking"),
    [
        pytest.param([NEW], ("call",), id="a channel"),
        pytest.param([WAITS], ("call", "agent"), id="in a queue"),
        pytest.param([PAYS], ("call", "user"), id="in payment by the dialplan"),
        pytest.param(
            [status("1.2", variable="HUSHTAPE_OPT_OUT=caller")], ("call", "user"), id="opted out"
        ),
        pytest.param(
            [status("1.2", variable="HUSHTAPE_PAYMENT=began:1795266300.120:api")],
            ("call",),
            id="in a payment that a desktop began: nothing tells of it",
        ),
        pytest.param([], (), id="nobody"),
        pytest.param([NEW | {"Channel": "PJSIP/211-00000001"}], ("call",), id="a telephone"),
        pytest.param([NEW | {"Channel": "CBRec/conf-1-uid-0"}], (), id="of which nothing tells"),
    ],
)
def test_who_came_untold(living: list[Event], lacking: tuple[str, ...]) -> None:
    assert Rights([]).lacking(living) == lacking


def test_what_was_so_at_the_login_shows_nothing() -> None:
    assert Rights([WAITS, PAYS]).lacking([WAITS, PAYS]) == ()


def test_whoever_lived_at_the_login_may_do_something_since() -> None:
    assert Rights([NEW]).lacking([WAITS]) == ("agent",)
    assert Rights([NEW]).lacking([PAYS]) == ("user",)


def test_one_event_of_a_class_shows_the_right() -> None:
    rights = Rights([NEW])
    rights.hear(told("dtmf,all"))
    assert not rights.tells_calls
    rights = Rights([])
    rights.hear(told("call,all"))
    assert rights.tells_calls
    assert rights.lacking([WAITS, status("1.3", variable=PAYS["Variable"])]) == ("agent", "user")
    rights.hear(told("agent,all"))
    assert rights.lacking([WAITS]) == ()
    assert not rights.whole
    rights.hear(told("user,all"))
    assert rights.whole


@pytest.mark.parametrize("privilege", ["system,call,all", "call,agent,user,all", "call", ""])
def test_an_event_that_may_be_told_for_another_right_shows_none(privilege: str) -> None:
    rights = Rights([])
    rights.hear(told(privilege))
    assert rights.lacking([NEW]) == ("call",)


def test_each_right_is_named_with_what_is_lacking() -> None:
    assert set(LACKING) == {"call", "agent", "user"}
    assert all(LACKING.values())
