from __future__ import annotations

import json
from pathlib import Path

from click.testing import CliRunner

from hushtape.policy.commands import policy

EXAMPLES = Path(__file__).parents[4] / "examples/policies"
SURREY, HAMS = str(EXAMPLES / "surrey.toml"), str(EXAMPLES / "south-hams.toml")


def test_exit_codes_are_those_of_the_usual_diff(tmp_path: Path) -> None:
    assert CliRunner().invoke(policy, ["diff", SURREY, SURREY]).exit_code == 0
    assert CliRunner().invoke(policy, ["diff", SURREY, HAMS]).exit_code == 1
    broken = tmp_path / "broken.toml"
    broken.write_text("[policy", encoding="utf-8")
    result = CliRunner().invoke(policy, ["diff", SURREY, str(broken)])
    assert result.exit_code == 2
    assert "Traceback" not in result.output
    assert len(result.output.splitlines()) == 1


def test_json_tells_the_same() -> None:
    document = json.loads(CliRunner().invoke(policy, ["diff", SURREY, HAMS, "--json"]).output)
    assert document["differs"] is True
    assert document["old"] == {"policy": "surrey", "version": "2018-05-25"}
    assert document["since"] == "2018-05-25"
    assert document["calls"]
    assert document["transfers"]
    same = json.loads(CliRunner().invoke(policy, ["diff", HAMS, HAMS, "--json"]).output)
    assert same["differs"] is False
