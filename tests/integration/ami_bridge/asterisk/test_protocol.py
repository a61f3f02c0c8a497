from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from panoramisk import Manager
from panoramisk.ami_protocol import AMIProtocol

from ami_bridge.asterisk import protocol as protocols
from ami_bridge.asterisk.protocol import DROPPED, Ask, Carried, Frame, SafeProtocol, parse
from ami_bridge.asterisk.trace import Trace
from hushtape.errors import LinkLost, TooBig

NOW = datetime(2026, 11, 21, 17, 30, tzinfo=UTC)
GREETING = b"Asterisk Call Manager/11.0.0\r\n"
# All of them are played, and byte by byte, in tests/integration/ami_bridge/test_playback.py.
ROOT = Path(__file__).parents[4]
DATA = ROOT / "tests" / "data" / "ami"
SESSIONS = {
    name: (DATA / f"{name}.ami").read_bytes()
    for name in ("attended-to-back-office", "park-and-fetch", "queue-abandoned")
}


class Wire(asyncio.Transport):
    """A transport without a wire."""

    def __init__(self) -> None:
        super().__init__()
        self.sent = bytearray()
        self.aborted = False

    def write(self, data: bytes) -> None:  # type: ignore[override]
        self.sent += data

    def abort(self) -> None:
        self.aborted = True

    def close(self) -> None:
        raise AssertionError("close() waits to flush; abort() doesn't")


class Bench:
    """A protocol with panoramisk's manager and a listener, as Link sets it up."""

    def __init__(self, frame_limit: int = 64 * 1024, trace: Trace | None = None) -> None:
        self.heard: list[Frame] = []
        self.hear: Callable[[Frame], None] = self.heard.append
        self.wire = Wire()
        self.protocol = SafeProtocol(
            clock=lambda: NOW, list_ids="ht-list-", frame_limit=frame_limit, trace=trace
        )
        loop = asyncio.get_running_loop()
        self.protocol.connection_made(self.wire)
        self.manager = Manager(loop=loop)
        self.manager.register_event("*", lambda _, message: self.hear(message.frame))
        made = loop.create_future()
        made.set_result((self.wire, self.protocol))
        self.manager.connection_made(made)

    def feed(self, data: bytes) -> None:
        self.protocol.data_received(data)

    def ask(self, action_id: str, list_limit: int = 0) -> asyncio.Future[list[Frame]]:
        return self.manager.send_action(Ask({"Action": "Status"}, action_id, list_limit))

    def close(self) -> None:
        self.manager.close()


@pytest.fixture
async def bench():
    bench = Bench()
    yield bench
    bench.close()


KEYS = b"".join(
    b"Event: "
    + name
    + b"\r\nPrivilege: dtmf,all\r\nTimestamp: 1795282178.699492\r\nDigit: 4\r\nValue: 4929\r\n\r\n"
    for name in (b"DTMFBegin", b"DTMFEnd", b"VarSet", b"Newexten")
)


async def test_what_tells_of_keys_is_dropped_unread_and_nowhere_kept(tmp_path: Path) -> None:
    trace = Trace(tmp_path / "trace")
    bench = Bench(trace=trace)
    told = []
    bench.protocol._on_keys = lambda: told.append(True)
    bench.feed(GREETING + NAMED + KEYS + NAMED)
    bench.close()
    trace.close()
    assert [frame.event for frame in bench.heard] == ["Newstate", "Newstate"]
    assert len(told) == 4
    kept = (tmp_path / "trace").read_bytes()
    assert kept.count(b"Newstate") == 2
    assert not any(word in kept for word in (b"4929", b"Digit", b"DTMF", b"VarSet"))


NAMED = (
    "Event: Newstate\r\nPrivilege: call,all\r\nTimestamp: 1795282178.699491\r\n"
    "Channel: PJSIP/a-1\r\nCallerIDName: Zoë Šimůnek 📞\r\nAccountCode: \r\n\r\n"
).encode()


async def test_p4_a_character_split_between_reads_survives(bench: Bench):
    for byte in GREETING + NAMED + NAMED:
        bench.feed(bytes([byte]))
    assert [frame["CallerIDName"] for frame in bench.heard] == ["Zoë Šimůnek 📞"] * 2
    assert bench.heard[0]["AccountCode"] == ""


