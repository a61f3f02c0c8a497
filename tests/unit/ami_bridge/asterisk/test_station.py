"""Commands to one Asterisk become actions, its answers and events become facts."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from structlog.testing import capture_logs

from ami_bridge.asterisk import station as stations
from ami_bridge.asterisk.protocol import DROPPED, Frame
from ami_bridge.asterisk.station import (
    MOST_RECORDERS,
    NOTHING_TO_STOP,
    AsteriskStation,
)
from ami_bridge.facts import (
    AnswerYes,
    Channel,
    Command,
    Fact,
    ForeignRecorder,
    HungUp,
    MuteRecorder,
    MuteUnconfirmed,
    NotePayment,
    NoteState,
    PaymentBegan,
    QueueEntered,
    RaiseAlarm,
    RecorderMuted,
    RecorderRefused,
    RecorderStarted,
    RecorderStopped,
    RecorderUncertain,
    StartRecorder,
    StopEveryRecorder,
    StopRecorder,
    StopUnconfirmed,
    TransferCompleted,
    UnmuteRecorder,
    VariableSet,
)
from ami_bridge.variables import CALL_VARIABLE, VARIABLES
from hushtape.config import Pbx
from hushtape.errors import ActionRefused, AnswerTimeout, HushtapeError, LinkLost
from hushtape.policy.schema import PaymentWay
from tests import virtual_time

NOW = datetime(2026, 11, 21, 13, 5, tzinfo=UTC)
A_SECOND = timedelta(seconds=1)
TOLD_WITHIN_S = 0.005
PBX = Pbx(kind="asterisk", host="127.0.0.1", spool="/spool", outside_contexts=("from-outside",))
CALLER = Channel("1.1", "PJSIP/trunk-1", "from-outside", "01737276000")
HOSTILE = Channel("1.1", "PJSIP/x\r\nAction: Originate", "from-outside", "01737276000")
START = StartRecorder(2, "a.2.outside.wav", "a.2.inside.wav")
STOP = StopRecorder(2, "0x7f3a")
STOP_EVERY = StopEveryRecorder(2)

SUCCESS: dict[str, str] = {}
REFUSED = ActionRefused("pbx1 refused StopMixMonitor", NOTHING_TO_STOP)
NO_CHANNEL = ActionRefused("pbx1 refused StopMixMonitor", "No such channel")
NOWHERE = [NO_CHANNEL, NO_CHANNEL]  # neither by its name nor by its uniqueid
DENIED = ActionRefused("pbx1 refused StopMixMonitor", "Permission denied")
TIMEOUT = AnswerTimeout("pbx1 did not answer within 2 s")
LOST = LinkLost("there is no link to pbx1")


class FakeLink:
    """Answers from a script; each answer takes a second."""

    def __init__(
        self,
        name: str,
        pbx: Pbx,
        password: str,
        on_event: Callable[[Frame], Awaitable[None]],
        on_up: Callable[[], Awaitable[None]],
        on_down: Callable[[HushtapeError], Awaitable[None]],
        *,
        turn: object = None,
        trace: object = None,
        on_keys: Callable[[], None] = lambda: None,
    ) -> None:
        self.turn, self.trace, self.on_keys = turn, trace, on_keys
        self.on_event, self.on_up, self.on_down = on_event, on_up, on_down
        self.script: list[Mapping[str, str] | HushtapeError] = []
        self.asked: list[Mapping[str, str]] = []
        self.timeouts_s: list[float] = []
        self.living: list[Frame] | HushtapeError = []
        self.now = NOW
        self.heard_at: datetime | None = None
        self.started = self.closed = False

    def start(self) -> None:
        self.started = True

    async def close(self) -> None:
        self.closed = True

    async def ask(self, action: Mapping[str, str], *, timeout_s: float) -> Mapping[str, str]:
        self.asked.append(action)
        self.timeouts_s.append(timeout_s)
        self.now += A_SECOND
        answer = self.script.pop(0)
        if isinstance(answer, HushtapeError):
            raise answer
        return answer

    async def ask_list(self, action: Mapping[str, str], *, timeout_s: float) -> list[Frame]:
        self.asked.append(action)
        if isinstance(self.living, HushtapeError):
            raise self.living
        return self.living


@dataclass
class FakeBridge:
    """Keeps what it was told, in order."""

    facts: list[tuple[AsteriskStation, str, Fact]] = field(default_factory=list)
    order: list[str] = field(default_factory=list)
    returned: list[tuple[AsteriskStation, datetime]] = field(default_factory=list)

    def tell(self, station: AsteriskStation, channel: Channel, fact: Fact) -> None:
        self.facts.append((station, channel.uniqueid, fact))
        self.order.append(type(fact).__name__)

    def link_up(self, station: AsteriskStation, at: datetime) -> None:
        self.returned.append((station, at))
        self.order.append("link up")


class Bench:
    """A station between a link and a bridge."""

    def __init__(self) -> None:
        self.bridge = FakeBridge()
        self.station = AsteriskStation(
            "pbx1",
            PBX,
            "secret",
            self.bridge,  # type: ignore[arg-type]
            now=lambda: self.link.now,
        )
        self.link: FakeLink = self.station._link  # type: ignore[assignment]

    async def do(self, command: Any, *script: Any, channel: Channel = CALLER) -> Fact | None:
        self.link.script = list(script)
        return await self.station.carry_out(channel, command)


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch) -> Bench:
    monkeypatch.setattr("ami_bridge.asterisk.station.Link", FakeLink)
    monkeypatch.setattr("ami_bridge.asterisk.station.HALT_TOLD_WITHIN_S", TOLD_WITHIN_S)
    monkeypatch.setattr("ami_bridge.station.TOLD_AT_LAST_S", TOLD_WITHIN_S)
    return Bench()


def frame(*headers: tuple[str, str], sent: datetime | None, received: datetime = NOW) -> Frame:
    name, *rest = headers
    stamp = [("Timestamp", f"{sent.timestamp():.6f}")] if sent is not None else []
    return Frame((name, ("Privilege", "call,all"), *stamp, *rest), received)


def newchannel(uniqueid: str = "1.1", sent: datetime | None = NOW) -> Frame:
    return frame(
        ("Event", "Newchannel"),
        ("Uniqueid", uniqueid),
        ("Channel", f"PJSIP/trunk-{uniqueid}"),
        ("Context", "from-outside"),
        ("Exten", "01737276000"),
        sent=sent,
    )


def join(sent: datetime | None, received: datetime = NOW) -> Frame:
    return frame(
        ("Event", "QueueCallerJoin"),
        ("Uniqueid", "1.1"),
        ("Queue", "help-line"),
        sent=sent,
        received=received,
    )


def alarms(logs: list[Any]) -> list[str]:
    return [entry["what"] for entry in logs if entry["event"] == "alarm"]


# starting


async def test_a_recorder_gets_a_file_for_each_side_in_the_spool(bench: Bench) -> None:
    fact = await bench.do(START, {"MixMonitorID": "0x7f3a"})
    assert fact == RecorderStarted(at=NOW + A_SECOND, segment=2, recorder_id="0x7f3a")
    (action,) = bench.link.asked
    assert action["Action"] == "MixMonitor"
    assert action["Channel"] == CALLER.name
    assert action["Options"] == (
        "r(/spool/a.2.outside.wav)t(/spool/a.2.inside.wav)i(HUSHTAPE_RECORDER_2)"
    )
    assert bench.link.timeouts_s == [stations.START_TIMEOUT_S]


async def test_the_recorders_of_two_segments_never_share_a_variable(bench: Bench) -> None:
    for segment in (1, 12):
        await bench.do(StartRecorder(segment, "o.wav", "i.wav"), {"MixMonitorID": "0x1"})
    one, twelve = (action["Options"].rpartition("i(")[2] for action in bench.link.asked)
    assert (one, twelve) == ("HUSHTAPE_RECORDER_1)", "HUSHTAPE_RECORDER_12)")


@pytest.mark.parametrize("answer", [{"MixMonitorID": ""}, SUCCESS])
async def test_a_success_without_an_id_is_no_recorder(bench: Bench, answer: dict[str, str]) -> None:
    assert await bench.do(START, answer) == RecorderRefused(at=NOW + A_SECOND, segment=2)


async def test_a_refused_start_is_a_fact(bench: Bench) -> None:
    with capture_logs() as logs:
        assert await bench.do(START, DENIED) == RecorderRefused(at=NOW + A_SECOND, segment=2)
    assert [each["event"] for each in logs] == ["recorder refused"]


@pytest.mark.parametrize("error", [TIMEOUT, LOST])
async def test_a_start_that_nobody_answers_may_have_started(
    bench: Bench, error: HushtapeError
) -> None:
    assert await bench.do(START, error) == RecorderUncertain(at=NOW + A_SECOND, segment=2)


@pytest.mark.parametrize(
    ("command", "fact"),
    [
        (START, RecorderRefused(at=NOW, segment=2)),
        (StartRecorder(2, "a,b.wav", "i.wav"), RecorderRefused(at=NOW, segment=2)),
        (STOP, StopUnconfirmed(at=NOW, segment=2, by_id=True)),
        (STOP_EVERY, StopUnconfirmed(at=NOW, segment=2)),
        (NoteState("x"), None),
    ],
)
async def test_what_can_not_be_said_safely_is_not_said_at_all(
    bench: Bench, command: Any, fact: Fact | None
) -> None:
    assert await bench.do(command, channel=HOSTILE) == fact
    assert bench.link.asked == []


async def test_an_id_that_is_none_stops_nothing(bench: Bench) -> None:
    """Without an id Asterisk would stop the newest recorder, whoever's it is."""
    fact = await bench.do(StopRecorder(2, ""))
    assert fact == StopUnconfirmed(at=NOW, segment=2, by_id=True)
    assert bench.link.asked == []


