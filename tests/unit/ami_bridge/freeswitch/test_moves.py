"""Where a FreeSWITCH sends a call, and who did it."""

from __future__ import annotations

from datetime import timedelta

import pytest

from ami_bridge.facts import Fact, TransferCompleted
from ami_bridge.freeswitch import moves
from tests.unit.ami_bridge.freeswitch.events import (
    AGENT,
    CALLER,
    COLLEAGUE,
    LINE,
    NOW,
    SECOND,
    Event,
    Heard,
    answers,
    bridge,
    callcenter,
    came,
    dialled,
    goes,
    gone,
    loopback,
    queue_call,
    routed,
    rung,
    rung_outside,
    said,
    unbridge,
)


def transfers(facts: list[Fact]) -> list[tuple[str, str]]:
    return [
        (each.how, each.place.queue or each.place.extension)
        for each in facts
        if isinstance(each, TransferCompleted)
    ]


def to(number: str, dialplan: str = "XML") -> Event:
    return {"Caller-Destination-Number": number, "Caller-Dialplan": dialplan}


# sent away


def test_whoever_sends_a_caller_away_is_hanging_up() -> None:
    heard = queue_call(goes(AGENT))
    facts = heard.of(CALLER, unbridge(CALLER, AGENT, **to("212")))
    assert transfers(facts) == [("blind", "212")]
    assert transfers(heard.of(CALLER, routed(CALLER, "212"))) == [], "it is told once"


def test_to_the_same_extension_once_more() -> None:
    """The payment line ended, the dialplan gave the caller back, and he is sent there again."""
    heard = queue_call(goes(AGENT), unbridge(CALLER, AGENT, **to("710")), gone(AGENT))
    heard.hear(routed(CALLER, "710"), rung(COLLEAGUE, "212"), answers(COLLEAGUE))
    heard.hear(bridge(CALLER, COLLEAGUE), goes(COLLEAGUE))
    facts = heard.of(CALLER, unbridge(CALLER, COLLEAGUE, **to("710")), routed(CALLER, "710"))
    assert transfers(facts) == [("blind", "710")]


def test_or_is_gone() -> None:
    heard = queue_call(goes(AGENT), gone(AGENT))
    assert transfers(heard.of(CALLER, unbridge(CALLER, AGENT, **to("710")))) == [("blind", "710")]


def test_if_he_is_there_still_they_may_both_be_on_their_way() -> None:
    heard = queue_call(routed(AGENT, "651"))
    facts = heard.of(CALLER, unbridge(CALLER, AGENT, **to("651")))
    assert transfers(facts) == [("redirected", "651")]


def test_it_is_told_as_soon_as_the_dialplan_has_the_caller() -> None:
    """The called person of an agent's call: the bridge's end is told of the agent."""
    heard = Heard(
        dialled(AGENT, "211", "902079460010"),
        rung_outside(LINE, "02079460010", AGENT, "902079460010"),
        answers(LINE),
        bridge(AGENT, LINE),
    )
    assert transfers(heard.of(LINE, routed(LINE, "212"))) == [("redirected", "212")]
    assert heard.kinds(LINE, unbridge(AGENT, LINE)) == ["TalkChanged"], "it isn't left unexplained"


def test_a_leave_without_a_word_is_unexplained() -> None:
    heard = queue_call()
    kinds = heard.kinds(CALLER, unbridge(CALLER, AGENT, **to("03456009009")))
    assert kinds == ["LeftTalk", "TalkChanged"]


def test_the_next_leave_is_unexplained_again() -> None:
    heard = queue_call(
        goes(AGENT),
        unbridge(CALLER, AGENT, **to("212")),
        gone(AGENT),
        rung(COLLEAGUE, "212", CALLER, "212"),
        answers(COLLEAGUE),
        bridge(CALLER, COLLEAGUE),
    )
    kinds = heard.kinds(CALLER, unbridge(CALLER, COLLEAGUE, **to("212")))
    assert kinds == ["LeftTalk", "TalkChanged"]


def test_a_caller_who_hangs_up_goes_nowhere() -> None:
    heard = queue_call(goes(CALLER))
    end = unbridge(CALLER, AGENT, **to("212")) | {"Answer-State": "hangup"}
    assert transfers(heard.of(CALLER, end)) == []


