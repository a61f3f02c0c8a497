"""What has become of an Asterisk's channels while nobody listened."""

from __future__ import annotations

from datetime import datetime

import pytest

from ami_bridge.asterisk.translate import Translator
from ami_bridge.facts import (
    Answered,
    Claimed,
    ConsultationEnded,
    HungUp,
    LegGone,
    NobodyListened,
    OptedOut,
    QueueEntered,
    TalkChanged,
    TransferCompleted,
)
from ami_bridge.told import Told
from hushtape.policy.schema import Asker, DestinationKind
from hushtape.recordings.manifest import Direction
from tests.unit.ami_bridge.asterisk.events import (
    AGENT,
    CALLER,
    COLLEAGUE,
    NOW,
    OUTSIDE,
    PBX,
    SINCE,
    arrived,
    company,
    event,
    frames,
    inbound,
    join,
    living,
    local_call,
    newchannel,
    of,
    queue_call,
    second_line,
    status,
)


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


def in_a_queue() -> Translator:
    """Of a caller who waits in a queue."""
    translator = arrived().translator
    translator.translate(join(Exten="01737276000"), NOW)
    return translator


def moved(**headers: str) -> dict[str, str]:
    return event(
        Event="Status", Uniqueid="1.1", Channel="PJSIP/trunk-1.1", Context="internal", **headers
    )


def test_after_a_lost_link_a_call_that_is_elsewhere_was_transferred() -> None:
    translator = in_a_queue()
    (told,) = resynced(translator, moved(Exten="710", Application="Dial"))
    assert isinstance(told.fact, TransferCompleted)
    assert told.fact.place == translator.place("710")
    assert told.fact.at == SINCE, "it may have been at any moment since"
    assert resynced(translator, moved(Exten="710", Application="Dial")) == []


def test_after_a_lost_link_a_call_that_is_in_another_queue_has_entered_it() -> None:
    translator = in_a_queue()
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
    caller = next(c for c in translator._known.channels.values() if "caller1" in c.name)
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


# what stands in variables


def test_an_opt_out_that_nobody_heard_stands_in_a_variable() -> None:
    entered = status(
        CALLER,
        Context="from-outside",
        Exten="03456009009",
        Application="Queue",
        Data="surrey-contact-centre,t",
        Variable="HUSHTAPE_OPT_OUT=yes",
    )
    opted_out, told = Translator(PBX).resync([entered], NOW, SINCE)
    assert isinstance(told.fact, QueueEntered)
    assert told.channel.opted_out
    assert opted_out.fact == OptedOut(at=SINCE, by=Asker.CALLER)
    (told,) = Translator(PBX).resync(
        [{**entered, "Variable": "HUSHTAPE_OPT_OUT=(null)"}], NOW, SINCE
    )
    assert not told.channel.opted_out


@pytest.mark.parametrize(
    ("value", "by"), [("yes", Asker.CALLER), ("agent", Asker.AGENT), ("caller", Asker.CALLER)]
)
def test_so_does_one_in_a_call_that_we_know(value: str, by: Asker) -> None:
    pbx = inbound("03456009009")
    pbx.says("QueueCallerJoin", Uniqueid=CALLER, Queue="surrey-contact-centre", Exten="03456009009")
    now = status(CALLER, Exten="03456009009", Variable=f"HUSHTAPE_OPT_OUT={value}")
    told = list(pbx.translator.resync([now], NOW, SINCE))
    assert [each.fact for each in told if isinstance(each.fact, OptedOut)] == [
        OptedOut(at=SINCE, by=by)
    ]
    told = list(pbx.translator.resync([now], NOW, SINCE))
    assert not [each for each in told if isinstance(each.fact, OptedOut)], "once"


# calls that were answered


def test_an_outbound_call_that_was_answered_meanwhile_begins_now() -> None:
    agent = status(
        AGENT, Context="internal", Exten="902079460010", BridgeID="b1", CallerIDNum="211"
    )
    called = status(
        OUTSIDE,
        Context="from-outside",
        Exten="",
        BridgeID="b1",
        Application="AppDial",
        CallerIDNum="02079460010",
    )
    told = [
        each
        for each in Translator(PBX).resync([agent, called], NOW, SINCE)
        if isinstance(each.fact, Answered)
    ]
    (each,) = told
    assert each.channel.uniqueid == OUTSIDE
    fact = each.fact
    assert isinstance(fact, Answered)
    assert (fact.arrival.extension, fact.number, fact.at) == ("211", "02079460010", NOW)


