"""Replays what a real Asterisk 22 said (tests/data/ami), and what it might say."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from ami_bridge.asterisk.protocol import Frame, parse
from ami_bridge.asterisk.translate import Translator
from ami_bridge.facts import (
    AgentAnswered,
    Claimed,
    ConsultationBegan,
    ConsultationEnded,
    ConsultedGone,
    Held,
    HungUp,
    JoinedTalk,
    LeftTalk,
    LegGone,
    NobodyListened,
    QueueEntered,
    TalkChanged,
    TransferCompleted,
    TransferFailed,
)
from ami_bridge.told import Told
from hushtape.config import Pbx
from hushtape.policy.schema import DestinationKind
from hushtape.recordings.manifest import Direction

SESSIONS = Path(__file__).parents[3] / "data" / "ami"
NOW = datetime(2026, 11, 21, 13, 5, tzinfo=UTC)
SINCE = datetime(2026, 11, 21, 13, 4, tzinfo=UTC)
PBX = Pbx(
    kind="asterisk",
    host="127.0.0.1",
    spool="/spool",
    outside_contexts=("from-outside",),
    queues={"611": "surrey-contact-centre", "612": "surrey-adult-care"},
    extensions=("2XX", "710"),
    outside=("9.",),
    outside_prefix="9",
)


def frames(session: str) -> Iterator[Frame]:
    data = (SESSIONS / f"{session}.ami").read_bytes()
    for raw in data.split(b"\r\n\r\n"):
        yield parse(raw, NOW)


def replay(session: str) -> tuple[str, list[Told]]:
    """Return the caller's channel and what was told of it."""
    translator = Translator(PBX)
    told = [
        each for frame in frames(session) for each in translator.translate(frame, frame.sent or NOW)
    ]
    caller = next(each.channel for each in told if isinstance(each.fact, QueueEntered))
    return caller.name, [each for each in told if each.channel is caller]


@pytest.mark.parametrize(
    ("session", "kinds"),
    [
        ("queue-hangup-by-caller", [QueueEntered, AgentAnswered, HungUp]),
        ("queue-hangup-by-agent", [QueueEntered, AgentAnswered, HungUp]),
        ("queue-abandoned", [QueueEntered, HungUp]),
        ("blind-to-back-office", [QueueEntered, AgentAnswered, TransferCompleted, HungUp]),
        ("blind-to-outside", [QueueEntered, AgentAnswered, TransferCompleted, HungUp]),
        ("blind-to-payment", [QueueEntered, AgentAnswered, TransferCompleted, HungUp]),
        ("feature-blind-to-back-office", [QueueEntered, AgentAnswered, TransferCompleted, HungUp]),
        ("feature-blind-to-nowhere", [QueueEntered, AgentAnswered, HungUp]),
        ("attended-to-back-office", [QueueEntered, AgentAnswered, TransferCompleted, HungUp]),
        ("caller-hangs-up-while-consulting", [QueueEntered, AgentAnswered, HungUp]),
        (
            "blind-to-other-queue",
            [QueueEntered, AgentAnswered, TransferCompleted, QueueEntered, AgentAnswered, HungUp],
        ),
    ],
)
def test_what_a_real_asterisk_said_becomes_these_facts(session: str, kinds: list[type]) -> None:
    caller, told = replay(session)
    assert caller.startswith("PJSIP/caller1-")
    talk = (JoinedTalk, LeftTalk, TalkChanged, Held, ConsultationBegan, ConsultationEnded, LegGone)
    talk = (*talk, ConsultedGone)
    assert [type(each.fact) for each in told if not isinstance(each.fact, talk)] == kinds
    moments = [each.fact.at for each in told]
    assert moments == sorted(moments)
    assert all(moment.year == 2026 for moment in moments)


def test_a_queue_entry_says_who_rang_what() -> None:
    _, told = replay("queue-hangup-by-caller")
    fact = told[0].fact
    assert isinstance(fact, QueueEntered)
    assert fact.arrival.direction is Direction.INBOUND
    assert fact.arrival.dialled == "03456009009"
    assert fact.arrival.queue == "surrey-contact-centre"
    assert fact.number == "07900123001"


