"""The fake FreeSWITCH is held to what a real one said: same acts, same events, leg by leg."""

from __future__ import annotations

import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from ami_bridge.freeswitch.esl import Cutter, Message, parse
from ami_bridge.freeswitch.said import HEADERS
from tests.esl_client import Address, EslClient
from tests.fake_freeswitch import contract
from tests.fake_freeswitch.recorded_acts import ACTS
from tests.fake_freeswitch.recorded_acts import play as played_anew
from tests.playback_esl import SESSIONS
from tests.sessions import LONG_AGO

AT_ONCE = 14
WITHIN_S = 5.0
STATES = ("CS_NEW", "CS_INIT", "CS_ROUTING")
ACTIONS = (
    "member-queue-start",
    "member-queue-end",
    "agent-offering",
    "bridge-agent-start",
    "bridge-agent-end",
    "bridge-agent-fail",
)
PASSED_OVER = (
    "Event-Date-Timestamp",
    "Old-Unique-ID",
    "variable_current_application",
    "Channel-State",  # the threads of a real one race
    "Application",
)
UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
CONTACT = re.compile(r"(\d{3})-0x[0-9a-f]+")
PEER = re.compile(r"sofia/[a-z]+/([^@]+)(?:@.*)?")

FOLDER = re.compile(r"^.*(?=/spool/)")

Told = dict[str, str]


def _events(data: bytes) -> Iterator[Message]:
    for frame in Cutter().feed(data):
        event = parse(frame, LONG_AGO, HEADERS)
        if event is not None:
            yield event


def _legs(data: bytes, names: set[str]) -> dict[str, list[Told]]:
    """What was told of each leg, in words that are the same in every session."""
    roles: dict[str, str] = {}
    legs: dict[str, list[Told]] = {}
    for event in _events(data):
        name = event.get("Event-Name", "")
        if name not in names or not _counts(event):
            continue
        uuid = event.get("Unique-ID", "")
        if uuid:
            roles.setdefault(uuid, f"leg {len(roles) + 1}")
        told = {key: _plain(value, roles) for key, value in event.items()}
        told = {key: value for key, value in told.items() if key not in PASSED_OVER and value}
        if name == "CUSTOM":
            told = {key: value for key, value in told.items() if key.startswith(("Event", "CC-"))}
        # A queue looks ten times a second what has become of its calls.
        leg = f"queue, agent {event.get('CC-Agent')}" if name == "CUSTOM" else roles[uuid]
        legs.setdefault(leg, []).append(told)
    return legs


def _counts(event: Message) -> bool:
    match event.get("Event-Name"):
        case "CHANNEL_STATE":
            return event.get("Channel-State") in STATES
        case "CHANNEL_EXECUTE":
            return False  # the dialplan is another one
        case "CUSTOM":
            return event.get("CC-Action") in ACTIONS
    return True


def _plain(value: str, roles: dict[str, str]) -> str:
    value = UUID.sub(lambda found: roles.get(found[0], "?"), value)
    value = CONTACT.sub(r"\1", value)
    value = FOLDER.sub("", value)
    value = value.replace("silence_stream://-1", "local_stream://moh")
    value = PEER.sub(r"sofia/\1", value)
    return re.sub(r"\b1[0-9]{9}\b", "EPOCH", value)


@pytest.fixture(scope="session")
def played(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[bytes, list[str]]]:
    """All sessions, many at a time: they take their time, and no processor."""
    folder = tmp_path_factory.mktemp("played")

    def play(name: str) -> tuple[bytes, list[str]]:
        return played_anew(name, Path(folder) / name)

    with ThreadPoolExecutor(AT_ONCE) as pool:
        return dict(zip(ACTS, pool.map(play, ACTS), strict=True))


@pytest.mark.parametrize("name", sorted(ACTS))
def test_what_the_fake_says_is_what_the_real_one_said(
    played: dict[str, tuple[bytes, list[str]]], name: str
) -> None:
    said, failures = played[name]
    assert failures == []
    real = SESSIONS[name].read_bytes()
    names = {event.get("Event-Name", "") for event in _events(real)}
    expected, found = _legs(real, names), _legs(said, names)
    assert list(found) == list(expected)
    for leg, events in expected.items():
        ours = [each["Event-Name"] + each.get("CC-Action", "") for each in found[leg]]
        theirs = [each["Event-Name"] + each.get("CC-Action", "") for each in events]
        assert ours == theirs, leg
        for mine, true in zip(found[leg], events, strict=True):
            assert mine == true, leg


def test_a_cut_ends_every_connection_and_calls_go_on(tmp_path: Path) -> None:
    fake = contract.make(tmp_path / "cut")
    fake.start()
    try:
        address = Address("127.0.0.1", fake.esl_port, fake.password)
        both = [EslClient(address), EslClient(address, "CHANNEL_CREATE")]
        uuid = both[0].api("originate null/somebody park inline").split()[1]
        fake.cut()
        for client in both:
            assert client.ended(WITHIN_S)
            client.close()
        again = EslClient(address)
        assert again.api(f"uuid_exists {uuid}") == "true"
        again.close()
    finally:
        fake.stop()
    assert fake.failures == []
