from __future__ import annotations

import random

import pytest

from ami_bridge.freeswitch.mask import KINDS, Masker
from ami_bridge.freeswitch.said import HEADERS
from ami_bridge.freeswitch.trace import JOB_HEADERS
from hushtape.config import Pbx

PBX = Pbx(
    kind="freeswitch",
    host="127.0.0.1",
    spool="/spool",
    outside_contexts=("from-outside",),
    queues={"611": "customer-service", "60000": "desk-12345"},
    extensions=("2XX", "710", "agent1"),
    outside=("90.",),
    outside_prefix="9",
)
CALLER, DID = "07900123001", "03456009009"
UUID = "d72d63ff-5a21-480f-8e5b-431b7acbc7be"
CALL = "20261121-131500-k3f7x2m7"


@pytest.fixture
def masker() -> Masker:
    return Masker(PBX, (), random.Random(1))


def one(masker: Masker, header: str, value: str) -> str:
    return masker.headers({"Event-Name": "CHANNEL_ANSWER", header: value})[header]


def test_a_caller_is_somebody_else_the_same_everywhere(masker: Masker) -> None:
    number = one(masker, "Caller-Caller-ID-Number", CALLER)
    assert (number.isdigit(), len(number), number != CALLER) == (True, len(CALLER), True)
    name = one(masker, "Channel-Name", f"sofia/outside/{CALLER}@198.51.100.7:5060")
    assert name.startswith(f"sofia/outside/{number}@")
    assert name.endswith(":5060")
    assert "198.51.100.7" not in name
    assert one(masker, "Caller-Caller-ID-Name", CALLER) == number
    assert one(masker, "Caller-Destination-Number", f"9{CALLER}") == f"9{number}"
    assert one(masker, "Channel-Name", f"loopback/9{CALLER}-b") == f"loopback/9{number}-b"
    assert one(masker, "Channel-Name", f"sofia/gateway/{CALLER}") == f"sofia/gateway/{number}"


def test_an_address_is_the_same_in_a_name_and_as_presence(masker: Masker) -> None:
    presence = one(masker, "Channel-Presence-ID", "zoe.hara@pbx.example")
    user, _, host = presence.partition("@")
    assert (user == "zoe.hara", host == "pbx.example") == (False, False)
    name = one(masker, "Channel-Name", "sofia/internal/sip:zoe.hara@pbx.example:5060")
    assert name == f"sofia/internal/sip:{user}@{host}:5060"
    assert one(masker, "variable_dialed_user", "zoe.hara") == user
    assert one(masker, "Caller-Callee-ID-Number", "zoe.hara") == user
    assert one(masker, "CC-Agent", "zoe.hara@default").startswith(f"{user}@")
    six = one(masker, "Channel-Name", "sofia/internal/211@[2001:db8::7]:5060")
    assert six.startswith("sofia/internal/211@[")
    assert "2001" not in six


@pytest.mark.parametrize(
    ("header", "value"),
    [
        ("Unique-ID", UUID),
        ("variable_bridge_to", UUID),
        ("Application-Data", UUID),
        ("Media-Bug-Target", UUID),
        ("Caller-Destination-Number", "611"),
        ("Caller-Destination-Number", "60000"),
        ("Caller-Destination-Number", "*8"),
        ("Caller-Destination-Number", "agent1"),
        ("Caller-Caller-ID-Number", "211"),
        ("Caller-Caller-ID-Name", ""),
        ("Caller-Caller-ID-Name", "Anonymous"),
        ("Caller-Context", "from-outside"),
        ("Channel-Name", "loopback/211-a"),
        ("CC-Queue", "customer-service@default"),
        ("variable_sip_gateway_name", "trunk"),
        ("Record-File-Path", f"/spool/{CALL}.2.both.wav"),
        ("variable_HUSHTAPE_CALL", f"{CALL} recorded"),
        ("variable_HUSHTAPE_PAID", "began:1795283075:key:1795283099.999"),
        ("Event-Date-Timestamp", "1795283075287190"),
    ],
)
def test_what_a_translation_needs_stays(masker: Masker, header: str, value: str) -> None:
    assert one(masker, header, value) == value


