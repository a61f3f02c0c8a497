"""The link against a PBX and a network at their worst: floods, standstills, cuts, garbage.

test_link.py has what is told of each; here is what holds under load, and what is never done twice.
"""

from __future__ import annotations

import asyncio
import logging
import random
import socket
import time
from collections import Counter
from contextlib import suppress
from dataclasses import replace
from importlib.metadata import requires
from pathlib import Path

import pytest

from ami_bridge.freeswitch.esl import Message
from ami_bridge.freeswitch.limits import Limits
from ami_bridge.freeswitch.trace import Trace
from ami_bridge.lease import VARIABLE
from hushtape.errors import AnswerTimeout, HushtapeError, LinkLost
from tests.integration.ami_bridge.floods import Counts, flood
from tests.integration.ami_bridge.freeswitch.conftest import threads
from tests.integration.ami_bridge.freeswitch.hostile_esl import (
    AUTH,
    GOODBYE,
    HostileEsl,
    event,
    plain,
    reply,
)
from tests.integration.ami_bridge.freeswitch.owner import PATIENT, PING, Owner
from tests.integration.ami_bridge.owners import running

FLOOD = 50_000
LARGE = 400  # headers, of the largest events
STANDS_STILL_S = 0.5
MOST_READ_BYTES = 16_000_000  # what the kernel holds, and one read
NOTICED_S = 15.0
SCALE = 25  # PING's times are the real ones, so many times shorter
CUTS = 25
COMMANDS = 8  # under way when the link is cut
GARBLED = 60
SEED = 20261122


def tick(number: int) -> bytes:
    return event("CHANNEL_CREATE", N=str(number), X="Zoë")


class Counting(Owner):
    """Counts, and remembers how much waited."""

    def __init__(self, port: int, limits: Limits) -> None:
        super().__init__(port, limits)
        self.counts = Counts(FLOOD)

    async def on_event(self, event: Message) -> None:
        self.counts.take(event, self.link)


async def test_a_flood_is_handled_in_order_and_heartbeats_go_on(esl: HostileEsl) -> None:
    limits = replace(Limits(), ping_interval_s=0.05)
    async with running(Counting(esl.port, limits)) as owner:
        await owner.heard("up")
        flooding = asyncio.create_task(flood(await esl.session(), FLOOD, tick))
        async with asyncio.timeout(60):
            await owner.counts.all.wait()
        await flooding
        assert owner.counts.numbers == list(range(FLOOD))
        assert owner.told == ["up"]
        assert owner.counts.most_waiting <= limits.waiting_frames
    assert "bgapi hostname" in esl.commands  # and it was answered in time


async def test_a_flood_that_nobody_can_handle_is_told_and_takes_no_more_room(
    esl: HostileEsl,
) -> None:
    go = asyncio.Event()

    class Stuck(Counting):
        async def on_event(self, event: Message) -> None:
            await super().on_event(event)
            if len(self.counts.numbers) == 1:
                await self.note("stuck")
                await go.wait()

    async with running(Stuck(esl.port, replace(PATIENT, waiting_frames=5000))) as owner:
        flooding = asyncio.create_task(flood(await esl.session(), FLOOD, tick))
        await owner.heard("stuck")
        connection = owner.link._connection
        assert connection is not None
        async with asyncio.timeout(30):
            reason = await asyncio.shield(connection.lost)
        assert "starting over" in str(reason)
        assert len(connection.inbox) == 0
        go.set()
        await owner.heard("up", 2)
        assert owner.told == ["up", "stuck", "down", "up"]
        assert len(owner.counts.numbers) == 1  # the resync says more than what waited
        flooding.cancel()
        await asyncio.wait({flooding})


def say_and_count(listener: socket.socket, said: list[int]) -> None:
    """Log somebody in, then say as much as is taken. In a thread: the loop is to stand still."""
    connection, _ = listener.accept()
    with connection:
        connection.sendall(AUTH)
        connection.recv(1000)
        connection.sendall(reply("+OK accepted"))
        connection.recv(1000)
        connection.sendall(reply("+OK event listener enabled plain"))
        connection.settimeout(4 * STANDS_STILL_S)
        big = plain({"Event-Name": "CHANNEL_CREATE", **{f"H{n}": "x" * 99 for n in range(LARGE)}})
        with suppress(OSError):
            while True:
                said[0] += connection.send(big)


async def test_a_process_that_stands_still_reads_no_further() -> None:
    class Dead(Owner):
        async def on_up(self) -> None:
            await super().on_up()
            time.sleep(STANDS_STILL_S)  # noqa: ASYNC251 - the loop, not the hub's thread
            self.said_bytes = said[0]

    said = [0]
    with socket.socket() as listener:
        for option in (socket.SO_SNDBUF, socket.SO_RCVBUF):  # the kernel's own share, bounded
            listener.setsockopt(socket.SOL_SOCKET, option, 65536)
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        saying = asyncio.create_task(asyncio.to_thread(say_and_count, listener, said))
        async with running(Dead(listener.getsockname()[1])) as owner:
            await owner.heard("up")
            assert owner.said_bytes < MOST_READ_BYTES
            await owner.heard("CHANNEL_CREATE", 100)
        await saying


