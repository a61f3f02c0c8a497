"""What a real FreeSWITCH said, and what the same policies make of it as of an Asterisk's."""

from __future__ import annotations

import re

import pytest

from ami_bridge.facts import (
    AgentAnswered,
    Answered,
    Arrived,
    Channel,
    ConsultationBegan,
    Fact,
    HungUp,
    OptedOut,
    Parked,
    QueueEntered,
    TalkChanged,
    TransferCompleted,
)
from ami_bridge.freeswitch.recorders import Recorders, Stray
from ami_bridge.freeswitch.translate import Translator
from ami_bridge.variables import CALL_VARIABLE
from hushtape.policy.schema import Asker
from hushtape.recordings.manifest import EndedBy, SpanKind
from tests import sessions as asterisk
from tests.playback_esl import FOREIGN, OWN, SESSIONS, pbx_of
from tests.sessions import Acted, act, called_by_nobody, council
from tests.sessions_esl import began, events, said, told

COUNCILS = ("surrey", "uttlesford", "reigate-banstead", "south-hams", "hammersmith-fulham")
CONTINUES, STOPS = "surrey", "uttlesford"  # after a transfer to another extension
QUEUE = "surrey-contact-centre"

# Sessions of the same on both kinds of PBX. On an Asterisk a key also puts the caller on hold.
ALIKE = (
    "blind-to-back-office",
    "blind-to-other-queue",
    "blind-to-outside",
    "blind-to-payment",
    "blind-to-rejecting-phone",
    "bridge-action",
    "direct-dial-not-answered",
    "feature-attended-completed",
    "feature-attended-to-outside",
    "feature-attended-to-payment",
    "feature-blind-to-back-office",
    "hold-agent-hangs-up",
    "hold-resume",
    "hold-resume-twice",
    "internal-call",
    "outbound-answered",
    "outbound-blind-transferred",
    "outbound-busy",
    "outbound-click-to-call",
    "outbound-not-answered",
    "queue-abandoned",
    "queue-agent-declines",
    "queue-hangup-by-agent",
    "queue-hangup-by-caller",
    "refer-attended-abandoned",
    "refer-attended-busy",
    "refer-attended-colleague-hangs-up",
    "refer-attended-completed",
    "refer-attended-rejected",
    "refer-attended-to-outside",
    "refer-attended-to-payment",
    "refer-attended-to-queue-answered",
    "refer-attended-to-queue-waiting",
    "refer-attended-while-ringing",
    "ring-all-one-answers",
    "three-way-by-feature",
    "three-way-by-feature-colleague-leaves",
)


def caller(session: str) -> str:
    """Name the first channel that came."""
    return next(
        each["Unique-ID"]
        for each in events(said(session))
        if each["Event-Name"] == "CHANNEL_CREATE" and each["Call-Direction"] == "inbound"
    )


def of_caller(session: str) -> list[Fact]:
    return [each.fact for each in told(session) if each.channel.uniqueid == caller(session)]


def places(facts: list[Fact]) -> list[str]:
    """Where and how a call went, in one word each."""
    return [
        f"{each.how} {each.place.queue or each.place.extension}"
        for each in facts
        if isinstance(each, TransferCompleted)
    ]


def arrivals(session: str) -> list[Arrived]:
    return [each.fact for each in told(session) if isinstance(each.fact, Arrived)]


def outcome(acted: Acted) -> object:
    """What was recorded, and how it ended; a hold and a pause told twice are no difference."""
    return [
        (
            [
                (segment.leg, segment.ended_by)
                for segment in each.segments
                if segment.ended_by is not EndedBy.HELD
            ],
            sorted({span.kind for span in each.spans}),
        )
        for each in acted.handoffs
    ]


def acted(session: str, name: str) -> Acted:
    return act(told(session), [council(name)], began(session))


# the same as on an Asterisk


@pytest.mark.parametrize("session", ALIKE)
@pytest.mark.parametrize("name", COUNCILS)
def test_it_is_recorded_as_it_would_be_of_an_asterisk(session: str, name: str) -> None:
    there = act(asterisk.told(session), [council(name)], asterisk.began(session))
    assert outcome(acted(session, name)) == outcome(there)


@pytest.mark.parametrize("session", ["outbound-answered", "outbound-blind-transferred"])
@pytest.mark.parametrize("name", ["surrey", "uttlesford"])
def test_calls_that_agents_make_too(session: str, name: str) -> None:
    policy = called_by_nobody(name)
    here = act(told(session), [policy], began(session))
    there = act(asterisk.told(session), [policy], asterisk.began(session))
    assert outcome(here) == outcome(there)
    assert here.handoffs, "or this says nothing"


