from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from hushtape.policy.period import Period, in_words, kept_until, parse_period, parse_wait_s

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
        ("three months", Period(days=0, months=3)),
        ("Three calendar months", Period(days=0, months=3)),
        ("a year", Period(days=0, months=12)),
        ("twelve weeks", Period(days=84, months=0)),
        ("three months from the date of the call", Period(days=0, months=3)),
        ("3 months from the date of recording", Period(days=0, months=3)),
        ("90 days from the date of the recording", Period(days=90, months=0)),
    ],
)
def test_reads_a_period(text: str, period: Period) -> None:
    assert parse_period(text) == period


@pytest.mark.parametrize(
    "text",
    [
        *("", "days", "62", "-1 days", "1.5 years", "0 days", "62 days later", "200 years"),
        *("thirteen months", "zero days", "a few days", "three", "an month", "no days", "62days"),
        *("3 months from the call", "3 months from the date of the complaint", "\u0663 months"),
    ],
)
def test_refuses_what_is_no_period(text: str) -> None:
    with pytest.raises(ValueError):
        parse_period(text)


@pytest.mark.parametrize(
    ("start", "period", "until"),
    [
        ("2026-11-21T13:05", "62 days", "2027-01-22T13:05"),
        ("2026-11-21T13:05", "14 days", "2026-12-05T13:05"),
        ("2026-11-21T13:05", "8 weeks", "2027-01-16T13:05"),
        ("2026-11-21T13:05", "112 days", "2027-03-13T13:05"),
        ("2026-11-21T13:05", "12 months", "2027-11-21T13:05"),
        ("2026-11-21T13:05", "three months from the date of the call", "2027-02-21T13:05"),
        ("2026-11-21T13:05", "6 years", "2032-11-21T13:05"),
        # days across a leap day
        ("2028-02-28T09:00", "1 day", "2028-02-29T09:00"),
        ("2028-02-28T09:00", "2 days", "2028-03-01T09:00"),
        ("2027-02-28T09:00", "1 day", "2027-03-01T09:00"),
        ("2028-02-01T09:00", "366 days", "2029-02-01T09:00"),
        # month ends clamp
        ("2026-01-28T09:00", "1 month", "2026-02-28T09:00"),
        ("2026-01-29T09:00", "1 month", "2026-02-28T09:00"),
        ("2026-01-30T09:00", "1 month", "2026-02-28T09:00"),
        ("2026-01-31T09:00", "2 months", "2026-03-31T09:00"),
        ("2026-01-31T09:00", "3 months", "2026-04-30T09:00"),
        ("2026-08-31T09:00", "6 months", "2027-02-28T09:00"),
        ("2027-08-31T09:00", "6 months", "2028-02-29T09:00"),
        ("2026-12-31T23:59", "2 months", "2027-02-28T23:59"),
        ("2026-02-28T09:00", "1 month", "2026-03-28T09:00"),
        ("2028-02-29T09:00", "4 years", "2032-02-29T09:00"),
        ("2096-02-29T09:00", "4 years", "2100-02-28T09:00"),
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
    ("zone", "start", "period", "until"),
    [
        # the same wall clock, so an hour earlier or later in UTC
        ("Europe/London", "2026-03-28T13:05+00:00", "1 day", "2026-03-29T12:05+00:00"),
        ("Europe/London", "2026-10-24T12:05+00:00", "1 day", "2026-10-25T13:05+00:00"),
        ("Europe/London", "2026-09-30T12:00+00:00", "1 month", "2026-10-30T13:00+00:00"),
        # a call in the hour that comes twice: both are half past one
        ("Europe/London", "2026-10-25T00:30+00:00", "1 week", "2026-11-01T01:30+00:00"),
        ("Europe/London", "2026-10-25T01:30+00:00", "1 week", "2026-11-01T01:30+00:00"),
        # … and what follows from the second is what follows from the first
        ("Europe/London", "2026-10-25T00:30+00:00", "154 days", "2027-03-28T01:30+00:00"),
        ("Europe/London", "2026-10-25T01:30+00:00", "154 days", "2027-03-28T01:30+00:00"),
        ("Europe/London", "2026-10-25T01:30+00:00", "371 days", "2027-10-31T00:30+00:00"),
        # 31 January in London is still 30 January in New York, and 1 February in Auckland
        ("Europe/London", "2026-01-31T04:00+00:00", "1 month", "2026-02-28T04:00+00:00"),
        ("America/New_York", "2026-01-31T04:00+00:00", "1 month", "2026-03-01T04:00+00:00"),
        ("Pacific/Auckland", "2026-01-31T12:00+00:00", "1 month", "2026-02-28T12:00+00:00"),
        ("Asia/Kathmandu", "2026-01-31T18:14+00:00", "1 month", "2026-02-28T18:14+00:00"),
        ("Asia/Kathmandu", "2026-01-31T18:15+00:00", "1 month", "2026-02-28T18:15+00:00"),
        ("UTC", "2026-03-28T13:05+00:00", "1 day", "2026-03-29T13:05+00:00"),
    ],
)
def test_counts_where_the_policy_is(zone: str, start: str, period: str, until: str) -> None:
    kept = kept_until(datetime.fromisoformat(start), parse_period(period), ZoneInfo(zone))
    assert kept == datetime.fromisoformat(until)


@pytest.mark.parametrize(
    ("start", "period", "words"),
    [
        (
            "2026-11-21T13:05",
            "62 days",
            "from 21 November 2026 13:05 to 22 January 2027 13:05",
        ),
        (
            "2026-01-31T09:00",
            "1 month",
            "from 31 January 2026 09:00 to 28 February 2026 09:00 (February 2026 has 28 days)",
        ),
        (
            "2026-03-28T01:30",
            "1 day",
            "from 28 March 2026 01:30 to 29 March 2026 02:30 (the clocks skip 01:30)",
        ),
        (
            "2026-10-24T01:30",
            "1 day",
            "from 24 October 2026 01:30 to 25 October 2026 01:30 (the first 01:30 of two)",
        ),
    ],
)
def test_says_it_so_that_a_person_can_check_it(start: str, period: str, words: str) -> None:
    said = in_words(at(start), parse_period(period), LONDON)
    assert said.replace("Europe/London; ", "").replace(" (Europe/London)", "") == words
    assert "(Europe/London" in said


@pytest.mark.parametrize(
    ("text", "wait_s"),
    [
        ("60 seconds", 60),
        ("1 second", 1),
        (" 2  Minutes ", 120),
        ("60 minutes", 3600),
        ("two minutes", 120),
        ("a minute", 60),
    ],
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
