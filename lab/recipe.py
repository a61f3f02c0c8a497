"""What a page of the documentation tells people to type, and what they will see."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

# In ```console a line that begins so is typed as root; what follows, up to the next, is printed.
PROMPT = "# "
# In ```sh every line is typed, and what comes of it isn't shown.
SHOWN, UNSHOWN = "console", "sh"

_MONTH = "(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)[a-z]*"
# What is another one each time: its place in a line counts, and not what it is.
_OTHERWISE = [
    (re.compile(pattern), word)
    for pattern, word in (
        ("\x1b\\[[0-9;]*m", ""),
        (r"\b\d{8}-\d{6}-[a-z0-9]{8}\b", "ID"),
        (r"\b\d{4}-\d\d-\d\dT[\d:.]+Z", "MOMENT"),
        (r"\b\d{4}-\d\d-\d\d \d\d:\d\d\b", "MINUTE"),
        (rf"\b\d{{1,2}} {_MONTH} \d{{4}} \d\d:\d\d\b", "MINUTE"),
        (r"\b\d\d:\d\d:\d\d\b", "TIME"),
        (r"/\d{4}/\d\d/\d\d/", "/DAY/"),
        (r"\b0:\d\d\b", "LENGTH"),
        (r"\b\d+ bytes\b", "N bytes"),
        (r"\b[0-9a-f]{64}\b", "DIGEST"),
        (r"\b\d+(?:\.\d)? [MG]B\b", "SIZE"),
        (r"\bversion \d+\.\d+\.\d+\b", "version VERSION"),
    )
]


@dataclass(frozen=True)
class Typed:
    """One command of a page."""

    section: str
    command: str
    printed: str | None  # None: not shown


def read(page: Path) -> list[Typed]:
    """All that is to be typed, in the order of the page."""
    return list(_read(page.read_text(encoding="utf-8")))


def sections(page: Path) -> list[str]:
    """The page's sections, in order."""
    return re.findall(r"^## (.*)$", page.read_text(encoding="utf-8"), re.MULTILINE)


def _read(text: str) -> Iterator[Typed]:
    section = ""
    for found in re.finditer(
        r"^## ([^\n]*)$|^```(\w+)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL
    ):
        heading, kind, body = found.groups()
        if heading:
            section = heading
        elif kind == UNSHOWN:
            yield from (Typed(section, line, None) for line in body.splitlines())
        elif kind == SHOWN:
            for part in re.split(rf"^{PROMPT}", body, flags=re.MULTILINE)[1:]:
                command, _, printed = part.partition("\n")
                yield Typed(section, command, printed)


def alike(text: str) -> list[str]:
    """A text's lines without what is another one each time: two that mean the same are equal."""
    for pattern, word in _OTHERWISE:
        text = pattern.sub(word, text)
    return [line.rstrip() for line in text.strip().splitlines()]
