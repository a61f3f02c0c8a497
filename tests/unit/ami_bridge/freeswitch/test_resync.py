"""What has become of a FreeSWITCH's channels while nobody listened."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from ami_bridge.facts import (
    Answered,
    Claimed,
    Fact,
    HungUp,
    NobodyListened,
    OptedOut,
    PaymentBegan,
    QueueEntered,
    TalkChanged,
    TransferCompleted,
)
from ami_bridge.freeswitch.translate import Translator
from hushtape.policy.schema import Asker, DestinationKind, PaymentWay
from hushtape.recordings.manifest import Direction
from tests.unit.ami_bridge.freeswitch.events import (
    AGENT,
    CALLER,
    COLLEAGUE,
    LINE,
    NOW,
    PBX,
    SINCE,
    Event,
    Heard,
    answers,
    bridge,
    callcenter,
    came,
    dialled,
    loopback,
    queue_call,
    routed,
    rung,
    rung_outside,
    said,
    unbridge,
)


def lives(event: Event, **more: str) -> Event:
    """A channel as ``uuid_dump`` and ``show channels`` tell it."""
    row = {
        "uuid": event["Unique-ID"],
        "initial_context": event["Caller-Context"],
        "initial_dest": event["Caller-Destination-Number"],
    }
    return {**event, "Answer-State": "answered", **row, **more}


def with_each_other(one: Event, other: Event) -> list[Event]:
    return [
        one | {"variable_bridge_to": other["Unique-ID"]},
        other | {"variable_bridge_to": one["Unique-ID"]},
    ]


MEMBER = {
    "variable_cc_side": "member",
    "variable_cc_queue": "customer-service@lab",
    "variable_cc_queue_joined_epoch": "1700000000",
    "variable_current_application": "callcenter",
}
TALK = with_each_other(
    lives(came(CALLER), **MEMBER, variable_cc_agent_uuid=AGENT), lives(rung(AGENT, "211"))
)


def resync(heard: Heard, living: Sequence[Event], uniqueid: str = CALLER) -> list[Fact]:
    told = list(heard.translator.resync(living, NOW, SINCE))
    return [each.fact for each in told if each.channel.uniqueid == uniqueid]


def kinds(facts: Sequence[Fact]) -> list[str]:
    return [type(each).__name__ for each in facts]


# what was known


def test_a_talk_that_goes_on() -> None:
    heard = queue_call()
    assert resync(heard, TALK) == [NobodyListened(at=SINCE)]
    assert heard.kinds(CALLER, unbridge(CALLER, AGENT)) == ["LeftTalk", "TalkChanged"]


def test_who_is_gone_hung_up_at_an_unknown_time() -> None:
    heard = queue_call()
    assert resync(heard, [], CALLER)[0] == HungUp(at=SINCE, seen=False)
    assert heard.translator.channel(CALLER) is None
    assert resync(queue_call(), [TALK[1]], CALLER) == [HungUp(at=SINCE, seen=False)]


def test_elsewhere_in_the_dialplan_is_an_unseen_transfer() -> None:
    facts = resync(queue_call(), [lives(came(CALLER), **{"Caller-Destination-Number": "710"})])
    (moved,) = [each for each in facts if isinstance(each, TransferCompleted)]
    assert (moved.at, moved.how, moved.place.extension) == (SINCE, "unseen", "710")


def test_with_somebody_else_too() -> None:
    living = with_each_other(lives(came(CALLER)), lives(rung(COLLEAGUE, "212")))
    living.append(lives(rung(AGENT, "211")))
    (moved,) = [
        each for each in resync(queue_call(), living) if isinstance(each, TransferCompleted)
    ]
    assert (moved.how, moved.place.kind) == ("unseen", DestinationKind.UNKNOWN)


def test_a_list_of_applications_is_no_place() -> None:
    inline = {"Caller-Destination-Number": "playback:moh", "Caller-Dialplan": "inline"}
    assert kinds(resync(queue_call(), [lives(came(CALLER), **inline)])) == [
        "TalkChanged",
        "NobodyListened",
    ]


def test_the_dialplan_has_taken_it_to_another_queue() -> None:
    heard = Heard(came(CALLER), callcenter("member-queue-start"))
    living = [lives(came(CALLER), **MEMBER | {"variable_cc_queue": "housing@lab"})]
    (entered,) = [each for each in resync(heard, living) if isinstance(each, QueueEntered)]
    assert (entered.at, entered.arrival.queue) == (SINCE, "housing")
    assert kinds(resync(heard, living)) == ["NobodyListened"], "once"


def test_so_has_a_consultation_that_became_a_transfer() -> None:
    """The caller talks with another queue's agent, through the loopback channel of who sent him."""
    housing = MEMBER | {"variable_cc_queue": "housing@lab", "variable_cc_agent_uuid": COLLEAGUE}
    half, inner = loopback("u-a", "602", "a", "u-b", CALLER), loopback("u-b", "602", "b", "u-a")
    living = [
        *with_each_other(lives(came(CALLER)), lives(half)),
        *with_each_other(lives(inner, **housing), lives(rung(COLLEAGUE, "212"))),
    ]
    entered = [each for each in resync(queue_call(), living) if isinstance(each, QueueEntered)]
    assert [(each.at, each.arrival.queue) for each in entered] == [(SINCE, "housing")]
    entered = [each for each in resync(Heard(), living) if isinstance(each, QueueEntered)]
    assert [(each.at, each.arrival.queue) for each in entered] == [(NOW, "housing")]


