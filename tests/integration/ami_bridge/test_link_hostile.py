"""The link against a PBX and a network at their worst: floods, standstills, delays, cuts, garbage.

test_link.py has what is told of each; here is what holds under load, and what is never done twice.
"""

from __future__ import annotations

import asyncio
import logging
import random
import socket
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from ami_bridge.asterisk import actions
from ami_bridge.asterisk.limits import Limits
from ami_bridge.asterisk.protocol import FRAME_LIMIT_BYTES, Frame
from hushtape.errors import ActionRefused, AnswerTimeout, LeaseLost, LinkLost, TooBig
from tests.integration.ami_bridge.asterisk.test_link import CALLER, PATIENT, PING, Owner, running
from tests.integration.ami_bridge.fake_ami import FakeAmi, Session, event, frame
from tests.integration.ami_bridge.floods import Counts, flood
from tests.integration.ami_bridge.slow_cable import SlowCable

FLOOD = 100_000
NOTICED_S = 15.0
SCALE = 25  # PING's times are the real ones, so many times shorter
CUTS = 25
COMMANDS = 8  # under way when the link is cut
SEED = 20261121


@pytest.fixture
async def ami() -> AsyncIterator[FakeAmi]:
    server = await FakeAmi().start()
    yield server
    await server.close()


def tick(number: int) -> bytes:
    return event("Tick", N=str(number), Channel=CALLER, CallerIDName="Zoë")


class Counting(Owner):
    """Counts, and remembers how much waited."""

    def __init__(self, port: int, limits: Limits) -> None:
        super().__init__(port, limits)
        self.counts = Counts(FLOOD)

    async def on_event(self, event: Frame) -> None:
        self.counts.take(event, self.link)


async def test_a_flood_is_handled_in_order_and_heartbeats_go_on(ami: FakeAmi) -> None:
    limits = replace(Limits(), ping_interval_s=0.05)
    async with running(Counting(ami.port, limits)) as owner:
        await owner.heard("up")
        flooding = asyncio.create_task(flood(await ami.session(), FLOOD, tick))
        async with asyncio.timeout(60):
            await owner.counts.all.wait()
        await flooding
        assert owner.counts.numbers == list(range(FLOOD))
        assert owner.told == ["up"]
        assert owner.counts.most_waiting <= limits.waiting_frames
    assert "Ping" in [action["Action"] for action in ami.actions]  # and it was answered in time


async def test_a_flood_that_nobody_can_handle_is_told_and_takes_no_more_room(ami: FakeAmi) -> None:
    class Stuck(Counting):
        async def on_event(self, event: Frame) -> None:
            await super().on_event(event)
            if len(self.counts.numbers) == 1:
                await self.note("stuck")
                await self.go.wait()

    owner = Stuck(ami.port, Limits())
    owner.go = asyncio.Event()  # type: ignore[attr-defined]
    async with running(owner):
        session = await ami.session()
        flooding = asyncio.create_task(flood(session, FLOOD, tick))
        await owner.heard("stuck")
        connection = owner.link._connection
        assert connection is not None
        async with asyncio.timeout(30):
            reason = await asyncio.shield(connection.protocol.lost)
        assert "starting over" in str(reason)
        assert len(connection.inbox) == 0
        owner.go.set()  # type: ignore[attr-defined]
        await owner.heard("up", 2)
        assert owner.told == ["up", "stuck", "down", "up"]
        assert len(owner.counts.numbers) == 1  # the resync says more than what waited
        flooding.cancel()
        await asyncio.wait({flooding})


async def test_a_pbx_that_stops_reading_is_noticed(
    ami: FakeAmi, caplog: pytest.LogCaptureFixture
) -> None:
    async with running(Owner(ami.port, PING)) as owner:
        await owner.heard("up")
        (await ami.session()).stop_reading()
        began_s = asyncio.get_running_loop().time()
        asking = [
            asyncio.create_task(owner.link.ask(actions.set_global("HT", str(n)), timeout_s=10))
            for n in range(PING.actions_under_way + 50)
        ]
        await owner.heard("down")
        assert asyncio.get_running_loop().time() - began_s < NOTICED_S / SCALE
        results = await asyncio.gather(*asking, return_exceptions=True)
        assert {type(result) for result in results} == {LinkLost}
        assert f"town-hall (127.0.0.1:{ami.port}): the link is down: no answer to a ping" in (
            caplog.text
        )