async def test_p4_invalid_utf8_is_replaced_and_the_stream_goes_on(bench: Bench):
    bench.feed(
        GREETING
        + b"Event: A\r\nPrivilege: call,all\r\nCallerIDName: Zo\xeb \xe2\x82\r\nNext: 1\r\n\r\n"
        + NAMED
    )
    assert bench.heard[0]["CallerIDName"] == "Zo� �"
    assert bench.heard[0]["Next"] == "1"
    assert bench.heard[1]["CallerIDName"] == "Zoë Šimůnek 📞"


@pytest.mark.parametrize("session", SESSIONS)
@pytest.mark.parametrize("size", [1, 7, 1448, 1_000_000])
async def test_a_real_session_in_any_pieces(session: str, size: int, tmp_path: Path):
    data = SESSIONS[session]
    trace = Trace(tmp_path / "a.trace")
    bench = Bench(trace=trace)
    for start in range(0, len(data), size):
        bench.feed(data[start : start + size])
    assert len(bench.heard) == data.count(b"\r\n\r\nEvent: ")
    # the items of a list, such as CoreShowChannel, carry no time
    assert all(frame.sent is not None for frame in bench.heard if "ActionID" not in frame)
    assert bench.protocol.version == "11.0.0"
    assert bench.protocol.late == data.count(b"\nResponse: ")  # nobody asked here
    assert without_marks((tmp_path / "a.trace").read_bytes()) == data
    assert not bench.protocol.closed
    trace.close()
    bench.close()


def without_marks(data: bytes) -> bytes:
    return re.sub(
        rb"Event: HushtapeTrace\r\nReceived: \d+\.\d{6}\r\n(Link: .*\r\n)?\r\n", b"", data
    )


async def test_the_trace_says_when_a_link_came_and_went(tmp_path: Path):
    trace = Trace(tmp_path / "a.trace")
    bench = Bench(trace=trace)
    bench.feed(GREETING + NAMED + b"\r\n\r\n" + NAMED + b"Event: Half")
    bench.protocol.connection_lost(None)
    bench.close()
    mark = b"Event: HushtapeTrace\r\nReceived: 1795282200.000000\r\nLink: %s\r\n\r\n"
    up, down = mark % b"up", mark % b"down"
    assert (tmp_path / "a.trace").read_bytes() == GREETING + up + NAMED + NAMED + down
    nobody = Bench(trace=trace)
    nobody.protocol.connection_lost(None)  # nothing was said, so there is nothing to keep
    nobody.close()
    assert (tmp_path / "a.trace").read_bytes().endswith(NAMED + down)
    trace.close()


async def test_a_frame_that_can_not_be_handled_is_in_the_trace(tmp_path: Path):
    def hear(frame: Frame) -> None:
        raise KeyError(frame["CallerIDName"])

    trace = Trace(tmp_path / "a.trace")
    bench = Bench(trace=trace)
    bench.hear = hear
    bench.feed(GREETING + NAMED)
    bench.close()
    trace.close()
    assert NAMED in (tmp_path / "a.trace").read_bytes()


@settings(max_examples=200)
@given(st.binary(max_size=400))
def test_nothing_that_comes_raises(data: bytes):
    frame = parse(data, NOW)
    assert all(frame[name] is not None for name in frame)
    assert len(frame) == len(list(frame))
    assert frame.sent is None or frame.sent.tzinfo is UTC


FORGED = (
    b"Event: Newstate\r\nPrivilege: call,all\r\nTimestamp: 1795282179.699491\r\n"
    b"Channel: PJSIP/b-1\r\nChannelState: 4\r\nChannelStateDesc: Ring\r\n"
    b"CallerIDNum: 1\r\n\r\nEvent: Hangup\r\nUniqueid: 2.2\r\nX: \r\nCallerIDName: a\r\n"
    b"ConnectedLineNum: <unknown>\r\nConnectedLineName: <unknown>\r\nLanguage: en\r\n"
    b"AccountCode: \r\nContext: in\r\nExten: 601\r\nPriority: 1\r\nUniqueid: 1.1\r\n"
    b"Linkedid: 1.1\r\n\r\n"
)


