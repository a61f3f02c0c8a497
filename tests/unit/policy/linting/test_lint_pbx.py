from __future__ import annotations

import pytest

from hushtape.config import Archive, Config, Pbx, Policies
from hushtape.policy.linting import lint_pbx
from hushtape.policy.linting.findings import Severity
from tests.policies import GOOD, changed, policy_of

QUEUES = {"600": "help-line", "601": "housing", "700": "tills"}


def config(
    queues: dict[str, str] | None = None,
    extensions: tuple[str, ...] = ("2XX", "7XX"),
    outside: tuple[str, ...] = ("9.",),
) -> Config:
    pbx = Pbx(
        kind="asterisk",
        host="h",
        spool="/s",
        outside_contexts=("from-trunk",),
        queues=QUEUES if queues is None else queues,
        extensions=extensions,
        outside=outside,
        outside_prefix="9",
    )
    return Config(data="d", policies=Policies(folder="p"), pbx={"hall": pbx})


def remarks(text: str, configured: Config) -> list[tuple[Severity, str, str]]:
    found = lint_pbx.remarks(policy_of(text), configured)
    return [(each.severity, each.key, each.what) for each in found]


def only(text: str, configured: Config, severity: Severity) -> list[tuple[str, str]]:
    return [(key, what) for at, key, what in remarks(text, configured) if at is severity]


@pytest.mark.parametrize(
    ("old", "new", "key", "words"),
    [
        ('"help-line"', '"help-lin"', "calls.queues[0]", 'did you mean "help-line"'),
        (
            'extensions = ["700"]',
            'extensions = ["700"]\nqueues = ["tils"]',
            "destination[0].queues[0]",
            'did you mean "tills"',
        ),
        (
            '["700"]',
            '["700", "800"]',
            "destination[0].extensions[1]",
            "no PBX of the configuration has",
        ),
        (
            "[payment]",
            "[[tag]]\nname = 'x'\nqueues = ['housin']\n[payment]",
            "tag[0].queues[0]",
            'did you mean "housing"',
        ),
    ],
)
def test_what_no_pbx_has_is_remarked(old: str, new: str, key: str, words: str) -> None:
    found = only(changed((old, new)), config(), Severity.WARNING)
    assert any(key == at and words in what for at, what in found), found


def test_outside_numbers_need_a_way_outside() -> None:
    text = changed(('every = ["extension"]', 'numbers = ["01799 510999"]'))
    assert only(text, config(), Severity.WARNING) == []
    ((key, _),) = only(text, config(outside=()), Severity.WARNING)
    assert key == "destination[1].numbers"


GOES_ON = ('otherwise = "stop"', 'otherwise = "continue"')


def test_a_payment_queue_that_another_extension_leads_to_is_an_error() -> None:
    text = changed(GOES_ON)
    configured = config({**QUEUES, "701": "tills"})
    ((key, what),) = only(text, configured, Severity.ERROR)
    assert key == "destination[0].extensions"
    assert "701 leads there, too" in what
    named = changed(GOES_ON, ('["700"]', '["700"]\nqueues = ["tills"]'))
    assert only(named, configured, Severity.ERROR) == []


def test_a_payment_queue_that_the_dialplan_leads_to_is_an_error() -> None:
    text = changed(('queues = ["help-line"]', ""))
    ((_, what),) = only(text, config(), Severity.ERROR)
    assert "the dialplan takes a call there" in what


def test_a_payment_queue_whose_calls_are_recorded_is_an_error() -> None:
    text = changed(('["help-line"]', '["help-line", "tills"]'))
    ((_, what),) = only(text, config(), Severity.ERROR)
    assert "calls.queues names it" in what


def test_so_is_one_whose_calls_another_policy_records() -> None:
    other = policy_of(changed(('"town"', '"other"'), ('["help-line"]', '["help-line", "tills"]')))
    found = list(lint_pbx.remarks(policy_of(GOOD), config(), [other]))
    ((key, what),) = [(e.key, e.what) for e in found if e.severity is Severity.ERROR]
    assert key == "destination[0].extensions"
    assert "calls.queues names it of policy other" in what
    named = policy_of(changed(('extensions = ["700"]', 'extensions = ["700"]\nqueues = ["tills"]')))
    found = list(lint_pbx.remarks(named, config(), [other]))
    assert not [each for each in found if each.severity is Severity.ERROR]


def test_an_excepted_extension_of_a_queue_that_is_recorded_otherwise_is_told() -> None:
    calls = '["help-line"]'
    excepted = changed((calls, f'{calls}\nexcept_numbers = ["600", "601"]'))
    ((key, what),) = only(excepted, config(), Severity.WARNING)
    assert key == "calls.except_numbers[0]"
    assert "calls.queues names it" in what
    assert 'expected "help-line" in calls.except_queues' in what


def test_a_payment_queue_where_recording_stops_anyway_is_fine() -> None:
    assert only(GOOD, config({**QUEUES, "701": "tills"}), Severity.ERROR) == []


def test_places_that_no_destination_names_are_noted() -> None:
    ((key, what),) = only(GOOD, config(), Severity.NOTE)
    assert key == "transfer.otherwise"
    assert "queue housing, outside numbers 9." in what
    assert "recording stops" in what
    assert "help-line" not in what
    ((_, what),) = only(changed(GOES_ON), config(), Severity.NOTE)
    assert "recording goes on" in what


def test_a_pattern_that_is_named_in_part_is_noted() -> None:
    text = changed(('every = ["extension"]', 'extensions = ["21X", "7XX"]'))
    ((_, what),) = only(text, config(), Severity.NOTE)
    assert "extension 2XX, in part" in what
    assert "7XX" not in what


def test_storage_is_held_against_the_configuration() -> None:
    text = GOOD + '[storage]\nregions = ["UK"]\n'
    found = only(text, config(), Severity.ERROR)
    assert {key for key, _ in found} == {"storage.regions"}
    configured = config()
    configured = Config(
        data="d",
        policies=configured.policies,
        pbx=configured.pbx,
        archive=Archive(region="GB", owner="x"),
    )
    assert only(text, configured, Severity.ERROR) == []


def test_queues_that_no_policy_names_are_noted() -> None:
    found = list(lint_pbx.unnamed_queues([policy_of(GOOD)], config()))
    assert [key for key, _ in found] == ["pbx.hall.queues.601", "pbx.hall.queues.700"]
    assert 'queue "housing"' in found[0][1].what