async def test_what_a_pbx_does_not_read_is_bounded(ami: FakeAmi) -> None:
    big = {f"Variable{number}": "x" * 900 for number in range(90)}  # 80 KB
    limits = replace(PATIENT, unsent_bytes=200_000)
    async with running(Owner(ami.port, limits)) as owner:
        await owner.heard("up")
        (await ami.session()).stop_reading()
        assert owner.link._connection is not None
        transport = owner.link._connection.protocol.transport
        asking = []
        while owner.link.up:
            asking.append(asyncio.create_task(owner.link.ask({"Action": "Setvar", **big})))
            await asyncio.sleep(0)
            assert transport.get_write_buffer_size() < limits.unsent_bytes + 100_000
            assert len(asking) < 1000
        results = await asyncio.gather(*asking, return_exceptions=True)
        assert {type(result) for result in results} == {LinkLost}
        await owner.heard("down")
        assert "reads nothing" in str(owner.reasons[0])


async def test_a_half_open_link_is_named_in_the_log(
    ami: FakeAmi, caplog: pytest.LogCaptureFixture
) -> None:
    async with running(Owner(ami.port, PING)) as owner:
        await owner.heard("up")
        ami.mute = True
        await owner.heard("down")
        (record,) = caplog.records
        assert record.getMessage() == (
            f"town-hall (127.0.0.1:{ami.port}): the link is down: no answer to a ping within 0.2 s"
        )
        ami.mute = False
        await owner.heard("up", 2)


async def test_a_slow_link_is_named_in_the_log_once(
    ami: FakeAmi, caplog: pytest.LogCaptureFixture
) -> None:
    limits = replace(PATIENT, slow_answer_s=0.1)
    async with (
        SlowCable(ami.port, way_s=0.08) as cable,
        running(Owner(cable.port, limits)) as owner,
    ):
        with caplog.at_level("INFO"):
            await owner.heard("up")
            for number in range(3):
                await owner.link.ask(actions.set_global("HT", str(number)))
            cable.way_s = 0.0
            for number in range(3):
                await owner.link.ask(actions.set_global("HT", str(number)))
    told = [each.getMessage().partition(": ")[2] for each in caplog.records]
    paces = [each for each in told if each.startswith("the link is")]
    assert [each.partition(":")[0] for each in paces] == ["the link is slow", "the link is quick"]
    assert paces[0].startswith("the link is slow: an answer took 0.")


async def test_other_answers_are_signs_of_life_too(ami: FakeAmi) -> None:
    limits = replace(PATIENT, ping_interval_s=0.2, ping_timeout_s=5)
    async with running(Owner(ami.port, limits)) as owner:
        await owner.heard("up")
        for _ in range(20):
            await owner.link.ask(actions.get_global("HT"))
            await asyncio.sleep(0.03)
        assert not [action for action in ami.actions if action["Action"] == "Ping"]
        await ami.until(lambda: ami.actions[-1]["Action"] == "Ping")


async def test_how_far_the_pbx_was_heard(ami: FakeAmi) -> None:
    class Slow(Owner):
        async def on_up(self) -> None:
            self.before = self.link.heard_at
            await super().on_up()

        async def on_event(self, event: Frame) -> None:
            if event.event == "A":
                await self.link.ask(actions.ping())
                self.while_b_waits = self.link.heard_at
            self.during = self.link.heard_at
            await super().on_event(event)

    async with running(Slow(ami.port)) as owner:
        await owner.heard("up")
        assert owner.before is None  # type: ignore[attr-defined]
        await owner.link.ask(actions.ping())
        caught_up = owner.link.heard_at
        assert caught_up is not None
        session = await ami.session()
        session.push(event("A") + event("B"))
        await owner.heard("B")
        assert owner.while_b_waits == caught_up  # type: ignore[attr-defined]
        assert owner.during == owner.events[0].received  # type: ignore[attr-defined]
        await owner.link.ask(actions.ping())
        assert owner.link.heard_at is not None
        assert owner.link.heard_at > owner.events[1].received >= caught_up


async def test_everything_delayed_by_two_seconds(ami: FakeAmi) -> None:
    """Scaled down as PING is: an answer takes four fifths of what is waited for."""
    assert 2 * 2.0 / Limits().ping_timeout_s == pytest.approx(2 * 0.08 / PING.ping_timeout_s)
    limits = replace(PING, answer_timeout_s=0.2, login_timeout_s=0.4)
    async with (
        SlowCable(ami.port, way_s=0.08) as cable,
        running(Owner(cable.port, limits)) as owner,
    ):
        await owner.heard("up")
        session = await ami.session()
        for number in range(5):
            session.push(event("Tick", N=str(number)))
            await owner.link.ask(actions.set_global("HT", str(number)))
        await ami.until(lambda: sum(a["Action"] == "Ping" for a in ami.actions) >= 2)
        await owner.heard("Tick", 5)
        assert owner.told == ["up"] + ["Tick"] * 5
    values = [action["Value"] for action in ami.actions if action["Action"] == "Setvar"]
    assert values == ["0", "1", "2", "3", "4"]