def test_who_waited_and_waits_no_more_is_no_agents_answer() -> None:
    heard = Heard(came(CALLER), callcenter("member-queue-start"))
    resync(heard, [lives(came(CALLER))])
    heard.hear(dialled(COLLEAGUE, "212", "*8"), answers(COLLEAGUE))
    assert "AgentAnswered" not in heard.kinds(CALLER, bridge(COLLEAGUE, CALLER, "intercept"))


def test_what_hangs_up_is_told_of_no_more_than_its_end() -> None:
    ends = [each | {"Answer-State": "hangup"} for each in TALK]
    ends[0]["Caller-Destination-Number"] = "710"
    heard = queue_call()
    assert kinds(resync(heard, ends)) == ["TalkChanged", "NobodyListened"]
    assert kinds(resync(Heard(), ends)) == []


# a caller whose agent is with somebody else for a while


def test_an_agent_who_consulted_by_key_comes_back_all_the_same() -> None:
    heard = queue_call(rung(COLLEAGUE, "212", AGENT, "x"), answers(COLLEAGUE))
    heard.hear(bridge(AGENT, COLLEAGUE, "att_xfer"))
    living = [
        lives(came(CALLER), **MEMBER, variable_bridge_to=AGENT),
        *with_each_other(lives(rung(AGENT, "211")), lives(rung(COLLEAGUE, "212"))),
    ]
    told = kinds(resync(heard, living))
    assert told == ["ConsultationEnded", "ConsultationBegan", "NobodyListened"]
    facts = heard.of(CALLER, unbridge(AGENT, COLLEAGUE, "att_xfer"))
    (changed,) = [each for each in facts if isinstance(each, TalkChanged)]
    assert [each.uniqueid for each in changed.talkers] == [AGENT]


SECOND_CALL = with_each_other(
    lives(dialled("u-2", "211", "212")), lives(rung(COLLEAGUE, "212", "u-2", "212"))
)