# stopping


async def test_a_stop_is_shown_by_the_refusal_of_a_second_and_dated_by_the_first(
    bench: Bench,
) -> None:
    fact = await bench.do(STOP, SUCCESS, REFUSED)
    assert fact == RecorderStopped(at=NOW + A_SECOND, segment=2)
    first, second = bench.link.asked
    assert first == second
    assert (first["Action"], first["MixMonitorID"]) == ("StopMixMonitor", "0x7f3a")
    assert bench.link.timeouts_s == [stations.STOP_TIMEOUT_S] * 2


async def test_a_stop_that_is_not_answered_is_sent_once_more(bench: Bench) -> None:
    fact = await bench.do(STOP, TIMEOUT, SUCCESS, REFUSED)
    assert fact == RecorderStopped(at=NOW + 2 * A_SECOND, segment=2)
    assert bench.link.asked == [bench.link.asked[0]] * 3


@pytest.mark.parametrize(
    "script",
    [
        pytest.param([REFUSED], id="a wrong id is refused too"),
        pytest.param([*NOWHERE], id="no such channel, and no hang-up"),
        pytest.param([SUCCESS, *NOWHERE], id="stopped, and then no such channel"),
        pytest.param([SUCCESS, DENIED], id="not permitted to see"),
        pytest.param([SUCCESS, SUCCESS], id="stopped twice"),
        pytest.param([TIMEOUT, TIMEOUT], id="no answer, twice"),
        pytest.param([TIMEOUT, REFUSED], id="which of the two was refused can't be told"),
        pytest.param([SUCCESS, TIMEOUT], id="no second answer"),
        pytest.param([LOST], id="no link"),
        pytest.param([SUCCESS, LOST], id="no link any more"),
    ],
)
async def test_a_stop_that_shows_nothing_is_unconfirmed(bench: Bench, script: list[Any]) -> None:
    await bench.link.on_event(newchannel())
    fact = await bench.do(STOP, *script)
    assert fact == StopUnconfirmed(at=NOW + len(script) * A_SECOND, segment=2, by_id=True)
    assert len(bench.link.asked) == len(script), "nothing is asked once more"


