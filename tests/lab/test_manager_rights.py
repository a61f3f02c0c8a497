"""Each right of the manager account that Hushtape ships is needed: see what is lacking without it.

No other is needed: every action that the bridge sends is allowed.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest
from structlog.testing import capture_logs

from ami_bridge.asterisk import actions
from ami_bridge.asterisk import station as stations
from ami_bridge.asterisk.station import AsteriskStation
from hushtape.config import Pbx
from lab.asterisk import Asterisk
from lab.eyes import Event, event
from lab.observer import Observer
from lab.waiting import until

SHIPPED = Path(__file__).parents[2] / "dialplan" / "asterisk" / "hushtape-manager.conf"
TIMEOUT_S = 10.0
LOOK_EVERY_S = 0.5
SECRET = "of-the-test"
DENIED = "Permission denied"
WHOLE = ""  # the account as it is shipped
DIALPLAN = """
[calls]
exten => s,1,Set(HUSHTAPE_OPT_OUT=caller)
 same => n,UserEvent(Hushtape,Act: opt-out,By: caller)
 same => n,Queue(help-line)
[answers]
exten => s,1,Answer()
 same => n,Wait(30)
"""

# What isn't told to an account without a right to read, and is told to the whole one.
UNTOLD = {
    "call": {"Newchannel", "BridgeEnter", "DialBegin", "MixMonitorStart", "Hangup"},
    "agent": {"QueueCallerJoin", "AgentCalled", "AgentConnect", "QueueCallerLeave"},
    "user": {"UserEvent"},
}
# What isn't done for an account without a right to write, and is done for the whole one.
NOT_DONE = {
    "call": {"Setvar", "Getvar"},
    "system": {"MixMonitor"},
}


def rights(kind: str) -> list[str]:
    """What the shipped account may read or write."""
    found = re.search(rf"^{kind} = (.*)$", SHIPPED.read_text(encoding="utf-8"), re.MULTILINE)
    assert found is not None
    return found[1].split(",")


def poorer() -> Iterator[tuple[str, str, str]]:
    """An account without each of the rights: its name, what it may read, what it may write."""
    for right in rights("read"):
        left = [each for each in rights("read") if each != right]
        yield f"unread-{right}", ",".join(left), ",".join(rights("write"))
    for right in rights("write"):
        left = [each for each in rights("write") if each != right]
        yield f"unwritten-{right}", ",".join(rights("read")), ",".join(left)


def outcomes(session: Observer, channel: str) -> dict[str, str]:
    """Have every kind of the bridge's actions carried out once: action -> Asterisk's answer."""
    said = {}
    for asked in (
        actions.ping(),
        actions.set_variable(channel, "HUSHTAPE_TEST", "yes"),
        actions.set_global("HUSHTAPE_TEST", "yes"),
        actions.get_global("HUSHTAPE_TEST"),
        actions.status(),
        actions.start_recorder(channel, "/nowhere/a.wav", "/nowhere/b.wav", "HUSHTAPE_ID"),
        actions.mute_recorder(channel, "0x1", muted=True),
        actions.stop_newest_recorder(channel),
    ):
        answer = session.ask(asked["Action"], **{k: v for k, v in asked.items() if k != "Action"})
        said[asked["Action"]] = answer.get("Message") or answer.get("Response")
    return said


@dataclass(frozen=True)
class Session:
    """What an account was told of one call, and what came of its actions."""

    told: list[Event]
    done: dict[str, str]

    @property
    def names(self) -> set[str]:
        """The names of the events."""
        return {each.name for each in self.told}


Found = dict[str, Session]


@pytest.fixture(scope="module")
def pbx() -> Iterator[Asterisk]:
    """A PBX with all the accounts."""
    pbx = Asterisk(name="rights", extra={"extensions-extra.conf": DIALPLAN})
    accounts = {
        name: f"[{name}]\nsecret = {SECRET}\nread = {read}\nwrite = {write}\n"
        for name, read, write in poorer()
    }
    with (pbx.tree_here / "etc" / "manager.conf").open("a", encoding="utf-8") as file:
        file.write("\n".join(accounts.values()))
    try:
        pbx.start()
        with pbx.observer() as eyes:
            eyes.action("QueueAdd", Queue="help-line", Interface="Local/s@answers/n")
        yield pbx
    finally:
        pbx.remove()


@contextmanager
def call(eyes: Observer) -> Iterator[str]:
    """Have somebody wait in the queue and talk; names his channel."""
    wait = {"Application": "Wait", "Data": "30", "Async": "true"}
    eyes.action("Originate", Channel="Local/s@calls", **wait)
    joined = eyes.wait_for(event("QueueCallerJoin"), TIMEOUT_S)
    eyes.wait_for(event("AgentConnect"), TIMEOUT_S)
    yield joined.get("Channel")
    eyes.action("Hangup", Channel="/^Local/")
    eyes.wait_for(event("Hangup", Channel=joined.get("Channel")), TIMEOUT_S)


@pytest.fixture(scope="module")
def found(pbx: Asterisk) -> Found:
    """One call, as each of the accounts sees it."""
    with ExitStack() as stack:
        eyes = stack.enter_context(pbx.observer())
        sessions = {WHOLE: stack.enter_context(pbx.as_bridge())}
        for name, _, _ in poorer():
            link = Observer(pbx.control_port, name, SECRET)
            sessions[name] = stack.enter_context(link)
        with call(eyes) as channel:
            done = {name: outcomes(session, channel) for name, session in sessions.items()}
        # All sessions are written to in turn: an answer comes after what happened before it.
        time.sleep(0.2)
        for session in sessions.values():
            session.action("Ping")
        told = {name: session.events() for name, session in sessions.items()}
    return {name: Session(told[name], done[name]) for name in sessions}


def test_the_shipped_account_is_told_and_may_do_all_that_the_bridge_needs(found: Found) -> None:
    whole = found[WHOLE]
    assert set().union(*UNTOLD.values()) <= whole.names
    assert DENIED not in whole.done.values(), whole.done
    assert not whole.names & {"DTMFBegin", "DTMFEnd", "Newexten", "VarSet"}, "it is told of keys"


@pytest.mark.parametrize("right", rights("read"))
def test_without_a_right_to_read_it_is_not_told(found: Found, right: str) -> None:
    told = found[f"unread-{right}"].names
    assert not told & UNTOLD[right]
    others = set().union(*(UNTOLD[each] for each in UNTOLD if each != right))
    assert others <= told, "the account is told nothing at all"


@pytest.mark.parametrize("right", rights("write"))
def test_without_a_right_to_write_it_is_refused(found: Found, right: str) -> None:
    done = found[f"unwritten-{right}"].done
    assert {action for action, said in done.items() if said == DENIED} == NOT_DONE[right]


def test_the_secret_is_worth_a_shell_as_asterisk(pbx: Asterisk) -> None:
    """docs/asterisk.md says so, and how to keep the secret. Should this fail, it may say less."""
    mark = pbx.spool_here / "was-here"
    file, run = f"r({pbx.spool_inside}/a.wav)", f"touch {pbx.spool_inside}/{mark.name}"
    with pbx.as_bridge() as session, pbx.observer() as eyes:
        assert session.ask("Command", Command="core show version").get("Message") == DENIED
        with call(eyes) as channel:
            session.action("MixMonitor", Channel=channel, Options=file, Command=run)
        until("Asterisk runs the command", mark.exists, TIMEOUT_S)


def test_every_action_of_the_bridge_was_tried(found: Found) -> None:
    source = Path(actions.__file__).read_text(encoding="utf-8")
    sent = set(re.findall(r'"Action": "(\w+)"', source)) - {"Login"}
    assert sent == set(found[WHOLE].done)


def test_every_event_says_when_it_happened(found: Found) -> None:
    (joined,) = (each for each in found[WHOLE].told if each.name == "QueueCallerJoin")
    assert abs(joined.at_s - joined.seen_s) < TIMEOUT_S


def alarms_of(
    pbx: Asterisk, account: str, secret: str, monkeypatch: pytest.MonkeyPatch
) -> list[str]:
    """Let the bridge's own end of an account see one call; return what it warns of."""
    monkeypatch.setattr(stations, "RIGHTS_OFTEN_S", LOOK_EVERY_S)
    monkeypatch.setattr(stations, "RIGHTS_SELDOM_S", LOOK_EVERY_S)
    monkeypatch.setattr(stations, "TOLD_AT_LAST_S", LOOK_EVERY_S)
    config = Pbx(
        kind="asterisk",
        host="127.0.0.1",
        port=pbx.control_port,
        spool="/spool",
        outside_contexts=("from-outside",),
        user=account,
    )
    bridge: Any = Mock()

    async def scene() -> None:
        running = asyncio.create_task(AsteriskStation("rights", config, secret, bridge).run())
        async with asyncio.timeout(TIMEOUT_S):
            while not bridge.link_up.called:  # noqa: ASYNC110 - a mock wakes nobody
                await asyncio.sleep(0.02)
        with pbx.observer() as eyes, call(eyes):
            await asyncio.sleep(4 * LOOK_EVERY_S)
        running.cancel()
        await asyncio.wait({running})

    with capture_logs() as logs:
        asyncio.run(scene())
    return [each["what"] for each in logs if "read =" in each.get("what", "")]


@pytest.mark.parametrize("right", rights("read"))
def test_a_bridge_without_a_right_to_read_says_which(
    pbx: Asterisk, right: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    (what,) = alarms_of(pbx, f"unread-{right}", SECRET, monkeypatch)
    assert f"Add {right} to read =" in what


def test_a_bridge_with_all_of_them_says_nothing(
    pbx: Asterisk, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert alarms_of(pbx, "hushtape", pbx.hushtape_secret, monkeypatch) == []