@pytest.mark.parametrize(
    ("session", "kind", "detail"),
    [
        ("blind-to-back-office", DestinationKind.EXTENSION, "212"),
        ("blind-to-other-queue", DestinationKind.QUEUE, "surrey-adult-care"),
        ("blind-to-outside", DestinationKind.OUTSIDE, "02079460010"),
        ("blind-to-payment", DestinationKind.EXTENSION, "710"),
    ],
)
def test_a_transfer_says_where_to(session: str, kind: DestinationKind, detail: str) -> None:
    _, told = replay(session)
    (fact,) = [each.fact for each in told if isinstance(each.fact, TransferCompleted)]
    assert fact.place.kind is kind
    assert detail in (fact.place.extension, fact.place.queue, fact.place.number)


@pytest.mark.parametrize(
    ("session", "kind", "extension"),
    [
        ("attended-to-back-office", DestinationKind.EXTENSION, "212"),
        # in this session the event names no target
        ("attended-to-other-queue", DestinationKind.QUEUE, "612"),
    ],
)
def test_an_attended_transfer_says_where_to(
    session: str, kind: DestinationKind, extension: str
) -> None:
    _, told = replay(session)
    (fact,) = [each.fact for each in told if isinstance(each.fact, TransferCompleted)]
    assert (fact.place.kind, fact.place.extension, fact.how) == (kind, extension, "attended")


def test_an_attended_transfer_by_phone_led_where_the_second_channel_had_dialled() -> None:
    translator = Translator(PBX)
    translator.translate(newchannel(), NOW)
    second = event(
        Event="Newchannel", Uniqueid="1.7", Channel="PJSIP/211-7", Context="internal", Exten="212"
    )
    translator.translate(second, NOW)
    completed = event(
        Event="AttendedTransfer",
        Result="Success",
        TransfereeUniqueid="1.1",
        TransfereeChannel="PJSIP/trunk-1.1",
        OrigTransfererChannel="PJSIP/211-2",
        SecondTransfererChannel="PJSIP/211-7",
        SecondTransfererUniqueid="1.7",
        TransferTargetChannel="PJSIP/212-8",
    )
    (told,) = translator.translate(completed, NOW)
    assert isinstance(told.fact, TransferCompleted)
    assert told.fact.place == translator.place("212")


def test_an_attended_transfer_without_any_trace_of_its_target_can_not_be_told() -> None:
    translator = Translator(PBX)
    translator.translate(newchannel(), NOW)
    completed = event(
        Event="AttendedTransfer",
        Result="Success",
        TransfereeUniqueid="1.1",
        TransfereeChannel="PJSIP/trunk-1.1",
        OrigTransfererChannel="PJSIP/211-2",
        SecondTransfererChannel="PJSIP/211-2",
    )
    (told,) = translator.translate(completed, NOW)
    assert isinstance(told.fact, TransferCompleted)
    assert told.fact.place.kind is DestinationKind.UNKNOWN


def test_a_refused_attended_transfer_is_a_failed_one() -> None:
    translator = Translator(PBX)
    translator.translate(newchannel(), NOW)
    refused = event(
        Event="AttendedTransfer",
        Result="Fail",
        TransfereeUniqueid="1.1",
        TransferTargetChannel="Local/212@internal-00000000;1",
    )
    (told,) = translator.translate(refused, NOW)
    assert isinstance(told.fact, TransferFailed)


def event(**headers: str) -> dict[str, str]:
    return {key.replace("_", "-"): value for key, value in headers.items()}


def newchannel(uniqueid: str = "1.1", context: str = "from-outside", **more: str) -> dict[str, str]:
    return event(
        Event="Newchannel",
        Uniqueid=uniqueid,
        Channel=f"PJSIP/trunk-{uniqueid}",
        Context=context,
        Exten="01737276000",
        **more,
    )


def join(uniqueid: str = "1.1", **more: str) -> dict[str, str]:
    return event(Event="QueueCallerJoin", Uniqueid=uniqueid, Queue="help-line", **more)


def test_a_call_from_inside_is_internal() -> None:
    translator = Translator(PBX)
    translator.translate(newchannel(context="internal"), NOW)
    (told,) = translator.translate(join(), NOW)
    assert isinstance(told.fact, QueueEntered)
    assert told.fact.arrival.direction is Direction.INTERNAL


def test_a_failed_transfer_is_one() -> None:
    translator = Translator(PBX)
    translator.translate(newchannel(), NOW)
    blind = event(
        Event="BlindTransfer", TransfereeUniqueid="1.1", Extension="212", Result="Invalid"
    )
    (told,) = translator.translate(blind, NOW)
    assert isinstance(told.fact, TransferFailed)