async def test_nothing_is_carried_out_twice_however_the_link_is_cut(ami: FakeAmi) -> None:
    chance = random.Random(SEED)
    limits = replace(PATIENT, answer_timeout_s=0.05, close_timeout_s=0.1)
    outcomes: Counter[str] = Counter()
    done: list[str] = []
    async with (
        SlowCable(ami.port, way_s=0.002) as cable,
        running(Owner(cable.port, limits)) as owner,
    ):

        async def command(value: str) -> None:
            try:
                await owner.link.ask(actions.set_variable(CALLER, "HT", value))
                outcomes["done"] += 1
                done.append(value)
            except (LinkLost, AnswerTimeout) as error:
                outcomes[type(error).__name__] += 1

        for number in range(CUTS):
            await owner.heard("up", number + 1)
            asking = []
            for each in range(COMMANDS):
                asking.append(asyncio.create_task(command(f"{number}.{each}")))
                await asyncio.sleep(chance.random() * 0.002)
            await asyncio.sleep(chance.random() * 0.006)
            cable.cut()
            await asyncio.gather(*asking)
            await owner.heard("down", number + 1)
    values = Counter(action["Value"] for action in ami.actions if action["Action"] == "Setvar")
    assert set(values.values()) == {1}
    assert set(done) <= set(values)  # what was answered was done
    assert min(outcomes["done"], outcomes["LinkLost"]) > 0, outcomes
    assert len(values) > outcomes["done"]  # some were done though nobody knows


async def test_a_frame_of_ten_megabytes(ami: FakeAmi) -> None:
    async with running(Owner(ami.port)) as owner:
        session = await ami.session()
        await owner.heard("up")
        assert owner.link._connection is not None
        protocol = owner.link._connection.protocol
        session.push(
            event("Before")
            + b"Event: Big\r\nPrivilege: call,all\r\nName: "
            + b"x" * 10_000_000
            + b"\r\n\r\n"
        )
        await owner.heard("up", 2)
        assert owner.told == ["up", "Before", "down", "up"]
        assert isinstance(owner.reasons[0], TooBig)
        assert len(protocol._buffer) <= FRAME_LIMIT_BYTES + 256 * 1024


@pytest.mark.parametrize(
    "garbage",
    [
        b"\r\n" * 5000,
        b"\0" * 5000 + b"\r\n\r\n",
        b"Name\r\n" * 2000 + b"\r\n",
        b": \r\n" * 2000 + b"\r\n",
        b"\xff\xfe\xc3\r\n\r\n",
        bytes(range(256)) * 20 + b"\r\n\r\n",
        b"Event\r\n\r\n",
        b"Response\r\n\r\n",
        b"Event: \r\n\r\n",
        b"Event: Bad\0Name\r\nCallerIDName: \0\r\n\r\n",
    ],
    ids=range(10),
)
async def test_garbage_costs_neither_the_link_nor_the_next_event(
    ami: FakeAmi, garbage: bytes
) -> None:
    async with running(Owner(ami.port)) as owner:
        session = await ami.session()
        await owner.heard("up")
        session.push(garbage + event("After", CallerIDName="Zoë"))
        await owner.heard("After")
        assert owner.events[-1]["CallerIDName"] == "Zoë"
        assert "down" not in owner.told
        assert (await owner.link.ask(actions.ping()))["Ping"] == "Pong"


async def test_a_header_without_an_end_delays_no_answer_for_ever(ami: FakeAmi) -> None:
    """It swallows what follows, as any stream would; then the pings tell."""
    async with running(Owner(ami.port, PING)) as owner:
        session = await ami.session()
        await owner.heard("up")
        session.push(b"Event: Half\r\nPrivilege: call,all\r\nName: ")
        await owner.heard("up", 2)
        assert owner.told[:3] == ["up", "down", "up"] or "Half" in owner.told


async def test_nobody_can_feign_an_answer_or_an_item_of_a_list(ami: FakeAmi) -> None:
    forged = "hushtape-0000000000000000-one-1"

    def status(session: Session, action: dict[str, str]) -> bytes:
        own = ("ActionID", action["ActionID"])
        item = frame(("Event", "Status"), ("Privilege", "Call"), ("Channel", CALLER), own)
        feigned = event("UserEvent", UserEvent="x", ActionID=forged, EventList="Complete")
        start = frame(("Response", "Success"), own, ("EventList", "start"))
        end = frame(("Event", "StatusComplete"), own, ("EventList", "Complete"))
        answer = frame(("Response", "Success"), ("ActionID", forged))
        return start + feigned + answer + item + end

    ami.answers["Status"] = status
    async with running(Owner(ami.port)) as owner:
        await owner.heard("up")
        living = await owner.link.ask_list(actions.status())
        assert [item["Channel"] for item in living] == [CALLER]
        await owner.heard("UserEvent")