async def test_a_pbx_that_stops_reading_is_noticed(
    esl: HostileEsl, caplog: pytest.LogCaptureFixture
) -> None:
    async with running(Owner(esl.port, PING)) as owner:
        await owner.heard("up")
        (await esl.session()).stop_reading()
        began_s = asyncio.get_running_loop().time()
        asking = [
            asyncio.create_task(owner.link.api(f"uuid_exists {n}", 10))
            for n in range(PING.actions_under_way + 50)
        ]
        await owner.heard("down")
        assert asyncio.get_running_loop().time() - began_s < NOTICED_S / SCALE
        results = await asyncio.gather(*asking, return_exceptions=True)
        assert {type(result) for result in results} == {LinkLost}
        assert "the link is down: no answer to a ping" in caplog.text


async def test_what_a_pbx_does_not_read_is_bounded(esl: HostileEsl) -> None:
    limits = replace(PATIENT, unsent_bytes=200_000)
    async with running(Owner(esl.port, limits)) as owner:
        await owner.heard("up")
        (await esl.session()).stop_reading()
        asking = []
        while owner.link.up:
            asking.append(asyncio.create_task(owner.link.api("uuid_setvar " + "x" * 80_000)))
            await asyncio.sleep(0.001)
            assert len(asking) < 1000
        results = await asyncio.gather(*asking, return_exceptions=True)
        assert {type(result) for result in results} == {LinkLost}
        await owner.heard("down")
        assert "reads nothing" in str(owner.reasons[0])


async def test_what_a_pbx_reads_late_is_whole(esl: HostileEsl) -> None:
    texts = [str(n % 10) * 60_000 for n in range(200)]  # more than the kernel keeps for it
    async with running(Owner(esl.port, replace(PATIENT, unsent_bytes=20_000_000))) as owner:
        await owner.heard("up")
        session = await esl.session()
        session.stop_reading()
        asking = [asyncio.create_task(owner.link.api(f"uuid_setvar {text}")) for text in texts]
        await asyncio.sleep(0.2)
        session.read_on()
        assert await asyncio.gather(*asking) == ["+OK"] * len(texts)
    assert esl.asked() == [f"uuid_setvar {text}" for text in texts]


async def test_nothing_is_carried_out_twice_however_the_link_is_cut(esl: HostileEsl) -> None:
    chance = random.Random(SEED)
    sent: list[str] = []
    outcomes: Counter[str] = Counter()

    async def ask(owner: Owner, number: str) -> None:
        sent.append(number)
        try:
            await owner.link.api(f"uuid_setvar {number}", 2)
            outcomes["answered"] += 1
        except HushtapeError as error:
            outcomes[type(error).__name__] += 1

    async with running(Owner(esl.port)) as owner:
        for cut in range(CUTS):
            await owner.heard("up", cut + 1)
            session = await esl.session(cut)
            asking = [asyncio.create_task(ask(owner, f"{cut}-{n}")) for n in range(COMMANDS)]
            await asyncio.sleep(chance.random() * 0.01)
            match chance.randrange(4):
                case 0:
                    session.cut()
                case 1:
                    session.hang_up()
                case 2:
                    session.push(GOODBYE)
                case 3:
                    session.push(reply("+OK"))
            await asyncio.gather(*asking)
    times = Counter(each.partition(" ")[2] for each in esl.asked())
    assert set(times) <= set(sent)
    assert max(times.values()) == 1
    assert set(outcomes) <= {"answered", "LinkLost"}


async def test_garbage_raises_nothing_and_the_link_comes_back(
    esl: HostileEsl, caplog: pytest.LogCaptureFixture
) -> None:
    chance = random.Random(SEED)
    good = event("CHANNEL_CREATE", Unique_ID="u", X="Zoë") + reply("+OK") + GOODBYE
    async with running(Owner(esl.port, replace(PATIENT, frame_bytes=10_000))) as owner:
        await owner.heard("up")
        for number in range(GARBLED):
            session = await esl.session(number)
            raw = bytearray(chance.choice((good, chance.randbytes(300))))
            for _ in range(chance.randrange(1, 9)):
                raw[chance.randrange(len(raw))] = chance.randrange(256)
            session.push(bytes(raw[: chance.randrange(1, len(raw))]))
            session.hang_up()
            await owner.heard("up", number + 2)
    errors = [each for each in caplog.records if each.levelno >= logging.ERROR]
    assert errors == []
    assert "a bug" not in caplog.text


