from __future__ import annotations

from pathlib import Path

import pytest

from hushtape.errors import PolicyError
from hushtape.policy import parse
from tests.policies import GOOD


def rule(**keys: str) -> str:
    return "[[retention.rule]]\n" + "\n".join(f"{key} = {value}" for key, value in keys.items())


TAG = '[[tag]]\nname = "housing"\n'
RETENTION = [
    (rule(calls_before="2020-01-01"), "retention.rule[0].keep", "is missing"),
    (rule(keep='"a while"', queues='["x"]'), "retention.rule[0].keep", "62 days"),
    (rule(keep='"1 day"'), "retention.rule[0]", "fits every call"),
    (rule(keep='"1 day"', queues='["a b"]'), "retention.rule[0].queues[0]", "name of a queue"),
    (
        TAG + rule(keep='"1 day"', tags='["housin"]'),
        "retention.rule[0].tags[0]",
        'mean "housing"?',
    ),
    (rule(keep='"1 day"', tags='["x"]'), "retention.rule[0].tags[0]", "no [[tag]] named"),
    (
        rule(keep='"1 day"', calls_from="2020-01-02", calls_before="2020-01-02"),
        "retention.rule[0].calls_from",
        "fits no call",
    ),
    (
        rule(keep='"1 day"', queues='["a", "b"]')
        + "\n"
        + rule(keep='"2 days"', queues='["b", "a"]'),
        "retention.rule[1]",
        "retention.rule[0] asks for the same",
    ),
    (
        rule(keep='"1 day"', calls_before="9999-12-31"),
        "retention.rule[0].calls_before",
        "a year from 1990 to 2200, not 9999",
    ),
    (
        rule(keep='"1 day"', calls_from="0001-01-01"),
        "retention.rule[0].calls_from",
        "a year from 1990 to 2200, not 1",
    ),
    (rule(keep='"1 day"', calls_before='"soon"'), "retention.rule[0].calls_before", "a date"),
]
TAGS = [
    ('[[tag]]\nname = " "', "tag[0].name", "a word"),
    ('[[tag]]\nname = "a;b"', "tag[0].name", "a word"),
    (TAG + 'numbers = ["x"]', "tag[0].numbers[0]", "telephone number"),
    (TAG + 'queues = ["a b"]', "tag[0].queues[0]", "name of a queue"),
    (TAG + 'hours = ["night"]', "tag[0].hours[0]", "days and times"),
    (TAG + 'outside_hours = ["night"]', "tag[0].outside_hours[0]", "days and times"),
    (TAG + 'directions = ["up"]', "tag[0].directions[0]", '"inbound"'),
]
DUTIES = [
    ('[storage]\nregions = ["UK", "Europe"]', "storage.regions[1]", '"EEA"'),
    ('[storage]\nregions = ["uk"]', "storage.regions[0]", '"UK"'),
    ('[storage]\nprocessed_by = [""]', "storage.processed_by[0]", "empty"),
    ("[access.listen]\npeople = 0", "access.listen.people", "from 1 to 10"),
    ("[access.delete]\npeople = 11", "access.delete.people", "from 1 to 10"),
    ('[access.delete]\npeople = "two"', "access.delete.people", "a whole number"),
    ('[access.find]\nroles = ["a", "a"]', "access.find.roles[1]", "twice"),
    ('[access]\nreasons = ["a", " "]', "access.reasons[1]", "empty"),
    ('[access.hold]\nreasons = ["a", "a"]', "access.hold.reasons[1]", "twice"),
    ('[access.lissen]\nroles = ["a"]', "access.lissen", 'did you mean "listen"?'),
    ('[holds]\nreviewed_every = "often"', "holds.reviewed_every", "62 days"),
    ('[holds]\nreasons = [""]', "holds.reasons[0]", "empty"),
    ('[holds]\nreviewed_by = [""]', "holds.reviewed_by[0]", "empty"),
    ("[monitoring]\ncalls_a_week = -1", "monitoring.calls_a_week", "from 0"),
    (
        '[monitoring]\nplayed_to_colleagues = "x"',
        "monitoring.played_to_colleagues",
        '"with the adviser\'s permission"',
    ),
    ('[training]\nuse = "some"', "training.use", '"anonymous"'),
    ('[announcement]\nplayed = "x"', "announcement.played", '"welcome message"'),
    ('[announcement]\nnotices = [""]', "announcement.notices[0]", "empty"),
    ('[use]\npurposes = ["a", "a"]', "use.purposes[1]", "twice"),
    ('[rights]\nmay_ask_for = ["money"]', "rights.may_ask_for[0]", '"copy" or "deletion"'),
    ("[exports]\ntracked = true", "exports.tracked", "tracked_until_deleted"),
    ('[audio]\nformat = "aac"', "audio.format", '"opus"'),
]


@pytest.mark.parametrize(("more", "key", "expected"), RETENTION + TAGS + DUTIES)
def test_what_can_not_be_carried_out_is_refused(
    tmp_path: Path, more: str, key: str, expected: str
) -> None:
    path = tmp_path / "town.toml"
    path.write_text(f"{GOOD}\n{more}\n", encoding="utf-8")
    with pytest.raises(PolicyError) as caught:
        parse.load(path)
    place, _, named = caught.value.where.partition(": ")
    assert (place.partition(":")[0], named) == (str(path), key)
    assert expected in caught.value.what
    assert "\n" not in str(caught.value)


def test_what_can_be_carried_out_is_read(tmp_path: Path) -> None:
    path = tmp_path / "town.toml"
    more = TAG + 'queues = ["housing"]\n' + rule(keep='"a year"', tags='["housing"]')
    more += "\n" + rule(keep='"2 years"', tags='["housing"]', calls_from="2030-01-01")
    path.write_text(f"{GOOD}\n{more}\n", encoding="utf-8")
    policy = parse.load(path)
    assert [each.keep for each in policy.retention.rule] == ["a year", "2 years"]
