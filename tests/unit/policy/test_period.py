from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from hushtape.policy.period import Period, kept_until, parse_period, parse_wait_s

LONDON = ZoneInfo("Europe/London")


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=LONDON)


@pytest.mark.parametrize(
    ("text", "period"),
    [
        ("62 days", Period(days=62, months=0)),
        ("1 day", Period(days=1, months=0)),
        ("8 weeks", Period(days=56, months=0)),
        ("12 months", Period(days=0, months=12)),
        ("3 calendar months", Period(days=0, months=3)),
        ("1 Year", Period(days=0, months=12)),
        (" 112  days ", Period(days=112, months=0)),
    ],
)
def test_reads_a_period(text: str, period: Period) -> None:
    assert parse_period(text) == period


@pytest.mark.parametrize(
    "text", ["", "days", "62", "-1 days", "1.5 years", "0 days", "62 days later", "200 years"]
)
def test_refuses_what_is_no_period(text: str) -> None:
    with pytest.raises(ValueError):
        parse_period(text)


@pytest.mark.parametrize(
    ("start", "period", "until"),
    [
        ("2026-11-21T13:05", "62 days", "2027-01-22T13:05"),
        ("2026-11-21T13:05", "14 days", "2026-12-05T13:05"),
        # month ends clamp
        ("2026-01-31T09:00", "1 month", "2026-02-28T09:00"),
        ("2028-01-31T09:00", "1 month", "2028-02-29T09:00"),
        ("2026-11-30T09:00", "3 calendar months", "2027-02-28T09:00"),
        ("2028-02-29T09:00", "1 year", "2029-02-28T09:00"),
        ("2026-12-15T09:00", "1 month", "2027-01-15T09:00"),
        # the same local time on the other side of a change of the clocks
        ("2026-03-20T13:05", "14 days", "2026-04-03T13:05"),
        ("2026-10-20T13:05", "14 days", "2026-11-03T13:05"),
    ],
)
def test_keeps_the_local_time(start: str, period: str, until: str) -> None:
    assert kept_until(at(start), parse_period(period), LONDON) == at(until)


def test_a_day_is_not_always_24_hours() -> None:
    start = at("2026-03-28T13:05")
    until = kept_until(start, parse_period("1 day"), LONDON)
    assert (until - start.astimezone(UTC)).total_seconds() == 23 * 3600


def test_a_time_that_the_clocks_skip_is_read_with_the_offset_from_before() -> None:
    until = kept_until(at("2026-03-28T01:30"), parse_period("1 day"), LONDON)
    assert until == datetime(2026, 3, 29, 1, 30, tzinfo=UTC)


def test_a_time_that_comes_twice_is_its_first_occurrence() -> None:
    until = kept_until(at("2026-10-24T01:30"), parse_period("1 day"), LONDON)
    assert until == datetime(2026, 10, 25, 0, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "wait_s"),
    [("60 seconds", 60), ("1 second", 1), (" 2  Minutes ", 120), ("60 minutes", 3600)],
)
def test_reads_a_wait(text: str, wait_s: int) -> None:
    assert parse_wait_s(text) == wait_s


@pytest.mark.parametrize(
    "text",
    ["", "60", "0 seconds", "-1 seconds", "1.5 minutes", "61 minutes", "3601 seconds", "1 hour"],
)
def test_refuses_what_is_no_wait(text: str) -> None:
    with pytest.raises(ValueError):
        parse_wait_s(text)
