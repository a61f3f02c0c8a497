"""What a FreeSWITCH says of its channels, and what its dialplan says for us."""

from __future__ import annotations

import pytest

from ami_bridge.facts import (
    Channel,
    ForeignRecorder,
    HungUp,
    OptedOut,
    PaymentBegan,
    PaymentEnded,
    PermissionGiven,
    SilenceAsked,
)
from ami_bridge.freeswitch import translate
from ami_bridge.freeswitch.translate import Translator
from hushtape.policy.schema import Asker, DestinationKind, PaymentWay, Permission
from tests.unit.ami_bridge.freeswitch.events import (
    AGENT,
    CALLER,
    COLLEAGUE,
    NOW,
    PBX,
    SECOND,
    Event,
    Heard,
    answers,
    bridge,
    callcenter,
    came,
    custom,
    dialled,
    goes,
    gone,
    loopback,
    queue_call,
    rung,
    said,
)


def tells(act: str, by: str = "", uuid: str = CALLER, nonce: str = "") -> Event:
    event = custom("hushtape::told", uuid, Hushtape_Act=act, Hushtape_Nonce=nonce)
    return event | ({"Hushtape-By": by} if by else {})


# channels


def test_a_channel_is_as_it_came() -> None:
    channel = Heard(came(CALLER)).translator.channel(CALLER)
    assert channel is not None
    assert channel == Channel(
        CALLER, CALLER, "from-outside", "03456009009", "03456009009", number="07900123001"
    )


def test_one_that_is_rung_has_dialled_nothing() -> None:
    channel = Heard(rung(AGENT, "211")).translator.channel(AGENT)
    assert channel is not None
    assert (channel.dialled, channel.number) == ("", "211")


def test_before_all_is_known_of_a_channel_it_isnt_met() -> None:
    """Its first states are told before it is created, without context and destination."""
    early = came(CALLER) | {"Event-Name": "CHANNEL_STATE", "Channel-State": "CS_NEW"}
    del early["Caller-Context"]
    heard = Heard(early)
    assert heard.translator.channel(CALLER) is None
    heard.hear(came(CALLER))
    channel = heard.translator.channel(CALLER)
    assert channel is not None
    assert channel.context == "from-outside"


def test_one_that_came_while_nobody_listened_is_met_by_the_next_word() -> None:
    event = came(CALLER) | {"Event-Name": "CHANNEL_ANSWER", "Answer-State": "answered"}
    heard = Heard(event)
    assert heard.translator.channel(CALLER) is not None
    last = came("u-late") | {"Event-Name": "CHANNEL_HANGUP", "Answer-State": "hangup"}
    heard.hear(last)
    assert heard.translator.channel("u-late") is None


def test_a_channel_keeps_its_place_under_another_uuid() -> None:
    event = came("u-new") | {"Event-Name": "CHANNEL_UUID", "Old-Unique-ID": CALLER}
    heard = queue_call(event)
    channel = heard.translator.channel("u-new")
    assert channel is heard.translator.channel(CALLER)
    assert channel is not None
    assert channel.name == "u-new"
    assert heard.kinds(CALLER, gone("u-new")) == ["HungUp"]
    assert heard.translator.channel("u-new") is None


def test_a_hang_up_is_told_once() -> None:
    heard = queue_call(goes(CALLER))
    facts = heard.of(CALLER, gone(CALLER), said("CHANNEL_DESTROY", CALLER))
    assert facts == [HungUp(at=NOW)]


def test_one_whose_end_was_missed_ends_at_last() -> None:
    assert queue_call().kinds(CALLER, said("CHANNEL_DESTROY", CALLER)) == ["HungUp"]


def test_what_hangs_up_isnt_gone_yet() -> None:
    """Behind an agent who consults by key a caller lives on for seconds; his file isn't closed."""
    assert queue_call().kinds(CALLER, goes(CALLER)) == []


