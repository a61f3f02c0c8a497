"""What is shipped for the dialplan says what the bridge understands, and no words of callers."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from ami_bridge.asterisk import translate
from hushtape.policy.schema import Asker, Permission

ROOT = Path(__file__).parents[2]
FILES = sorted((ROOT / "dialplan" / "asterisk").glob("*.conf"))
ACTS = {
    "opt-out": {str(each) for each in Asker},
    "permission": {str(Asker.AGENT), str(Permission.ANNOUNCEMENT)},
}


def code(path: Path) -> str:
    lines = path.read_text(encoding="utf-8").splitlines()
    return "\n".join(line for line in lines if not line.startswith(";"))


EVENTS = [
    (path.name, found)
    for path in FILES
    for found in re.findall(r"UserEvent\((.*)\)$", code(path), re.MULTILINE)
]


@pytest.mark.parametrize(("file", "words"), EVENTS)
def test_a_user_event_is_a_fixed_text_that_the_bridge_understands(file: str, words: str) -> None:
    found = re.fullmatch(r"(\w+),Act: ([a-z-]+),By: ([a-z]+)", words)
    assert found is not None, f"{file}: {words}"
    name, act, by = found.groups()
    assert name == translate.OWN_EVENT
    assert by in ACTS[act]


def test_every_event_that_the_bridge_understands_is_shipped() -> None:
    said = "\n".join(words for _, words in EVENTS)
    for act, askers in ACTS.items():
        for by in askers:
            assert f"Act: {act},By: {by}" in said


def test_the_variable_of_an_opt_out_is_the_one_that_the_bridge_reads() -> None:
    assert f"Set({translate.OPT_OUT_VARIABLE}=yes)" in code(
        ROOT / "dialplan/asterisk/hushtape.conf"
    )


def test_the_documentation_names_what_there_is() -> None:
    page = (ROOT / "docs" / "asterisk.md").read_text(encoding="utf-8")
    shipped = "\n".join(code(path) for path in FILES)
    named = set(re.findall(r"Gosub\((hushtape-[a-z-]+)|[(bU]\((hushtape-[a-z-]+)\^", page))
    contexts = {first or second for first, second in named}
    assert contexts >= {"hushtape-announcement", "hushtape-opt-out", "hushtape-agent-keys"}
    assert contexts <= set(re.findall(r"^\[(hushtape-[a-z-]+)\]", shipped, re.MULTILINE))
    features = set(re.findall(r"^(hushtape-[a-z-]+) => (\*\d+),", shipped, re.MULTILINE))
    assert {key for _, key in features} == set(re.findall(r"`(\*7\d)` \(", page))
    given = re.findall(r"hushtape-opt-out#hushtape-permission", shipped)
    assert given
    assert {name for name, _ in features} == {"hushtape-opt-out", "hushtape-permission"}
