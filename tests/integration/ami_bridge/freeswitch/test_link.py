"""The link against a server that misbehaves. test_g<n>: a hazard of greenswitch 0.0.19, met."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from dataclasses import replace
from pathlib import Path

import gevent.monkey
import pytest

import ami_bridge.freeswitch
from ami_bridge.freeswitch.esl import Message
from ami_bridge.freeswitch.limits import Limits
from ami_bridge.lease import Lease
from ami_bridge.link import State
from hushtape.errors import (
    ActionRefused,
    AnswerTimeout,
    LinkLost,
    LoginRefused,
    TooBig,
    Unreachable,
    UnsafeValue,
)
from tests.integration.ami_bridge.freeswitch.hostile_esl import (
    AUTH,
    DENIED,
    GOODBYE,
    HostileEsl,
    Session,
    event,
    job,
    plain,
    raw_event,
    reply,
)
from tests.integration.ami_bridge.freeswitch.owner import PATIENT, PING, Owner
from tests.integration.ami_bridge.owners import running

CALLER = "9e134d14-ab1c-4b23-abe6-a78a63b502ff"
OTHER = "d6d2ec8f-508a-47a6-b395-4b2ab6123318"
RECORD = f"uuid_record {CALLER} start /spool/a.1.both.wav"
IDLE_CPU = 0.25  # of the time; 100 % would be an endless loop


async def test_commands_and_events(esl: HostileEsl) -> None:
    esl.says["show"] = '{"row_count":0}\n'
    async with running(Owner(esl.port)) as owner:
        session = await esl.session()
        await owner.heard("up")
        assert (owner.link.up, owner.link.state) == (True, State.UP)
        assert await owner.link.api("show channels as json") == '{"row_count":0}'
        session.push(event("CHANNEL_CREATE", Unique_ID=CALLER) + event("CHANNEL_DESTROY"))
        await owner.heard("CHANNEL_DESTROY")
        assert owner.told == ["up", "CHANNEL_CREATE", "CHANNEL_DESTROY"]
        assert owner.events[0]["Unique-ID"] == CALLER
    events = "BACKGROUND_JOB CHANNEL_CREATE CHANNEL_DESTROY RECORD_START CUSTOM hushtape::told"
    assert esl.commands[:2] == ["auth correct", f"event plain {events}"]
    assert owner.link.state is State.CLOSED
    assert owner.told.count("down") == 0


async def test_only_the_headers_asked_for_are_kept(esl: HostileEsl) -> None:
    async with running(Owner(esl.port, headers={"Unique-ID"})) as owner:
        session = await esl.session()
        await owner.heard("up")
        session.push(
            event("CHANNEL_CREATE", Unique_ID=CALLER, variable_digits="4111", Job_UUID="x")
        )
        session.push(plain({"Event-Name": "CHANNEL_DESTROY"}, b"a body"))
        await owner.heard("CHANNEL_DESTROY")
        assert "4111" not in repr(owner.events)
        assert set(owner.events[0]) - {"Job-UUID"} == {
            "Event-Name",
            "Event-Date-Timestamp",
            "Unique-ID",
        }
        assert set(owner.events[1]) == {"Event-Name"}


# G1, G2: what a caller may write


@pytest.mark.parametrize(
    "name", [f"x\nUnique-ID: {OTHER}", f"x\r\nUnique-ID: {OTHER}\n\nEvent-Name: CHANNEL_DESTROY"]
)
async def test_g1_an_encoded_line_break_begins_no_header(esl: HostileEsl, name: str) -> None:
    async with running(Owner(esl.port)) as owner:
        session = await esl.session()
        await owner.heard("up")
        session.push(event("CHANNEL_CREATE", Caller_Caller_ID_Name=name, Unique_ID=CALLER))
        session.push(event("CHANNEL_CREATE", Unique_ID=CALLER, Caller_Caller_ID_Name=name))
        await owner.heard("CHANNEL_CREATE", 2)
        for each in owner.events:
            assert each["Unique-ID"] == CALLER
            assert each["Caller-Caller-ID-Name"] == name


async def test_g1_of_a_header_that_comes_twice_the_first_counts(esl: HostileEsl) -> None:
    async with running(Owner(esl.port)) as owner:
        session = await esl.session()
        await owner.heard("up")
        lines = f"Event-Name: CHANNEL_CREATE\nUnique-ID: {CALLER}\nUnique-ID: {OTHER}\n"
        session.push(raw_event(lines.encode()))
        await owner.heard("CHANNEL_CREATE")
        assert owner.events[0]["Unique-ID"] == CALLER


async def test_g2_a_body_is_never_read_as_headers(esl: HostileEsl) -> None:
    lies = f"Event-Name: CHANNEL_CREATE\nUnique-ID: {OTHER}\nJob-UUID: another\n\n-ERR no"
    esl.says["uuid_dump"] = lies
    async with running(Owner(esl.port)) as owner:
        session = await esl.session()
        await owner.heard("up")
        assert await owner.link.api(f"uuid_dump {CALLER}") == lies
        session.push(plain({"Event-Name": "RECORD_START", "Unique-ID": CALLER}, lies.encode()))
        await owner.heard("RECORD_START")
        assert owner.told == ["up", "RECORD_START"]
        assert owner.events[0]["Unique-ID"] == CALLER
        assert owner.events[0]["_body"] == lies


async def test_g2_a_body_with_a_whole_frame_in_it_is_a_body(esl: HostileEsl) -> None:
    inside = event("CHANNEL_DESTROY", Unique_ID=OTHER).decode()
    esl.says["uuid_dump"] = inside
    async with running(Owner(esl.port)) as owner:
        session = await esl.session()
        await owner.heard("up")
        assert await owner.link.api("uuid_dump x") == inside.removesuffix("\n")
        session.push(event("CHANNEL_CREATE"))
        await owner.heard("CHANNEL_CREATE")
        assert owner.told == ["up", "CHANNEL_CREATE"]


async def test_json_is_read_as_well(esl: HostileEsl) -> None:
    said = f'{{"Event-Name":"CHANNEL_CREATE","Unique-ID":"{CALLER}","Unique-ID":"{OTHER}"}}'
    frame = f"Content-Length: {len(said)}\nContent-Type: text/event-json\n\n{said}"
    async with running(Owner(esl.port)) as owner:
        session = await esl.session()
        await owner.heard("up")
        session.push(frame.encode())
        await owner.heard("CHANNEL_CREATE")
        assert owner.events[0]["Unique-ID"] == CALLER


# G3, G4, G7: nothing waits for ever


async def test_g3_an_unanswered_command_times_out_and_its_late_answer_is_dropped(
    esl: HostileEsl,
) -> None:
    ids: list[str] = []
    esl.answers["uuid_record"] = lambda _, __, job_id: (
        ids.append(job_id) or reply(f"+OK Job-UUID: {job_id}", Job_UUID=job_id)  # type: ignore[func-returns-value]
    )
    async with running(Owner(esl.port)) as owner:
        session = await esl.session()
        await owner.heard("up")
        with pytest.raises(AnswerTimeout, match=r"uuid_record within 0\.05 s"):
            await owner.link.api(RECORD, 0.05)
        session.push(job(ids[0], "+OK Success\n") + event("CHANNEL_CREATE"))
        await owner.heard("CHANNEL_CREATE")
        assert await owner.link.api("uptime") == "+OK"
        assert owner.told == ["up", "CHANNEL_CREATE"]
        assert owner.link._connection is not None
        assert owner.link._connection.jobs == {}
        assert owner.link._connection.late == 1


async def test_g3_a_reply_that_never_comes_is_a_timeout_too(esl: HostileEsl) -> None:
    esl.answers["uuid_record"] = lambda *_: b""
    async with running(Owner(esl.port)) as owner:
        await owner.heard("up")
        with pytest.raises(AnswerTimeout):
            await owner.link.api(RECORD, 0.05)


async def test_one_that_hangs_holds_up_nobody(esl: HostileEsl) -> None:
    esl.silent_on = {"uuid_record"}
    async with running(Owner(esl.port)) as owner:
        await owner.heard("up")
        hanging = asyncio.create_task(owner.link.api(RECORD, 0.5))
        await esl.until(lambda: bool(esl.asked()))
        began_s = time.monotonic()
        assert await owner.link.api("uuid_record2") == "+OK"
        assert time.monotonic() - began_s < 0.3
        with pytest.raises(AnswerTimeout):
            await hanging


async def test_only_so_many_commands_are_under_way(esl: HostileEsl) -> None:
    esl.silent_on = {"uuid_record"}
    async with running(Owner(esl.port, replace(PATIENT, actions_under_way=1))) as owner:
        await owner.heard("up")
        first = asyncio.create_task(owner.link.api(RECORD, 0.3))
        await esl.until(lambda: bool(esl.asked()))
        with pytest.raises(AnswerTimeout):
            await owner.link.api("uptime", 0.05)
        with pytest.raises(AnswerTimeout):
            await first
        assert await owner.link.api("uptime") == "+OK"
        assert esl.asked() == [RECORD, "uptime"]


@pytest.mark.parametrize("after_s", [0, 0.05])  # before and after FreeSWITCH said that it begins
async def test_g4_a_cut_is_told_at_once_and_nothing_is_sent_again(
    esl: HostileEsl, after_s: float
) -> None:
    esl.silent_on = {"uuid_record"}
    async with running(Owner(esl.port)) as owner:
        session = await esl.session()
        await owner.heard("up")
        asking = asyncio.create_task(owner.link.api(RECORD))
        await esl.until(lambda: bool(esl.asked()))
        await asyncio.sleep(after_s)
        session.cut()
        with pytest.raises(LinkLost):
            await asking
        await owner.heard("up", 2)
        assert owner.told == ["up", "down", "up"]
        assert await owner.link.api("uptime") == "+OK"
        assert esl.asked() == [RECORD, "uptime"]
    assert esl.live == 0


async def test_without_a_link_a_command_fails_at_once(esl: HostileEsl) -> None:
    owner = Owner(esl.port)
    with pytest.raises(LinkLost):
        await owner.link.api(RECORD)
    async with running(owner):
        await owner.heard("up")
    with pytest.raises(LinkLost):
        await owner.link.api(RECORD)
    assert esl.asked() == []


async def test_g7_a_server_that_says_nothing_is_given_up(esl: HostileEsl) -> None:
    esl.greeting = b""
    limits = replace(PATIENT, connect_timeout_s=0.1, login_timeout_s=0.1)
    async with running(Owner(esl.port, limits)) as owner:
        await owner.heard("down")
        assert isinstance(owner.reasons[0], Unreachable)
        assert "did not log us in within 0.2 s" in str(owner.reasons[0])
        await owner.until(lambda: len(owner.pauses) >= 2)  # it tries again
    assert esl.commands == []  # no password to what doesn't ask for it


async def test_g7_nor_one_that_says_nothing_to_the_password(esl: HostileEsl) -> None:
    esl.mute = True
    limits = replace(PATIENT, connect_timeout_s=0.1, login_timeout_s=0.1)
    async with running(Owner(esl.port, limits)) as owner:
        await owner.heard("down")
        assert "did not log us in" in str(owner.reasons[0])


async def test_a_half_open_link_is_noticed(esl: HostileEsl) -> None:
    async with running(Owner(esl.port, PING)) as owner:
        await owner.heard("up")
        esl.mute = True
        await owner.heard("down")
        assert str(owner.reasons[0]) == "no answer to a ping within 0.2 s"
        esl.mute = False
        await owner.heard("up", 2)
    assert esl.commands.count("bgapi hostname") >= 1


# G5: the end in the middle of something


@pytest.mark.parametrize(
    "half",
    [
        b"Content-Length: 900\nContent-Type: text/event-plain\n\nEvent-Name: CHANNEL_CREATE\n",
        b"Content-Length: 900\nContent-Ty",
        b"Content-Type: api/response\nContent-Length: 14\n\n-ERR no",
    ],
)
async def test_g5_an_end_in_a_frame_costs_no_time(esl: HostileEsl, half: bytes) -> None:
    async with running(Owner(esl.port)) as owner:
        session = await esl.session()
        await owner.heard("up")
        owner.most_pauses = 1
        session.push(event("CHANNEL_DESTROY") + half)
        session.hang_up()
        await owner.heard("down")
        cpu_s = time.process_time()
        await asyncio.sleep(0.4)
        assert time.process_time() - cpu_s < IDLE_CPU * 0.4
        assert owner.told == ["up", "CHANNEL_DESTROY", "down"]
        assert "in the middle of a frame" in str(owner.reasons[0])


# G6: what is no UTF-8, and what is split


async def test_g6_what_is_no_utf8_ends_nothing(esl: HostileEsl) -> None:
    esl.answers["uuid_getvar"] = lambda _, __, job_id: (
        b"Content-Type: command/reply\nReply-Text: +OK \xff\xfe\n"
        + f"Job-UUID: {job_id}\n\n".encode()
        + plain({"Event-Name": "BACKGROUND_JOB", "Job-UUID": job_id}, b"Zo\xeb\xff")
    )
    async with running(Owner(esl.port)) as owner:
        session = await esl.session()
        await owner.heard("up")
        assert await owner.link.api("uuid_getvar x y") == "Zo��"
        session.push(raw_event(b"Event-Name: CHANNEL_CREATE\nX: %FF%FE\nY: \xff\n\xff\xfe: 1\n"))
        await owner.heard("CHANNEL_CREATE")
        assert (owner.events[0]["X"], owner.events[0]["Y"]) == ("��", "�")
        assert await owner.link.api("uptime") == "+OK"
    assert owner.told == ["up", "CHANNEL_CREATE"]


async def test_g6_a_character_split_between_reads_survives(esl: HostileEsl) -> None:
    async with running(Owner(esl.port)) as owner:
        session = await esl.session()
        await owner.heard("up")
        raw = raw_event("Event-Name: CHANNEL_CREATE\nX: Zoë Šimůnek\n".encode())
        encoded = event("CHANNEL_DESTROY", X="Zoë Šimůnek")
        await session.push_bytewise(raw + encoded)
        await owner.heard("CHANNEL_DESTROY")
        assert [each["X"] for each in owner.events] == ["Zoë Šimůnek"] * 2


# G8: what may not be sent


@pytest.mark.parametrize("bad", ["x\n\napi shutdown", "x\nJob-UUID: y", "x\r", "x\0", "x\ud800"])
async def test_g8_a_line_break_is_refused_and_nothing_is_sent(esl: HostileEsl, bad: str) -> None:
    async with running(Owner(esl.port)) as owner:
        await owner.heard("up")
        with pytest.raises(UnsafeValue) as refused:
            await owner.link.api(f"uuid_setvar {CALLER} HUSHTAPE_CALL {bad}")
        assert "shutdown" not in str(refused.value)
        assert esl.asked() == []
        assert owner.link.up


def test_g8_nor_in_a_password() -> None:
    with pytest.raises(UnsafeValue):
        Owner(1, password="x\n\napi shutdown")


# G9: nothing is dropped in silence


async def test_g9_events_that_arrived_before_the_end_are_handled(esl: HostileEsl) -> None:
    class Slow(Owner):
        async def on_event(self, event: Message) -> None:
            await asyncio.sleep(0.001)
            await super().on_event(event)

    async with running(Slow(esl.port)) as owner:
        session = await esl.session()
        await owner.heard("up")
        session.push(b"".join(event("CHANNEL_CREATE", N=str(n)) for n in range(100)) + GOODBYE)
        session.hang_up()
        await owner.heard("down")
        assert [each["N"] for each in owner.events] == [str(n) for n in range(100)]
        assert owner.told[-1] == "down"
        assert "ends the connection" in str(owner.reasons[0])


async def test_g9_events_wait_until_the_resync_is_done(esl: HostileEsl) -> None:
    class Resyncing(Owner):
        async def on_up(self) -> None:
            (await esl.session()).push(event("CHANNEL_CREATE"))
            await self.link.api("show channels as json")
            await asyncio.sleep(0.05)
            await super().on_up()

    async with running(Resyncing(esl.port)) as owner:
        await owner.heard("CHANNEL_CREATE")
        assert owner.told == ["up", "CHANNEL_CREATE"]


# G10: it comes back


async def test_g10_backoff_and_one_word_of_it(
    esl: HostileEsl, caplog: pytest.LogCaptureFixture
) -> None:
    port = esl.port
    await esl.close()
    owner = Owner(port)
    owner.most_pauses = 8
    async with running(owner):
        await owner.until(lambda: len(owner.pauses) == 8)
    assert owner.pauses == [0.25, 0.5, 1, 2, 2.5, 2.5, 2.5, 2.5]
    assert owner.told == ["down"]
    assert str(owner.reasons[0]) == f"town-hall (127.0.0.1:{port}): Connection refused"
    assert len([each for each in caplog.records if "the link is down" in each.message]) == 1
    await esl.start()


async def test_g10_closed_is_closed(esl: HostileEsl) -> None:
    async with running(Owner(esl.port)) as owner:
        await owner.heard("up")
        await owner.link.close()
        await esl.until(lambda: esl.live == 0)
        await asyncio.sleep(0.1)
    assert len(esl.sessions) == 1


async def test_g10_closing_while_it_connects(esl: HostileEsl) -> None:
    esl.greeting = b""
    async with running(Owner(esl.port)):
        await esl.until(lambda: len(esl.sessions) == 1)
        began_s = time.monotonic()
    assert time.monotonic() - began_s < 1
    assert esl.live <= 1


async def test_g10_a_host_without_an_ipv4_address_is_told(esl: HostileEsl) -> None:
    async with running(Owner(esl.port, host="::1")) as owner:
        await owner.heard("down")
        assert isinstance(owner.reasons[0], Unreachable)
        assert "has no IPv4 address" in str(owner.reasons[0])


# G11: what nobody asked for


async def test_g11_a_disconnect_notice_is_read_with_its_body(esl: HostileEsl) -> None:
    async with running(Owner(esl.port)) as owner:
        session = await esl.session()
        await owner.heard("up")
        session.push(GOODBYE)
        await owner.heard("down")
        assert "ends the connection" in str(owner.reasons[0])
        await owner.heard("up", 2)


@pytest.mark.parametrize(
    "unasked",
    [reply("+OK"), b"Content-Type: api/response\nContent-Length: 3\n\n+OK", reply("-ERR")],
)
async def test_g11_an_answer_that_nobody_asked_for_ends_the_link(
    esl: HostileEsl, unasked: bytes
) -> None:
    async with running(Owner(esl.port)) as owner:
        session = await esl.session()
        await owner.heard("up")
        session.push(event("CHANNEL_CREATE") + unasked)
        await owner.heard("up", 2)
        assert owner.told == ["up", "CHANNEL_CREATE", "down", "up"]
        assert "nobody had asked" in str(owner.reasons[0])


async def test_g11_two_replies_to_one_command_never_pass_for_another_ones(
    esl: HostileEsl,
) -> None:
    def twice(_: Session, __: str, job_id: str) -> bytes:
        return 2 * reply(f"+OK Job-UUID: {job_id}", Job_UUID=job_id)

    esl.answers["uuid_record"] = twice
    async with running(Owner(esl.port)) as owner:
        await owner.heard("up")
        results = await asyncio.gather(
            owner.link.api(RECORD), owner.link.api("uptime"), return_exceptions=True
        )
        assert {type(each) for each in results} == {LinkLost}
        await owner.heard("up", 2)


async def test_g11_replies_in_another_order_never_pass_for_each_other(esl: HostileEsl) -> None:
    first: list[str] = []

    def late(_: Session, __: str, job_id: str) -> bytes:
        first.append(reply(f"+OK Job-UUID: {job_id}", Job_UUID=job_id).decode())
        return b""

    def swapped(_: Session, __: str, job_id: str) -> bytes:
        own = reply(f"+OK Job-UUID: {job_id}", Job_UUID=job_id)
        return own + first[0].encode() + job(job_id, "+OK\n")

    esl.answers = {"uuid_record": late, "uptime": swapped}
    async with running(Owner(esl.port)) as owner:
        await owner.heard("up")
        results = await asyncio.gather(
            owner.link.api(RECORD, 1), owner.link.api("uptime", 1), return_exceptions=True
        )
        assert {type(each) for each in results} == {LinkLost}
        await owner.heard("up", 2)
        assert "aren't those to our questions" in str(owner.reasons[0])


async def test_g11_two_results_of_one_job(esl: HostileEsl) -> None:
    esl.answers["uuid_record"] = lambda _, __, job_id: (
        reply(f"+OK Job-UUID: {job_id}", Job_UUID=job_id)
        + job(job_id, "+OK first\n")
        + job(job_id, "-ERR second\n")
        + job("somebody-elses", "-ERR third\n")
    )
    async with running(Owner(esl.port)) as owner:
        await owner.heard("up")
        assert await owner.link.api(RECORD) == "+OK first"
        assert await owner.link.api("uptime") == "+OK"
        assert owner.told == ["up"]


async def test_nobody_can_feign_an_answer(esl: HostileEsl) -> None:
    esl.silent_on = {"uuid_record"}
    async with running(Owner(esl.port)) as owner:
        session = await esl.session()
        await owner.heard("up")
        asking = asyncio.create_task(owner.link.api(RECORD, 0.3))
        await esl.until(lambda: bool(esl.asked()))
        for guess in ("hushtape-1", "1", "", "hushtape-0000000000000000-1"):
            session.push(job(guess, "+OK Success"))
        with pytest.raises(AnswerTimeout):
            await asking


# Logging in


async def test_a_wrong_password_is_told_once_and_tried_seldom(
    esl: HostileEsl, caplog: pytest.LogCaptureFixture
) -> None:
    owner = Owner(esl.port, password="hunter2")
    owner.most_pauses = 3
    async with running(owner):
        await owner.until(lambda: len(owner.pauses) == 3)
        assert owner.link.state is State.REFUSED
    assert owner.told == ["down"]
    assert isinstance(owner.reasons[0], LoginRefused)
    assert str(owner.reasons[0]) == f"town-hall (127.0.0.1:{esl.port}) refused the password"
    assert owner.pauses == [45, 45, 45]
    errors = [each for each in caplog.records if each.levelno >= logging.ERROR]
    assert len(errors) == 1
    assert "hunter2" not in caplog.text


async def test_an_acl_that_refuses_us_is_told_and_tried_seldom(esl: HostileEsl) -> None:
    esl.greeting = DENIED
    owner = Owner(esl.port)
    owner.most_pauses = 2
    async with running(owner):
        await owner.until(lambda: len(owner.pauses) == 2)
    assert isinstance(owner.reasons[0], LoginRefused)
    assert "doesn't let this machine's address in (its ACL)" in str(owner.reasons[0])
    assert owner.pauses == [45, 45]
    assert esl.commands == []


async def test_one_that_tells_no_events_is_no_use(esl: HostileEsl) -> None:
    esl.subscription = reply("-ERR permission denied")
    async with running(Owner(esl.port)) as owner:
        await owner.heard("down")
        assert "tells no events: '-ERR permission denied'" in str(owner.reasons[0])


@pytest.mark.parametrize("greeting", [b"SSH-2.0-OpenSSH_9\r\n\n\n", b"x" * 100_000, b"a: b\n\n"])
async def test_what_is_no_event_socket_gets_no_password(esl: HostileEsl, greeting: bytes) -> None:
    esl.greeting = greeting
    async with running(Owner(esl.port)) as owner:
        await owner.heard("down")
        assert "no FreeSWITCH event socket" in str(owner.reasons[0])
    assert esl.commands == []


async def test_the_login_byte_by_byte(esl: HostileEsl) -> None:
    esl.greeting = b""
    async with running(Owner(esl.port)) as owner:
        await esl.until(lambda: len(esl.sessions) == 1)
        await esl.sessions[0].push_bytewise(AUTH)
        await owner.heard("up")


# Sizes


@pytest.mark.parametrize("length", [b"1000001", b"99999999999", b"-1", b"1e3", b""])
async def test_g5_a_frame_that_is_too_big_or_has_no_size(esl: HostileEsl, length: bytes) -> None:
    async with running(Owner(esl.port, replace(PATIENT, frame_bytes=1_000_000))) as owner:
        session = await esl.session()
        await owner.heard("up")
        session.push(event("CHANNEL_CREATE"))
        session.push(b"Content-Type: text/event-plain\nContent-Length: " + length + b"\n\nx")
        await owner.heard("up", 2)
        assert owner.told == ["up", "CHANNEL_CREATE", "down", "up"]
        kind = TooBig if length.isdigit() else LinkLost
        assert isinstance(owner.reasons[0], kind)


async def test_an_answer_of_ten_megabytes(esl: HostileEsl) -> None:
    esl.says["show"] = "x" * 10_000_000
    async with running(Owner(esl.port)) as owner:
        await owner.heard("up")
        assert len(await owner.link.api("show channels as json", 10)) == 10_000_000


# What a command says


@pytest.mark.parametrize("said", ["-ERR No such channel!\n", "-USAGE: <uuid>\n"])
async def test_a_refused_command(esl: HostileEsl, said: str) -> None:
    esl.says["uuid_record"] = said
    async with running(Owner(esl.port)) as owner:
        await owner.heard("up")
        with pytest.raises(ActionRefused, match="refused uuid_record") as refused:
            await owner.link.api(RECORD)
        assert refused.value.answer == said.strip()


async def test_a_command_that_may_not_be_given(esl: HostileEsl) -> None:
    esl.answers["uuid_record"] = lambda *_: reply("-ERR permission denied")
    async with running(Owner(esl.port)) as owner:
        await owner.heard("up")
        with pytest.raises(ActionRefused, match="permission denied"):
            await owner.link.api(RECORD)
        assert owner.link.up


async def test_a_command_that_says_nothing(esl: HostileEsl) -> None:
    async with running(Owner(esl.port)) as owner:
        await owner.heard("up")
        assert await owner.link.get_global("HUSHTAPE_BRIDGE") == ""
        await owner.link.set_global("HUSHTAPE_BRIDGE", "ab;;serves;1.ab.1")
        assert await owner.link.get_global("HUSHTAPE_BRIDGE") == "ab;;serves;1.ab.1"


async def test_of_two_bridges_one_waits(esl: HostileEsl) -> None:
    def owner_of(name: str) -> Owner:
        lease = Lease(
            "town-hall",
            name,
            lambda variable: owner.link.get_global(variable),
            lambda variable, text: owner.link.set_global(variable, text),
            lambda: owner.link.heard_at,
        )
        owner = Owner(esl.port, Limits(), turn=lease)
        return owner

    async with running(owner_of("aa")) as first:
        await first.heard("up")
        async with running(owner_of("bb")) as second:
            session = await esl.session(1)
            session.push(event("CHANNEL_CREATE"))
            await esl.until(lambda: esl.commands.count("bgapi global_getvar HUSHTAPE_BRIDGE") > 3)
            assert second.told == []
            assert second.link.state is State.WAITING
            assert esl.variables["HUSHTAPE_BRIDGE"].startswith("aa;")


# gevent stays where it is


async def test_nothing_is_patched_and_the_hub_has_a_thread_of_its_own(esl: HostileEsl) -> None:
    async with running(Owner(esl.port)) as owner:
        await owner.heard("up")
        assert "esl town-hall" in [each.name for each in threading.enumerate()]
        assert not gevent.monkey.saved
    package = Path(ami_bridge.freeswitch.__file__).parent
    assert not [
        each
        for each in package.glob("*.py")
        if "monkey" in each.read_text().lower().replace("monkey-patch", "")
    ]
