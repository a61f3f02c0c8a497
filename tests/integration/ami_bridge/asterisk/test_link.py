"""The link against a server that misbehaves. test_p<n>: a hazard of panoramisk 1.4 that is met."""

from __future__ import annotations

import asyncio
import logging
import ssl
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ami_bridge import link as links
from ami_bridge.asterisk import actions
from ami_bridge.asterisk.limits import Limits
from ami_bridge.asterisk.link import Link
from ami_bridge.asterisk.protocol import Frame
from ami_bridge.limits import backoff_s
from ami_bridge.link import State
from hushtape.config import Pbx
from hushtape.errors import (
    ActionRefused,
    AnswerTimeout,
    ConfigError,
    LinkLost,
    LoginRefused,
    TooBig,
    Unreachable,
    UnsafeValue,
)
from tests.integration.ami_bridge import owners
from tests.integration.ami_bridge.fake_ami import FakeAmi, Session, event, frame, listed
from tests.integration.ami_bridge.owners import running

CALLER = "PJSIP/caller1-0000000b"
RECORD = actions.start_recorder(CALLER, "/spool/a-out.wav", "/spool/a-in.wav", "HT_REC_1")
# The proportions of the real limits, a twenty-fifth as long.
PING = Limits(ping_interval_s=0.2, ping_timeout_s=0.2)
PATIENT = Limits(ping_interval_s=60, answer_timeout_s=10)


class Owner(owners.Owner[Frame, Link]):
    """Owns a link, and notes what it was told."""

    def __init__(self, port: int, limits: Limits = PATIENT, **options: Any) -> None:
        super().__init__()
        password = options.pop("password", "correct")
        pbx = Pbx(
            kind="asterisk",
            host=options.pop("host", "127.0.0.1"),
            port=port,
            spool="/spool",
            outside_contexts=("from-outside",),
            tls=options.pop("tls", False),
            tls_ca=options.pop("tls_ca", ""),
        )
        self.link = Link(
            "town-hall",
            pbx,
            password,
            self.on_event,
            self.on_up,
            self.on_down,
            limits=limits,
            chance=options.pop("chance", lambda: 0.5),
            pause=self.pause,
            **options,
        )


@pytest.fixture
async def ami() -> AsyncIterator[FakeAmi]:
    server = await FakeAmi().start()
    yield server
    await server.close()
    left = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
    assert not left  # whatever the test did, the link left no task behind


async def test_actions_and_events(ami: FakeAmi):
    async with running(Owner(ami.port)) as owner:
        session = await ami.session()
        await owner.heard("up")
        assert (owner.link.up, owner.link.state) == (True, State.UP)
        answer = await owner.link.ask(RECORD)
        assert answer["MixMonitorID"] == "0x7f3a80022dc0"
        session.push(
            event("Newstate", Channel=CALLER, State="Up")
            + event("HangupRequest", Channel=CALLER, State="Up")
        )
        await owner.heard("HangupRequest")
        assert owner.told == ["up", "Newstate", "HangupRequest"]
        living = await owner.link.ask_list(actions.status(["HUSHTAPE_STATE"]))
        assert [item["Channel"] for item in living] == [CALLER, "PJSIP/211-0000000c"]
        assert living[0].every("Variable")[1] == "HUSHTAPE_STATE=recording"
        assert owner.told == ["up", "Newstate", "HangupRequest"]
    ids = [action["ActionID"] for action in ami.actions]
    assert len(set(ids)) == len(ids)
    assert owner.link.state is State.CLOSED


# P1, P2: what becomes of an action when the link goes


async def test_p1_an_unanswered_action_is_never_sent_again(ami: FakeAmi):
    ami.silent_on = {"MixMonitor"}
    async with running(Owner(ami.port)) as owner:
        session = await ami.session()
        await owner.heard("up")
        asking = asyncio.create_task(owner.link.ask(RECORD))
        await ami.until(lambda: "MixMonitor" in ami.names())
        session.cut()
        with pytest.raises(LinkLost):
            await asking
        again = await ami.session(1)
        again.push(frame(("Event", "FullyBooted"), ("Privilege", "system,all"), ("Uptime", "9")))
        await owner.heard("FullyBooted")
        await owner.link.ask(actions.set_variable(CALLER, "HT_A", "1"))  # after it, nothing hidden
        assert ami.names() == ["Login", "MixMonitor", "Login", "Setvar"]