def test_from_queue_to_queue_the_dialplan_goes_by_itself() -> None:
    heard = Heard(came(CALLER), callcenter("member-queue-start"))
    assert transfers(heard.of(CALLER, routed(CALLER, "612"))) == []
    assert transfers(heard.of(CALLER, routed(CALLER, "212"))) == [("redirected", "212")]


def test_but_not_from_a_talk() -> None:
    heard = queue_call()
    facts = heard.of(CALLER, unbridge(CALLER, AGENT, **to("612")))
    assert transfers(facts) == [("redirected", "housing")]


def test_before_its_first_talk_or_queue_the_dialplan_may_do_as_it_likes() -> None:
    heard = Heard(came(CALLER))
    assert transfers(heard.of(CALLER, routed(CALLER, "611"))) == []
    assert transfers(heard.of(CALLER, routed(CALLER, "211"))) == []


def test_a_list_of_applications_is_nowhere_that_a_policy_knows() -> None:
    park = 'm:":endless_playback:local_stream://moh"park'
    heard = queue_call()
    first = heard.of(CALLER, unbridge(CALLER, AGENT, **to(park, "inline")))
    assert transfers(first) == [("redirected", "")]
    assert transfers(heard.of(CALLER, routed(CALLER, park, "inline"))) == []
    back = heard.of(CALLER, routed(CALLER, "03456009009", "inline"))
    assert transfers(back) == [], "where it was all along, for the dialplan"


def test_where_the_far_half_of_a_loopback_goes_there_goes_the_caller() -> None:
    heard = Heard(
        came(CALLER, dialled="01632960121"),
        loopback("u-a", "211", "a", "u-b", CALLER),
        loopback("u-b", "211", "b", "u-a"),
        rung(AGENT, "211", "u-b", "211"),
        answers(AGENT),
        bridge("u-b", AGENT),
        bridge(CALLER, "u-a"),
        goes(AGENT),
    )
    facts = heard.of(CALLER, unbridge("u-b", AGENT, **to("212")))
    assert transfers(facts) == [("blind", "212")]


# connected


def consulting_by_phone(*events: Event) -> Heard:
    return queue_call(
        said("CHANNEL_HOLD", AGENT),
        dialled(SECOND, "211", "212"),
        rung(COLLEAGUE, "212", SECOND, "212"),
        answers(COLLEAGUE),
        bridge(SECOND, COLLEAGUE),
        *events,
    )


def test_a_telephone_connects_its_two_calls() -> None:
    connects = {"variable_endpoint_disposition": "ATTENDED_TRANSFER"}
    heard = consulting_by_phone(
        unbridge(SECOND, COLLEAGUE, **connects),
        goes(SECOND),
        gone(SECOND),
        goes(AGENT),
        gone(AGENT),
        unbridge(CALLER, AGENT),
    )
    facts = heard.of(CALLER, bridge(CALLER, COLLEAGUE))
    assert transfers(facts) == [("attended", "212")]
    assert [type(each).__name__ for each in facts][:2] == ["TransferCompleted", "JoinedTalk"]


def test_it_is_the_caller_who_is_transferred_whoever_is_first_in_the_bridge() -> None:
    connects = {"variable_endpoint_disposition": "ATTENDED_TRANSFER"}
    heard = queue_call(
        dialled(SECOND, "211", "902079460010"),
        rung_outside(LINE, "02079460010", SECOND, "902079460010"),
        answers(LINE),
        bridge(SECOND, LINE),
        unbridge(SECOND, LINE, **connects),
        unbridge(CALLER, AGENT),
    )
    told = heard.hear(bridge(LINE, CALLER))
    (moved,) = [each for each in told if isinstance(each.fact, TransferCompleted)]
    assert moved.channel.uniqueid == CALLER


def test_also_one_that_never_says_hold() -> None:
    connects = {"variable_endpoint_disposition": "ATTENDED_TRANSFER"}
    heard = queue_call(
        dialled(SECOND, "211", "212"),
        rung(COLLEAGUE, "212", SECOND, "212"),
        answers(COLLEAGUE),
        bridge(SECOND, COLLEAGUE),
        unbridge(SECOND, COLLEAGUE, **connects),
        unbridge(CALLER, AGENT),
    )
    assert transfers(heard.of(CALLER, bridge(CALLER, COLLEAGUE))) == [("attended", "212")]