# queues


@pytest.mark.parametrize(
    ("session", "queue", "dialled", "agent"),
    [
        ("queue-hangup-by-caller", QUEUE, "03456009009", "211@lab"),
        ("queue-by-dialplan-transfer", QUEUE, "03456009008", "211@lab"),
        ("ring-all-one-answers", "two-1", "03456009007", "211@lab"),
        ("local-agent-optimised", "local-1", "01632960116", "loop@lab"),
        ("fifo-answered", "help-line", "01632960115", "213@127.0.0.1"),
        ("fifo-fetched-by-agent", "counter", "01632960141", "212@127.0.0.1"),
        ("pickup-of-queue-call", QUEUE, "03456009009", "212@127.0.0.1"),
    ],
)
def test_a_call_begins_at_the_queues_entry(
    session: str, queue: str, dialled: str, agent: str
) -> None:
    facts = of_caller(session)
    assert isinstance(facts[0], QueueEntered)
    assert (facts[0].arrival.queue, facts[0].arrival.dialled) == (queue, dialled)
    assert facts[0].number == "07900123001"
    (answer,) = [each for each in facts if isinstance(each, AgentAnswered)]
    assert answer.agent == agent
    assert facts[0].at < answer.at
    assert answer.talker is not None
    assert answer.talker.place.extension == agent.partition("@")[0].replace("loop", "211")


@pytest.mark.parametrize("session", ["queue-abandoned", "fifo-abandoned", "hostile-name-four-kb"])
def test_a_call_that_nobody_takes(session: str) -> None:
    assert [type(each).__name__ for each in of_caller(session)] == [
        "QueueEntered",
        "LeftTalk",
        "HungUp",
    ]


def test_a_second_queue() -> None:
    queues = [
        each.arrival.queue for each in of_caller("queue-after-queue") if isinstance(each, Arrived)
    ]
    assert queues == ["customer-service", QUEUE]


# direct and outbound


@pytest.mark.parametrize(
    ("session", "direction", "place"),
    [
        ("direct-dial", "inbound", "211"),
        ("ring-group", "inbound", "211"),
        ("pickup-of-direct-call", "inbound", "212"),
        ("loopback-direct-n", "inbound", "211"),
        ("loopback-direct-optimised", "inbound", "211"),
        ("internal-call", "internal", "211"),
        ("outbound-answered", "outbound", "902079460010"),
        ("outbound-click-to-call", "outbound", "902079460010"),
        ("outbound-click-to-call-bridge", "outbound", "02079460010"),
    ],
)
def test_a_call_that_comes_through_no_queue(session: str, direction: str, place: str) -> None:
    (answered,) = arrivals(session)
    assert isinstance(answered, Answered)
    assert answered.arrival.direction == direction
    assert answered.arrival.place is not None
    assert answered.arrival.place.extension == place


@pytest.mark.parametrize(
    "session", ["direct-dial-not-answered", "outbound-not-answered", "outbound-busy"]
)
def test_one_that_nobody_answers_is_none(session: str) -> None:
    assert arrivals(session) == []


# transfers


@pytest.mark.parametrize(
    ("session", "went"),
    [
        ("blind-to-back-office", ["blind 212"]),
        ("blind-from-back-office-on", ["blind 212", "blind 213"]),
        ("blind-to-busy", ["blind 249"]),
        ("blind-to-nowhere", ["blind 555"]),
        ("blind-to-payment", ["blind 710"]),
        ("blind-to-other-queue", ["blind surrey-adult-care"]),
        ("blind-to-outside", ["blind 902079460010"]),
        ("uuid-transfer-to-payment", ["blind 710"]),
        ("uuid-transfer-to-other-queue", ["blind surrey-adult-care"]),
        # FreeSWITCH ends the other one's channel before or after it says where the call goes.
        ("uuid-transfer-bleg-to-back-office", ["blind 212"]),
        ("uuid-transfer-bleg-to-payment", ["redirected 710"]),
        ("uuid-transfer-both-to-conference", ["redirected 651"]),
        ("feature-blind-to-back-office", ["blind 212"]),
        ("feature-blind-to-payment", ["blind 710"]),
        ("feature-attended-completed", ["attended 212"]),
        ("feature-attended-completed-by-key", ["attended 212"]),
        ("feature-attended-to-outside", ["attended 02079460010"]),
        ("feature-attended-to-payment", ["attended 710"]),
        ("refer-attended-completed", ["attended 212"]),
        ("refer-attended-while-ringing", ["attended 214"]),
        ("refer-attended-to-payment", ["attended 710"]),
        ("refer-attended-to-queue-waiting", ["attended surrey-adult-care"]),
        ("refer-attended-to-queue-answered", ["attended surrey-adult-care"]),
        ("loopback-direct-n-blind", ["blind 212"]),
        ("local-agent-n-blind", ["blind 212"]),
        # Nothing of the kind.
        ("feature-attended-given-up-by-key", []),
        ("feature-attended-colleague-hangs-up", []),
        ("feature-attended-rejected", []),
        ("refer-attended-abandoned", []),
        ("three-way-by-feature", []),
        ("pickup-of-talk", []),
        ("bridge-action", []),
        ("uuid-transfer-of-agent", []),
        ("hold-resume-twice", []),
    ],
)
def test_where_a_call_goes(session: str, went: list[str]) -> None:
    assert places(of_caller(session)) == went