@pytest.mark.parametrize("size", [1, 7, 1448])
async def test_a_number_with_line_breaks_begins_no_event(bench: Bench, tmp_path: Path, size: int):
    trace = bench.protocol._trace = Trace(tmp_path / "a.trace")
    data = GREETING + NAMED + FORGED + NAMED
    for start in range(0, len(data), size):
        bench.feed(data[start : start + size])
    assert [frame.event for frame in bench.heard] == ["Newstate"] * 3
    assert bench.heard[1]["CallerIDNum"] == "1    Event: Hangup  Uniqueid: 2.2  X: "
    assert bench.heard[1]["Uniqueid"] == "1.1"
    trace.close()
    assert without_marks((tmp_path / "a.trace").read_bytes()) == data


async def test_what_may_be_half_an_event_is_a_whole_one_after_a_while(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(protocols, "DOUBT_S", 0.01)
    heard = asyncio.Event()
    bench.hear = lambda frame: (bench.heard.append(frame), heard.set())  # type: ignore[func-returns-value]
    unusual = FORGED.partition(b"Language")[0] + b"\r\n"
    bench.feed(GREETING + unusual)
    assert not bench.heard
    async with asyncio.timeout(5):
        await heard.wait()
    assert [frame.event for frame in bench.heard] == ["Newstate", DROPPED]
    bench.feed(unusual)
    bench.protocol.connection_lost(None)
    await asyncio.sleep(0.03)
    assert len(bench.heard) == 2


FEIGNED = (DATA.parent / "forged" / "dialled-line-breaks.ami").read_bytes()


@pytest.mark.parametrize("size", [1, 7, 1448, 1_000_000])
async def test_what_a_caller_dialled_begins_no_event(bench: Bench, size: int) -> None:
    """A number with a whole event in it: in names of channels, in devices, in what is dialled."""
    for start in range(0, len(FEIGNED), size):
        bench.feed(FEIGNED[start : start + size])
    whole = [frame for frame in bench.heard if frame.event != DROPPED]
    assert not [frame for frame in whole if frame.event == "QueueCallerJoin"]
    assert not [frame for frame in whole if "1700000000.12" in frame.values()]
    assert sum(frame.event == "Hangup" for frame in whole) == FEIGNED.count(b"Event: Hangup\r\n")
    assert sum(frame.event == "Newchannel" for frame in whole) == FEIGNED.count(b"Newchannel\r\n")


async def test_an_event_that_is_none_of_asterisks_is_dropped_and_that_is_told(
    bench: Bench, tmp_path: Path
) -> None:
    trace = bench.protocol._trace = Trace(tmp_path / "a.trace")
    feigned = (
        b"Event: Hangup\r\nPrivilege: call,all\r\nTimestamp: 1795282178.699491\r\nUniqueid: 1.1"
    )
    bench.feed(GREETING + NAMED + feigned + b"\r\n\r\n" + NAMED)
    bench.feed(b"Event: Hangup\r\nUniqueid: 1.1\r\n\r\n")  # the first half was read before
    assert [frame.event for frame in bench.heard] == ["Newstate", DROPPED, "Newstate", DROPPED]
    assert [len(frame) for frame in bench.heard if frame.event == DROPPED] == [1, 1]
    trace.close()
    assert b"Hangup" not in (tmp_path / "a.trace").read_bytes()


async def test_once_stamped_no_event_is_believed_without_its_time(bench: Bench) -> None:
    blind = FORGED.replace(
        b"CallerIDNum: 1\r\n\r\nEvent: Hangup\r\nUniqueid: 2.2\r\nX: ", b"CallerIDNum: 1"
    )
    hangup = blind.replace(b"Newstate", b"Hangup")
    unstamped = re.sub(rb"Timestamp: .*\r\n", b"", hangup)
    bench.feed(GREETING + unstamped)
    bench.feed(hangup)
    bench.feed(unstamped)
    assert [frame.event for frame in bench.heard] == ["Hangup", "Hangup", DROPPED]


async def test_what_nothing_follows_from_shows_no_stamps(bench: Bench) -> None:
    """It fits into a dialled number: after it no true event would be believed."""
    feigned = b"Event: X\r\nPrivilege: a\r\nTimestamp: 1795282178.699492\r\nA: 1\r\n\r\n"
    bench.feed(GREETING + feigned)
    hangup = FORGED.replace(
        b"CallerIDNum: 1\r\n\r\nEvent: Hangup\r\nUniqueid: 2.2\r\nX: ", b"CallerIDNum: 1"
    ).replace(b"Newstate", b"Hangup")
    bench.feed(re.sub(rb"Timestamp: .*\r\n", b"", hangup))
    assert [frame.event for frame in bench.heard] == ["X", "Hangup"]


async def test_a_frame_over_the_limit_ends_the_link_with_a_reason():
    for tail in (b"", b"\r\n\r\n"):
        bench = Bench(frame_limit=1000)
        pending = bench.ask("ht-one-1")
        bench.feed(
            GREETING + NAMED + b"Event: A\r\nPrivilege: call,all\r\nB: " + b"x" * 1000 + tail
        )
        assert len(bench.heard) == 1
        assert isinstance(bench.protocol.lost.result(), TooBig)
        assert isinstance(pending.exception(), LinkLost)
        bench.feed(NAMED)
        assert len(bench.heard) == 1
        bench.close()


async def test_long_names_are_no_reason_to_go(bench: Bench):
    names = b"".join(b"Name%d: " % n + b"x" * 4096 + b"\r\n" for n in range(12))
    bench.feed(GREETING + b"Event: A\r\nPrivilege: call,all\r\n" + names + b"\r\n")
    assert len(bench.heard[0]["Name11"]) == 4096


@pytest.mark.parametrize("greeting", [b"SSH-2.0-OpenSSH_9.2\r\n", b"x" * 2000])
async def test_another_service_on_that_port(bench: Bench, greeting: bytes):
    bench.feed(greeting)
    assert "no Asterisk manager" in str(bench.protocol.lost.result())


async def test_p1_p2_a_lost_link_fails_who_waits_and_keeps_nothing(bench: Bench):
    bench.feed(GREETING)
    pending = [bench.ask("ht-one-1"), bench.ask("ht-list-2", 10)]
    bench.protocol.connection_lost(ConnectionResetError(104, "reset by peer"))
    assert [type(future.exception()) for future in pending] == [LinkLost, LinkLost]
    assert not bench.manager.awaiting_actions
    assert not bench.protocol.responses
    assert bench.protocol.gone.done()
    bench.protocol.close()
    assert "reset by peer" in str(bench.protocol.lost.result())


async def test_p5_a_listener_that_raises_does_not_lose_the_connection_unseen(
    bench: Bench, caplog: pytest.LogCaptureFixture
):
    def hear(frame: Frame) -> None:
        raise KeyError(frame["CallerIDName"])

    bench.hear = hear
    bench.feed(GREETING + NAMED)  # and doesn't raise into the transport
    assert "KeyError" in str(bench.protocol.lost.result())
    assert "KeyError" in caplog.text
    assert "Zoë" not in caplog.text


async def test_p10_an_event_with_a_pending_actionid_is_heard(bench: Bench):
    bench.feed(GREETING)
    future = bench.ask("ht-one-1")
    bench.feed(b"Event: OriginateResponse\r\nActionID: ht-one-1\r\nResponse: Failure\r\n\r\n")
    assert [frame.event for frame in bench.heard] == ["OriginateResponse"]
    assert not future.done()
    bench.feed(b"Response: Success\r\nActionID: ht-one-1\r\n\r\n")
    assert future.result()[0].succeeded


async def test_a_list_is_collected_and_not_heard(bench: Bench):
    bench.feed(GREETING)
    future = bench.ask("ht-list-1", 2)
    own = b"ActionID: ht-list-1\r\n"
    bench.feed(b"Response: Success\r\n" + own + b"EventList: start\r\n\r\n")
    bench.feed(b"Event: Status\r\nPrivilege: Call\r\nChannel: a\r\n" + own + b"\r\n" + NAMED)
    bench.feed(b"Event: Status\r\nPrivilege: Call\r\nChannel: b\r\n" + own + b"\r\n")
    bench.feed(b"Event: AgentComplete\r\nActionID: other\r\n\r\n")
    assert not future.done()
    bench.feed(b"Event: StatusComplete\r\n" + own + b"EventList: Complete\r\n\r\n")
    assert [frame.get("Channel") for frame in future.result()] == [None, "a", "b"]
    assert [frame.event for frame in bench.heard] == ["Newstate", "AgentComplete"]
    bench.feed(b"Event: Status\r\nPrivilege: Call\r\nChannel: late\r\n" + own + b"\r\n")
    assert len(bench.heard) == 2
    assert bench.protocol.late == 1


async def test_a_list_has_a_limit(bench: Bench):
    bench.feed(GREETING)
    future = bench.ask("ht-list-1", 2)
    bench.feed(b"Response: Success\r\nActionID: ht-list-1\r\n\r\n")
    for _ in range(5):
        bench.feed(b"Event: Status\r\nActionID: ht-list-1\r\n\r\n")
    assert isinstance(future.exception(), TooBig)
    assert not bench.heard
    assert not bench.protocol.closed


async def test_a_refused_list_is_an_answer(bench: Bench):
    bench.feed(GREETING)
    future = bench.ask("ht-list-1", 2)
    bench.feed(b"Response: Error\r\nActionID: ht-list-1\r\nMessage: No such channel\r\n\r\n")
    assert future.result()[0]["Message"] == "No such channel"


async def test_p15_shutdown_is_heard_and_ends_the_link(bench: Bench):
    bench.feed(
        GREETING
        + b"Event: Shutdown\r\nPrivilege: system,all\r\nShutdown: Cleanly\r\nRestart: False\r\n\r\n"
        + NAMED
    )
    assert [frame.event for frame in bench.heard] == ["Shutdown"]
    assert "shutting down" in str(bench.protocol.lost.result())
    assert bench.wire.aborted


async def test_p11_a_misspelt_header_is_an_error(bench: Bench):
    bench.feed(GREETING + NAMED)
    with pytest.raises(KeyError):
        bench.heard[0]["uniquid"]
    with pytest.raises(AttributeError):
        bench.heard[0].uniquid  # noqa: B018


async def test_a_dialplan_header_replaces_none_of_asterisks(bench: Bench):
    # UserEvent(X,uniqueid: spoof,...): panoramisk's Message would let each of these win, or fall
    # over the two Events.
    bench.feed(
        GREETING + b"Event: UserEvent\r\nPrivilege: user,all\r\nUserEvent: X\r\nUniqueid: real\r\n"
        b"uniqueid: spoof\r\nUniqueid: spoof\r\nEvent: Shutdown\r\nActionID: a\r\nActionID: b\r\n"
        b"Timestamp: 1.000000\r\n\r\n"
    )
    (frame,) = bench.heard
    assert (frame.event, frame["Uniqueid"], frame.sent) == ("UserEvent", "real", None)
    assert frame.every("Uniqueid") == ("real", "spoof")
    assert not bench.protocol.closed


async def test_times(bench: Bench):
    bench.feed(GREETING + NAMED)
    assert bench.heard[0].received == NOW
    assert bench.heard[0].sent == datetime(2026, 11, 21, 17, 29, 38, 699491, tzinfo=UTC)


async def test_a_frame_tells_logs_nothing(bench: Bench):
    bench.feed(GREETING + NAMED)
    assert repr(bench.heard[0]) == "<Frame Newstate 6 headers>"
    assert "Zoë" not in repr(Carried(bench.heard[0]))


# What is only pinned, and what is written about all of it


def test_p13_its_testing_module_is_not_used() -> None:
    pattern = re.compile(
        r"^\s*(from|import) panoramisk\.testing|^\s*from panoramisk import .*testing"
    )
    for folder in ("hushtape", "ami_bridge", "workers", "lab", "tests"):
        for path in (ROOT / folder).rglob("*.py"):
            for line in path.read_text(encoding="utf-8").splitlines():
                assert not pattern.match(line), path


async def test_p14_its_own_trace_is_not_used(bench: Bench) -> None:
    assert bench.manager.save_stream is None
    assert SafeProtocol.data_received is not AMIProtocol.data_received


def test_p16_its_version_is_pinned() -> None:
    assert '"panoramisk>=1.4,<1.5"' in (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    assert metadata.version("panoramisk").startswith("1.4")
    assert not hasattr(Ask, "__aiter__")
    assert not issubclass(Ask, asyncio.Future)


def test_every_hazard_is_met_and_its_test_is_named() -> None:
    text = (ROOT / "docs" / "dependencies.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| P(\d+) \|.*\| (.*) \|$", text, re.MULTILINE)
    assert [int(number) for number, _ in rows] == list(range(1, 17))
    sources = (ROOT / "tests").rglob("test_*.py")
    tests = "".join(path.read_text(encoding="utf-8") for path in sources)
    for _, named in rows:
        for name in re.findall(r"`(test_\w+)`", named):
            assert f"def {name}(" in tests, name
        assert "`test_" in named
