"""Commands to one FreeSWITCH become api commands, its answers and events become facts."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from structlog.testing import capture_logs

from ami_bridge.facts import (
    AnswerYes,
    Channel,
    Command,
    Fact,
    ForeignRecorder,
    HungUp,
    LegGone,
    MuteRecorder,
    MuteUnconfirmed,
    NotePayment,
    NoteState,
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
    UnmuteRecorder,
    VariableSet,
)
from ami_bridge.freeswitch import bypass, commands
from ami_bridge.freeswitch import station as stations
from ami_bridge.freeswitch.esl import Message
from ami_bridge.freeswitch.station import CLOCK_STEP, FreeSwitchStation
from ami_bridge.living import Running
from ami_bridge.told import Told
from hushtape.config import Pbx
from hushtape.errors import ActionRefused, AnswerTimeout, HushtapeError, LinkLost
from hushtape.policy.schema import PaymentWay

NOW = datetime(2026, 11, 21, 13, 5, tzinfo=UTC)
A_SECOND = timedelta(seconds=1)
PBX = Pbx(kind="freeswitch", host="127.0.0.1", spool="/spool", outside_contexts=("public",))
CALLER = Channel("c-1", "c-1", "public", "601")
OTHER = Channel("o-1", "o-1", "public", "601")
HOSTILE = Channel("c-1", "c-1\n\napi shutdown", "public", "601")
FILE = "20261121-131500-k3f7x2m7.2.both.wav"
PATH = f"/spool/{FILE}"
START = StartRecorder(2, FILE, FILE)
STOP = StopRecorder(2, PATH)
STOP_EVERY = StopEveryRecorder(2)

OK = "+OK Success"
NOTHING = ActionRefused("fs refused uuid_record", commands.NOTHING_TO_STOP)
NO_CHANNEL = ActionRefused("fs refused uuid_record", commands.NO_CHANNEL[0])
TIMEOUT = AnswerTimeout("fs did not answer within 5 s")
LOST = LinkLost("there is no link to fs")
USAGE = "-USAGE: <uuid> [start|stop|mask|unmask] <path> [<limit>] [<recording_vars>]"


class FakeLink:
    """Answers from a script; each answer takes a second."""

    def __init__(
        self,
        name: str,
        pbx: Pbx,
        password: str,
        on_event: Callable[[Message], Awaitable[None]],
        on_up: Callable[[], Awaitable[None]],
        on_down: Callable[[HushtapeError], Awaitable[None]],
        **options: Any,
    ) -> None:
        self.on_event, self.on_up, self.on_down = on_event, on_up, on_down
        self.options = options
        self.script: list[str | HushtapeError] = []
        self.asked: list[str] = []
        self.now = NOW
        self.heard_at: datetime | None = None
        self.meanwhile: Callable[[], Awaitable[None]] | None = None  # before the next answer

    def start(self) -> None: ...

    async def close(self) -> None: ...

    async def api(self, command: str, timeout_s: float) -> str:
        self.asked.append(command)
        if self.meanwhile is not None:
            await self.meanwhile()
            self.meanwhile = None
        self.now += A_SECOND
        answer = self.script.pop(0)
        if isinstance(answer, HushtapeError):
            raise answer
        return answer


class FakeTranslator:
    """Tells what it is told to tell."""

    def __init__(self, pbx: Pbx) -> None:
        self.living: Sequence[Mapping[str, str]] = ()
        self.tells: list[Told] = []
        self.lives = {"c-1"}

    def channel(self, uuid: str) -> Channel | None:
        return CALLER if uuid in self.lives else None

    def around(self, channel: Channel) -> tuple[Channel, ...]:
        return (channel,)

    def translate(self, event: Mapping[str, str], at: datetime) -> list[Told]:
        return list(self.tells)

    def foreign(self, event: Mapping[str, str], at: datetime) -> list[Told]:
        return [Told(CALLER, ForeignRecorder(at=at, on=CALLER))]

    def know(self, channel: Channel, legs: Sequence[Channel]) -> None: ...

    def resync(
        self, living: Sequence[Mapping[str, str]], at: datetime, since: datetime
    ) -> list[Told]:
        self.living = living
        return [Told(CALLER, HungUp(at=since, seen=False))]


@dataclass
class FakeBridge:
    """Keeps what it was told, in order."""

    facts: list[tuple[str, Fact]] = field(default_factory=list)
    returned: list[datetime] = field(default_factory=list)

    def tell(self, station: FreeSwitchStation, channel: Channel, fact: Fact) -> None:
        self.facts.append((channel.uniqueid, fact))

    def link_up(self, station: FreeSwitchStation, at: datetime) -> None:
        self.returned.append(at)


class Bench:
    """A station between a link and a bridge."""

    def __init__(self) -> None:
        self.bridge = FakeBridge()
        self.station = FreeSwitchStation(
            "fs",
            PBX,
            "secret",
            self.bridge,  # type: ignore[arg-type]
            now=lambda: self.link.now,
            clock_s=lambda: 0.0,
        )
        self.link: FakeLink = self.station._link  # type: ignore[assignment]

    async def do(self, command: Any, *script: Any, channel: Channel = CALLER) -> Fact | None:
        self.link.script = list(script)
        self.link.asked.clear()
        done = await self.station.carry_out(channel, command)
        assert self.link.script == [], "everything was asked for"
        return done

    async def hear(
        self, name: str, uuid: str = "c-1", path: str = PATH, cause: str = "success-maxtime"
    ) -> None:
        headers = {
            "Event-Name": name,
            "Unique-ID": uuid,
            "Event-Date-Timestamp": str(round(self.link.now.timestamp() * 1_000_000)),
        }
        if name == "MEDIA_BUG_START":
            headers |= {"Media-Bug-Function": "session_record", "Media-Bug-Target": path}
        else:
            headers |= {"Record-File-Path": path, "Record-Completion-Cause": cause}
        await self.link.on_event(Message(headers, self.link.now))

    async def settled(self) -> None:
        """Wait until what was begun beside the events is done."""
        while self.station._tasks:
            await asyncio.wait(self.station._tasks)


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch) -> Bench:
    monkeypatch.setattr("ami_bridge.freeswitch.station.Link", FakeLink)
    monkeypatch.setattr("ami_bridge.freeswitch.station.Translator", FakeTranslator)
    monkeypatch.setattr("ami_bridge.freeswitch.stops.END_TOLD_WITHIN_S", 0.001)
    monkeypatch.setattr("ami_bridge.station.TOLD_AT_LAST_S", 0.001)
    monkeypatch.setattr("ami_bridge.freeswitch.station.STUCK_REST_S", 0.001)
    monkeypatch.setattr("ami_bridge.freeswitch.station.EXPLAINED_WITHIN_S", 0.01)
    return Bench()


def bugs(*paths: str) -> str:
    each = "<function>session_record</function>\n  <target>{}</target>"
    return "<media-bugs>" + "".join(each.format(path) for path in paths) + "</media-bugs>"


def rows(*uuids: str) -> str:
    return json.dumps({"row_count": len(uuids), "rows": [{"uuid": each} for each in uuids]})


def alarms(logs: list[Any]) -> list[str]:
    return [entry["what"] for entry in logs if entry["event"] == "alarm"]


async def running(bench: Bench) -> None:
    await bench.do(START, OK)
    for event in ("RECORD_START", "MEDIA_BUG_START"):
        await bench.hear(event)


# starting


def test_it_writes_one_file_and_asks_to_hear_of_every_recorder(bench: Bench) -> None:
    assert bench.station.one_file
    assert {"RECORD_START", "RECORD_STOP", "MEDIA_BUG_START"} <= set(bench.link.options["events"])
    assert {"Media-Bug-Target", "Record-File-Path"} <= bench.link.options["headers"]


async def test_a_recorder_is_known_by_its_path(bench: Bench) -> None:
    fact = await bench.do(START, OK)
    assert fact == RecorderStarted(at=NOW + A_SECOND, segment=2, recorder_id=PATH)
    assert bench.link.asked == [commands.start_recorder("c-1", PATH)]


async def test_a_recording_begins_when_the_pbx_says_so_and_not_when_it_answers(
    bench: Bench,
) -> None:
    bench.link.meanwhile = lambda: bench.hear("RECORD_START")
    fact = await bench.do(START, OK)
    assert fact == RecorderStarted(at=NOW + CLOCK_STEP, segment=2, recorder_id=PATH)


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (ActionRefused("refused", "-ERR Cannot record session!"), RecorderRefused),
        (NO_CHANNEL, RecorderRefused),
        ("", RecorderRefused),  # not a yes
        (TIMEOUT, RecorderUncertain),
        (LOST, RecorderUncertain),
    ],
)
async def test_a_start_that_is_no_yes(bench: Bench, answer: Any, kind: type[Fact]) -> None:
    fact = await bench.do(START, answer)
    assert fact == kind(at=NOW + A_SECOND, segment=2)  # type: ignore[call-arg]


@pytest.mark.parametrize(
    ("command", "fact"),
    [
        (START, RecorderRefused(at=NOW, segment=2)),
        (STOP, StopUnconfirmed(at=NOW, segment=2, by_id=True)),
        (STOP_EVERY, StopUnconfirmed(at=NOW, segment=2)),
        (MuteRecorder(2, PATH), MuteUnconfirmed(at=NOW, segment=2)),
        (NoteState("x"), None),
    ],
)
async def test_what_can_not_be_said_safely_is_not_said_at_all(
    bench: Bench, command: Any, fact: Fact | None
) -> None:
    assert await bench.do(command, channel=HOSTILE) == fact
    assert bench.link.asked == []


async def test_commands_go_to_the_uuid_that_the_channel_has_by_now(bench: Bench) -> None:
    await bench.do(START, OK, channel=Channel("c-1", "c-9", "public", "601"))
    assert bench.link.asked == [commands.start_recorder("c-9", PATH)]


# stopping


async def test_a_stop_that_is_answered_and_then_refused_shows_that_it_is_gone(
    bench: Bench,
) -> None:
    fact = await bench.do(STOP, OK, NOTHING)
    assert fact == RecorderStopped(at=NOW + A_SECOND, segment=2)
    assert bench.link.asked == [commands.stop_recorder("c-1", PATH)] * 2


async def test_a_stop_that_nobody_answers_is_sent_once_more(bench: Bench) -> None:
    fact = await bench.do(STOP, TIMEOUT, OK, NOTHING)
    assert fact == RecorderStopped(at=NOW + 2 * A_SECOND, segment=2)


@pytest.mark.parametrize("script", [[TIMEOUT, TIMEOUT], [LOST], [OK, LOST], [OK, TIMEOUT]])
async def test_without_an_answer_nothing_is_sure_and_nothing_more_is_asked(
    bench: Bench, script: list[Any]
) -> None:
    fact = await bench.do(STOP, *script)
    assert fact == StopUnconfirmed(at=bench.link.now, segment=2, by_id=True)


@pytest.mark.parametrize("script", [[NOTHING], [NO_CHANNEL], [OK, OK], [OK, NO_CHANNEL]])
async def test_a_refusal_alone_proves_nothing(bench: Bench, script: list[Any]) -> None:
    """It is looked for on every channel; found nowhere, all that was its channel's is stopped."""
    await running(bench)
    fact = await bench.do(STOP, *script, rows("c-1", "b-9"), bugs(), bugs("/other.wav"))
    assert fact == StopUnconfirmed(at=bench.link.now, segment=2, by_id=True)
    assert bench.link.asked[-3:] == [
        commands.channels(),
        commands.bugs_on("c-1"),
        commands.bugs_on("b-9"),
    ]