def test_a_transfer_to_a_number_that_is_not_configured_is_unknown() -> None:
    assert Translator(PBX).place("4711").kind is DestinationKind.UNKNOWN
    assert Translator(PBX).place("").kind is DestinationKind.UNKNOWN


def test_a_renamed_channel_is_addressed_by_its_new_name() -> None:
    translator = Translator(PBX)
    translator.translate(newchannel(), NOW)
    renamed = event(Event="Rename", Uniqueid="1.1", Channel="PJSIP/trunk-1.1", Newname="PJSIP/x")
    translator.translate(renamed, NOW)
    (told,) = translator.translate(join(), NOW)
    assert told.channel.name == "PJSIP/x"


def test_a_hung_up_channel_is_forgotten() -> None:
    translator = Translator(PBX)
    translator.translate(newchannel(), NOW)
    assert translator.translate(event(Event="Hangup", Uniqueid="1.1"), NOW)
    assert translator.channel("1.1") is None
    assert translator.translate(event(Event="Hangup", Uniqueid="1.1"), NOW) == []


def test_after_a_lost_link_what_is_gone_has_hung_up_and_what_lives_is_known() -> None:
    translator = Translator(PBX)
    for uniqueid in ("1.1", "1.2"):
        translator.translate(newchannel(uniqueid), NOW)
    living = [
        event(Event="Status", Uniqueid="1.2", Channel="PJSIP/new-name", Exten="01737276000"),
        event(
            Event="Status",
            Uniqueid="1.3",
            Channel="PJSIP/trunk-1.3",
            Context="from-outside",
            Exten="s",
            DNID="01737276000",
        ),
    ]
    told = list(translator.resync(living, NOW, SINCE))
    assert [(each.channel.uniqueid, each.fact) for each in told] == [
        ("1.1", HungUp(at=SINCE, seen=False)),
        ("1.2", NobodyListened(at=SINCE)),
    ]
    known = translator.channel("1.2")
    assert known is not None
    assert known.name == "PJSIP/new-name"
    (entered,) = translator.translate(join("1.3"), NOW)
    assert isinstance(entered.fact, QueueEntered)
    assert entered.fact.arrival.dialled == "01737276000"


def resynced(translator: Translator, *living: dict[str, str]) -> list[Told]:
    """Return what was found out, without the word that nobody had listened."""
    told = list(translator.resync(living, NOW, SINCE))
    return [each for each in told if not isinstance(each.fact, NobodyListened)]


def moved(**headers: str) -> dict[str, str]:
    return event(
        Event="Status", Uniqueid="1.1", Channel="PJSIP/trunk-1.1", Context="internal", **headers
    )


def test_after_a_lost_link_a_call_that_is_elsewhere_was_transferred() -> None:
    translator = Translator(PBX)
    translator.translate(newchannel(), NOW)
    translator.translate(join(Exten="01737276000"), NOW)
    (told,) = resynced(translator, moved(Exten="710", Application="Dial"))
    assert isinstance(told.fact, TransferCompleted)
    assert told.fact.place == translator.place("710")
    assert told.fact.at == SINCE, "it may have been at any moment since"
    assert resynced(translator, moved(Exten="710", Application="Dial")) == []


def test_after_a_lost_link_a_call_that_is_in_another_queue_has_entered_it() -> None:
    translator = Translator(PBX)
    translator.translate(newchannel(), NOW)
    translator.translate(join(Exten="01737276000"), NOW)
    status = moved(Exten="612", Application="Queue", Data="surrey-adult-care,t")
    kinds = [(type(t.fact), t.channel.uniqueid) for t in resynced(translator, status)]
    assert kinds == [(TransferCompleted, "1.1"), (QueueEntered, "1.1")]