def test_with_a_machine_the_caller_takes_the_second_calls_place() -> None:
    heard = queue_call(
        said("CHANNEL_HOLD", AGENT),
        dialled(SECOND, "211", "710"),
        goes(SECOND, **{"Hangup-Cause": "ATTENDED_TRANSFER"}),
    )
    facts = heard.of(CALLER, goes(AGENT), unbridge(CALLER, AGENT, **to("710")))
    assert transfers(facts) == [("attended", "710")]


def test_while_it_rings_the_caller_is_kept_waiting_meanwhile() -> None:
    heard = queue_call(
        said("CHANNEL_HOLD", AGENT),
        dialled(SECOND, "211", "212"),
        rung(COLLEAGUE, "212", SECOND, "212"),
        goes(SECOND, variable_endpoint_disposition="ATTENDED_TRANSFER"),
        goes(AGENT),
    )
    facts = heard.of(CALLER, unbridge(CALLER, AGENT, **to("playback:moh", "inline")))
    assert transfers(facts) == [("attended", "212")]
    facts = heard.of(CALLER, answers(COLLEAGUE), bridge(CALLER, COLLEAGUE))
    assert transfers(facts) == [], "it was told"


def test_a_key_connects_with_whom_the_agent_consulted() -> None:
    heard = queue_call(
        rung(COLLEAGUE, "212", AGENT, "x7-211"),
        answers(COLLEAGUE),
        bridge(AGENT, COLLEAGUE, "att_xfer"),
        goes(AGENT),
        unbridge(AGENT, COLLEAGUE, "att_xfer"),
        unbridge(CALLER, AGENT),
    )
    facts = heard.of(CALLER, bridge(COLLEAGUE, CALLER))
    assert transfers(facts) == [("attended", "212")]


def test_an_agent_who_comes_back_has_connected_nobody() -> None:
    heard = queue_call(
        rung(COLLEAGUE, "212", AGENT, "x7-211"),
        answers(COLLEAGUE),
        bridge(AGENT, COLLEAGUE, "att_xfer"),
        unbridge(AGENT, COLLEAGUE, "att_xfer"),
        unbridge(CALLER, AGENT),
    )
    assert transfers(heard.of(CALLER, bridge(AGENT, CALLER))) == []


def test_a_colleague_who_came_in_as_a_third_is_left_alone_without_a_transfer() -> None:
    heard = queue_call(
        rung(COLLEAGUE, "212", AGENT, "x7-211"),
        answers(COLLEAGUE),
        bridge(AGENT, COLLEAGUE, "att_xfer"),
        said("CHANNEL_EXECUTE", COLLEAGUE, Application="three_way"),
        unbridge(AGENT, COLLEAGUE, "att_xfer"),
        unbridge(CALLER, AGENT),
        bridge(AGENT, CALLER),
        goes(AGENT),
        unbridge(AGENT, CALLER),
    )
    assert transfers(heard.of(CALLER, bridge(COLLEAGUE, CALLER))) == []


@pytest.mark.parametrize(("late_s", "told"), [(-0.1, True), (0.1, False)])
def test_what_a_telephone_said_long_ago_is_of_another_call(late_s: float, told: bool) -> None:
    heard = queue_call(
        dialled(SECOND, "211", "212"),
        goes(SECOND, variable_endpoint_disposition="ATTENDED_TRANSFER"),
    )
    late = NOW + timedelta(seconds=moves.CONNECTS_WITHIN_S + late_s)
    facts = []
    for event in (goes(AGENT), unbridge(CALLER, AGENT), rung(COLLEAGUE, "212"), answers(COLLEAGUE)):
        heard.hear(event)
    facts = [each.fact for each in heard.translator.translate(bridge(CALLER, COLLEAGUE), late)]
    assert bool(transfers(facts)) is told


def test_a_caller_can_connect_nothing() -> None:
    """A line is no telephone: what an outside party's end says is of no consequence."""
    heard = queue_call(goes(CALLER, variable_endpoint_disposition="ATTENDED_TRANSFER"))
    assert transfers(heard.of(CALLER, unbridge(CALLER, AGENT))) == []


def test_no_more_are_remembered_than_there_may_be(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(moves, "MOST_CONSULTED", 1)
    heard = queue_call()
    for number in range(3):
        other = f"u-{number}"
        heard.hear(
            rung(other, "212", AGENT, "x7-211"), answers(other), bridge(AGENT, other, "att_xfer")
        )
    assert transfers(heard.of(CALLER, bridge("u-0", CALLER))) == []
