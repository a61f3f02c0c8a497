"""Documentation that can't rot: every key is explained, every link leads somewhere."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from hushtape import config, metrics
from hushtape.policy import parse, schema
from workers import gauges

ROOT = Path(__file__).parents[2]
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
        config.Metrics,
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


def test_every_key_of_a_policy_is_explained() -> None:
    structures = (
        schema.About,
        schema.Calls,
        schema.Destination,
        schema.Transfer,
        schema.Payment,
        schema.Retention,
        schema.RetentionRule,
        schema.Audio,
    )
    assert set(keys_of(*structures)) - explained("policies.md") == set()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_leads_somewhere(page: Path) -> None:
    for link in re.findall(r"\]\(([^)#:]+)\)", page.read_text(encoding="utf-8")):
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


def test_every_dependency_has_its_reason() -> None:
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    listed = re.search(r"^dependencies = \[(.*?)^\]", text, re.DOTALL | re.MULTILINE)
    assert listed
    reasons = (ROOT / "docs" / "dependencies.md").read_text(encoding="utf-8")
    for name in re.findall(r'^\s*"([a-z-]+)', listed.group(1), re.MULTILINE):
        assert re.search(rf"^\|[^|]*\b{name}\b", reasons, re.MULTILINE), name