@pytest.mark.parametrize(
    ("header", "value", "secret"),
    [
        ("Unique-ID", "zoe-hara-1", "hara"),
        ("Channel-Name", "sofia/x/zoe@h;tag=Hara", "Hara"),
        ("Caller-Destination-Number", "zoe.hara", "hara"),
        ("Caller-Destination-Number", "+44 7900 123001", "123001"),
        ("Caller-Caller-ID-Name", "Zoë Hara", "Hara"),
        ("Caller-Caller-ID-Name", "Zo\udceb Hara", "Hara"),
        ("Record-File-Path", f"/spool/{CALLER}.wav", CALLER),
        ("Media-Bug-Target", f"/other/{CALL}.2.{CALLER}.wav", CALLER),
        ("Hushtape-By", "Zoe", "Zoe"),
        ("variable_card", "4242424242424242", "4242424242424242"),
        ("Whatever", "Zoë, born 1990", "1990"),
    ],
)
def test_what_it_does_not_need_is_masked(
    masker: Masker, header: str, value: str, secret: str
) -> None:
    hidden = one(masker, header, value)
    assert secret not in hidden
    assert len(hidden) == len(value)


def test_an_id_that_somebody_chose_is_masked_the_same_each_time(masker: Masker) -> None:
    ids = {
        one(masker, header, "a-hara@b") for header in ("Unique-ID", "Bridge-A-Unique-ID", "uuid")
    }
    assert len(ids) == 1
    job = {"Job-Command": "uuid_dump", "Job-Command-Arg": "a-hara@b json"}
    assert masker.headers(job)["Job-Command-Arg"] == f"{ids.pop()} json"
    ours = {"Job-Command": "show", "Job-Command-Arg": "channels as json"}
    assert masker.headers(ours) == ours


def test_the_number_that_a_caller_dials_is_the_services_own_and_no_later_one(
    masker: Masker,
) -> None:
    event = {"Call-Direction": "inbound", "Caller-Context": "from-outside"}
    sent = {**event, "Channel-State": "CS_ROUTING", "Caller-Destination-Number": CALLER}
    assert masker.headers(sent)["Caller-Destination-Number"] != CALLER
    inside = {**event, "Channel-State": "CS_INIT", "Caller-Context": "internal"}
    inside["Caller-Destination-Number"] = "07900123002"
    assert masker.headers(inside)["Caller-Destination-Number"] != "07900123002"
    comes = {**event, "Channel-State": "CS_INIT", "Caller-Destination-Number": DID}
    assert masker.headers(comes)["Caller-Destination-Number"] == DID
    row = {"uuid": UUID, "initial_context": "from-outside", "initial_dest": "01632960115"}
    assert masker.headers(row) == row


def test_what_the_dialplan_says_to_us_stays(masker: Masker) -> None:
    told = {"Event-Subclass": "hushtape::told", "Hushtape-Act": "opt-out", "Hushtape-By": "caller"}
    assert masker.headers(told) == told
    other = told | {"Event-Subclass": "survey::told"}
    assert masker.headers(other)["Hushtape-By"] != "caller"


@pytest.mark.parametrize(
    ("command", "argument", "said", "stays"),
    [
        ("uuid_record", UUID, "+OK Success", True),
        ("uuid_record", UUID, "-ERR Cannot stop record session!", True),
        ("global_getvar", "HUSHTAPE_BRIDGE", "ab;2026-11-21;left", True),
        ("global_getvar", "name", "Zoe Hara", False),
        ("hostname", "", "pbx-of-hara", False),
        ("uuid_buglist", UUID, "<target>/x/Hara.wav</target>", False),
    ],
)
def test_answers(masker: Masker, command: str, argument: str, said: str, stays: bool) -> None:
    hidden = masker.answer({"Job-Command": command, "Job-Command-Arg": argument}, said)
    assert (hidden == said) is stays
    assert len(hidden) == len(said)


def test_every_header_that_is_kept_is_known_here() -> None:
    ours = {each for each in HEADERS if each.startswith("variable_HUSHTAPE_")}
    assert (HEADERS | JOB_HEADERS) - ours - set(KINDS) == {"Job-Command-Arg"}
