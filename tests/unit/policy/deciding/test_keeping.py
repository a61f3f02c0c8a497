from __future__ import annotations

from datetime import UTC, date, datetime

import msgspec
import pytest

from hushtape.policy import decide
from hushtape.policy.duties import Retention, RetentionRule
from hushtape.policy.schema import Policy
from tests.councils import POLICIES


@pytest.mark.parametrize(
    ("council", "started", "until"),
    [
        ("surrey", "2026-11-21T13:05Z", "2027-01-22T13:05Z"),
        ("uttlesford", "2026-11-21T13:05Z", "2027-02-19T13:05Z"),
        ("reigate-banstead", "2026-11-21T13:05Z", "2026-12-05T13:05Z"),
        ("south-hams", "2026-11-30T13:05Z", "2027-02-28T13:05Z"),
        # the rule changed on 15 July 2020, and each recording follows the rule of its day
        ("south-hams", "2020-07-14T22:59Z", "2020-08-14T22:59Z"),
        ("south-hams", "2020-07-14T23:00Z", "2020-10-14T23:00Z"),
        ("hammersmith-fulham", "2026-11-21T13:05Z", "2027-05-21T12:05Z"),
    ],
)
def test_how_long_a_recording_is_kept(council: str, started: str, until: str) -> None:
    kept = decide.keep(POLICIES[council], datetime.fromisoformat(started))
    assert kept.until == datetime.fromisoformat(until)
    assert f"kept {kept.period}, from " in kept.reason.words


def test_rules_count_in_the_order_of_the_file() -> None:
    rules = (
        RetentionRule(calls_before=date(2018, 1, 1), keep="7 days"),
        RetentionRule(calls_before=date(2020, 7, 15), keep="30 days"),
        RetentionRule(calls_before=date(2024, 1, 1), keep="60 days"),
    )
    forth = ["7 days", "30 days", "60 days", "90 days"]
    back = ["60 days", "60 days", "60 days", "90 days"]
    for order, expected in (((0, 1, 2), forth), ((2, 1, 0), back)):
        policy = ruled(*(rules[i] for i in order))
        periods = [
            decide.keep(policy, datetime(year, 6, 1, 12, tzinfo=UTC)).period
            for year in (2017, 2019, 2023, 2026)
        ]
        assert periods == expected


RULES = (
    RetentionRule(keep="2 years", queues=("complaints",)),
    RetentionRule(keep="1 day", tags=("wrong number",)),
    RetentionRule(
        keep="30 days", calls_from=date(2025, 1, 1), calls_before=date(2026, 1, 1), tags=("test",)
    ),
    RetentionRule(keep="1 week", calls_from=date(2026, 1, 1), queues=("main", "housing")),
)


@pytest.mark.parametrize(
    ("day", "queues", "tags", "period", "rule"),
    [
        ("2024-12-31", (), (), "90 days", "retention.keep"),
        ("2024-12-31", ("complaints",), (), "2 years", "retention.rule[0]"),
        ("2026-06-01", ("main", "complaints"), (), "2 years", "retention.rule[0]"),
        ("2026-06-01", ("complaints",), ("wrong number",), "2 years", "retention.rule[0]"),
        ("2026-06-01", ("main",), ("wrong number",), "1 day", "retention.rule[1]"),
        ("2024-12-31", (), ("test",), "90 days", "retention.keep"),
        ("2025-01-01", (), ("test",), "30 days", "retention.rule[2]"),
        ("2025-12-31", (), ("test", "x"), "30 days", "retention.rule[2]"),
        ("2026-01-01", (), ("test",), "90 days", "retention.keep"),
        ("2025-12-31", ("main",), (), "90 days", "retention.keep"),
        ("2026-01-01", ("housing",), (), "1 week", "retention.rule[3]"),
        ("2026-01-01", ("parking",), (), "90 days", "retention.keep"),
    ],
)
def test_the_first_rule_decides_of_which_all_fits(
    day: str, queues: tuple[str, ...], tags: tuple[str, ...], period: str, rule: str
) -> None:
    kept = decide.keep(ruled(*RULES), datetime.fromisoformat(f"{day}T12:00Z"), queues, tags)
    assert (kept.period, kept.reason.rule) == (period, rule)
    assert f"kept {period}" in kept.reason.words


def ruled(*rules: RetentionRule) -> Policy:
    retention = Retention(keep="90 days", rule=rules)
    return msgspec.structs.replace(POLICIES["south-hams"], retention=retention)


def test_a_day_begins_where_the_policy_is() -> None:
    policy = ruled(RetentionRule(keep="1 day", calls_from=date(2026, 7, 1)))
    assert decide.keep(policy, datetime(2026, 6, 30, 22, 59, tzinfo=UTC)).period == "90 days"
    assert decide.keep(policy, datetime(2026, 6, 30, 23, 0, tzinfo=UTC)).period == "1 day"


def test_the_words_say_rule_and_moments() -> None:
    kept = decide.keep(ruled(*RULES), datetime(2026, 11, 21, 13, 5, tzinfo=UTC), ("main",))
    assert kept.reason.words == (
        'calls from 1 January 2026, queue "main", "housing": kept 1 week, from 21 November 2026'
        " 13:05 to 28 November 2026 13:05 (Europe/London)"
    )
    old = decide.keep(POLICIES["south-hams"], datetime(2020, 3, 1, 9, tzinfo=UTC))
    assert old.reason.words.startswith("calls before 15 July 2020: kept 1 calendar month, from ")


def test_how_a_recording_is_stored() -> None:
    terms = decide.audio_terms(POLICIES["surrey"])
    assert (terms.format, terms.number_in_tags) == ("opus", False)