@pytest.mark.parametrize(
    ("session", "consulted"),
    [
        ("feature-attended-completed", "212"),
        ("feature-attended-to-outside", "02079460010"),
        ("refer-attended-completed", "212"),
        ("refer-attended-to-outside", "902079460010"),
    ],
)
def test_whom_an_agent_consults(session: str, consulted: str) -> None:
    first = next(each for each in of_caller(session) if isinstance(each, ConsultationBegan))
    assert first.place.extension == consulted
    assert first.telephone == "211@127.0.0.1"


@pytest.mark.parametrize(
    "session",
    [
        "park-fetched-by-colleague",
        "park-fetched-by-adviser",
        "park-in-dialplan",
        "uuid-park-then-uuid-bridge",
    ],
)
def test_a_parked_call_is_fetched(session: str) -> None:
    facts = of_caller(session)
    (parked,) = [each for each in facts if isinstance(each, Parked)]
    fetched = next(each for each in facts if isinstance(each, TalkChanged) and each.at > parked.at)
    assert fetched.talkers
    segments = acted(session, STOPS).handoffs[0].segments
    by_adviser = "adviser" in session
    assert len(segments) == (2 if by_adviser else 1), "with a colleague it isn't recorded on"


def test_a_third_person_is_seen_and_left_alone_with_the_caller_judged() -> None:
    facts = of_caller("three-way-by-feature")
    most = max(len(each.talkers) for each in facts if isinstance(each, TalkChanged))
    assert most == 2
    assert len(acted("three-way-by-feature", CONTINUES).handoffs[0].segments) == 2
    story = acted("three-way-by-feature", STOPS).handoffs[0].story
    assert any("somebody else" in each.what for each in story)


def most_heard(session: str) -> int:
    return max(len(each.talkers) for each in of_caller(session) if isinstance(each, TalkChanged))


@pytest.mark.parametrize("whom", ["three-way-by-supervisor", "three-way-by-supervisor-on-caller"])
def test_a_supervisor_who_comes_into_a_talk_is_heard_there(whom: str) -> None:
    assert most_heard(whom) == 2
    (handoff,) = acted(whom, CONTINUES).handoffs
    ends = [each.ended_by for each in handoff.segments]
    assert ends == [EndedBy.ANOTHER_VOICE, EndedBy.HANG_UP], "when he is gone it begins anew"


def test_one_who_only_listens_isnt_but_no_guard_says_yes_meanwhile() -> None:
    assert most_heard("eavesdrop") == 1
    translator, at = Translator(pbx_of("eavesdrop")), began("eavesdrop")
    heard = []
    for event in events(said("eavesdrop")):
        translator.translate(event, at)
        channel = translator.channel(caller("eavesdrop"))
        if channel is not None:
            heard.append(translator.overheard(channel))
    assert [state for n, state in enumerate(heard) if state != heard[n - 1]] == [True, False]


def test_a_recorder_that_moves_when_a_consultation_is_completed() -> None:
    """``recording_follow_transfer`` on the agent's second leg: run on the real one."""
    session = "consulted-recorder-followed"
    recorders = Recorders(lambda: 0.0)
    moved = []
    for event in events(said(session)):
        path = event.get("Record-File-Path", "")
        if event["Event-Name"] == "RECORD_START":
            leg = Channel(event["Unique-ID"], event["Unique-ID"], "internal", "")
            recorders.asked(path, leg, int(path.split(".")[1]))
        found = recorders.hear(event, event.sent or began(session))
        if isinstance(found, Stray):
            moved.append((found.known.segment, found.known.channel.uniqueid, found.known.on))
    consulted = next(each for each in of_caller(session) if isinstance(each, ConsultationBegan))
    assert moved == [(3, consulted.leg.uniqueid, moved[0][2])]
    assert moved[0][2] != consulted.leg.uniqueid


