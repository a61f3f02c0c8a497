"""What contract tests share: a FreeSWITCH, and calls without telephones.

HUSHTAPE_TEST_ESL=host:port:password names a real one's event socket. It has
dialplan/freeswitch/hushtape.xml, as docs/freeswitch.md says, and mod_loopback: its `null` channels
are telephones that answer at once and hear nothing. No other call is touched. Where none is named,
the tests' own fake one has to do as it does.
"""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from tests.esl_client import TOLD, Address, EslClient, Event, read_address
from tests.fake_freeswitch import contract

WHERE = os.environ.get("HUSHTAPE_TEST_ESL", "")
EVENTS = (
    "CHANNEL_CREATE CHANNEL_BRIDGE CHANNEL_EXECUTE CHANNEL_EXECUTE_COMPLETE CHANNEL_HANGUP_COMPLETE"
    f" RECORD_STOP CUSTOM {TOLD}"
)
ARRIVES_S = 5.0
OURS = "hushtape-test"  # in the name of every channel


class Switch:
    """A FreeSWITCH that is watched and asked by one session, and answered by another."""

    def __init__(self, address: Address) -> None:
        self.address = address
        self.eyes = EslClient(address, EVENTS)
        self.hand = EslClient(address)
        self.ours: list[str] = []

    def close(self) -> None:
        self.hang_up()
        self.eyes.close()
        self.hand.close()

    def hang_up(self) -> None:
        """End every call that a test has made."""
        self.eyes.on_event = None
        for created in self.eyes.heard(lambda event: event["Event-Name"] == "CHANNEL_CREATE"):
            if OURS in created["Channel-Name"] and created["Unique-ID"] not in self.ours:
                self.ours.append(created["Unique-ID"])
        for uuid in self.ours:
            self.hand.api(f"uuid_kill {uuid}")
        self.ours = []
        self.eyes.events.clear()

    def call(self, what: str, name: str = "caller", **variables: str) -> str:
        """A call that does `what` (applications, as the inline dialplan takes them); its uuid."""
        said = ",".join(f"{key}='{value}'" for key, value in variables.items())
        head = f"{{{said}}}" if said else ""
        answer = self.hand.api(f"originate {head}null/{OURS}-{name} '{what}' inline")
        assert answer.startswith("+OK "), answer
        self.ours.append(answer.split()[1])
        return self.ours[-1]

    def talk(self, one: str, other: str) -> None:
        """Let two calls talk with each other."""
        mark = self.eyes.mark()
        assert self.hand.api(f"uuid_bridge {one} {other}").startswith("+OK")
        self.eyes.wait_for(lambda event: event["Event-Name"] == "CHANNEL_BRIDGE", ARRIVES_S, mark)

    def told(self, since: int = 0) -> list[tuple[str, str]]:
        """What the dialplan has told: acts, and by whom."""
        said = self.eyes.heard(lambda event: event.get("Event-Subclass") == TOLD, since)
        return [(event["Hushtape-Act"], event["Hushtape-By"]) for event in said]

    def wait_told(self, act: str, since: int = 0) -> Event:
        """The event with this act, once it has come."""
        return self.eyes.wait_for(lambda event: event.get("Hushtape-Act") == act, ARRIVES_S, since)

    def recorders(self, uuid: str) -> int:
        """How many recorders a channel has."""
        return self.hand.api(f"uuid_buglist {uuid}").count("session_record")

    def record(self, uuid: str, name: str) -> None:
        """Start a recorder, whose file FreeSWITCH deletes itself."""
        self.hand.api(f"uuid_setvar {uuid} RECORD_MIN_SEC 3600")
        folder = self.hand.api("global_getvar recordings_dir")
        answer = self.hand.api(f"uuid_record {uuid} start {folder}/{OURS}-{name}.wav")
        assert answer.startswith("+OK"), answer


@pytest.fixture(scope="session")
def where(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Address]:
    """Where the FreeSWITCH is that is tried."""
    if WHERE:
        yield read_address(WHERE)
        return
    fake = contract.make(tmp_path_factory.mktemp("freeswitch"))
    fake.start()
    try:
        yield Address("127.0.0.1", fake.esl_port, fake.password)
        assert fake.failures == []
    finally:
        fake.stop()


@pytest.fixture(scope="session")
def freeswitch(where: Address) -> Iterator[Switch]:
    switch = Switch(where)
    found = switch.hand.api("xml_locate dialplan context name hushtape")
    if "hushtape-guard" not in found:
        switch.close()
        pytest.fail(
            "this FreeSWITCH has no dialplan/freeswitch/hushtape.xml: see docs/freeswitch.md"
        )
    yield switch
    switch.close()


@pytest.fixture
def switch(freeswitch: Switch) -> Iterator[Switch]:
    yield freeswitch
    freeswitch.hang_up()