def test_no_more_channels_are_remembered_than_there_may_be(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(translate, "MOST_CHANNELS", 2)
    heard = Heard(came("u-1"), came("u-2"))
    assert heard.of("u-1", came("u-3")) == [HungUp(at=NOW, seen=False)]
    assert heard.translator.channel("u-3") is not None


def test_what_it_doesnt_know_says_nothing() -> None:
    heard = queue_call()
    for event in (
        {},
        {"Event-Name": "HEARTBEAT"},
        {"Event-Name": "CUSTOM"},
        {"Event-Name": "CUSTOM", "Event-Subclass": "sofia::register"},
        # A subclass is one of a CUSTOM event only, and a name none of a subclass.
        {"Event-Name": "callcenter::info", "CC-Action": "member-queue-start", "Unique-ID": CALLER},
        {"Event-Name": "CUSTOM", "Event-Subclass": "CHANNEL_DESTROY", "Unique-ID": CALLER},
    ):
        assert heard.hear(event) == []


@pytest.mark.parametrize(
    "event",
    [
        said(name, "")
        for name in (
            *("CHANNEL_CREATE", "CHANNEL_STATE", "CHANNEL_EXECUTE", "CHANNEL_ANSWER"),
            *("CHANNEL_BRIDGE", "CHANNEL_UNBRIDGE", "CHANNEL_HOLD", "CHANNEL_UNHOLD"),
            *("CHANNEL_PARK", "CHANNEL_UUID", "CHANNEL_HANGUP", "CHANNEL_HANGUP_COMPLETE"),
        )
    ],
)
def test_an_event_of_nobody_is_none(event: Event) -> None:
    assert Heard().hear(event, event | {"Unique-ID": "u-x"}) == []
    assert queue_call().kinds(CALLER, event) == []


def test_a_place() -> None:
    place = Translator(PBX).place("611")
    assert (place.kind, place.queue) == (DestinationKind.QUEUE, "customer-service")


# the dialplan


def test_a_caller_opts_out() -> None:
    heard = Heard(came(CALLER))
    assert heard.of(CALLER, tells("opt-out", "caller")) == [OptedOut(at=NOW, by=Asker.CALLER)]
    channel = heard.translator.channel(CALLER)
    assert channel is not None
    assert channel.opted_out


def test_an_agents_key_is_told_of_the_caller() -> None:
    heard = queue_call()
    assert heard.of(CALLER, tells("opt-out", "agent", AGENT)) == [OptedOut(at=NOW, by=Asker.AGENT)]
    given = heard.of(CALLER, tells("permission", "agent", AGENT))
    assert given == [PermissionGiven(at=NOW, by=Permission.KEY)]


def test_nobody_outside_gives_himself_permission_but_by_hearing_the_announcement() -> None:
    heard = queue_call()
    assert heard.of(CALLER, tells("permission", "agent")) == []
    told = heard.of(CALLER, tells("permission", "announcement"))
    assert told == [PermissionGiven(at=NOW, by=Permission.ANNOUNCEMENT)]
    channel = heard.translator.channel(CALLER)
    assert channel is not None
    assert channel.announced


@pytest.mark.parametrize(
    ("by", "way", "stops"),
    [
        ("key", PaymentWay.KEY, True),
        ("dialplan", PaymentWay.DIALPLAN, True),
        ("event", PaymentWay.EVENT, False),
        ("", PaymentWay.EVENT, False),
    ],
)
def test_a_payment_begins_and_ends(by: str, way: PaymentWay, stops: bool) -> None:
    heard = queue_call()
    (began,) = heard.of(CALLER, tells("payment-began", by))
    assert isinstance(began, PaymentBegan)
    assert (began.way, began.stops) == (way, stops)
    ended = heard.of(CALLER, tells("payment-ended", by))
    if by:
        assert isinstance(ended[0], PaymentEnded)
        assert ended[0].way is way


@pytest.mark.parametrize("nonce", ["123456789", "0b5a1cbe-0d5e-4a2e-9d3b-0e6a4b7f8c91"])
def test_the_guard_asks(nonce: str) -> None:
    heard = queue_call()
    facts = heard.of(CALLER, tells("silence", "transfer", nonce=nonce))
    assert [type(each) for each in facts] == [PaymentBegan, SilenceAsked]
    asked = facts[1]
    assert isinstance(asked, SilenceAsked)
    assert asked.sure
    assert asked.nonce == nonce
    assert [each.uniqueid for each in asked.callers] == [CALLER, AGENT]
    assert {each.uniqueid for each in asked.channels} == {CALLER, AGENT}


@pytest.mark.parametrize("nonce", ["", "12345", "12a456", "1" * 37, "123456\n"])
def test_a_question_without_a_number_is_answered_by_nobody(nonce: str) -> None:
    asked = queue_call().of(CALLER, tells("silence", "transfer", nonce=nonce))[-1]
    assert isinstance(asked, SilenceAsked)
    assert not asked.sure


def test_the_guard_of_a_payment_line_that_an_agent_rings_by_phone() -> None:
    heard = queue_call(said("CHANNEL_HOLD", AGENT), dialled(SECOND, "211", "710"))
    told = heard.hear(tells("silence", "transfer", SECOND, "123456789"))
    (asked,) = [each.fact for each in told if isinstance(each.fact, SilenceAsked)]
    assert CALLER in {each.uniqueid for each in asked.callers}
    (began,) = [
        each.fact
        for each in told
        if isinstance(each.fact, PaymentBegan) and each.channel.uniqueid == CALLER
    ]
    assert began.consulting


def test_the_guard_of_a_payment_line_that_an_agent_rings_by_key() -> None:
    """The dialplan runs on the far half of a loopback channel, which nobody has answered yet."""
    heard = queue_call(
        loopback("u-a", "710", "a", "u-b", AGENT), loopback("u-b", "710", "b", "u-a")
    )
    told = heard.hear(tells("silence", "transfer", "u-b", "123456789"))
    (asked,) = [each.fact for each in told if isinstance(each.fact, SilenceAsked)]
    assert asked.sure
    assert [each.uniqueid for each in asked.callers] == [CALLER]


def test_a_loopback_that_nobody_of_ours_has_rung_is_not_sure() -> None:
    heard = Heard(loopback("u-a", "710", "a", "u-b"), loopback("u-b", "710", "b", "u-a"))
    (told,) = heard.hear(tells("silence", "transfer", "u-b", "123456789"))
    assert isinstance(told.fact, SilenceAsked)
    assert not told.fact.sure


def test_the_dialplan_of_nobody_says_nothing() -> None:
    heard = Heard()
    for act in ("opt-out", "permission", "payment-began", "payment-ended", "silence", "", "else"):
        assert heard.hear(tells(act, "key", "u-x")) == []
    assert queue_call().hear(tells("else")) == []


# recorders


def test_a_recorder_that_isnt_ours_is_told_of_every_call_that_it_may_hear() -> None:
    heard = queue_call()
    told = heard.translator.foreign(said("RECORD_START", AGENT), NOW)
    assert {each.channel.uniqueid for each in told} == {CALLER, AGENT}
    assert all(isinstance(each.fact, ForeignRecorder) for each in told)
    assert heard.translator.foreign(said("RECORD_START", "u-x"), NOW) == []


def test_around_a_caller() -> None:
    heard = queue_call(rung(COLLEAGUE, "212", AGENT, "x"), answers(COLLEAGUE))
    heard.hear(bridge(AGENT, COLLEAGUE, "att_xfer"))
    caller = heard.translator.channel(CALLER)
    assert caller is not None
    assert {each.uniqueid for each in heard.translator.around(caller)} == {CALLER, AGENT}


def test_what_a_caller_chose_is_cut_to_plain_text() -> None:
    evil = "x\nEvent-Name: CHANNEL_HANGUP\x00" + "y" * 10_000
    heard = Heard(
        came(CALLER, evil, evil, **{"Caller-Caller-ID-Name": evil, "Channel-Name": evil}),
        callcenter("member-queue-start"),
    )
    channel = heard.translator.channel(CALLER)
    assert channel is not None
    for text in (channel.dialled, channel.extension, channel.number):
        assert text.isprintable()
        assert len(text) <= 200