async def test_p2_an_unanswered_action_times_out_and_its_late_answer_is_dropped(ami: FakeAmi):
    ami.silent_on = {"MixMonitor"}
    async with running(Owner(ami.port)) as owner:
        session = await ami.session()
        await owner.heard("up")
        with pytest.raises(AnswerTimeout, match=r"MixMonitor within 0\.05 s"):
            await owner.link.ask(RECORD, timeout_s=0.05)
        late = ("ActionID", ami.actions[-1]["ActionID"])
        session.push(frame(("Response", "Success"), late, ("MixMonitorID", "0x1")))
        session.push(event("Newstate"))
        await owner.heard("Newstate")
        assert (await owner.link.ask(actions.ping()))["Ping"] == "Pong"
        assert owner.told == ["up", "Newstate"]


async def test_a_cancelled_action_leaves_nothing_behind(ami: FakeAmi):
    ami.silent_on = {"MixMonitor"}
    async with running(Owner(ami.port)) as owner:
        await owner.heard("up")
        asking = asyncio.create_task(owner.link.ask(RECORD))
        await ami.until(lambda: "MixMonitor" in ami.names())
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking
        assert owner.link._connection is not None
        assert not owner.link._connection.protocol.responses


async def test_only_so_many_actions_are_under_way(ami: FakeAmi):
    ami.silent_on = {"MixMonitor"}
    async with running(Owner(ami.port, replace(PATIENT, actions_under_way=1))) as owner:
        await owner.heard("up")
        first = asyncio.create_task(owner.link.ask(RECORD, timeout_s=0.2))
        await ami.until(lambda: "MixMonitor" in ami.names())
        with pytest.raises(AnswerTimeout):
            await owner.link.ask(actions.status(), timeout_s=0.05)
        with pytest.raises(AnswerTimeout):
            await first
        await owner.link.ask(actions.status())
        assert ami.names() == ["Login", "MixMonitor", "Status"]


async def test_p3_an_action_without_a_link_fails_at_once(ami: FakeAmi):
    owner = Owner(ami.port)
    with pytest.raises(LinkLost):
        await owner.link.ask(RECORD)
    async with running(owner):
        await owner.heard("up")
    with pytest.raises(LinkLost):
        await owner.link.ask(RECORD)
    assert ami.names() == ["Login"]


async def test_a_refused_action(ami: FakeAmi):
    ami.answers["StopMixMonitor"] = lambda _, action: frame(
        ("Response", "Error"),
        ("ActionID", action["ActionID"]),
        ("Message", "Could not stop monitoring channel"),
    )
    async with running(Owner(ami.port)) as owner:
        await owner.heard("up")
        with pytest.raises(ActionRefused, match="Could not stop monitoring channel"):
            await owner.link.ask(actions.stop_recorder(CALLER, "0x7f3a80022dc0"))


async def test_p7_a_line_break_is_refused_and_nothing_is_sent(ami: FakeAmi):
    async with running(Owner(ami.port)) as owner:
        await owner.heard("up")
        for value in ("x\r\n\r\nAction: Logoff", "x\nVariable: y", "x\0"):
            with pytest.raises(UnsafeValue):
                await owner.link.ask({"Action": "Setvar", "Channel": CALLER, "Value": value})
        assert ami.names() == ["Login"]


# Lists


async def test_a_list_that_never_ends_times_out(ami: FakeAmi):
    ami.answers["Status"] = lambda _, action: listed(action, [CALLER], ends=False)
    async with running(Owner(ami.port)) as owner:
        await owner.heard("up")
        with pytest.raises(AnswerTimeout):
            await owner.link.ask_list(actions.status(), timeout_s=0.05)
        assert owner.told == ["up"]


async def test_a_list_over_its_limit(ami: FakeAmi):
    ami.answers["Status"] = lambda _, action: listed(action, [CALLER] * 11)
    async with running(Owner(ami.port, replace(PATIENT, list_items=10))) as owner:
        await owner.heard("up")
        with pytest.raises(TooBig):
            await owner.link.ask_list(actions.status())
        await owner.link.ask(actions.ping())
        assert owner.told == ["up"]


# What is read


