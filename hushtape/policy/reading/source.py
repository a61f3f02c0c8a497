"""A policy file as it was written: its text, what stands in it, and where."""

from __future__ import annotations

import errno
import stat
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from hushtape.errors import PolicyError
from hushtape.policy.linting.findings import shortened
from hushtape.policy.reading import syntax
from hushtape.policy.reading.locate import TOP, Places, Position

POLICY_LIMIT_BYTES = 262_144  # the longest published one has two thousand
BYTE_ORDER_MARK = "\ufeff"  # what Windows' Notepad puts before a text; it means nothing


class SourceError(PolicyError):
    """A policy file can't be read, or isn't TOML.

    Args:
        path: the file.
        position: where in it.
        what: what is wrong, and what was expected.
        read: whether there was a text at all.
    """

    def __init__(self, path: Path, position: Position, what: str, *, read: bool) -> None:
        super().__init__(f"{path}:{position.line}:{position.column}", shortened(what))
        self.position = position
        self.read = read


@dataclass(frozen=True)
class Source:
    """One policy file. ``document`` is the TOML as it stands, unchecked."""

    path: Path
    text: str
    document: dict[str, Any]

    @cached_property
    def places(self) -> Places:
        """Where its keys stand; looked for only when something is to be shown."""
        return Places(self.text)

    def at(self, key: str, word: str = "") -> Position:
        """Locate a key, or a word in the list that it holds."""
        value: Any = self._value(key)
        if word and isinstance(value, list) and word in value:
            return self.places.at(f"{key}[{value.index(word)}]")
        return self.places.at(key)

    def says(self, key: str) -> bool:
        """Tell whether the file says a key itself, and doesn't leave it to its default."""
        return self.places.knows(key)

    def where(self, key: str, word: str = "") -> str:
        """Name the place for an error: ``town.toml:12:1: payment.lines``."""
        position = self.at(key, word)
        place = f"{self.path}:{position.line}:{position.column}"
        return f"{place}: {shortened(key)}" if key else place

    def _value(self, key: str) -> Any:
        value: Any = self.document
        for part in key.replace("[", ".[").split("."):
            if part.startswith("[") and isinstance(value, list) and part[1:-1].isdigit():
                value = value[int(part[1:-1])] if int(part[1:-1]) < len(value) else None
            elif isinstance(value, dict):
                value = value.get(part)
            else:
                return None
        return value


def read(path: Path) -> Source:
    """Read a policy file.

    Raises:
        SourceError: it can't be read, or isn't TOML.
    """
    text = _decode(path, _bytes(path)).removeprefix(BYTE_ORDER_MARK)
    try:
        return Source(path, text, syntax.parse(text))
    except syntax.SyntaxProblem as problem:
        raise SourceError(path, problem.where, problem.what, read=True) from None


def _bytes(path: Path) -> bytes:
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):  # a pipe would make us wait for ever
            raise SourceError(path, TOP, "is not a file", read=False)
        with path.open("rb") as stream:
            content = stream.read(POLICY_LIMIT_BYTES + 1)
    except (OSError, ValueError) as error:
        raise SourceError(path, TOP, _reason(error), read=False) from None
    if len(content) > POLICY_LIMIT_BYTES:
        what = f"is larger than {POLICY_LIMIT_BYTES} bytes: expected one policy"
        raise SourceError(path, TOP, what, read=False)
    return content


def _reason(error: OSError | ValueError) -> str:
    if not isinstance(error, OSError):
        return f"can't be read: {error}"
    if error.errno == errno.ENOENT:
        return "there is no such file"
    if error.errno == errno.ELOOP:
        return "can't be read: a link that leads to itself"
    return f"can't be read: {error.strerror}"


def _decode(path: Path, content: bytes) -> str:
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise SourceError(path, TOP, "is saved as UTF-16: expected UTF-8", read=False)
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        before = content[: error.start]
        line_start = before.rfind(b"\n") + 1
        column = len(before[line_start:].decode("utf-8")) + 1
        where = Position(before.count(b"\n") + 1, column)
        what = f"the byte {content[error.start]:#04x} is not UTF-8: expected a text saved as UTF-8"
        raise SourceError(path, where, what, read=False) from None
