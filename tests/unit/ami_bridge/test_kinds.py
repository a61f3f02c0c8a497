from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import pytest

from ami_bridge.asterisk.station import AsteriskStation
from ami_bridge.asterisk.trace import Trace
from ami_bridge.freeswitch.station import FreeSwitchStation
from ami_bridge.freeswitch.trace import Trace as FreeSwitchTrace
from ami_bridge.kinds import make_station, open_trace
from hushtape.config import Pbx
from hushtape.errors import ConfigError

LIMIT_BYTES = 1_000_000


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


def test_only_an_asterisks_trace_can_be_masked(tmp_path: Path) -> None:
    open_trace(pbx("asterisk"), tmp_path / "a.trace", LIMIT_BYTES, ()).close()
    with pytest.raises(ConfigError, match="--trace-mask: what a FreeSWITCH says"):
        open_trace(pbx("freeswitch"), tmp_path / "b.trace", LIMIT_BYTES, ())
    assert not (tmp_path / "b.trace").exists()
