"""``hushtape policy lint``."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path

import click
import msgspec

from hushtape import config as configuration
from hushtape import config_file
from hushtape.config import DEFAULT_CONFIG
from hushtape.errors import ConfigError
from hushtape.policy import parse
from hushtape.policy.linting.findings import Finding, Severity
from hushtape.policy.linting.lint import Report
from hushtape.policy.linting.lint import lint as look
from hushtape.policy.options import optional_config
from hushtape.policy.reading.source import Source
from hushtape.printable import say

EXIT_WRONG = 1
EXIT_UNREADABLE = 2
MOST_SHOWN = 100  # findings of one file: whoever has more mends these first


@click.command()
@click.argument("what", metavar="[FILE|FOLDER]...", nargs=-1, type=click.Path(path_type=Path))
@optional_config("Hold the policies against this configuration, too.")
@click.option("--strict", is_flag=True, help="Warnings count as errors.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def lint(what: tuple[Path, ...], config_path: Path | None, strict: bool, as_json: bool) -> None:
    """Check policies: each by itself, and all of them together.

    \b
      error    the policy can't be carried out, or must not be: a payment could be recorded
      warning  it can be, but hardly does what was meant
      note     what follows from it together with the configuration (-c)

    A FOLDER means every *.toml in it. Without FILE or FOLDER, the folder that the configuration
    names is checked.

    \b
    Exits with
      0  no errors (with --strict: no warnings, either)
      1  errors (with --strict: or warnings)
      2  a file couldn't be read, or the command or the configuration is wrong
    """
    if config_path is None and not what:
        config_path = DEFAULT_CONFIG
    configured = None
    if config_path is not None:
        file = config_file.read(config_path)
        loaded = configuration.of_file(file)
        configured = loaded, Source(config_path, file.text, file.document)
        what = what or (Path(loaded.policies.folder),)
    report = look(_files(what), datetime.now(UTC).date(), configured)
    _tell(report, as_json)
    worst = report.count(Severity.ERROR) + (report.count(Severity.WARNING) if strict else 0)
    if worst:
        sys.exit(EXIT_WRONG if report.readable else EXIT_UNREADABLE)


def _files(what: tuple[Path, ...]) -> list[Path]:
    found: list[Path] = []
    for path in what:
        if not path.is_dir():
            found.append(path)
            continue
        inside = parse.policy_files(path)
        if not inside:
            raise ConfigError(f"{path}:1:1", "there is no policy (*.toml) in this folder")
        found += inside
    if len(found) > parse.MOST_FILES:
        raise ConfigError(str(what[0]), f"more than {parse.MOST_FILES} policy files")
    return list(dict.fromkeys(found))


def _tell(report: Report, as_json: bool) -> None:
    if as_json:
        click.echo(msgspec.json.encode(_document(report)).decode())
        return
    shown: dict[Path, int] = {}
    for each in report.findings:
        shown[each.path] = shown.get(each.path, 0) + 1
        if shown[each.path] <= MOST_SHOWN:
            say(each.line())
    for path, count in shown.items():
        if count > MOST_SHOWN:
            say(f"{path}: {count - MOST_SHOWN} more")
    parts = [_counted(report.policies, "policy", "policies")]
    parts += [_counted(report.count(each), each, f"{each}s") for each in list(Severity)[:2]]
    notes = report.count(Severity.NOTE)
    say(", ".join(parts + ([_counted(notes, "note", "notes")] if notes else [])))


def _counted(count: int, one: str, many: str) -> str:
    return f"{count or 'no'} {one if count == 1 else many}"


def _document(report: Report) -> dict[str, object]:
    counts = {f"{each}s": report.count(each) for each in Severity}
    return {"policies": report.policies, **counts, "findings": list(map(_entry, report.findings))}


def _entry(finding: Finding) -> dict[str, object]:
    return {
        "severity": str(finding.severity),
        "file": str(finding.path),
        "line": finding.position.line,
        "column": finding.position.column,
        "key": finding.key,
        "what": finding.what,
    }
