"""What ``policy lint`` has to say: one finding, one line."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from hushtape.policy.reading.locate import Position

WORDS_LIMIT = 400  # characters: a file may hold anything, and a finding is one line


class Severity(StrEnum):
    """How bad it is."""

    ERROR = "error"  # the policy can't be carried out
    WARNING = "warning"  # it can, but hardly does what was meant
    NOTE = "note"  # what follows from the policy together with the configuration


@dataclass(frozen=True, slots=True)
class Remark:
    """Something that a rule found in a policy; where in the file is looked up afterwards.

    Args:
        key: as in the file: ``destination[1].extensions``.
        what: what is wrong; what was expected.
        word: which entry of the key's list it is about; "" for all of it.
    """

    severity: Severity
    key: str
    what: str
    word: str = ""


@dataclass(frozen=True, slots=True)
class Finding:
    """A remark with its place in a file. ``read`` is false if the file held no text at all."""

    severity: Severity
    path: Path
    position: Position
    key: str
    what: str
    read: bool = True

    def line(self) -> str:
        """Write it as compilers do: ``town.toml:12:1: error: payment.lines: …``."""
        place = f"{self.path}:{self.position.line}:{self.position.column}"
        words = f"{self.key}: {self.what}" if self.key else self.what
        return f"{place}: {self.severity}: {shortened(words)}"


def shortened(words: str) -> str:
    """Leave out the middle of what is too long for a line: it is what somebody wrote."""
    half = WORDS_LIMIT // 2
    return words if len(words) <= WORDS_LIMIT else f"{words[:half]} … {words[-half:]}"


def error(key: str, what: str, word: str = "") -> Remark:
    """Make a remark about what can't be carried out."""
    return Remark(Severity.ERROR, key, what, word)


def warning(key: str, what: str, word: str = "") -> Remark:
    """Make a remark about what hardly does what was meant."""
    return Remark(Severity.WARNING, key, what, word)


def note(key: str, what: str, word: str = "") -> Remark:
    """Make a remark about what follows from the policy."""
    return Remark(Severity.NOTE, key, what, word)


def in_order(findings: Iterable[Finding]) -> list[Finding]:
    """Sort by file and place, and leave out what was said already."""
    return sorted(
        dict.fromkeys(findings), key=lambda each: (str(each.path), each.position, each.what)
    )
