"""Times as people write them."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from hushtape.errors import ConfigError
from hushtape.recordings.moments import length, local, parse_moment


def test_moments_are_read_in_the_zone_given() -> None:
    berlin = ZoneInfo("Europe/Berlin")
    assert parse_moment("2026-07-01", berlin) == datetime(2026, 6, 30, 22, tzinfo=UTC)
    assert parse_moment("2026-07-01T12:00Z", berlin) == datetime(2026, 7, 1, 12, tzinfo=UTC)
    with pytest.raises(ConfigError, match="is not a time"):
        parse_moment("yesterday")


def test_lengths_and_times_are_written_shortly() -> None:
    assert [length(each) for each in (0, 7.4, 247, 3729)] == ["0:00", "0:07", "4:07", "1:02:09"]
    assert local(datetime(2026, 7, 1, 12, tzinfo=UTC), ZoneInfo("Europe/Berlin")) == (
        "2026-07-01 14:00"
    )