async def test_a_handler_that_fails_costs_neither_the_link_nor_the_next_event(
    esl: HostileEsl, caplog: pytest.LogCaptureFixture
) -> None:
    class Failing(Owner):
        async def on_event(self, event: Message) -> None:
            await super().on_event(event)
            if event.event == "CHANNEL_CREATE":
                raise KeyError(event["Unique-ID"])

    async with running(Failing(esl.port)) as owner:
        session = await esl.session()
        await owner.heard("up")
        session.push(event("CHANNEL_CREATE", Unique_ID="secret") + event("CHANNEL_DESTROY"))
        await owner.heard("CHANNEL_DESTROY")
        assert owner.told == ["up", "CHANNEL_CREATE", "CHANNEL_DESTROY"]
    assert "on_event failed: KeyError" in caplog.text
    assert "secret" not in caplog.text


async def test_a_failed_resync_makes_the_connection_anew(esl: HostileEsl) -> None:
    class Failing(Owner):
        async def on_up(self) -> None:
            await super().on_up()
            if self.told.count("up") == 1:
                await self.link.api("show channels as json", 0.05)

    esl.silent_on = {"show"}
    async with running(Failing(esl.port)) as owner:
        await owner.heard("up", 2)
        assert owner.told == ["up", "down", "up"]
        assert "could not be taken over" in str(owner.reasons[0])


async def test_the_password_is_in_no_log_and_no_repr(
    esl: HostileEsl, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    esl.password = "hunter2"
    async with running(Owner(esl.port, password="hunter2")) as owner:
        await owner.heard("up")
        (await esl.session()).cut()
        await owner.heard("up", 2)
        assert "hunter2" not in repr(owner.link._connection)
    assert "hunter2" not in caplog.text


async def test_a_port_where_nobody_accepts_is_given_up() -> None:
    """A listener whose queue is full: the kernel answers no further connection."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        port = listener.getsockname()[1]
        fillers = [socket.socket() for _ in range(4)]
        for filler in fillers:
            filler.setblocking(False)
            filler.connect_ex(("127.0.0.1", port))
        limits = replace(PATIENT, connect_timeout_s=0.2, login_timeout_s=5)
        began_s = time.monotonic()
        async with running(Owner(port, limits)) as owner:
            await owner.heard("down")
        assert time.monotonic() - began_s < 2
        assert "did not accept a connection within 0.2 s" in str(owner.reasons[0])
        for filler in fillers:
            filler.close()


async def test_no_thread_is_left_however_often_it_comes_and_goes(esl: HostileEsl) -> None:
    async with running(Owner(esl.port)) as owner:
        for number in range(30):
            await owner.heard("up", number + 1)
            (await esl.session(number)).cut()
        assert len(threads()) <= 2  # the last one may be on its way out


async def test_a_trace_is_kept_of_each_connection(esl: HostileEsl, tmp_path: Path) -> None:
    trace = Trace(tmp_path / "t", ("Event-Name", "Unique-ID"))
    esl.says["show"] = '{"row_count":0}'
    async with running(Owner(esl.port, trace=trace)) as owner:
        session = await esl.session()
        await owner.heard("up")
        await owner.link.api("show channels as json")
        session.push(event("CHANNEL_CREATE", Unique_ID="u", variable_card="4111"))
        await owner.heard("CHANNEL_CREATE")
        session.cut()
        await owner.heard("up", 2)
    trace.close()
    text = (tmp_path / "t").read_text()
    assert text.count("auth/request") == 2
    assert (text.count("Link: up"), text.count("Link: down")) == (2, 2)
    assert '{"row_count": 0}' in text
    assert "Unique-ID: u" in text
    assert "4111" not in text
    assert "correct" not in text  # the password


async def test_no_trace_begins_where_nobody_is_let_in(esl: HostileEsl, tmp_path: Path) -> None:
    trace = Trace(tmp_path / "t", ())
    async with running(Owner(esl.port, trace=trace, password="wrong")) as owner:
        await owner.heard("down")
    trace.close()
    assert (tmp_path / "t").read_bytes() == b""


async def test_while_another_bridge_serves_nothing_is_sent(esl: HostileEsl) -> None:
    class Waiting:
        held = False

        async def acquire(self) -> None:
            await asyncio.Event().wait()

        async def keep(self) -> HushtapeError:
            raise AssertionError

    async with running(Owner(esl.port, turn=Waiting())) as owner:
        await esl.session()
        while not owner.link.up:  # noqa: ASYNC110 - nobody tells
            await asyncio.sleep(0.01)
        with pytest.raises(HushtapeError, match="not this bridge's turn"):
            await owner.link.api("uptime")
        assert await owner.link.get_global(VARIABLE) == ""
        assert esl.asked() == [f"global_getvar {VARIABLE}"]


async def test_an_answer_after_the_end_of_its_time_is_no_sign_of_life(esl: HostileEsl) -> None:
    esl.silent_on = {"hostname"}
    async with running(Owner(esl.port, PING)) as owner:
        await owner.heard("up")
        await owner.heard("down")
        assert "no answer to a ping" in str(owner.reasons[0])
        with pytest.raises((LinkLost, AnswerTimeout)):
            await owner.link.api("hostname", 0.05)


def test_g12_its_version_is_pinned() -> None:
    wanted = [each.replace(" ", "") for each in requires("hushtape") or ()]
    assert "greenswitch<0.0.20,>=0.0.19" in wanted