def test_a_direct_call_that_was_answered_meanwhile_is_not_guessed_at() -> None:
    caller = status(CALLER, Context="from-outside", Exten="0199200211", BridgeID="b1")
    agent = status(AGENT, Context="internal", Exten="", BridgeID="b1", Application="AppDial")
    told = Translator(PBX).resync([caller, agent], NOW, SINCE)
    assert not [each for each in told if isinstance(each.fact, Answered | QueueEntered)]


# talks


def test_after_a_resync_who_talks_is_known_anew() -> None:
    pbx = queue_call()
    now = living((CALLER, "b1"), (AGENT, "b1"), (COLLEAGUE, "b1"))
    told = list(pbx.translator.resync(now, NOW, SINCE))
    assert company(told) == [[AGENT, COLLEAGUE]]
    assert company(pbx.leaves("b1", COLLEAGUE)) == [[AGENT]]


def test_who_is_parked_talks_to_nobody_after_a_resync_either() -> None:
    pbx = queue_call()
    pbx.leaves("b1", CALLER)
    pbx.enters("lot", CALLER, kind="parking")
    now = living((CALLER, "lot"), (COLLEAGUE, "lot"), (AGENT, ""))
    assert company(list(pbx.translator.resync(now, NOW, SINCE))) == []


def test_after_a_resync_a_local_channel_still_leads_to_the_agent() -> None:
    pbx = local_call()
    now = living((CALLER, "b1"), ("1.8", "b1"), ("1.9", "b2"), (AGENT, "b2"))
    assert company(list(pbx.translator.resync(now, NOW, SINCE))) == [], "as it was"
    assert company(pbx.leaves("b2", AGENT)) == [["1.8"]]


def test_a_consultation_that_may_be_over_is_over() -> None:
    pbx, _ = second_line()
    now = living((CALLER, "b1"), (AGENT, "b1"), ("1.22", "b2"), (COLLEAGUE, "b2"))
    told = list(pbx.translator.resync(now, NOW, SINCE))
    (fact,) = of(told, CALLER, ConsultationEnded)
    assert (fact.leg, fact.at) == ("1.22", SINCE)


def test_a_consultation_of_a_predecessor_whose_leg_is_gone_is_told() -> None:
    pbx = queue_call()
    caller, agent = pbx.translator.channel(CALLER), pbx.translator.channel(AGENT)
    assert caller is not None
    assert agent is not None
    translator = Translator(PBX)
    translator.know(caller, [agent])
    told = list(translator.resync(living((CALLER, "b1")), NOW, SINCE))
    (fact,) = of(told, CALLER, LegGone)
    assert fact.leg == AGENT


# calls of another bridge


def test_a_claim_says_with_whom_it_is_and_where_it_waits() -> None:
    caller, agent = living((CALLER, "b1"), (AGENT, "b1"), Application="Queue", Data="help-line,t")
    caller["Variable"] = "HUSHTAPE_CALL=a;note=with;signs"
    told = list(Translator(PBX).resync([caller, agent], NOW, SINCE))
    (fact,) = of(told, CALLER, Claimed)
    assert fact.note == "a;note=with;signs"
    assert [talker.uniqueid for talker in fact.talkers] == [AGENT]
    assert (fact.waits_in, fact.since, fact.at) == ("help-line", SINCE, NOW)
    assert fact.talkers[0].telephone == "PJSIP/211"


@pytest.mark.parametrize(("note", "since"), [("x;y", SINCE), ("(null)", NOW)])
def test_with_whom_another_bridges_call_talks_is_uncertain_since_it_was_last_there(
    note: str, since: datetime
) -> None:
    caller, agent = living((CALLER, "b1"), (AGENT, "b1"))
    caller["Variable"] = f"HUSHTAPE_CALL={note}"
    told = list(Translator(PBX).resync([caller, agent], NOW, SINCE))
    (fact,) = of(told, CALLER, TalkChanged)
    assert fact.at == since


def test_of_a_call_that_we_know_the_note_is_our_own() -> None:
    pbx = queue_call()
    caller, agent = living((CALLER, "b1"), (AGENT, "b1"))
    caller["Variable"] = "HUSHTAPE_CALL=ours"
    told = list(pbx.translator.resync([caller, agent], NOW, SINCE))
    assert not of(told, CALLER, Claimed)