async def test_p4_byte_by_byte(ami: FakeAmi):
    async with running(Owner(ami.port)) as owner:
        session = await ami.session()
        await session.push_bytewise(event("Newstate", CallerIDName="Zoë Šimůnek"))
        await owner.heard("Newstate")
        assert owner.events[0]["CallerIDName"] == "Zoë Šimůnek"


async def test_garbage_between_frames_is_passed_over(ami: FakeAmi):
    async with running(Owner(ami.port)) as owner:
        session = await ami.session()
        session.push(b"\xff\xfe\r\n\r\n\r\nno header\r\n\r\n:\r\n\r\n" + event("Newstate"))
        await owner.heard("Newstate")
        assert owner.told == ["up", "Newstate"]


async def test_an_endless_frame_ends_the_connection_and_the_link_comes_back(ami: FakeAmi):
    async with running(Owner(ami.port)) as owner:
        session = await ami.session()
        session.push(b"Event: A\r\nPrivilege: call,all\r\nB: " + b"x" * 70_000)
        await owner.heard("up", 2)
        assert isinstance(owner.reasons[0], TooBig)


async def test_another_service_gets_no_password(ami: FakeAmi):
    ami.greeting = b"220 mail.example ESMTP\r\n"
    owner = Owner(ami.port)
    owner.most_pauses = 1
    async with running(owner):
        await owner.heard("down")
        assert "no Asterisk manager" in str(owner.reasons[0])
        assert not ami.actions


async def test_p10_an_event_with_our_actionid(ami: FakeAmi):
    def answer(_: Session, action: dict[str, str]) -> bytes:
        own = ("ActionID", action["ActionID"])
        return frame(("Event", "OriginateResponse"), own, ("Response", "Success")) + frame(
            ("Response", "Error"), own, ("Message", "no")
        )

    ami.answers["Originate"] = answer
    async with running(Owner(ami.port)) as owner:
        await owner.heard("up")
        with pytest.raises(ActionRefused):
            await owner.link.ask({"Action": "Originate", "Channel": CALLER})
        await owner.heard("OriginateResponse")


# P5, P6: the owner's handlers


async def test_p5_a_failing_handler_costs_neither_the_link_nor_the_next_event(
    ami: FakeAmi, caplog: pytest.LogCaptureFixture
):
    class Failing(Owner):
        async def on_event(self, event: Frame) -> None:
            if event.event == "Bad":
                raise KeyError(event["CallerIDName"])
            await super().on_event(event)

    async with running(Failing(ami.port)) as owner:
        session = await ami.session()
        session.push(event("Bad", CallerIDName="Zoë") + event("Good"))
        await owner.heard("Good")
        assert owner.told == ["up", "Good"]
        assert "KeyError" in caplog.text
        assert "Zoë" not in caplog.text


async def test_p6_events_are_handled_in_order_one_at_a_time(ami: FakeAmi):
    class Slow(Owner):
        busy = False

        async def on_event(self, event: Frame) -> None:
            assert not self.busy
            self.busy = True
            for _ in range(20 if event["N"] == "0" else 1):
                await asyncio.sleep(0)
            self.busy = False
            await super().on_event(event)

    async with running(Slow(ami.port)) as owner:
        session = await ami.session()
        session.push(b"".join(event("Tick", N=str(n)) for n in range(200)))
        await owner.heard("Tick", 200)
        assert [frame["N"] for frame in owner.events] == [str(n) for n in range(200)]


async def test_events_wait_until_the_resync_is_done(ami: FakeAmi):
    class Resyncing(Owner):
        async def on_up(self) -> None:
            await self.link.ask_list(actions.status())
            session.push(event("Newstate"))
            await self.link.ask(actions.ping())  # so the event has arrived
            await super().on_up()

    ami.answers["Login"] = lambda session, action: (
        frame(("Response", "Success"), ("ActionID", action["ActionID"])) + event("Early")
    )
    owner = Resyncing(ami.port)
    owner.link.start()
    await ami.until(lambda: bool(ami.sessions))
    session = ami.sessions[0]
    async with running(owner):
        await owner.heard("Newstate")
        assert owner.told == ["up", "Early", "Newstate"]