async def test_a_peer_that_accepts_and_says_nothing(ami: FakeAmi) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        owner = Owner(port, replace(PATIENT, login_timeout_s=0.1))
        owner.most_pauses = 1
        async with running(owner):
            await owner.heard("down")
            assert "did not log us in" in str(owner.reasons[0])


# Whose turn it is


class Turn:
    """Comes and goes as a test says."""

    def __init__(self) -> None:
        self.held = False
        self.come = asyncio.Event()
        self.awaited = asyncio.Event()
        self.over: asyncio.Future[LeaseLost] = asyncio.get_running_loop().create_future()
        self.keeping = False

    async def acquire(self) -> None:
        self.awaited.set()
        await self.come.wait()
        self.held = True

    async def keep(self) -> LeaseLost:
        self.keeping = True
        try:
            return await asyncio.shield(self.over)
        finally:
            self.keeping = self.held = False


async def test_out_of_turn_nothing_is_told_and_nothing_is_sent(
    ami: FakeAmi, caplog: pytest.LogCaptureFixture
) -> None:
    turn = Turn()
    async with running(Owner(ami.port, turn=turn)) as owner:
        session = await ami.session()
        await turn.awaited.wait()
        for number in range(100):
            session.push(tick(number))
        assert (await owner.link.ask(actions.get_global("HT"), out_of_turn=True))["Value"] == ""
        assert owner.link.state.value == "waiting"
        with pytest.raises(LeaseLost):
            await owner.link.ask(actions.status())
        with pytest.raises(LeaseLost):
            await owner.link.ask_list(actions.status())
        assert ami.names() == ["Login", "Getvar"]
        assert owner.told == []
        assert owner.link.heard_at is None
        turn.come.set()
        await owner.heard("up")
        session.push(event("After"))
        await owner.heard("After")
        assert owner.told == ["up", "After"]  # what came before is left to the resync
        assert owner.link.state.value == "up"
        await owner.link.ask(actions.status())
        turn.come.clear()
        turn.over.set_result(LeaseLost("another bridge serves town-hall"))
        await owner.heard("down")
        assert isinstance(owner.reasons[0], LeaseLost)
        with pytest.raises(LinkLost):
            await owner.link.ask(actions.status())
        assert "another bridge serves town-hall" in caplog.text
        await ami.session(1)  # and waits again
        assert not turn.keeping


async def test_a_holder_that_stood_still_sends_nothing(ami: FakeAmi) -> None:
    turn = Turn()
    turn.come.set()
    async with running(Owner(ami.port, turn=turn)) as owner:
        await owner.heard("up")
        turn.held = False  # as the clock says
        with pytest.raises(LeaseLost):
            await owner.link.ask(actions.set_variable(CALLER, "HT", "1"))
        assert ami.names() == ["Login"]


async def test_a_link_lost_while_it_waits_for_its_turn(ami: FakeAmi) -> None:
    turn = Turn()
    async with running(Owner(ami.port, turn=turn)) as owner:
        for number in range(3):
            await turn.awaited.wait()
            turn.awaited.clear()
            ami.sessions[number].cut()
            await owner.until(lambda number=number: len(owner.pauses) > number)
        assert owner.told == ["down"]  # once: it was never up
        turn.come.set()
        await owner.heard("up")


async def test_a_turn_that_can_not_be_told(ami: FakeAmi, caplog: pytest.LogCaptureFixture) -> None:
    class Refused(Turn):
        async def acquire(self) -> None:
            raise ActionRefused("town-hall refused Getvar: 'Permission denied'")

    owner = Owner(ami.port, turn=Refused())
    owner.most_pauses = 3
    async with running(owner):
        await owner.until(lambda: len(owner.pauses) == 3)
        assert owner.told == ["down"]
        assert "whose turn it is can't be told" in str(owner.reasons[0])
        downs = [r for r in caplog.records if "the link is down" in r.getMessage()]
        assert len(downs) >= 1


async def test_a_bug_in_the_turn_does_not_end_the_link(
    ami: FakeAmi, caplog: pytest.LogCaptureFixture
) -> None:
    class Broken(Turn):
        async def keep(self) -> LeaseLost:
            raise KeyError("a bug")

    turn = Broken()
    turn.come.set()
    owner = Owner(ami.port, turn=turn)
    async with running(owner):
        await owner.heard("up", 2)
    errors = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert "KeyError" in errors[0].getMessage()
