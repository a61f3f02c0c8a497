from __future__ import annotations

from datetime import date
from pathlib import Path

from hushtape.config import Config, Pbx, Policies
from hushtape.policy.linting.findings import Severity
from hushtape.policy.linting.lint import lint, look
from tests.policies import GOOD, changed, source_of

TODAY = date(2026, 11, 21)


def keys(text: str) -> list[str]:
    return [each.key for each in look(source_of(text))[1]]


def test_a_good_policy_is_returned_without_remarks() -> None:
    policy, remarks = look(source_of(GOOD))
    assert policy is not None
    assert policy.name == "town"
    assert remarks == []


def test_what_is_left_of_a_broken_policy_is_looked_at() -> None:
    text = changed(("2024-01-01", '"soon"'), ('"62 days"', '"a while"'), ("700", "seven"))
    assert keys(text) == ["policy.in_force_from", "destination[0].extensions[0]", "retention.keep"]


def test_what_follows_from_a_broken_key_is_not_told_of() -> None:
    # without a destination's name its payment line can't be known, and so it isn't looked for
    assert keys(changed(('name = "the payment line"', 'nam = "the payment line"'))) == [
        "destination[0].nam",
        "destination[0].name",
    ]
    only_queues = changed(('numbers = ["01799 510510"]\n', ""), ("queues", "quues"))
    assert keys(only_queues) == ["calls.quues"]


def test_all_is_told_at_once_whatever_else_is_broken() -> None:
    text = changed(
        ('queues = ["help-line"]', 'queues = ["help-line"]\nhours = ["Mon-Fri"]\nhour = 1'),
        ('extensions = ["700"]', 'extensions = ["seven"]\non_transfr = "stop"'),
        ('lines = ["the payment line"]', 'lines = ["the payment line", "the till"]\nlongest = "x"'),
        ('title = "Town Council, Help Line"', 'title = ""'),
    )
    assert keys(text) == [
        "calls.hour",
        "destination[0].on_transfr",
        "policy.title",
        "calls.hours[0]",
        "destination[0].extensions[0]",
        "payment.longest",
    ]


def test_what_is_wrong_with_the_policy_s_title_hides_nothing() -> None:
    text = changed(('"Town Council, Help Line"', '""'), ("700", "seven"), ("62 days", "soon"))
    assert keys(text) == ["policy.title", "destination[0].extensions[0]", "retention.keep"]


def test_examples_are_passed_over(tmp_path: Path) -> None:
    paths = [tmp_path / "town.toml", tmp_path / "town.scenarios.toml"]
    for path, text in zip(paths, (GOOD, "[[scenario]]"), strict=True):
        path.write_text(text)
    report = lint(paths, TODAY, None)
    (finding,) = report.findings
    assert (report.policies, finding.severity, finding.path) == (1, Severity.NOTE, paths[1])


def test_an_unusable_policy_is_not_returned() -> None:
    assert look(source_of(changed(("700", "seven"))))[0] is None
    assert look(source_of(changed(("queues", "quues"))))[0] is None


def test_warnings_are_told_of_a_policy_that_can_be_carried_out() -> None:
    policy, (remark,) = look(source_of(GOOD + '[opt_out]\nby = ["caller"]\n'))
    assert policy is not None
    assert (remark.severity, remark.key) == (Severity.WARNING, "opt_out.by")


def test_files_are_held_against_each_other(tmp_path: Path) -> None:
    paths = [tmp_path / name for name in ("a.toml", "b.toml", "c.toml", "d.toml")]
    other = changed(('"town"', '"other"'))
    for path, text in zip(paths, (GOOD, GOOD, other, "x"), strict=True):
        path.write_text(text)
    report = lint(paths, TODAY, None)
    assert report.policies == 4
    assert [(each.path.name, each.position.line, each.key) for each in report.findings] == [
        ("b.toml", 4, "policy.in_force_from"),
        ("c.toml", 10, "calls.queues"),
        ("d.toml", 1, ""),
    ]
    assert "a.toml is already the version of 2024-01-01" in report.findings[0].what
    assert report.count(Severity.ERROR) == 3
    assert report.readable


def test_payment_lines_of_those_in_force_together_are_held_against_each_other(
    tmp_path: Path,
) -> None:
    other = [('"town"', '"other"'), ('"01799 510510"', '"01799 1"'), ("help-line", "till")]
    texts = {
        "a.toml": changed(('extensions = ["700"]', 'queues = ["till"]')),
        "a2.toml": changed(("2024-01-01", "2025-01-01")),  # has taken the line's queue out
        "b.toml": changed(*other),
    }
    for name, text in texts.items():
        (tmp_path / name).write_text(text)

    def told(today: date) -> list[tuple[str, str]]:
        report = lint(sorted(tmp_path.iterdir()), today, None)
        return [(each.path.name, each.key) for each in report.findings]

    assert told(date(2024, 6, 1)) == [("b.toml", "calls.queues[0]")]
    assert told(TODAY) == []


def test_the_map_of_a_pbx_is_held_against_all_of_them(tmp_path: Path) -> None:
    pbx = Pbx(
        kind="asterisk",
        host="h",
        spool="/s",
        outside_contexts=("x",),
        queues={"600": "help-line", "700": "till"},
        extensions=("2XX",),
    )
    configured = Config(data="d", policies=Policies(folder="p"), pbx={"hall": pbx})
    other = changed(('"town"', '"other"'), ('"01799 510510"', '"01799 1"'), ("help-line", "till"))
    paths = [tmp_path / "a.toml", tmp_path / "b.toml"]
    for path, text in zip(paths, (other, GOOD), strict=True):
        path.write_text(text)
    report = lint(paths, TODAY, (configured, source_of(GOOD, "hushtape.toml")))
    errors = [each for each in report.findings if each.severity is Severity.ERROR]
    assert {(each.path.name, each.key) for each in errors} == {
        ("a.toml", "destination[0].extensions"),  # by its own calls
        ("b.toml", "destination[0].extensions"),  # by the other's
    }


def test_a_file_that_can_t_be_read_is_counted(tmp_path: Path) -> None:
    report = lint([tmp_path / "missing.toml"], TODAY, None)
    assert not report.readable
    assert report.count(Severity.ERROR) == 1