async def test_a_backlog_does_not_keep_others_from_their_turn(
    ami: FakeAmi, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(links, "FAIR_S", 0.0)

    class Hasty(Owner):
        async def on_event(self, event: Frame) -> None:  # never waits for anything
            self.events.append(event)
            if len(self.events) == 1:
                asyncio.get_running_loop().call_soon(lambda: turn.append(len(self.events)))
            if len(self.events) == 5000:
                await self.note("all")

        async def on_up(self) -> None:
            session = await ami.session()
            session.push(b"".join(event("Tick") for _ in range(5000)))
            await self.link.ask(actions.ping())  # so they have all arrived
            await super().on_up()

    turn: list[int] = []
    async with running(Hasty(ami.port)) as owner:
        await owner.heard("all")
        assert turn[0] <= 1000


async def test_a_resync_that_fails_is_made_again(ami: FakeAmi):
    class Once(Owner):
        failed = False

        async def on_up(self) -> None:
            if not self.failed:
                self.failed = True
                raise AnswerTimeout("no answer")
            await super().on_up()

    async with running(Once(ami.port)) as owner:
        await owner.heard("up")
        assert owner.told == ["down", "up"]


# P8: half-open


async def test_p8_a_half_open_link_is_noticed(ami: FakeAmi):
    async with running(Owner(ami.port, PING)) as owner:
        await owner.heard("up")
        await ami.until(lambda: sum(a["Action"] == "Ping" for a in ami.actions) >= 2)
        assert owner.told == ["up"]  # answered pings keep it
        ami.mute = True
        began = asyncio.get_running_loop().time()
        asking = asyncio.create_task(owner.link.ask(RECORD, timeout_s=10))
        await owner.heard("down")
        assert asyncio.get_running_loop().time() - began < 15 / 25
        with pytest.raises(LinkLost, match="ping"):
            await asking
        ami.mute = False
        await owner.heard("up", 2)


def test_the_real_limits_notice_a_half_open_link_within_15_s():
    assert Limits().ping_interval_s + Limits().ping_timeout_s < 15


# P9, P12: coming back


def test_backoff_doubles_to_a_ceiling_with_full_jitter():
    ceilings = [backoff_s(attempt, Limits(), lambda: 1.0) for attempt in range(10)]
    assert ceilings == [0.5, 1, 2, 4, 5, 5, 5, 5, 5, 5]
    assert backoff_s(3, Limits(), lambda: 0.25) == 1
    assert backoff_s(10**9, Limits(), lambda: 0.0) == 0


async def test_p12_backoff_and_one_word_of_it(ami: FakeAmi, caplog: pytest.LogCaptureFixture):
    await ami.close()  # nobody listens there any more
    owner = Owner(ami.port, chance=lambda: 1.0)
    owner.most_pauses = 8
    async with running(owner):
        await owner.until(lambda: len(owner.pauses) == 8)
        assert owner.pauses == [0.5, 1, 2, 4, 5, 5, 5, 5]
        assert owner.told == ["down"]
        assert isinstance(owner.reasons[0], Unreachable)
        assert len(caplog.records) == 1
    await ami.start()


async def test_a_stable_link_starts_the_backoff_anew_and_a_short_one_does_not(ami: FakeAmi):
    for stable_s, expected in ((0.0, [0.5] * 3), (60.0, [0.5, 1.0, 2.0])):
        owner = Owner(ami.port, replace(PATIENT, stable_s=stable_s), chance=lambda: 1.0)
        async with running(owner):
            for times in range(1, 4):
                await owner.heard("up", times)
                ami.sessions[-1].cut()
            await owner.until(lambda owner=owner: len(owner.pauses) >= 3)
            assert owner.pauses[:3] == expected


async def test_p9_closed_is_closed(ami: FakeAmi):
    owner = Owner(ami.port)
    async with running(owner):
        await owner.heard("up")
        session = ami.sessions[0]
        began = asyncio.get_running_loop().time()
    assert asyncio.get_running_loop().time() - began < 1
    await asyncio.wait_for(session.gone.wait(), 5)
    owner.link.start()
    assert owner.link._task is None
    assert len(ami.sessions) == 1
    assert owner.told == ["up"]
    assert not owner.pauses
    timers = asyncio.get_running_loop()._scheduled  # type: ignore[attr-defined]
    assert not [timer for timer in timers if not timer.cancelled() and "Manager." in repr(timer)]


async def test_p9_closing_while_it_waits_to_come_back(ami: FakeAmi):
    owner = Owner(ami.port)
    owner.most_pauses = 1
    async with running(owner):
        await owner.heard("up")
        ami.sessions[0].cut()
        await owner.until(lambda: bool(owner.pauses))
    assert len(ami.sessions) == 1


async def test_closing_does_not_wait_for_a_stuck_handler(ami: FakeAmi):
    class Stuck(Owner):
        async def on_event(self, event: Frame) -> None:
            await self.note("stuck")
            await asyncio.Event().wait()

    async with running(Stuck(ami.port)) as owner:
        session = await ami.session()
        session.push(event("A"))
        await owner.heard("stuck")
        asking = asyncio.create_task(owner.link.ask({"Action": "Never"}))
        ami.silent_on = {"Never"}
        await ami.until(lambda: "Never" in ami.names())
    with pytest.raises(LinkLost):
        await asking


async def test_events_that_arrived_before_the_link_went_are_handled_before_on_down(ami: FakeAmi):
    async with running(Owner(ami.port)) as owner:
        session = await ami.session()
        await owner.heard("up")
        session.push(event("HangupRequest", Channel=CALLER, State="Up"))
        session.hang_up()
        await owner.heard("up", 2)
        assert owner.told == ["up", "HangupRequest", "down", "up"]


async def test_p15_shutdown(ami: FakeAmi):
    async with running(Owner(ami.port)) as owner:
        session = await ami.session()
        session.push(event("Shutdown", Shutdown="Cleanly", Restart="False"))
        await owner.heard("up", 2)
        assert owner.told == ["up", "Shutdown", "down", "up"]
        assert "shutting down" in str(owner.reasons[0])


# Login


async def test_a_refused_login_is_told_once_and_tried_seldom(
    ami: FakeAmi, caplog: pytest.LogCaptureFixture
):
    owner = Owner(ami.port, password="not-the-one")
    owner.most_pauses = 4
    caplog.set_level(logging.DEBUG)
    async with running(owner):
        await owner.until(lambda: len(owner.pauses) == 4)
        assert owner.pauses == [45.0] * 4  # halfway from 30 to 60 s
        assert owner.link.state is State.REFUSED
        assert isinstance(owner.link.reason, LoginRefused)
        assert owner.told == ["down"]
        errors = [record for record in caplog.records if record.levelno >= logging.ERROR]
        assert len(errors) == 1
        assert "Authentication failed" in caplog.text
        assert "not-the-one" not in caplog.text
        assert not owner.link.up


async def test_a_mended_password_is_noticed(ami: FakeAmi):
    ami.password = "old"
    owner = Owner(ami.port, password="new")
    async with running(owner):
        await owner.heard("down")
        ami.password = "new"
        await owner.heard("up")
        assert owner.link.state is State.UP


async def test_a_server_that_never_answers_the_login(ami: FakeAmi):
    ami.mute = True
    owner = Owner(ami.port, replace(PATIENT, login_timeout_s=0.05))
    owner.most_pauses = 2
    async with running(owner):
        await owner.until(lambda: len(owner.pauses) == 2)
        assert "did not log us in within 0.05 s" in str(owner.reasons[0])
        assert owner.pauses == [0.25, 0.5]


async def test_the_password_is_in_no_log(ami: FakeAmi, caplog: pytest.LogCaptureFixture):
    caplog.set_level(logging.DEBUG)
    ami.password = "hunter-two-three"
    ami.silent_on = {"Never"}
    owner = Owner(ami.port, password="hunter-two-three")
    async with running(owner):
        await owner.heard("up")
        asking = asyncio.create_task(owner.link.ask({"Action": "Never", "Channel": "secret-name"}))
        await ami.until(lambda: "Never" in ami.names())
        ami.sessions[0].cut()
        with pytest.raises(LinkLost):
            await asking
        await owner.heard("up", 2)
    assert not [record for record in caplog.records if "panoramisk" in record.name]
    assert "hunter" not in caplog.text
    assert "secret-name" not in caplog.text
    assert "hunter" not in repr(vars(owner.link)["_connection"])
    with pytest.raises(UnsafeValue) as caught:
        Owner(1, password="hunter\r\nAction: Logoff")
    assert "hunter" not in str(caught.value)


# Falling behind


@pytest.mark.parametrize(
    "limits",
    [replace(PATIENT, waiting_frames=50), replace(PATIENT, waiting_bytes=50 * 40)],
    ids=["frames", "bytes"],
)
async def test_an_owner_who_falls_behind_starts_over(ami: FakeAmi, limits: Limits):
    class Slow(Owner):
        def __init__(self, *args: Any) -> None:
            super().__init__(*args)
            self.go = asyncio.Event()

        async def on_event(self, event: Frame) -> None:
            await self.note("busy")
            await self.go.wait()
            await super().on_event(event)

    async with running(Slow(ami.port, limits)) as owner:
        session = await ami.session()
        session.push(event("First"))
        await owner.heard("busy")
        session.push(b"".join(event("Tick", N=str(n)) for n in range(200)))
        await asyncio.wait_for(session.gone.wait(), 5)
        assert not owner.link.up
        owner.go.set()
        await owner.heard("up", 2)
        # What was being handled ends; what waited is left to the resync, and nobody is misled.
        assert owner.told == ["up", "busy", "First", "down", "up"]
        assert "starting over" in str(owner.reasons[0])
        (await ami.session(1)).push(event("After"))
        await owner.heard("After")


# TLS


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate for 127.0.0.1 and one for somebody else, each its own authority."""
    folder = tmp_path_factory.mktemp("tls")
    for name, host in (("good", "IP:127.0.0.1"), ("other", "DNS:elsewhere.example")):
        subprocess.run(
            [
                *("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt"),
                *("ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj", f"/CN={name}"),
                *("-addext", f"subjectAltName={host}"),
                *("-keyout", str(folder / f"{name}.key"), "-out", str(folder / f"{name}.pem")),
            ],
            check=True,
            capture_output=True,
            timeout=30,
        )
    return folder


def server_context(folder: Path, name: str) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / f"{name}.pem", folder / f"{name}.key")
    return context


@asynccontextmanager
async def tls_ami(folder: Path, name: str) -> AsyncIterator[FakeAmi]:
    server = await FakeAmi(tls=server_context(folder, name)).start()
    try:
        yield server
    finally:
        await server.close()


async def test_tls(certificates: Path):
    ca = str(certificates / "good.pem")
    async with tls_ami(certificates, "good") as ami:
        async with running(Owner(ami.port, PING, tls=True, tls_ca=ca)) as owner:
            await owner.heard("up")
            assert (await owner.link.ask(RECORD))["MixMonitorID"]
            ami.mute = True  # half-open under TLS, where a polite close would wait
            await owner.heard("down")
            ami.mute = False
            await owner.heard("up", 2)
        await ami.until(lambda: ami.live == 0)


@pytest.mark.parametrize(
    ("server", "ca", "why"),
    [
        ("good", "other", "self-signed"),
        ("good", "", "self-signed"),
        ("other", "other", "IP address mismatch"),
    ],
)
async def test_a_certificate_that_is_not_trusted(
    certificates: Path, server: str, ca: str, why: str
):
    tls_ca = str(certificates / f"{ca}.pem") if ca else ""
    async with tls_ami(certificates, server) as ami:
        owner = Owner(ami.port, tls=True, tls_ca=tls_ca)
        owner.most_pauses = 1
        async with running(owner):
            await owner.heard("down")
            assert "its certificate is not trusted" in str(owner.reasons[0])
            assert why.lower() in str(owner.reasons[0]).lower().replace("self signed", why)
            assert not ami.actions
            await owner.until(lambda: bool(owner.pauses))
            assert owner.pauses == [45], "tried seldom: somebody must act, and Asterisk logs each"


async def test_tls_to_a_plain_port(ami: FakeAmi, certificates: Path):
    owner = Owner(ami.port, tls=True, tls_ca=str(certificates / "good.pem"))
    owner.most_pauses = 1
    async with running(owner):
        await owner.heard("down")
        assert "TLS failed" in str(owner.reasons[0])


def test_a_file_of_authorities_that_is_none(tmp_path: Path):
    for ca in (tmp_path / "missing.pem", Path(__file__)):
        with pytest.raises(ConfigError, match="tls_ca"):
            Owner(1, tls=True, tls_ca=str(ca))
