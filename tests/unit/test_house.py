"""The house's own rules: who may import whom, and what may never be in the tree."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PROGRAMS = {"ami_bridge", "workers", "console"}
SHARED = "hushtape"

# The pure core touches nothing of the world: no clock, no randomness, no files, no network.
PURE = [
    "ami_bridge/call.py",
    "ami_bridge/company.py",
    "ami_bridge/facts.py",
    "ami_bridge/noted.py",
    "ami_bridge/recorder.py",
    "ami_bridge/stages.py",
    "ami_bridge/asterisk/actions.py",
    "ami_bridge/asterisk/clock.py",
    "ami_bridge/asterisk/consulting.py",
    "ami_bridge/asterisk/forgery.py",
    "ami_bridge/asterisk/party.py",
    "ami_bridge/asterisk/talks.py",
    "ami_bridge/asterisk/translate.py",
    "hushtape/ids.py",
    "hushtape/policy/decide.py",
    "hushtape/policy/numbers.py",
    "hushtape/policy/period.py",
    "hushtape/policy/schema.py",
    "hushtape/recordings/layout.py",
    "hushtape/recordings/manifest.py",
    "hushtape/recordings/retention.py",
]
WORLDLY = {
    "asyncio",
    "io",
    "os",
    "random",
    "redis",
    "rq",
    "secrets",
    "shutil",
    "socket",
    "subprocess",
    "tempfile",
    "threading",
    "time",
    "urllib",
    "uuid",
}
CLOCKS = {"now", "utcnow", "today"}


def imports(path: Path) -> Iterator[str]:
    """Name every module that a file imports, also inside functions and for type checking."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative imports hide where a name comes from"
            yield node.module or ""


def top_levels(folder: str) -> Iterator[tuple[Path, str]]:
    for path in sorted((ROOT / folder).rglob("*.py")):
        for module in imports(path):
            yield path, module.partition(".")[0]


def wrong_imports(folder: str) -> list[str]:
    forbidden = PROGRAMS if folder == SHARED else PROGRAMS - {folder}
    forbidden = forbidden | {"lab", "tests"}
    return [
        f"{path.relative_to(ROOT)}: {top}" for path, top in top_levels(folder) if top in forbidden
    ]


@pytest.mark.parametrize("folder", [SHARED, "ami_bridge", "workers"])
def test_programs_import_hushtape_and_never_each_other(folder: str) -> None:
    assert list((ROOT / folder).rglob("*.py")), f"{folder} is empty: the rule would prove nothing"
    assert wrong_imports(folder) == []


def test_the_rule_would_find_a_wrong_import(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "workers").mkdir()
    (tmp_path / "workers" / "bad.py").write_text("def f():\n    from ami_bridge import call\n")
    monkeypatch.setattr(f"{__name__}.ROOT", tmp_path)
    assert wrong_imports("workers") == ["workers/bad.py: ami_bridge"]


@pytest.mark.parametrize("name", PURE)
def test_the_core_is_pure(name: str) -> None:
    path = ROOT / name
    worldly = {module for module in imports(path) if module.partition(".")[0] in WORLDLY}
    assert not worldly
    tree = ast.parse(path.read_text(encoding="utf-8"))
    clocks = [
        node.attr
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and node.attr in CLOCKS
    ]
    assert not clocks, "the clock is an argument"


def test_every_file_says_what_it_is() -> None:
    for folder in (SHARED, "ami_bridge", "workers", "lab"):
        for path in (ROOT / folder).rglob("*.py"):
            assert ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))), path
