from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import pytest

from ami_bridge.asterisk.replay import play as play_asterisk
from ami_bridge.asterisk.station import AsteriskStation
from ami_bridge.asterisk.trace import Trace
from ami_bridge.freeswitch.esl import Frame
from ami_bridge.freeswitch.replay import play as play_freeswitch
from ami_bridge.freeswitch.station import FreeSwitchStation
from ami_bridge.freeswitch.trace import Trace as FreeSwitchTrace
from ami_bridge.kinds import make_station, open_trace, player_of
from hushtape.config import Pbx

LIMIT_BYTES = 1_000_000
NOON = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)


def pbx(kind: str) -> Pbx:
    return Pbx(kind=kind, host="127.0.0.1", spool="/spool", outside_contexts=("public",))


@pytest.mark.parametrize(
    ("kind", "expected"), [("asterisk", AsteriskStation), ("freeswitch", FreeSwitchStation)]
)
async def test_each_kind_has_its_station(kind: str, expected: type[object]) -> None:
    nobody = cast("Any", None)
    station = make_station(
        "one", pbx(kind), "secret", nobody, owner="ab", trace=None, stop_timeout_s=5
    )
    assert type(station) is expected
    assert (station.name, station.spool, station.up) == ("one", Path("/spool"), False)


@pytest.mark.parametrize(
    ("kind", "expected"), [("asterisk", Trace), ("freeswitch", FreeSwitchTrace)]
)
def test_each_kind_has_its_trace(tmp_path: Path, kind: str, expected: type[object]) -> None:
    trace = open_trace(pbx(kind), tmp_path / "a.trace", LIMIT_BYTES, None)
    assert type(trace) is expected
    trace.close()


def test_a_freeswitchs_trace_is_masked_where_that_is_wanted(tmp_path: Path) -> None:
    told = b"Event-Name: CHANNEL_CREATE\nCaller-Caller-ID-Name: Zoe\n\n"
    for masked_for in (None, ()):
        path = tmp_path / f"{masked_for}.trace"
        trace = open_trace(pbx("freeswitch"), path, LIMIT_BYTES, masked_for)
        assert isinstance(trace, FreeSwitchTrace)
        trace.event(Frame({"Content-Type": "text/event-plain"}, b"", told), NOON)
        trace.close()
        assert ("Zoe" in path.read_text(encoding="utf-8")) is (masked_for is None)


def test_each_kind_plays_its_own_sessions() -> None:
    assert player_of(pbx("asterisk")) is play_asterisk
    assert player_of(pbx("freeswitch")) is play_freeswitch