@pytest.mark.parametrize(
    ("variable", "kind"),
    [
        ("HUSHTAPE_CALL=(null)", QueueEntered),
        ("HUSHTAPE_CALL=20261121-130500-abcdefgh;recorded", Claimed),
    ],
)
def test_a_call_that_came_to_a_queue_while_nobody_listened_enters_it_now(
    variable: str, kind: type
) -> None:
    status = event(
        Event="Status",
        Uniqueid="1.9",
        Channel="PJSIP/trunk-1.9",
        Context="from-outside",
        Exten="01737276000",
        DNID="01737276000",
        Application="Queue",
        Data="help-line,t",
        Variable=variable,
    )
    (told,) = Translator(PBX).resync([status], NOW, SINCE)
    assert isinstance(told.fact, kind)
    if isinstance(told.fact, QueueEntered):
        assert told.fact.arrival.queue == "help-line"
        assert told.fact.arrival.direction is Direction.INBOUND
    if isinstance(told.fact, Claimed):
        assert told.fact.note == "20261121-130500-abcdefgh;recorded"
        assert (told.fact.waits_in, told.fact.since) == ("help-line", SINCE)


LOCAL = "Local/231@agents-00000007"


def local_call(translator: Translator) -> None:
    translator.translate(newchannel(), NOW)
    translator.translate(join(), NOW)
    connect = event(Event="AgentConnect", Uniqueid="1.1", DestChannel=f"{LOCAL};1")
    translator.translate(connect, NOW)


def local_transfer(name: str, extension: str = "710") -> dict[str, str]:
    return event(
        Event="BlindTransfer",
        Result="Success",
        TransfereeChannel=name,
        TransfereeUniqueid="1.8",
        TransfereeLinkedid="1.1",
        Extension=extension,
    )


def test_the_far_half_of_a_local_agent_is_the_caller() -> None:
    translator = Translator(PBX)
    local_call(translator)
    translator.translate(newchannel("1.8"), NOW)
    (told,) = translator.translate(local_transfer(f"{LOCAL};2"), NOW)
    assert told.channel.uniqueid == "1.1"
    assert isinstance(told.fact, TransferCompleted)
    assert told.fact.place == translator.place("710")


def test_a_local_channel_that_nobody_knows_stops_the_call_that_it_is_linked_to() -> None:
    translator = Translator(PBX)
    local_call(translator)
    (told,) = translator.translate(local_transfer("Local/x@y-00000009;2", "212"), NOW)
    assert told.channel.uniqueid == "1.1"
    assert isinstance(told.fact, TransferCompleted)
    assert told.fact.place.kind is DestinationKind.UNKNOWN


def test_a_local_agent_is_forgotten_with_its_channel() -> None:
    translator = Translator(PBX)
    local_call(translator)
    translator.translate(event(Event="Hangup", Uniqueid="1.8", Channel=f"{LOCAL};1"), NOW)
    (told,) = translator.translate(local_transfer(f"{LOCAL};2"), NOW)
    assert isinstance(told.fact, TransferCompleted)
    assert told.fact.place.kind is DestinationKind.UNKNOWN


def in_bridge(uniqueid: str, name: str = "BridgeEnter", bridge: str = "b1") -> dict[str, str]:
    return event(
        Event=name,
        Uniqueid=uniqueid,
        BridgeUniqueid=bridge,
        BridgeType="basic",
        Exten="01737276000",
    )


def talking(uniqueid: str) -> dict[str, str]:
    return event(
        Event="Status",
        Uniqueid=uniqueid,
        Channel=f"PJSIP/trunk-{uniqueid}",
        Exten="01737276000",
        BridgeID="b1",
        Application="Queue",
        Data="help-line,t",
    )


@pytest.mark.parametrize(("with_whom", "moved"), [("1.2", 0), ("1.3", 1)])
def test_after_a_lost_link_a_call_that_talks_with_somebody_else_was_transferred(
    with_whom: str, moved: int
) -> None:
    translator = Translator(PBX)
    for uniqueid in ("1.1", "1.2", "1.3"):
        translator.translate(newchannel(uniqueid), NOW)
    for uniqueid in ("1.2", "1.1"):
        translator.translate(in_bridge(uniqueid), NOW)
    alone = event(Event="Status", Uniqueid="1.2", Channel="x", Exten="01737276000")
    living = [talking("1.1"), talking(with_whom), *([alone] if moved else [])]
    told = [
        t
        for t in resynced(translator, *living)
        if t.channel.uniqueid == "1.1" and not isinstance(t.fact, TalkChanged)
    ]
    assert len(told) == moved, "and no queue is entered anew"
    for each in told:
        assert isinstance(each.fact, TransferCompleted)
        assert (each.fact.place.kind, each.fact.at) == (DestinationKind.UNKNOWN, SINCE)