async def test_that_its_file_was_closed_is_a_proof(bench: Bench) -> None:
    """The dialplan had stopped it: RECORD_STOP came before the dialplan said so."""
    await running(bench)
    closed_at = bench.link.now
    await bench.hear("RECORD_STOP")
    bench.link.now += 5 * A_SECOND
    fact = await bench.do(STOP, NOTHING)
    assert fact == RecorderStopped(at=closed_at, segment=2)


async def test_a_file_that_could_not_be_written_to_its_end_is_told(bench: Bench) -> None:
    await running(bench)
    with capture_logs() as logs:
        await bench.hear("RECORD_STOP", cause="uri-failure")
    assert alarms(logs) == [stations.CUT]


async def test_queues_of_several_tenants_that_have_one_name_are_told_once(bench: Bench) -> None:
    with capture_logs() as logs:
        for queue in ("desk@one", "desk@two", "desk@one", "desk@two"):
            headers = {"Event-Name": "CUSTOM", "CC-Queue": queue}
            await bench.link.on_event(Message(headers, NOW))
    (what,) = [each for each in alarms(logs) if "one tenant" in each]
    assert what.startswith("the queue desk is there in several domains")


async def test_the_word_of_its_end_may_come_a_moment_later(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ami_bridge.freeswitch.stops.END_TOLD_WITHIN_S", 5.0)
    await running(bench)
    stopping = asyncio.create_task(bench.do(STOP, NOTHING))
    for _ in range(5):
        await asyncio.sleep(0)
    closed_at = bench.link.now
    await bench.hear("RECORD_STOP")
    async with asyncio.timeout(1.0):
        assert await stopping == RecorderStopped(at=closed_at, segment=2)


async def test_one_of_a_predecessors_is_found_where_it_is(bench: Bench) -> None:
    """Of that one nothing was told; nobody knows since when it is elsewhere."""
    script = [NOTHING, rows("c-1", "gone", "b-9"), bugs(), NO_CHANNEL, bugs(PATH), OK, NOTHING]
    fact = await bench.do(STOP, *script)
    assert fact == RecorderStopped(at=bench.link.now, segment=2, found=0)
    assert bench.link.asked[-2:] == [commands.stop_every_recorder("b-9")] * 2


async def test_everything_is_stopped_until_there_is_nothing_to_stop(bench: Bench) -> None:
    fact = await bench.do(STOP_EVERY, OK, NOTHING)
    assert fact == RecorderStopped(at=NOW + 2 * A_SECOND, segment=2, found=1)
    assert bench.link.asked == [commands.stop_every_recorder("c-1")] * 2
    fact = await bench.do(STOP_EVERY, NOTHING)
    assert fact == RecorderStopped(at=NOW + 3 * A_SECOND, segment=2, found=0)


@pytest.mark.parametrize("script", [[TIMEOUT], [LOST], [NO_CHANNEL], [OK] * 4])
async def test_not_sure_that_nothing_records_means_no(bench: Bench, script: list[Any]) -> None:
    fact = await bench.do(STOP_EVERY, *script)
    assert fact == StopUnconfirmed(at=bench.link.now, segment=2)


async def test_one_that_is_being_hung_up_may_have_a_file(bench: Bench) -> None:
    bench.station._translator.lives.clear()
    with capture_logs() as logs:
        fact = await bench.do(START, ActionRefused("refused", commands.CANNOT_RECORD))
    assert fact == RecorderUncertain(at=NOW + A_SECOND, segment=2)
    assert logs == []


@pytest.mark.parametrize(
    ("command", "found"),
    [
        (START, RecorderRefused(at=NOW + A_SECOND, segment=2)),
        (STOP_EVERY, RecorderStopped(at=NOW + A_SECOND, segment=2, found=0)),
        (MuteRecorder(2, PATH), MuteUnconfirmed(at=NOW + A_SECOND, segment=2)),
        (NoteState("a;b"), None),
    ],
)
async def test_of_a_channel_that_is_gone_the_hang_up_is_told_first_and_no_fault(
    bench: Bench, command: Any, found: Fact | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ami_bridge.station.TOLD_AT_LAST_S", 30.0)
    with capture_logs() as logs:
        answer = asyncio.create_task(bench.do(command, NO_CHANNEL))
        await asyncio.sleep(0)
        await bench.hear("CHANNEL_HANGUP_COMPLETE", "c-2")
        await asyncio.sleep(0)
        assert not answer.done(), "somebody else's"
        bench.station._translator.lives.clear()
        await bench.hear("CHANNEL_HANGUP_COMPLETE")
        assert await answer == found
    assert [each for each in logs if each["log_level"] in ("warning", "error")] == []


async def test_what_ended_with_its_channel_was_told(bench: Bench) -> None:
    await running(bench)
    closed_at = bench.link.now
    await bench.hear("RECORD_STOP")
    for command, script in ((STOP_EVERY, [NO_CHANNEL]), (STOP, [NO_CHANNEL])):
        assert await bench.do(command, *script) == RecorderStopped(at=closed_at, segment=2)


@pytest.mark.parametrize(
    ("act", "tells", "expected"),
    [
        ("payment-began", [], [stations.NOBODYS_PAYMENT]),
        ("payment-began", [Told(CALLER, HungUp(at=NOW))], []),
        ("payment-ended", [], []),
    ],
)
async def test_a_payment_of_nobodys_is_told(
    bench: Bench, act: str, tells: list[Told], expected: list[str]
) -> None:
    headers = {"Event-Name": "CUSTOM", "Event-Subclass": "hushtape::told", "Hushtape-Act": act}
    headers["Event-Date-Timestamp"] = str(round(NOW.timestamp() * 1_000_000))
    bench.station._translator.tells = tells
    with capture_logs() as logs:
        await bench.link.on_event(Message(headers, NOW))
    assert alarms(logs) == expected


# recorders that are where they must not be


async def test_one_that_was_moved_is_ended_there_and_nothing_of_it_is_kept_since_then(
    bench: Bench,
) -> None:
    await running(bench)
    bench.link.script = [OK, NOTHING]
    bench.link.asked.clear()
    moved_at = bench.link.now
    with capture_logs() as logs:
        await bench.hear("MEDIA_BUG_START", "b-9")
        await bench.hear("RECORD_STOP", "b-9")
        await bench.settled()
    assert bench.link.asked == [commands.stop_every_recorder("b-9")] * 2
    gone = RecorderStopped(at=moved_at, segment=2, found=0)
    assert bench.bridge.facts == [("c-1", gone)]
    (what,) = alarms(logs)
    assert what.startswith("the PBX has moved a recorder to another channel")
    assert await bench.do(STOP, NOTHING) == gone


async def test_one_that_was_moved_is_tried_again_until_it_is_gone(bench: Bench) -> None:
    await running(bench)
    bench.link.script = [TIMEOUT, LOST, OK, OK, OK, OK, OK, NOTHING]
    with capture_logs() as logs:
        await bench.hear("MEDIA_BUG_START", "b-9")
        await bench.settled()
    assert bench.link.script == []
    assert sum(what.startswith("it isn't stopped") for what in alarms(logs)) == 3


@pytest.mark.parametrize(
    ("command", "script"), [(STOP, [OK, OK, OK, NOTHING]), (STOP_EVERY, [NOTHING, OK, NOTHING])]
)
async def test_a_stop_follows_one_that_was_moved(
    bench: Bench, command: Command, script: list[Any]
) -> None:
    """Where it was the PBX may say yes as often as it is asked, or that there is nothing."""
    await running(bench)
    moved_at = bench.link.now
    bench.station._recorders.hear(
        {
            "Event-Name": "MEDIA_BUG_START",
            "Unique-ID": "b-9",
            "Media-Bug-Function": "session_record",
            "Media-Bug-Target": PATH,
        },
        moved_at,
    )

    async def api(text: str, timeout_s: float) -> str:
        if text == commands.stop_every_recorder("b-9"):
            await bench.hear("RECORD_STOP", "b-9")
        return await FakeLink.api(bench.link, text, timeout_s)

    bench.link.api = api  # type: ignore[method-assign]
    fact = await bench.do(command, *script)
    assert fact == RecorderStopped(at=moved_at, segment=2, found=0)
    assert bench.link.asked[-1] == commands.stop_every_recorder("b-9")


async def test_one_that_begins_after_it_was_given_up_is_stopped_by_its_path(bench: Bench) -> None:
    """Another recorder may be running there by then: everything must not be stopped."""
    await bench.do(START, TIMEOUT)
    await bench.do(STOP_EVERY, NOTHING)
    bench.link.script = [OK, NOTHING]
    bench.link.asked.clear()
    with capture_logs() as logs:
        await bench.hear("RECORD_START")
        await bench.settled()
    assert bench.link.asked == [commands.stop_recorder("c-1", PATH)] * 2
    assert alarms(logs) == ["a recorder began when it was given up already: it is stopped"]
    assert bench.bridge.facts == []


async def test_a_strangers_recorder_is_told_once(bench: Bench) -> None:
    for event in ("RECORD_START", "MEDIA_BUG_START"):
        await bench.hear(event, path="/elsewhere/x.wav")
    at = NOW
    assert bench.bridge.facts == [("c-1", ForeignRecorder(at=at, on=CALLER))]
    await running(bench)
    assert len(bench.bridge.facts) == 1


# muting, noting


async def test_a_mute_is_acknowledged_and_no_more(bench: Bench) -> None:
    fact = await bench.do(MuteRecorder(2, PATH), OK)
    assert fact == RecorderMuted(at=NOW + A_SECOND, segment=2)
    assert bench.link.asked == [commands.mute_recorder("c-1", PATH, muted=True)]
    assert await bench.do(UnmuteRecorder(2, PATH), OK) is None
    assert bench.link.asked == [commands.mute_recorder("c-1", PATH, muted=False)]
    for wrong in (TIMEOUT, ActionRefused("no", "-ERR Cannot mask recording session!"), "what?"):
        fact = await bench.do(MuteRecorder(2, PATH), wrong)
        assert fact == MuteUnconfirmed(at=bench.link.now, segment=2)


@pytest.mark.parametrize(
    ("command", "text"),
    [
        (NoteState("a;b"), "HUSHTAPE_CALL a;b"),
        (NotePayment(NOW, PaymentWay.KEY), "HUSHTAPE_PAYMENT began:1795266300.000:key"),
        (NotePayment(None), "HUSHTAPE_PAYMENT"),
        (AnswerYes("123456"), "HUSHTAPE_SILENCE 123456"),
    ],
)
async def test_what_is_noted_is_a_variable_of_the_channel(
    bench: Bench, command: Command, text: str
) -> None:
    assert await bench.do(command, "+OK") == VariableSet(at=NOW + A_SECOND)
    assert bench.link.asked == [f"uuid_setvar c-1 {text}"]
    assert await bench.do(command, NO_CHANNEL) is None


async def test_a_command_that_is_none_is_a_bug(bench: Bench) -> None:
    with pytest.raises(TypeError):
        await bench.do(RaiseAlarm("x"))


# the link


async def test_after_a_login_all_that_lives_is_asked_for(bench: Bench) -> None:
    whole = {"Unique-ID": "c-1", "Caller-Context": "public", "variable_secret": "4111"}
    whole["variable_current_application_data"] = "4111"
    refused = ActionRefused("usage", USAGE)
    dumps = [json.dumps(whole), NO_CHANNEL]
    bench.link.script = [refused, rows("c-1", "gone"), *dumps, bugs("/x.wav", "/y.wav")]
    await bench.link.on_up()
    assert bench.station._translator.living == [
        {
            "uuid": "c-1",
            "Unique-ID": "c-1",
            "Caller-Context": "public",
            "Media-Bugs": "session_record session_record",
        }
    ], "and nothing is kept that nobody reads"
    assert bench.link.asked == [
        "uuid_record",
        "show channels as json",
        "uuid_dump c-1 json",
        "uuid_dump gone json",
        "uuid_buglist c-1",
    ]
    assert bench.station.up
    assert bench.bridge.returned
    assert [type(fact) for _, fact in bench.bridge.facts] == [HungUp]
    await bench.link.on_down(LOST)
    assert not bench.station.up


async def test_a_recorder_goes_with_its_channel_while_nobody_listened(bench: Bench) -> None:
    await running(bench)
    bench.link.script = [ActionRefused("usage", USAGE), rows()]
    await bench.link.on_up()
    known = bench.station._recorders.get(PATH)
    assert known is not None
    assert known.given_up


async def test_one_that_was_moved_while_nobody_listened_is_found_and_ended(bench: Bench) -> None:
    await running(bench)
    await bench.link.on_down(LOST)
    heard_at = bench.link.heard_at = bench.link.now - 5 * A_SECOND
    await bench.link.on_down(LOST)
    other = {"Unique-ID": "b-9"}
    script = [ActionRefused("usage", USAGE), rows("c-1", "b-9"), json.dumps({"Unique-ID": "c-1"})]
    bench.link.script = [*script, json.dumps(other), bugs(), bugs(PATH), OK, NOTHING]
    await bench.link.on_up()
    await bench.settled()
    assert bench.link.asked[-2:] == [commands.stop_every_recorder("b-9")] * 2
    gone = RecorderStopped(at=heard_at, segment=2, found=0)
    assert ("c-1", gone) in bench.bridge.facts


async def test_one_of_a_predecessors_that_moves_is_ended_too(bench: Bench) -> None:
    bench.station.know(CALLER, [], NOW, [Running(CALLER, 2, PATH)])
    bench.link.script = [OK, NOTHING]
    moved_at = bench.link.now
    await bench.hear("MEDIA_BUG_START", "b-9")
    await bench.settled()
    assert bench.link.asked == [commands.stop_every_recorder("b-9")] * 2
    assert bench.bridge.facts == [("c-1", RecorderStopped(at=moved_at, segment=2, found=0))]


@pytest.mark.parametrize(
    "ends", [Told(OTHER, LegGone(at=NOW, leg="c-1")), Told(CALLER, HungUp(at=NOW))]
)
async def test_the_end_of_its_channel_shows_nothing_of_one_that_was_moved(
    bench: Bench, ends: Told
) -> None:
    """It is told as of the move, and before the end: else what it takes in until then is kept."""
    await running(bench)
    moved_at = bench.link.now
    bench.link.script = [OK, NOTHING]
    await bench.hear("MEDIA_BUG_START", "b-9")
    bench.station._translator.tells = [ends]
    await bench.hear("CHANNEL_HANGUP_COMPLETE")
    facts = [fact for _, fact in bench.bridge.facts]
    assert facts[0] == RecorderStopped(at=moved_at, segment=2, found=0)
    assert facts[1] == ends.fact
    await bench.settled()
    assert len(bench.bridge.facts) == 2, "once"


async def test_one_that_can_not_list_its_channels_is_told_what_to_do(bench: Bench) -> None:
    refused = ActionRefused("refused", "-ERR SQL disabled, no data available!")
    bench.link.script = [ActionRefused("usage", USAGE), refused]
    with pytest.raises(ActionRefused, match="start it without -nosql"):
        await bench.link.on_up()


async def test_one_that_somebody_else_has_stopped_is_told_of(bench: Bench) -> None:
    await running(bench)
    closed_at = bench.link.now
    await bench.hear("RECORD_STOP")
    await bench.settled()
    assert bench.bridge.facts == [("c-1", RecorderStopped(at=closed_at, segment=2))]


@pytest.mark.parametrize("command", [STOP, STOP_EVERY])
async def test_but_not_if_its_end_was_asked_for(bench: Bench, command: Command) -> None:
    await running(bench)
    await bench.hear("RECORD_STOP")
    await bench.do(command, NOTHING)
    await bench.settled()
    assert bench.bridge.facts == []


async def test_where_nothing_lives_there_are_no_rows(bench: Bench) -> None:
    bench.link.script = [ActionRefused("usage", USAGE), '{"row_count":0}']
    await bench.link.on_up()
    assert bench.station._translator.living == []


@pytest.mark.parametrize("answer", ["", "[]", "x", '{"rows": 7}', '{"rows": [7]}'])
async def test_without_an_answer_that_can_be_read_it_is_not_in_step(
    bench: Bench, answer: str
) -> None:
    bench.link.script = [ActionRefused("usage", USAGE), answer]
    with pytest.raises(HushtapeError):
        await bench.link.on_up()
    assert not bench.station.up


async def test_one_that_is_too_old_is_told_and_records_nothing(bench: Bench) -> None:
    """Told nothing of two sides it would write one: worse than none."""
    old = ActionRefused("usage", "-USAGE: <uuid> [start|stop|mask|unmask] <path> [<limit>]")
    with capture_logs() as logs:
        for _ in range(2):
            bench.link.script = [old, rows()]
            await bench.link.on_up()
    assert alarms(logs) == [stations.TOO_OLD]
    assert await bench.do(START) == RecorderRefused(at=bench.station.pbx_now(), segment=2)


# sound that doesn't pass through the PBX


async def bridged(bench: Bench, **more: str) -> None:
    headers = {
        "Event-Name": "CHANNEL_BRIDGE",
        "Unique-ID": "c-1",
        "Bridge-A-Unique-ID": "c-1",
        "Bridge-B-Unique-ID": "a-1",
        **more,
    }
    await bench.link.on_event(Message(headers, bench.link.now))


async def test_sound_that_goes_past_the_pbx_is_not_recorded_and_that_is_told(
    bench: Bench,
) -> None:
    await bridged(bench, variable_signal_bridge_to="a-1")
    with capture_logs() as logs:
        assert isinstance(await bench.do(START), RecorderRefused)
    assert alarms(logs) == [bypass.GOES_PAST]
    assert bench.link.asked == [], "the PBX would say yes"


async def test_sound_that_goes_past_a_recorder_is_told_each_time(bench: Bench) -> None:
    await running(bench)
    with capture_logs() as logs:
        await bridged(bench, variable_signal_bridge_to="a-1")
        await bridged(bench, variable_signal_bridge_to="a-1")
        await bridged(bench)
    assert [each for each in alarms(logs) if each == bypass.GOES_PAST] == [bypass.GOES_PAST] * 2


async def test_and_not_where_nothing_records(bench: Bench) -> None:
    with capture_logs() as logs:
        await bridged(bench, variable_signal_bridge_to="a-1")
    assert bypass.GOES_PAST not in alarms(logs)


async def test_sound_that_is_passed_on_unread_is_tried_all_the_same(bench: Bench) -> None:
    await bridged(bench, variable_proxy_media="true")
    with capture_logs() as logs:
        assert isinstance(await bench.do(START, OK), RecorderStarted)
    assert alarms(logs) == [bypass.UNREAD]


async def test_after_a_login_it_is_known_too(bench: Bench) -> None:
    said = {"Event-Name": "CHANNEL_DATA", "Unique-ID": "c-1", "variable_signal_bridge_to": "a-1"}
    bench.link.script = [USAGE, rows("c-1"), json.dumps(said), bugs()]
    await bench.station._living()
    assert isinstance(await bench.do(START), RecorderRefused)


# after a crash


async def test_that_calls_were_recovered_is_told_once(bench: Bench) -> None:
    with capture_logs() as logs:
        for uuid in ("c-1", "a-1"):
            headers = {"Event-Name": "CHANNEL_CREATE", "Unique-ID": uuid}
            headers["variable_recovered"] = "true"
            await bench.link.on_event(Message(headers, bench.link.now))
    assert [each for each in alarms(logs) if each == stations.RECOVERED] == [stations.RECOVERED]


async def test_and_where_the_bridge_comes_later(bench: Bench) -> None:
    said = {"Event-Name": "CHANNEL_DATA", "Unique-ID": "c-1", "variable_recovered": "true"}
    bench.link.script = [USAGE, rows("c-1"), json.dumps(said), bugs()]
    with capture_logs() as logs:
        await bench.station._living()
    assert alarms(logs) == [stations.RECOVERED]