@pytest.mark.parametrize(
    ("state", "told"),
    [
        ("ACTIVE", ["ConsultationEnded"]),
        ("HELD", ["ConsultationEnded", "ConsultationBegan"]),
    ],
)
def test_a_consultation_goes_on_if_the_caller_is_held_still(state: str, told: list[str]) -> None:
    heard = queue_call(said("CHANNEL_HOLD", AGENT), dialled("u-2", "211", "212"))
    heard.hear(rung(COLLEAGUE, "212", "u-2", "212"), answers(COLLEAGUE), bridge("u-2", COLLEAGUE))
    living = [TALK[0], TALK[1] | {"Channel-Call-State": state}, *SECOND_CALL]
    assert kinds(resync(heard, living)) == [*told, "NobodyListened"]


def test_a_third_person_is_there_still() -> None:
    heard = queue_call(rung(COLLEAGUE, "212", AGENT, "x"), answers(COLLEAGUE))
    heard.hear(said("CHANNEL_EXECUTE", COLLEAGUE, Application="three_way"))
    third = lives(rung(COLLEAGUE, "212"), variable_current_application="three_way")
    assert kinds(resync(heard, [*TALK, third])) == ["NobodyListened"]
    (gone,) = resync(heard, TALK, COLLEAGUE)[:1]
    assert isinstance(gone, HungUp)


def test_a_supervisor_who_came_in_while_nobody_listened_is_heard_from_now_on() -> None:
    third = lives(dialled(COLLEAGUE, "212", "800"), variable_current_application="three_way")
    living = [*TALK, third | {"variable_current_application_data": AGENT}]
    changed = [each for each in resync(queue_call(), living) if isinstance(each, TalkChanged)]
    assert [[each.uniqueid for each in one.talkers] for one in changed] == [[AGENT, COLLEAGUE]]


def test_a_caller_whose_agent_is_hanging_up_is_sent_by_him() -> None:
    heard = queue_call()
    ends = TALK[1] | {"Answer-State": "hangup"}
    assert kinds(resync(heard, [TALK[0], ends])) == ["TalkChanged", "NobodyListened"]
    event = unbridge(CALLER, AGENT, **{"Caller-Destination-Number": "612"})
    (moved,) = [each for each in heard.of(CALLER, event) if isinstance(each, TransferCompleted)]
    assert (moved.how, moved.place.queue) == ("blind", "housing")


# what is new


def test_a_call_that_waits_begins_now() -> None:
    (fact,) = resync(Heard(), [lives(came(CALLER), **MEMBER)])
    assert isinstance(fact, QueueEntered)
    assert (fact.at, fact.arrival.queue) == (NOW, "customer-service")
    assert fact.arrival.direction is Direction.INBOUND


def test_one_that_talks_with_its_agent_too() -> None:
    facts = resync(Heard(), TALK)
    assert kinds(facts) == ["QueueEntered", "TalkChanged"]
    assert resync(Heard(), TALK, AGENT)[0] != facts[0]


def test_a_caller_is_outside_by_where_he_came_in() -> None:
    """FreeSWITCH's dialplans send outside calls on into the telephones' context."""
    moved = lives(came(CALLER), **MEMBER) | {"Caller-Context": "internal"}
    (fact,) = resync(Heard(), [moved])
    assert isinstance(fact, QueueEntered)
    assert fact.arrival.direction is Direction.INBOUND


def test_a_call_to_the_outside_that_was_answered() -> None:
    living = with_each_other(
        lives(dialled(AGENT, "211", "902079460010")),
        lives(rung_outside(LINE, "02079460010", AGENT, "902079460010")),
    )
    facts = resync(Heard(), living, LINE)
    assert kinds(facts) == ["Answered", "TalkChanged"]
    assert isinstance(facts[0], Answered)
    assert facts[0].arrival.direction is Direction.OUTBOUND
    assert facts[0].agent == "211@192.0.2.2"
    rings = [living[0], living[1] | {"Answer-State": "ringing"}]
    assert kinds(resync(Heard(), rings, LINE)) == ["TalkChanged"]


def test_a_direct_call_that_was_under_way_isnt_begun_now() -> None:
    living = with_each_other(lives(came(CALLER)), lives(rung(AGENT, "211", CALLER, "03456009009")))
    assert kinds(resync(Heard(), living)) == ["TalkChanged"]