def test_after_an_attended_transfer_a_restart_finds_the_call_where_it_was() -> None:
    """The caller stays in its queue's extension, and the place where it talks stays forbidden."""
    translator = Translator(PBX)
    for frame in frames("attended-to-back-office"):
        if frame.get("Event") == "Hangup" and "caller1" in frame.get("Channel", ""):
            break
        translator.translate(frame, frame.sent or NOW)
    caller = next(c for c in translator._channels.values() if "caller1" in c.name)
    status = event(
        Event="Status",
        Uniqueid=caller.uniqueid,
        Channel=caller.name,
        Context="from-outside",
        Exten="03456009009",
        Application="Queue",
        Data="surrey-contact-centre,t",
    )
    assert [t for t in resynced(translator, status) if t.channel is caller] == []


def test_a_caller_whom_the_agent_called_in_is_transferred_too() -> None:
    translator = Translator(PBX)
    translator.translate(newchannel(), NOW)
    first = event(
        Event="Newchannel", Uniqueid="1.7", Channel="PJSIP/211-7", Context="internal", Exten="710"
    )
    translator.translate(first, NOW)
    swapped = event(
        Event="AttendedTransfer",
        Result="Success",
        TransfereeUniqueid="1.9",
        TransfereeChannel="PJSIP/payment-9",
        OrigTransfererChannel="PJSIP/211-7",
        OrigTransfererUniqueid="1.7",
        SecondTransfererChannel="PJSIP/211-2",
        TransferTargetUniqueid="1.1",
        TransferTargetChannel="PJSIP/trunk-1.1",
    )
    (told,) = translator.translate(swapped, NOW)
    assert told.channel.uniqueid == "1.1"
    assert isinstance(told.fact, TransferCompleted)
    assert told.fact.place == translator.place("710")


def test_hostile_names_and_numbers_are_cut_to_plain_text() -> None:
    translator = Translator(PBX)
    translator.translate(newchannel(), NOW)
    hostile = join(
        CallerIDName="Zoë\r\nAction: Originate\x00" + "x" * 5000, CallerIDNum="<unknown>"
    )
    (told,) = translator.translate(hostile, NOW)
    assert isinstance(told.fact, QueueEntered)
    assert told.fact.name.startswith("ZoëAction: Originatexxx")
    assert len(told.fact.name) <= 200
    assert told.fact.number == ""


def test_events_without_their_headers_raise_nothing() -> None:
    translator = Translator(PBX)
    for name in ("Rename", "AgentConnect", "BlindTransfer", "Hangup", "Newchannel"):
        translator.translate({"Event": name}, NOW)
    translator.translate({"Event": "QueueCallerJoin"}, NOW)
    assert translator.translate({}, NOW) == []


def test_what_is_remembered_has_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ami_bridge.asterisk.translate.MOST_CHANNELS", 3)
    translator = Translator(PBX)
    told = [
        (each.channel.uniqueid, each.fact)
        for number in range(5)
        for each in translator.translate(newchannel(f"1.{number}"), NOW)
    ]
    gone = HungUp(at=NOW, seen=False)
    assert told == [("1.0", gone), ("1.1", gone)], "what is forgotten is handed off"
    assert translator.channel("1.4") is not None


def test_what_a_channel_that_nobody_saw_arrive_dialled_is_not_guessed() -> None:
    (told,) = Translator(PBX).translate(join(Exten="611", DNID="611"), NOW)
    assert isinstance(told.fact, QueueEntered)
    assert told.fact.arrival.dialled == ""
    assert told.fact.arrival.direction is Direction.INTERNAL, "nor that it came from outside"


@pytest.mark.parametrize(
    ("headers", "agent"),
    [
        ({"MemberName": "Alice", "Interface": "PJSIP/231"}, "Alice"),
        ({"MemberName": "", "Interface": "PJSIP/231"}, "PJSIP/231"),
        ({"Interface": "PJSIP/231"}, "PJSIP/231"),
        ({}, ""),
    ],
)
def test_an_agent_is_named_as_the_queue_names_the_member(
    headers: dict[str, str], agent: str
) -> None:
    translator = Translator(PBX)
    translator.translate(newchannel(), NOW)
    (told,) = translator.translate(event(Event="AgentConnect", Uniqueid="1.1", **headers), NOW)
    assert told.fact == AgentAnswered(at=NOW, agent=agent)