def test_a_payment_line_that_comes_into_a_conference_is_silence() -> None:
    (handoff,) = acted("conference-with-payment-line", CONTINUES).handoffs
    assert SpanKind.PAYMENT in {span.kind for span in handoff.spans}
    assert handoff.segments[-1].ended_by is EndedBy.PAYMENT


def test_a_caller_who_opts_out_before_the_queue() -> None:
    facts = of_caller("opt-out-by-caller-before-queue")
    assert isinstance(facts[0], OptedOut)
    assert facts[0].by is Asker.CALLER


# what callers choose


@pytest.mark.parametrize(
    ("session", "name"),
    [
        ("hostile-name-percent", "xUnique-ID: spoofedEvent-Name: CHANNEL_HANGUP_COMPLETE"),
        ("hostile-name-bad-utf8", "Z\N{REPLACEMENT CHARACTER}o\N{REPLACEMENT CHARACTER} Quill"),
        ("hostile-name-four-kb", ("Quill " * 680)[:200]),
    ],
)
def test_a_hostile_name_is_a_name(session: str, name: str) -> None:
    facts = of_caller(session)
    assert isinstance(facts[0], QueueEntered)
    assert facts[0].name == name
    assert sum(isinstance(each, HungUp) for each in facts) == 1
    assert len(acted(session, CONTINUES).handoffs) == 1


# the FreeSWITCH 1.11 of others, whole


@pytest.mark.parametrize(
    ("session", "went"),
    [
        ("freeswitch-queue-abandoned.plain", []),
        ("freeswitch-queue-answer-record-hangup.plain", []),
        ("freeswitch-queue-answer-record-hangup.json", []),
        ("freeswitch-queue-blind-transfer-by-refer.plain", ["blind 400"]),
        ("freeswitch-queue-uuid-transfer-to-payment-mask.plain", ["blind 300"]),
    ],
)
def test_another_version_says_the_same(session: str, went: list[str]) -> None:
    facts = of_caller(session)
    assert isinstance(facts[0], QueueEntered)
    assert facts[0].arrival.queue == "helpline"
    assert places(facts) == went
    assert isinstance(facts[-1], HungUp)
    answers = [each for each in facts if isinstance(each, AgentAnswered)]
    assert bool(answers) is ("abandoned" not in session)


def test_in_either_format() -> None:
    """Two recordings of the same thing, made one after the other."""
    kinds = [
        [type(each).__name__ for each in of_caller(f"freeswitch-queue-answer-record-hangup.{each}")]
        for each in ("plain", "json")
    ]
    assert sorted(set(kinds[0])) == sorted(set(kinds[1]))
    assert len(FOREIGN) == 5


# always


@pytest.mark.parametrize("session", SESSIONS)
def test_nothing_is_left_when_all_are_gone(session: str) -> None:
    translator = Translator(pbx_of(session))
    at = began(session)
    for event in events(said(session)):
        translator.translate(event, at)
    known = translator._known
    assert known.channels == known.legs == {}
    assert known.talks.members("") == []
    parts = (known.talks, translator._bridges, translator._dials, translator._queues)
    for part in (*parts, translator._talking, known, translator._moves):
        for name, held in vars(part).items():
            if isinstance(held, dict | set) and name != "_connects":
                assert not held, f"{type(part).__name__}.{name}"


@pytest.mark.parametrize("session", OWN)
def test_nobody_hangs_up_twice_and_nobody_talks_afterwards(session: str) -> None:
    gone: set[str] = set()
    for each in told(session):
        assert each.channel.uniqueid not in gone or not isinstance(each.fact, HungUp | TalkChanged)
        if isinstance(each.fact, HungUp):
            gone.add(each.channel.uniqueid)


def test_the_sessions_hold_nobodys_data_and_no_machines_names() -> None:
    for path in SESSIONS.values():
        data = path.read_bytes()
        assert not re.search(rb"/tmp|/root|/home", data), path.name
        assert CALL_VARIABLE.encode() not in data or path.name.startswith("freeswitch-")