DIRECT = came(CALLER), rung(AGENT, "211", CALLER, "03456009009")


def test_a_direct_call_that_rang_and_was_answered_meanwhile_begins_now() -> None:
    living = with_each_other(*(lives(each) for each in DIRECT))
    heard = Heard(*DIRECT)
    (fact,) = (each for each in resync(heard, living) if isinstance(each, Answered))
    assert (fact.at, fact.arrival.direction) == (NOW, Direction.INBOUND)
    again = [each for each in resync(heard, living) if isinstance(each, Answered)]
    assert again == [], "it begins once"


def test_so_does_one_that_was_heard_before() -> None:
    heard = Heard(*DIRECT, bridge(CALLER, AGENT))  # early media
    living = with_each_other(*(lives(each) for each in DIRECT))
    (fact,) = (each for each in resync(heard, living) if isinstance(each, Answered))
    assert fact.at == NOW


def test_so_does_one_to_the_outside() -> None:
    events = (
        dialled(AGENT, "211", "902079460010"),
        rung_outside(LINE, "02079460010", AGENT, "902079460010"),
    )
    living = with_each_other(*(lives(each) for each in events))
    (fact,) = (each for each in resync(Heard(*events), living, LINE) if isinstance(each, Answered))
    assert (fact.at, fact.arrival.direction) == (NOW, Direction.OUTBOUND)


def test_one_to_the_outside_that_was_handed_over_meanwhile_does_not() -> None:
    line = rung_outside(LINE, "02079460010", AGENT, "902079460010")
    living = with_each_other(lives(line), lives(rung(COLLEAGUE, "212", AGENT, "212")))
    heard = Heard(dialled(AGENT, "211", "902079460010"), line)
    assert not [each for each in resync(heard, living, LINE) if isinstance(each, Answered)]


def test_who_had_talked_may_have_been_transferred_meanwhile() -> None:
    heard = Heard(*DIRECT, answers(AGENT), bridge(CALLER, AGENT), unbridge(CALLER, AGENT))
    other = lives(rung(COLLEAGUE, "212", CALLER, "03456009009"))
    living = with_each_other(lives(came(CALLER)), other)
    assert not [each for each in resync(heard, living) if isinstance(each, Answered)]


@pytest.mark.parametrize(
    "living",
    [
        pytest.param(
            with_each_other(
                lives(came(CALLER), **{"Caller-Destination-Number": "212"}),
                lives(rung(COLLEAGUE, "212", CALLER, "212")),
            ),
            id="sent elsewhere",
        ),
        pytest.param(
            with_each_other(lives(came(CALLER)), lives(rung(COLLEAGUE, "212", AGENT, "212"))),
            id="handed over to whom the agent has rung",
        ),
        pytest.param(
            with_each_other(
                lives(came(CALLER)),
                lives(rung(AGENT, "211", CALLER, "03456009009")) | {"Answer-State": "early"},
            ),
            id="only heard",
        ),
    ],
)
def test_one_that_may_have_been_transferred_meanwhile_does_not(living: list[Event]) -> None:
    assert not [each for each in resync(Heard(*DIRECT), living) if isinstance(each, Answered)]


def test_behind_a_loopback_too() -> None:
    living = [
        *with_each_other(lives(came(CALLER)), lives(loopback("u-a", "211", "a", "u-b", CALLER))),
        *with_each_other(lives(loopback("u-b", "211", "b", "u-a")), lives(rung(AGENT, "211"))),
    ]
    (changed,) = [each for each in resync(Heard(), living) if isinstance(each, TalkChanged)]
    assert [each.uniqueid for each in changed.talkers] == [AGENT]