# stopping what the dialplan has stopped


def begun(by: str = "key", uniqueid: str = "1.1") -> Frame:
    return frame(
        ("Event", "UserEvent"),
        ("UserEvent", "Hushtape"),
        ("Act", "payment-began"),
        ("By", by),
        ("Uniqueid", uniqueid),
        sent=NOW,
    )


async def test_what_the_dialplan_has_stopped_was_gone_when_it_said_so(bench: Bench) -> None:
    await bench.link.on_event(begun())
    with capture_logs() as logs:
        fact = await bench.do(STOP, REFUSED, REFUSED)
    assert fact == RecorderStopped(at=NOW, segment=2), "not when it was asked for"
    assert logs == []
    by_id, every = bench.link.asked
    assert by_id["MixMonitorID"] == "0x7f3a"
    assert every == {"Action": "StopMixMonitor", "Channel": CALLER.name}


async def test_what_the_dialplan_has_stopped_and_tells_a_moment_later_is_explained_at_once(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ami_bridge.asterisk.station.HALT_TOLD_WITHIN_S", 60.0)
    stopping = asyncio.create_task(bench.do(STOP, REFUSED, REFUSED))
    await asyncio.sleep(0)
    await bench.link.on_event(begun(uniqueid="1.9"))
    await asyncio.sleep(0)
    assert not stopping.done()
    await bench.link.on_event(begun())
    with capture_logs() as logs:
        async with asyncio.timeout(1):
            assert await stopping == RecorderStopped(at=NOW, segment=2)
    assert logs == []


async def test_what_the_dialplan_has_not_stopped_all_the_same_is_stopped(bench: Bench) -> None:
    await bench.link.on_event(begun())
    fact = await bench.do(STOP, REFUSED, SUCCESS, REFUSED)
    assert fact == RecorderStopped(at=NOW + 3 * A_SECOND, segment=2, found=1)


@pytest.mark.parametrize(
    ("script", "by_id"),
    [
        pytest.param([REFUSED, TIMEOUT], False, id="that nothing is left isn't shown"),
        pytest.param([REFUSED, LOST], False, id="no link any more"),
        pytest.param([*NOWHERE], True, id="no such channel"),
        pytest.param([DENIED], True, id="not permitted"),
        pytest.param([TIMEOUT, TIMEOUT], True, id="no answer"),
        pytest.param([SUCCESS, SUCCESS], True, id="stopped twice"),
    ],
)
async def test_the_dialplan_explains_a_refusal_only(
    bench: Bench, script: list[Any], by_id: bool
) -> None:
    await bench.link.on_event(newchannel())
    await bench.link.on_event(begun())
    with capture_logs() as logs:
        fact = await bench.do(STOP, *script)
    assert fact == StopUnconfirmed(at=NOW + len(script) * A_SECOND, segment=2, by_id=by_id)
    assert [(each["log_level"], each["event"]) for each in logs] == [
        ("warning", "stop unconfirmed")
    ]


@pytest.mark.parametrize("said", [begun(by="event"), begun(uniqueid="1.9")])
async def test_a_stop_that_nothing_explains_is_told(bench: Bench, said: Frame) -> None:
    await bench.link.on_event(said)
    with capture_logs() as logs:
        fact = await bench.do(STOP, REFUSED)
    assert fact == StopUnconfirmed(at=NOW + A_SECOND, segment=2, by_id=True)
    assert [each["event"] for each in logs] == ["stop unconfirmed"]


async def test_a_recorder_that_began_afterwards_was_not_stopped_by_the_dialplan(
    bench: Bench,
) -> None:
    await bench.link.on_event(begun())
    await bench.do(START, {"MixMonitorID": "0x7f3a"})
    assert isinstance(await bench.do(STOP, REFUSED), StopUnconfirmed)


async def test_every_recorder_is_stopped_until_there_is_none(bench: Bench) -> None:
    fact = await bench.do(STOP_EVERY, SUCCESS, SUCCESS, REFUSED)
    assert fact == RecorderStopped(at=NOW + 3 * A_SECOND, segment=2, found=2)
    assert len(bench.link.asked) == 3
    for action in bench.link.asked:
        assert action == {"Action": "StopMixMonitor", "Channel": CALLER.name}


async def test_where_nothing_records_every_recorder_is_stopped(bench: Bench) -> None:
    fact = await bench.do(STOP_EVERY, REFUSED)
    assert fact == RecorderStopped(at=NOW + A_SECOND, segment=2, found=0)


@pytest.mark.parametrize("errors", [NOWHERE, [DENIED], [TIMEOUT], [LOST]])
@pytest.mark.parametrize("before", [0, 2])
async def test_other_words_show_no_stop_of_every_recorder(
    bench: Bench, errors: list[HushtapeError], before: int
) -> None:
    await bench.link.on_event(newchannel())
    fact = await bench.do(STOP_EVERY, *[SUCCESS] * before, *errors)
    assert fact == StopUnconfirmed(at=NOW + (before + len(errors)) * A_SECOND, segment=2)


async def test_a_channel_that_can_be_stopped_for_ever_is_given_up(bench: Bench) -> None:
    fact = await bench.do(STOP_EVERY, *[SUCCESS] * (MOST_RECORDERS + 5))
    assert isinstance(fact, StopUnconfirmed)
    assert len(bench.link.asked) == MOST_RECORDERS


async def test_the_last_recorder_that_is_looked_for_may_be_the_last_there_is(bench: Bench) -> None:
    fact = await bench.do(STOP_EVERY, *[SUCCESS] * (MOST_RECORDERS - 1), REFUSED)
    assert isinstance(fact, RecorderStopped)


# a channel that is gone, or has another name


ASKED = [
    pytest.param(START, [{"MixMonitorID": "0x1"}], RecorderStarted, id="start"),
    pytest.param(STOP, [SUCCESS, REFUSED], RecorderStopped, id="stop"),
    pytest.param(STOP_EVERY, [REFUSED], RecorderStopped, id="stop every one"),
    pytest.param(MuteRecorder(2, "0x7f3a"), [SUCCESS], RecorderMuted, id="mute"),
    pytest.param(NoteState("x"), [SUCCESS], VariableSet, id="note"),
]


def hangup(uniqueid: str = "1.1") -> Frame:
    return frame(("Event", "Hangup"), ("Uniqueid", uniqueid), sent=NOW)


@pytest.mark.parametrize(("command", "answers", "kind"), ASKED)
async def test_what_no_channel_is_named_any_more_is_asked_by_its_uniqueid(
    bench: Bench, command: Command, answers: list[Any], kind: type[Fact]
) -> None:
    await bench.link.on_event(newchannel())
    script = [each for answer in answers for each in (NO_CHANNEL, answer)]
    assert isinstance(await bench.do(command, *script), kind)
    by_name, by_uniqueid = bench.link.asked[:2]
    assert (by_name["Channel"], by_uniqueid["Channel"]) == (CALLER.name, CALLER.uniqueid)
    assert by_name | {"Channel": ""} == by_uniqueid | {"Channel": ""}


@pytest.mark.parametrize(
    ("command", "found"),
    [
        (START, RecorderRefused(at=NOW + 2 * A_SECOND, segment=2)),
        (STOP, RecorderStopped(at=NOW + 2 * A_SECOND, segment=2, found=0)),
        (STOP_EVERY, RecorderStopped(at=NOW + 2 * A_SECOND, segment=2, found=0)),
        (MuteRecorder(2, "0x7f3a"), MuteUnconfirmed(at=NOW + 2 * A_SECOND, segment=2)),
        (NoteState("x"), None),
    ],
)
async def test_of_a_channel_that_is_gone_the_hang_up_is_told_first_and_no_fault(
    bench: Bench, command: Command, found: Fact | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ami_bridge.station.TOLD_AT_LAST_S", 30.0)
    await bench.link.on_event(newchannel())
    await bench.link.on_event(join(NOW))
    with capture_logs() as logs:
        answer = asyncio.create_task(bench.do(command, *NOWHERE))
        await asyncio.sleep(0)
        await bench.link.on_event(hangup("1.2"))
        await asyncio.sleep(0)
        assert not answer.done(), "somebody else's"
        assert bench.bridge.order[-1] != "HungUp"
        await bench.link.on_event(hangup())
        assert bench.bridge.order[-1] == "HungUp"
        assert await answer == found
    assert [each for each in logs if each["log_level"] in ("warning", "error")] == []


# notes


async def test_a_calls_state_is_kept_in_a_variable_of_its_channel(bench: Bench) -> None:
    done = await bench.do(NoteState("20261121-130500-abcdefgh;recorded"), SUCCESS)
    assert done == VariableSet(at=NOW + A_SECOND)
    assert bench.link.asked == [
        {
            "Action": "Setvar",
            "Channel": CALLER.name,
            "Variable": CALL_VARIABLE,
            "Value": "20261121-130500-abcdefgh;recorded",
        }
    ]


@pytest.mark.parametrize("error", [DENIED, TIMEOUT, LOST])
async def test_a_note_that_is_refused_does_no_harm(bench: Bench, error: HushtapeError) -> None:
    assert await bench.do(NoteState("x"), error) is None


@pytest.mark.parametrize(
    ("command", "name", "value"),
    [
        (
            NotePayment(NOW, PaymentWay.TRANSFER),
            "HUSHTAPE_PAYMENT",
            "began:1795266300.000:transfer",
        ),
        (NotePayment(None), "HUSHTAPE_PAYMENT", ""),
        (AnswerYes("123456789"), "HUSHTAPE_SILENCE", "123456789"),
    ],
)
async def test_what_the_dialplan_reads_is_set_and_answered(
    bench: Bench, command: Command, name: str, value: str
) -> None:
    assert await bench.do(command, SUCCESS) == VariableSet(at=NOW + A_SECOND)
    (asked,) = bench.link.asked
    assert (asked["Variable"], asked["Value"], asked["Channel"]) == (name, value, CALLER.name)
    for error in (DENIED, TIMEOUT, LOST):
        assert await bench.do(command, error) is None


# muting


async def test_one_recorder_is_muted_both_ways_and_unmuted(bench: Bench) -> None:
    fact = await bench.do(MuteRecorder(2, "0x7f3a"), SUCCESS)
    assert fact == RecorderMuted(at=NOW + A_SECOND, segment=2)
    assert await bench.do(UnmuteRecorder(2, "0x7f3a"), SUCCESS) is None
    assert bench.link.asked == [
        {
            "Action": "MixMonitorMute",
            "Channel": CALLER.name,
            "Direction": "both",
            "State": state,
            "MixMonitorID": "0x7f3a",
        }
        for state in ("1", "0")
    ]


@pytest.mark.parametrize("command", [MuteRecorder(2, "0x7f3a"), UnmuteRecorder(2, "0x7f3a")])
@pytest.mark.parametrize("error", [DENIED, TIMEOUT, LOST])
async def test_a_mute_that_is_not_acknowledged(
    bench: Bench, command: Command, error: HushtapeError
) -> None:
    assert await bench.do(command, error) == MuteUnconfirmed(at=NOW + A_SECOND, segment=2)


@pytest.mark.parametrize("recorder_id", ["", "all of them"])
async def test_without_an_id_nothing_is_muted(bench: Bench, recorder_id: str) -> None:
    """It would be every recorder of the channel."""
    assert isinstance(await bench.do(MuteRecorder(2, recorder_id)), MuteUnconfirmed)
    assert bench.link.asked == []


# recorders of somebody else, and keys


async def begins(bench: Bench) -> list[Fact]:
    """A recorder begins on the caller's channel; return what is told of it."""
    told = len(bench.bridge.facts)
    await bench.link.on_event(
        frame(("Event", "MixMonitorStart"), ("Uniqueid", "1.1"), ("Linkedid", "1.1"), sent=NOW)
    )
    return [fact for _, _, fact in bench.bridge.facts[told:]]


async def test_a_recorder_that_was_not_asked_for_is_somebody_elses(bench: Bench) -> None:
    await bench.link.on_event(newchannel())
    await bench.do(START, {"MixMonitorID": "0x7f3a"})
    assert await begins(bench) == []
    (fact,) = await begins(bench)
    assert isinstance(fact, ForeignRecorder)
    assert fact.on.uniqueid == "1.1"


async def test_one_that_the_pbx_refused_hides_no_other(bench: Bench) -> None:
    await bench.link.on_event(newchannel())
    await bench.do(START, DENIED)
    assert len(await begins(bench)) == 1


async def test_keys_that_the_pbx_tells_of_are_an_alarm_once(bench: Bench) -> None:
    with capture_logs() as logs:
        bench.link.on_keys()
        bench.link.on_keys()
    (told,) = alarms(logs)
    assert "manager.conf" in told


async def test_an_asterisk_knows_no_other_command(bench: Bench) -> None:
    with pytest.raises(TypeError, match="RaiseAlarm"):
        await bench.do(RaiseAlarm("x"))


# events


async def test_a_fact_has_the_time_that_the_pbx_gave_it(bench: Bench) -> None:
    sent = NOW - timedelta(milliseconds=40)
    with capture_logs() as logs:
        await bench.link.on_event(newchannel(sent=sent))
        await bench.link.on_event(join(sent))
    ((station, uniqueid, fact),) = bench.bridge.facts
    assert (station, uniqueid, fact.at) == (bench.station, "1.1", sent)
    assert isinstance(fact, QueueEntered)
    assert alarms(logs) == []


async def test_our_time_becomes_the_pbxs_by_what_its_events_say(bench: Bench) -> None:
    assert bench.station.pbx_now() == NOW
    await bench.link.on_event(newchannel(sent=NOW - timedelta(seconds=7)))
    assert bench.station.pbx_now() == NOW - timedelta(seconds=7)
    fact = await bench.do(STOP_EVERY, REFUSED)
    assert fact == RecorderStopped(at=NOW - timedelta(seconds=6), segment=2, found=0)


async def test_without_a_stamp_it_is_our_time_and_somebody_is_told_once(bench: Bench) -> None:
    with capture_logs() as logs:
        await bench.link.on_event(newchannel(sent=None))
        await bench.link.on_event(join(None, NOW + A_SECOND))
    assert [fact.at for _, _, fact in bench.bridge.facts] == [NOW + A_SECOND]
    (told,) = alarms(logs)
    assert "timestampevents" in told


@pytest.mark.parametrize("off_s", [-61, 61, 86_400])
async def test_a_pbx_whose_clock_is_far_off_is_not_believed(bench: Bench, off_s: int) -> None:
    sent = NOW + timedelta(seconds=off_s)
    with capture_logs() as logs:
        await bench.link.on_event(newchannel(sent=sent))
        await bench.link.on_event(join(sent))
    assert [fact.at for _, _, fact in bench.bridge.facts] == [NOW]
    (told,) = alarms(logs)
    assert "clock" in told
    assert bench.station.pbx_now() == NOW, "the clock is not fed with what is not believed"


async def test_each_kind_of_trouble_with_the_time_is_told(bench: Bench) -> None:
    with capture_logs() as logs:
        for sent in (None, NOW + timedelta(days=1), None, NOW + timedelta(days=1)):
            await bench.link.on_event(newchannel(sent=sent))
    assert len(alarms(logs)) == 2


# the link


async def test_when_the_link_is_up_the_pbx_is_asked_what_lives(bench: Bench) -> None:
    await bench.link.on_up()
    assert bench.bridge.returned == [(bench.station, NOW)]
    (action,) = bench.link.asked
    assert action == {"Action": "Status", "Variables": ",".join(VARIABLES)}


async def test_a_link_that_came_back_is_told_by_the_station_whose_it_is(bench: Bench) -> None:
    other = Bench()
    await bench.link.on_event(newchannel(sent=NOW - timedelta(seconds=3)))
    await bench.link.on_down(LOST)
    await bench.link.on_up()
    assert bench.bridge.returned == [(bench.station, NOW - timedelta(seconds=3))]
    assert other.bridge.returned == []


async def test_what_happened_meanwhile_is_told_before_the_link_is_said_to_be_back(
    bench: Bench,
) -> None:
    await bench.link.on_up()
    await bench.link.on_event(newchannel("1.1"))
    await bench.link.on_event(join(NOW))
    bench.link.living = [
        frame(
            ("Event", "Status"),
            ("Uniqueid", "1.2"),
            ("Channel", "PJSIP/trunk-1.2"),
            ("Context", "from-outside"),
            ("Exten", "01737276000"),
            ("Application", "Queue"),
            ("Data", "help-line,t"),
            ("Variable", f"{CALL_VARIABLE}=(null)"),
            sent=NOW,
        )
    ]
    bench.bridge.order.clear()
    await bench.link.on_up()
    assert bench.bridge.order == ["HungUp", "QueueEntered", "link up"]
    gone = bench.bridge.facts[-2]
    assert gone == (bench.station, "1.1", HungUp(at=NOW, seen=False))


async def test_a_payment_of_nobodys_channel_is_an_alarm(bench: Bench) -> None:
    said = (("Event", "UserEvent"), ("UserEvent", "Hushtape"), ("Act", "payment-began"))
    with capture_logs() as logs:
        await bench.link.on_event(frame(*said, ("Channel", "PJSIP/trunk-1.1"), sent=NOW))
    assert alarms(logs) == [stations.NOBODYS_PAYMENT]
    await bench.link.on_event(newchannel("1.1"))
    with capture_logs() as logs:
        await bench.link.on_event(frame(*said, ("Channel", "PJSIP/trunk-1.1"), sent=NOW))
        await bench.link.on_event(frame(*said[:2], ("Act", "payment-ended"), sent=NOW))
    assert alarms(logs) == []
    assert [type(each) for _, _, each in bench.bridge.facts] == [PaymentBegan]


def dropped() -> Frame:
    return Frame((("Event", DROPPED),), NOW)


async def test_when_an_event_was_feigned_every_call_is_looked_up_and_somebody_told(
    bench: Bench,
) -> None:
    await bench.link.on_up()
    await bench.link.on_event(newchannel("1.1"))
    await bench.link.on_event(join(NOW))
    bench.bridge.order.clear()
    bench.link.asked.clear()
    bench.link.heard_at = NOW - A_SECOND
    with capture_logs() as logs:
        await bench.link.on_event(dropped())
    assert [each["Action"] for each in bench.link.asked] == ["Status"]
    assert bench.bridge.order == ["HungUp", "link up"]
    assert bench.bridge.facts[-1][2] == HungUp(at=NOW - A_SECOND, seen=False)
    assert alarms(logs) == [stations.FORGED]


async def test_whoever_feigns_events_all_the_time_costs_the_pbx_little(bench: Bench) -> None:
    clock = [100.0]
    bench.station._clock_s = lambda: clock[0]
    await bench.link.on_up()
    bench.link.asked.clear()
    with capture_logs() as logs:
        for _ in range(3):
            await bench.link.on_event(dropped())
        assert len(bench.link.asked) == 1
        clock[0] += stations.LOOK_UP_EVERY_S
        await bench.link.on_event(newchannel("1.7"))
    assert len(bench.link.asked) == 2
    assert len(alarms(logs)) == 2, "once for each look"


async def test_a_look_that_fails_is_taken_again(bench: Bench) -> None:
    clock = [100.0]
    bench.station._clock_s = lambda: clock[0]
    await bench.link.on_up()
    bench.link.living = TIMEOUT
    bench.bridge.facts.clear()
    await bench.link.on_event(dropped())
    await bench.link.on_event(newchannel("1.1"))
    clock[0] += stations.LOOK_UP_EVERY_S
    await bench.link.on_event(join(NOW))
    assert bench.bridge.order[-1] == "QueueEntered", "meanwhile events are handled as ever"
    bench.link.living = []
    bench.bridge.order.clear()
    clock[0] += stations.LOOK_UP_EVERY_S
    await bench.link.on_event(dropped())
    assert bench.bridge.order == ["HungUp", "link up"]


async def test_a_link_on_which_the_pbx_would_not_say_what_lives_was_not_up(bench: Bench) -> None:
    bench.link.living = TIMEOUT
    with pytest.raises(AnswerTimeout):
        await bench.link.on_up()
    assert bench.bridge.returned == []


async def test_a_station_keeps_its_link_until_it_is_cancelled(bench: Bench) -> None:
    running = asyncio.create_task(bench.station.run())
    await asyncio.sleep(0)
    before = (bench.link.started, bench.link.closed)
    running.cancel()
    with suppress(asyncio.CancelledError):
        await running
    assert before == (True, False)
    assert bench.link.closed


# what the account may not read

WAITING = [
    frame(
        ("Event", "Status"),
        ("Uniqueid", "1.1"),
        ("Channel", CALLER.name),
        ("Application", "Queue"),
        ("Data", "help-line"),
        sent=None,
    )
]


def rights_watched(
    bench: Bench,
    meanwhile: Callable[[], Awaitable[None]] | None = None,
    *,
    answer: HushtapeError | None = None,
) -> list[str]:
    """Let the link come up, then a caller into a queue; return the alarms of some minutes.

    Args:
        meanwhile: happens after he was listed, and before that is judged.
        answer: in place of the list.
    """

    async def scene() -> None:
        await bench.link.on_up()
        running = asyncio.create_task(bench.station.run())
        await asyncio.sleep(1)
        bench.link.living = answer or WAITING
        await asyncio.sleep(stations.RIGHTS_OFTEN_S - 1 + stations.TOLD_AT_LAST_S / 2)
        if meanwhile is not None:
            await meanwhile()
        await asyncio.sleep(4 * stations.RIGHTS_OFTEN_S)
        running.cancel()
        await asyncio.wait({running})

    with capture_logs() as logs:
        virtual_time.run(scene())
    return [each for each in alarms(logs) if "read =" in each]


def test_an_account_that_is_told_of_nothing_is_an_alarm_once(bench: Bench) -> None:
    no_call, no_agent = rights_watched(bench)
    assert no_call.startswith("no new call is seen")
    assert "Add call to read" in no_call
    assert "Add agent to read" in no_agent


def test_an_event_at_the_last_moment_shows_the_right(bench: Bench) -> None:
    async def meanwhile() -> None:
        await bench.link.on_event(newchannel())

    (no_agent,) = rights_watched(bench, meanwhile)
    assert "Add agent to read" in no_agent


def test_what_a_link_that_was_lost_did_not_tell_shows_nothing(bench: Bench) -> None:
    async def meanwhile() -> None:
        await bench.link.on_down(LOST)
        await bench.link.on_up()

    assert rights_watched(bench, meanwhile) == []


def test_without_a_link_nobody_is_asked(bench: Bench) -> None:
    async def meanwhile() -> None:
        await bench.link.on_down(LOST)

    assert rights_watched(bench, meanwhile) == []
    assert len(bench.link.asked) == 2  # at the login, and once afterwards


def test_who_has_shown_each_right_is_asked_no_more(bench: Bench) -> None:
    async def meanwhile() -> None:
        for right in ("call", "agent", "user"):
            shown = (("Event", "Any"), ("Privilege", f"{right},all"))
            await bench.link.on_event(Frame(shown, NOW))

    assert rights_watched(bench, meanwhile) == []
    assert len(bench.link.asked) == 2


def test_a_pbx_that_does_not_answer_is_asked_again(bench: Bench) -> None:
    async def meanwhile() -> None:
        bench.link.living = WAITING

    assert len(rights_watched(bench, meanwhile, answer=TIMEOUT)) == 2


def test_while_no_call_is_told_of_it_is_asked_often(bench: Bench) -> None:
    assert asked_at(bench, 200) == [30, 60, 90, 120, 150, 180]


def test_a_pbx_that_has_told_of_a_call_is_asked_more_and_more_rarely(bench: Bench) -> None:
    async def meanwhile() -> None:
        await bench.link.on_event(newchannel())

    assert asked_at(bench, 3000, meanwhile) == [30, 90, 210, 450, 930, 1530, 2130, 2730]


def test_after_a_login_it_is_asked_often_again(bench: Bench) -> None:
    async def meanwhile() -> None:
        await bench.link.on_event(newchannel())
        await asyncio.sleep(1000)
        await bench.link.on_down(LOST)
        await bench.link.on_up()

    assert asked_at(bench, 1600, meanwhile)[-4:] == [1000, 1530, 1560, 1590]


def asked_at(
    bench: Bench, for_s: float, meanwhile: Callable[[], Awaitable[None]] | None = None
) -> list[float]:
    """Let the link come up; return after how many seconds it is asked then what lives."""
    asked: list[float] = []

    async def scene() -> None:
        await bench.link.on_up()
        began_s, ask = asyncio.get_running_loop().time(), bench.link.ask_list

        async def noted(*args: Any, **options: Any) -> Any:
            asked.append(round(asyncio.get_running_loop().time() - began_s))
            return await ask(*args, **options)

        bench.link.ask_list = noted
        running = asyncio.create_task(bench.station.run())
        if meanwhile is not None:
            await asyncio.sleep(0)
            await meanwhile()
        await asyncio.sleep(for_s - (asyncio.get_running_loop().time() - began_s))
        running.cancel()
        await asyncio.wait({running})

    virtual_time.run(scene())
    return asked


def elsewhere() -> Frame:
    """The caller, as Status shows it after a transfer to 710."""
    return frame(
        ("Event", "Status"),
        ("Uniqueid", CALLER.uniqueid),
        ("Channel", CALLER.name),
        ("Context", "internal"),
        ("Exten", "710"),
        sent=None,
    )


async def test_what_is_uncertain_is_uncertain_from_the_last_sign_of_the_pbx(bench: Bench) -> None:
    await bench.link.on_event(newchannel(CALLER.uniqueid, sent=NOW))
    bench.link.heard_at = NOW + timedelta(seconds=5)
    await bench.link.on_down(LOST)
    bench.link.heard_at = NOW + timedelta(seconds=60)  # a try that came to nothing
    await bench.link.on_down(LOST)
    bench.link.now = NOW + timedelta(seconds=90)
    bench.link.living = [elsewhere()]
    await bench.link.on_up()
    (moved,) = [fact for _, _, fact in bench.bridge.facts if isinstance(fact, TransferCompleted)]
    assert moved.at == NOW + timedelta(seconds=5)


async def test_what_a_predecessor_left_is_uncertain_from_its_last_sign_of_life(
    bench: Bench,
) -> None:
    bench.station.know(replace(CALLER, extension="01737276000"), [], NOW)
    bench.link.now = NOW + timedelta(seconds=90)
    bench.link.living = [elsewhere()]
    await bench.link.on_up()
    (moved,) = [fact for _, _, fact in bench.bridge.facts if isinstance(fact, TransferCompleted)]
    assert moved.at == NOW
