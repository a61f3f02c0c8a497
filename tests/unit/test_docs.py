"""Documentation that can't rot: every key is explained, every link leads somewhere."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import msgspec
import pytest

from hushtape import config, config_doors, metrics
from hushtape.errors import PolicyError
from hushtape.policy import parse, schema
from workers import gauges

ROOT = Path(__file__).parents[2]
CODE = re.compile(r"^```.*?^```|`[^`\n]*`", re.MULTILINE | re.DOTALL)
PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").glob("*.md"))]


def keys_of(*structures: type[msgspec.Struct]) -> Iterator[str]:
    for structure in structures:
        yield from (field.encode_name for field in msgspec.structs.fields(structure))


def explained(page: str) -> set[str]:
    """Every word in backticks in the page's tables and lists."""
    text = (ROOT / "docs" / page).read_text(encoding="utf-8")
    return set(re.findall(r"`([a-z_]+)`", text))


def test_every_key_of_the_configuration_is_explained() -> None:
    structures = (
        config.Config,
        config.Pbx,
        config.Redis,
        config.Archive,
        config.Policies,
        config.Workers,
        config.Disk,
        config.Payments,
        config.Proof,
        config.Metrics,
        config.Api,
        config_doors.Token,
        config.Alarms,
    )
    assert set(keys_of(*structures)) - explained("configuration.md") == set()


@pytest.mark.parametrize("told", [metrics.BRIDGE, gauges.WORKERS], ids=["bridge", "workers"])
def test_every_metric_is_explained(told: tuple[metrics.Metric, ...]) -> None:
    text = (ROOT / "docs" / "metrics.md").read_text(encoding="utf-8")
    rows = dict(re.findall(r"^\| `(hushtape_[a-z_]+)` \| (\w+)", text, re.MULTILINE))
    assert {each.name: each.kind for each in told}.items() <= rows.items()
    for each in told:
        row = next(line for line in text.splitlines() if line.startswith(f"| `{each.name}` |"))
        assert set(each.labels) == set(re.findall(r"`([a-z]+)`", row.split("|")[3])), each.name


def test_no_metric_is_explained_that_is_none() -> None:
    text = (ROOT / "docs" / "metrics.md").read_text(encoding="utf-8")
    told = {each.name for each in (*metrics.BRIDGE, *gauges.WORKERS)}
    assert set(re.findall(r"^\| `(hushtape_[a-z_]+)`", text, re.MULTILINE)) == told


def tables_of(kind: type[msgspec.Struct], name: str = "") -> Iterator[tuple[str, str, Any]]:
    """Every key of a policy: the section that explains it, the key, and what it may hold."""
    for field in msgspec.structs.fields(kind):
        inner = (field.type, *get_args(field.type))
        structure = next((each for each in inner if hasattr(each, "__struct_fields__")), None)
        if name or structure is None:
            yield name, field.encode_name, field.type
        if structure is not None:
            yield from tables_of(structure, name or field.encode_name)


def sections_of_policies() -> dict[str, str]:
    """The guide's sections, by the table that they explain: "calls"."""
    text = (ROOT / "docs" / "policies.md").read_text(encoding="utf-8")
    parts = re.split(r"^##+ `\[+([a-z_]+)\]+`", text, flags=re.MULTILINE)
    return {
        name: body.partition("\n## ")[0]
        for name, body in zip(parts[1::2], parts[2::2], strict=True)
    }


def test_every_key_of_a_policy_is_explained_in_its_section() -> None:
    keys, sections = list(tables_of(schema.Policy)), sections_of_policies()
    assert len(keys) > 80, "the walk would prove nothing"
    for table, key, kind in keys:
        rows = [row for row in sections[table].splitlines() if row.startswith("|")]
        firsts = [word for row in rows for word in re.findall(r"`([a-z_]+)`", row.split("|")[1])]
        assert key in firsts, f"[{table}] {key}"
        for each in (kind, *get_args(kind)):
            for word in getattr(each, "__members__", {}).values():
                said = f'"{word.value}"' in sections[table]
                assert said or word is schema.DestinationKind.UNKNOWN, f'{key} = "{word.value}"'


def test_no_key_of_a_policy_is_explained_that_is_none() -> None:
    keys = {(table, key) for table, key, _ in tables_of(schema.Policy)}
    for table, body in sections_of_policies().items():
        for row in re.findall(r"^\| ([^|]*`[a-z_]+`[^|]*)\|", body, re.MULTILINE):
            for key in re.findall(r"`([a-z_]+)`", row):
                assert (table, key) in keys, f"[{table}] {key}"


BASE = """
[policy]
name = "base"
title = "Base"
in_force_from = 2026-01-01
time_zone = "Europe/London"
[calls]
queues = ["main"]
[retention]
keep = "62 days"
"""


def test_every_snippet_of_the_guide_is_read() -> None:
    text = (ROOT / "docs" / "policies.md").read_text(encoding="utf-8")
    snippets = re.findall(r"```toml\n(.*?)```", text, re.DOTALL)
    assert len(snippets) > 8
    for snippet in snippets:
        document = tomllib.loads(BASE) | tomllib.loads(snippet)
        policy = config.convert(document, schema.Policy, "policies.md", PolicyError)
        assert list(parse.problems(policy)) == [], snippet


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_leads_somewhere(page: Path) -> None:
    text = CODE.sub("", page.read_text(encoding="utf-8"))
    for link in re.findall(r"\]\(([^)#:]+)\)", text):
        assert (page.parent / link).exists(), link


def example(page: str, first_line: str) -> str:
    """The first TOML block of a page that begins with a line."""
    text = (ROOT / "docs" / page).read_text(encoding="utf-8")
    blocks = re.findall(r"```toml\n(.*?)```", text, re.DOTALL)
    return next(block for block in blocks if block.startswith(first_line))


def test_the_example_policy_is_a_policy(tmp_path: Path) -> None:
    path = tmp_path / "town.toml"
    path.write_text(example("policies.md", "[policy]"), encoding="utf-8")
    assert parse.load(path).name == "town"


def test_the_example_configuration_is_one(tmp_path: Path) -> None:
    path = tmp_path / "hushtape.toml"
    path.write_text(example("configuration.md", "data"), encoding="utf-8")
    assert list(config.load(path).pbx) == ["town-hall"]


def test_the_tree_of_the_architecture_is_the_repository_s() -> None:
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    tree = next(block for block in re.findall(r"```\n(.*?)```", text, re.DOTALL) if "/  " in block)
    folders = re.findall(r"^( *)([a-z_]+)/ ", tree, re.MULTILINE)
    assert len(folders) > 10
    top = ""
    for indent, name in folders:
        top = top if indent else name
        assert (ROOT / (f"{top}/{name}" if indent else name)).is_dir(), f"{top}/{name}"
    for path in re.findall(r"\b((?:\w+/)*\w+\.py)\b", tree):
        assert any(ROOT.glob(f"[a-z]*/**/{path}")) or (ROOT / path).is_file(), path


def test_every_dependency_has_its_reason() -> None:
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    listed = re.search(r"^dependencies = \[(.*?)^\]", text, re.DOTALL | re.MULTILINE)
    assert listed
    reasons = (ROOT / "docs" / "dependencies.md").read_text(encoding="utf-8")
    for name in re.findall(r'^\s*"([a-z-]+)', listed.group(1), re.MULTILINE):
        assert re.search(rf"^\|[^|]*\b{name}\b", reasons, re.MULTILINE), name