def test_a_conference() -> None:
    room = {"variable_current_application": "conference", "variable_conference_name": "651"}
    living = [lives(came(CALLER), **room), lives(rung(AGENT, "211"), **room)]
    (changed,) = [each for each in resync(Heard(), living) if isinstance(each, TalkChanged)]
    assert [each.uniqueid for each in changed.talkers] == [AGENT]
    left = lives(came(CALLER), **room | {"variable_current_application": "playback"})
    assert resync(Heard(), [left, living[1]]) == []


# notes


def test_a_call_that_another_bridge_has_left() -> None:
    living = [TALK[0] | {"variable_HUSHTAPE_CALL": "the note"}, TALK[1]]
    facts = resync(Heard(), living)
    assert kinds(facts) == ["Claimed", "TalkChanged"]
    claimed = facts[0]
    assert isinstance(claimed, Claimed)
    assert (claimed.note, claimed.since) == ("the note", SINCE)
    assert claimed.waits_in == "customer-service"
    assert [each.uniqueid for each in claimed.talkers] == [AGENT]
    assert (claimed.number, claimed.name) == ("07900123001", "Zephyrine Quill")
    assert facts[1].at == SINCE, "with whom it talks was so before"


def test_a_note_on_a_call_that_is_known_is_our_own() -> None:
    living = [TALK[0] | {"variable_HUSHTAPE_CALL": "the note"}, TALK[1]]
    assert kinds(resync(queue_call(), living)) == ["NobodyListened"]


def test_a_payment_that_nobody_heard_of() -> None:
    began = f"began:{SINCE.timestamp() + 30:.3f}:key"
    living = [TALK[0] | {"variable_HUSHTAPE_PAYMENT": began}, TALK[1]]
    facts = resync(queue_call(), living)
    assert kinds(facts) == ["PaymentBegan", "NobodyListened"]
    assert isinstance(facts[0], PaymentBegan)
    assert facts[0].way is PaymentWay.KEY
    assert (facts[0].at - SINCE).total_seconds() == 30
    assert kinds(resync(Heard(), living))[:2] == ["PaymentBegan", "QueueEntered"]


def test_one_that_came_and_went_unheard_is_told_whole_and_before_the_next() -> None:
    """The notes are of whole seconds: the beginning rounded down, the end up."""
    began_s, ended_s = int(SINCE.timestamp()) + 10, int(SINCE.timestamp()) + 20
    paid = {"variable_HUSHTAPE_PAID": f"began:{began_s}:key:{ended_s}.999"}
    facts = resync(queue_call(), [TALK[0] | paid, TALK[1]])
    assert kinds(facts) == ["PaymentBegan", "PaymentEnded", "NobodyListened"]
    assert [(each.at - SINCE).total_seconds() for each in facts[:2]] == [10, 20.999]
    goes_on = {"variable_HUSHTAPE_PAYMENT": f"began:{ended_s + 5}:key"}
    facts = resync(queue_call(), [TALK[0] | paid | goes_on, TALK[1]])
    assert kinds(facts)[:3] == ["PaymentBegan", "PaymentEnded", "PaymentBegan"]


def test_one_that_was_heard_to_end_is_not_told_again() -> None:
    long_ago_s = int(SINCE.timestamp()) - 20
    paid = {"variable_HUSHTAPE_PAID": f"began:{long_ago_s}:key:{long_ago_s + 10}.999"}
    assert kinds(resync(queue_call(), [TALK[0] | paid, TALK[1]])) == ["NobodyListened"]


def test_whoever_began_to_record_meanwhile_has_not_been_seen() -> None:
    heard = queue_call()
    caller = heard.translator.channel(CALLER)
    assert caller is not None
    assert not caller.strange
    resync(heard, TALK)
    assert caller.strange


@pytest.mark.parametrize(("said_by", "by"), [("yes", Asker.CALLER), ("agent", Asker.AGENT)])
def test_an_opt_out_that_nobody_heard_of(said_by: str, by: Asker) -> None:
    living = [TALK[0] | {"variable_HUSHTAPE_OPT_OUT": said_by}, TALK[1]]
    heard = queue_call()
    assert resync(heard, living)[0] == OptedOut(at=SINCE, by=by)
    assert kinds(resync(heard, living)) == ["NobodyListened"], "once"


