"""dialplan/freeswitch/hushtape.xml, taken apart as FreeSWITCH reads it."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from pathlib import Path

TEXT = (Path(__file__).parents[1] / "dialplan/freeswitch/hushtape.xml").read_text(encoding="utf-8")
CONTEXT = "XML hushtape"

Step = tuple[str, str]


def _extensions() -> dict[str, ET.Element]:
    context = ET.fromstring(TEXT).find("context")  # noqa: S314 (our own file)
    assert context is not None
    assert context.get("name") == "hushtape"
    found = {each.get("name", ""): each for each in context.findall("extension")}
    assert len(found) == len(context.findall("extension")), "two extensions of one name"
    return found


EXTENSIONS = _extensions()
ALL = sorted(EXTENSIONS)


def steps(name: str, kind: str = "action") -> list[Step]:
    """What an extension does where its conditions hold ("anti-action": where the last doesn't)."""
    found = EXTENSIONS[name].iter(kind)
    return [(each.get("application", ""), each.get("data", "")) for each in found]


def every_step() -> list[tuple[str, str, str]]:
    both = ("action", "anti-action")
    return [(name, *step) for name in ALL for kind in both for step in steps(name, kind)]


def condition(name: str, at: int = 1) -> re.Pattern[str]:
    """The pattern of an extension's condition; the first one, 0, is its name."""
    return re.compile(EXTENSIONS[name].findall("condition")[at].get("expression", ""))


def call(name: str) -> Step:
    return ("execute_extension", f"{name} {CONTEXT}")
