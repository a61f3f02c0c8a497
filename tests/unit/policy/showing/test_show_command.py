from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from hushtape.policy.commands import policy

SURREY = str(Path(__file__).parents[4] / "examples/policies/surrey.toml")


@pytest.mark.parametrize(
    ("form", "begins"),
    [
        ("text", "Surrey County Council"),
        ("markdown", "# Surrey County Council"),
        ("html", "<!DOCTYPE html>"),
        ("svg", "<svg"),
    ],
)
def test_a_policy_is_shown_in_each_form(form: str, begins: str) -> None:
    result = CliRunner().invoke(policy, ["show", SURREY, "--as", form])
    assert result.exit_code == 0, result.output
    assert result.output.startswith(begins)


def test_json_is_one_line() -> None:
    result = CliRunner().invoke(policy, ["show", SURREY, "--as", "json"])
    assert json.loads(result.output)["policy"] == "surrey"
    assert result.output.count("\n") == 1


def test_a_date_goes_with_a_name_only() -> None:
    result = CliRunner().invoke(policy, ["show", SURREY, "--at", "2026-01-01"])
    assert result.exit_code == 2
    assert "a file is one version" in result.output