# a bridge's successor


def test_the_calls_of_a_predecessor_are_known_without_having_been_seen() -> None:
    before = queue_call()
    caller, agent = (before.translator.channel(each) for each in (CALLER, AGENT))
    assert caller is not None
    assert agent is not None
    heard = Heard()
    heard.translator = Translator(PBX)
    heard.translator.know(caller, [agent])
    assert heard.translator.channel(CALLER) is caller
    assert "HungUp" not in kinds(resync(heard, TALK))
    assert heard.kinds(CALLER, said("CHANNEL_HANGUP_COMPLETE", CALLER)) == ["HungUp"]


def test_also_under_a_later_uuid() -> None:
    before = queue_call(said("CHANNEL_UUID", "u-new") | {"Old-Unique-ID": CALLER})
    caller = before.translator.channel(CALLER)
    assert caller is not None
    heard = Heard()
    heard.translator.know(caller)
    living = [TALK[0] | {"Unique-ID": "u-new", "uuid": "u-new"}]
    assert "HungUp" not in kinds(resync(heard, living))
    assert heard.translator.channel("u-new") is caller


def test_an_outside_party_of_a_predecessor_is_outside_by_what_lives() -> None:
    before = Heard(
        dialled(AGENT, "211", "902079460010"),
        rung_outside(LINE, "02079460010", AGENT, "902079460010"),
    )
    line = before.translator.channel(LINE)
    assert line is not None
    heard = Heard()
    heard.translator.know(line)
    living = with_each_other(
        lives(dialled(AGENT, "211", "902079460010")),
        lives(rung_outside(LINE, "02079460010", AGENT, "902079460010")),
    )
    resync(heard, living, LINE)
    (told,) = [
        each for each in heard.hear(routed(LINE, "710")) if isinstance(each.fact, TransferCompleted)
    ]
    assert told.channel is line


@pytest.mark.parametrize("knew", [(), (rung_outside(CALLER, "07900123001"),)])
def test_who_was_called_back_into_a_queue_talks_with_an_agent_who_called_him(
    knew: tuple[Event, ...],
) -> None:
    """As if the bridge had been there: no entry of his own, which another policy may record."""
    called_back = rung_outside(CALLER, "07900123001")
    talk = with_each_other(
        lives(called_back, **MEMBER, variable_cc_agent_uuid=AGENT),
        lives(rung(AGENT, "211", by=CALLER)),
    )
    facts = [each for each in resync(Heard(*knew), talk) if not isinstance(each, NobodyListened)]
    assert kinds(facts) == ["Answered", "TalkChanged"]
    assert isinstance(facts[0], Answered)
    assert facts[0].arrival.direction is Direction.OUTBOUND


# after a crash


RECOVERED = {"variable_recovered": "true"}


def test_a_call_that_was_recovered_meanwhile_is_another() -> None:
    """Only by its uuid is it the same: its recorder, payment and keys are gone."""
    heard = queue_call()
    facts = resync(heard, [each | RECOVERED for each in TALK])
    assert kinds(facts) == ["HungUp", "TalkChanged"]
    assert facts[0] == HungUp(at=SINCE, seen=False)
    assert kinds(resync(heard, [each | RECOVERED for each in TALK])) == ["NobodyListened"]


def test_what_another_bridge_has_left_of_a_call_that_was_recovered_is_void() -> None:
    caller, agent = (each | RECOVERED for each in TALK)
    note = {"variable_HUSHTAPE_CALL": "20261121-171502-k3f9x2m7;recorded"}
    facts = resync(Heard(), [caller | note, agent])
    assert not [each for each in facts if isinstance(each, Claimed | QueueEntered | Answered)]
