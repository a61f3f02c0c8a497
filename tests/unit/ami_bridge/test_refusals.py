"""Calls that aren't recorded, through the real bridge: the log and the metrics say why."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import msgspec
import pytest
from structlog.testing import capture_logs

from ami_bridge.bridge import Bridge
from ami_bridge.facts import Arrived, Channel, HungUp, StartRecorder
from ami_bridge.refusals import Refusal, refusal_of
from hushtape import metrics
from hushtape.ids import new_call_id
from hushtape.policy.decide import Arrival
from hushtape.policy.duties import Retention, Tag
from hushtape.policy.duties import RetentionRule as Rule
from hushtape.policy.schema import About, Asker, Calls, Destination, OptOut, Payment, Policy
from hushtape.recordings.manifest import Direction, Reason
from tests.unit.ami_bridge.test_bridge import FakeKept, FakeOutbox, FakeStation, asked, until

AT = datetime(2026, 11, 20, 13, 5, tzinfo=UTC)  # a Friday
DIALLED = "01737276000"
CALLER = "07900123003"


def policy(name: str, since: date = date(2026, 1, 1), **more: Any) -> Policy:
    about = About(name=name, title=name, in_force_from=since, time_zone="Europe/London")
    facts = {"retention": Retention(keep="62 days"), **more}
    return Policy(policy=about, **facts)


HELP_LINE = policy(
    "help-line",
    calls=Calls(queues=("help-line", "shared"), hours=("Mon-Fri 08:30-17:00",)),
    opt_out=OptOut(by=(Asker.CALLER,)),
)
REVENUES = policy(
    "revenues",
    calls=Calls(
        queues=("revenues", "shared", "safe"),
        except_queues=("safe",),
        numbers=(DIALLED, "01737276111"),
        except_numbers=("01737276111",),
    ),
    destination=(Destination(name="card machine", queues=("cards",)),),
    payment=Payment(lines=("card machine",)),
)
LATER = policy("later", date(2027, 1, 1), calls=Calls(queues=("later",)))


def bridge(*policies: Policy, outbox: FakeOutbox | None = None) -> Bridge:
    return Bridge(
        policies or (HELP_LINE, REVENUES, LATER),
        outbox or FakeOutbox(),  # type: ignore[arg-type]
        FakeKept(),  # type: ignore[arg-type]
        lambda at: new_call_id(at, bytes(5)),
    )


def arrived(queue: str, at: datetime = AT, dialled: str = DIALLED) -> Arrived:
    arrival = Arrival(at=at, direction=Direction.INBOUND, dialled=dialled, queue=queue)
    return Arrived(at=at, arrival=arrival, number=CALLER)


def channel(number: int = 1, *, opted_out: bool = False) -> Channel:
    trunk = Channel(f"1.{number}", f"PJSIP/trunk-{number}", "from-outside", DIALLED)
    return replace(trunk, opted_out=opted_out)


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> dict[str, int]:
    """How often each reason was counted."""
    told: dict[str, int] = {}

    def count(reason: str) -> None:
        told[reason] = told.get(reason, 0) + 1

    monkeypatch.setattr(metrics, "not_recorded", count)
    return told


REFUSED = [
    (arrived("allotments", dialled="01737"), Refusal.NO_POLICY, "no policy names inbound calls of"),
    (arrived("allotments"), Refusal.NO_POLICY, "queue allotments is none of"),
    (arrived("revenues", dialled="01737999999"), Refusal.NO_POLICY, "the dialled number is none"),
    (arrived("shared"), Refusal.AMBIGUOUS, "(help-line and revenues)"),
    (
        arrived("help-line", AT.replace(hour=7)),
        Refusal.HOURS,
        "it came into the queue on Fri 07:05",
    ),
    (arrived("safe"), Refusal.EXCEPTED, "queue safe is one of except_queues"),
    (arrived("revenues", dialled="01737276111"), Refusal.EXCEPTED, "one of except_numbers"),
    (arrived("cards"), Refusal.DESTINATION, "card machine"),
    (arrived("later"), Refusal.NOT_YET, "in force only from 1 January 2027"),
]


@pytest.mark.parametrize(("fact", "refusal", "words"), REFUSED)
async def test_what_is_not_recorded_says_why(
    fact: Arrived, refusal: Refusal, words: str, counted: dict[str, int]
) -> None:
    station = FakeStation()
    the_bridge = bridge()
    with capture_logs() as logs:
        the_bridge.tell(station, channel(), fact)
        the_bridge.tell(station, channel(), HungUp(at=fact.at))
        await asyncio.sleep(0)
    assert station.carried_out == []
    (line,) = logs
    assert (line["event"], line["reason"]) == ("call not recorded", refusal.value)
    assert words in line["why"]
    assert "not recorded" in line["why"]
    level = "warning" if refusal is Refusal.AMBIGUOUS else "info"
    assert line["log_level"] == level
    assert counted == {refusal.value: 1}
    for number in (CALLER, fact.arrival.dialled, fact.arrival.dialled[-6:]):
        assert number not in str(line)


async def test_a_caller_who_opted_out_before_is_counted(counted: dict[str, int]) -> None:
    station = FakeStation()
    with capture_logs() as logs:
        bridge().tell(station, channel(opted_out=True), arrived("help-line"))
        await asyncio.sleep(0)
    assert station.carried_out == []
    assert [each["reason"] for each in logs] == ["opt-out"]
    assert counted == {"opt-out": 1}


async def test_a_call_that_is_recorded_is_not_counted(counted: dict[str, int]) -> None:
    station = FakeStation()
    bridge().tell(station, channel(), arrived("help-line"))
    await until(lambda: asked(station, StartRecorder))
    assert counted == {}


def test_every_reason_is_a_label_and_what_is_new_is_other() -> None:
    assert all(metrics.LABEL.fullmatch(each) for each in Refusal)
    assert len(Refusal) < metrics.LABELS_MAX
    hostile = Reason(policy="p", version="v", rule="calls.moon", words="")
    assert refusal_of(hostile) is Refusal.OTHER


async def test_policies_that_are_read_again_are_for_calls_to_come() -> None:
    """A live call goes on to its end under the version with which it began."""
    outbox, station = FakeOutbox(), FakeStation()
    old = policy("town", calls=Calls(queues=("help-line",)))
    the_bridge = bridge(old, outbox=outbox)
    the_bridge.tell(station, channel(), arrived("help-line"))
    await until(lambda: asked(station, StartRecorder))
    shorter = policy(
        "town",
        date(2026, 2, 1),
        calls=Calls(queues=("help-line",)),
        retention=Retention(keep="1 day"),
    )
    the_bridge.use((shorter,))  # the old version's file is gone
    the_bridge.tell(station, channel(2), arrived("help-line"))
    await until(lambda: len(asked(station, StartRecorder)) == 2)
    for number in (1, 2):
        the_bridge.tell(station, channel(number), HungUp(at=AT))
    await until(lambda: len(outbox.put_in) == 2)
    kept = {each.call.pbx_call: each.keep for each in outbox.put_in}
    assert (kept["1.1"].reason.version, kept["1.1"].period) == ("2026-01-01", "62 days")
    assert (kept["1.2"].reason.version, kept["1.2"].period) == ("2026-02-01", "1 day")


async def test_what_is_expected_of_a_live_call_says_how_long_it_is_kept() -> None:
    """Should nobody hand it off, a worker needs no policy to adopt it."""
    tagged = policy(
        "town",
        calls=Calls(queues=("help-line",)),
        tag=(Tag(name="help", queues=("help-line",)),),
        retention=Retention(keep="1 year", rule=(Rule(keep="2 weeks", tags=("help",)),)),
    )
    station, the_bridge = FakeStation(), bridge(tagged)
    the_bridge.tell(station, channel(), arrived("help-line"))
    await until(lambda: asked(station, StartRecorder))
    (expected,) = the_bridge._expectations().values()
    assert expected.keep is not None
    assert (expected.keep.period, expected.tags) == ("2 weeks", ("help",))
    assert expected.keep.until == datetime(2026, 12, 4, 13, 5, tzinfo=UTC)
    assert CALLER not in msgspec.json.encode(expected).decode()
