"""Finds the line and column of a key in a TOML text: the parser of the standard library tells none.

The scanner follows keys, tables and arrays, and looks at values only as far as it must to step over
them. A text that isn't TOML is scanned as far as it goes.
"""

from __future__ import annotations

import bisect
import contextlib
import re
from dataclasses import dataclass

_BETWEEN = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
_BLANK = re.compile(r"[ \t]*")
_STRING = re.compile(
    r'"""(?:\\.|[^\\])*?""""{0,2}'
    r"|'''.*?''''{0,2}"
    r'|"(?!"")(?:\\[^\n]|[^"\\\n])*"'
    r"|'(?!'')[^'\n]*'",
    re.DOTALL,
)
_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")
_BARE_VALUE = re.compile(r"[^\n#]*")
_BARE_ENTRY = re.compile(r"[^,\]}\n#]+")
_LAST_STEP = re.compile(r"(?:\.[^.\[\]]*|\[\d+\]|^[^.\[\]]+)$")


@dataclass(frozen=True, slots=True, order=True)
class Position:
    """Where in a text; both count from 1."""

    line: int
    column: int


TOP = Position(1, 1)


class _Broken(Exception):
    """The text isn't TOML from here on."""


class Places:
    """Where the keys of one TOML text stand."""

    def __init__(self, text: str) -> None:
        scanner = _Scanner(text)
        with contextlib.suppress(_Broken, RecursionError):
            scanner.run()  # where it breaks off, what comes before is known all the same
        self._offsets = scanner.offsets
        self._line_starts = [0, *(found.end() for found in re.finditer("\n", text))]
        unclosed = scanner.opened[0] if scanner.opened else None
        self.unclosed: Position | None = None if unclosed is None else position(text, unclosed)

    def at(self, key: str) -> Position:
        """Locate ``destination[1].extensions``; a key that is missing is where its table begins."""
        while key:
            offset = self._offsets.get(key)
            if offset is not None:
                line = bisect.bisect(self._line_starts, offset)
                return Position(line, offset - self._line_starts[line - 1] + 1)
            step = _LAST_STEP.search(key)
            if step is None:
                break
            key = key[: step.start()]
        return TOP

    def knows(self, key: str) -> bool:
        """Tell whether the text says this key itself."""
        return key in self._offsets


def position(text: str, offset: int) -> Position:
    """Turn an offset in characters into line and column."""
    line_start = text.rfind("\n", 0, offset) + 1
    return Position(text.count("\n", 0, offset) + 1, offset - line_start + 1)


class _Scanner:
    def __init__(self, text: str) -> None:
        self.offsets: dict[str, int] = {}  # key -> where it stands first
        self.opened: list[int] = []  # where the values begin that don't end
        self._text = text
        self._at = 0
        self._last: dict[str, int] = {}  # array of tables -> the index of its last table

    def run(self) -> None:
        table = ""
        while self._skip(_BETWEEN) < len(self._text):
            if self._text.startswith("[", self._at):
                table = self._header()
            else:
                self._assignment(table)

    def _header(self) -> str:
        start = self._at
        array = self._text.startswith("[[", start)
        self._at += 2 if array else 1
        parts = self._key()
        self._take("]]" if array else "]")
        path = ""
        for index, (word, offset) in enumerate(parts):
            path = _join(path, word)
            last = index == len(parts) - 1
            self.offsets.setdefault(path, start if last else offset)
            if last and array:
                self._last[path] = self._last.get(path, -1) + 1
            if path in self._last:
                path = f"{path}[{self._last[path]}]"
                self.offsets.setdefault(path, start)
        return path

    def _assignment(self, table: str) -> None:
        path = table
        for word, offset in self._key():
            path = _join(path, word)
            self.offsets.setdefault(path, offset)
        self._skip(_BLANK)
        self._take("=")
        self._skip(_BLANK)
        self._value(path, _BARE_VALUE)

    def _key(self) -> list[tuple[str, int]]:
        parts = []
        while True:
            start = self._skip(_BLANK)
            found = _BARE_KEY.match(self._text, start) or _STRING.match(self._text, start)
            if found is None:
                raise _Broken
            self._at = found.end()
            parts.append((_unquoted(found.group()), start))
            if not self._text.startswith(".", self._skip(_BLANK)):
                return parts
            self._at += 1

    def _value(self, path: str, bare: re.Pattern[str]) -> None:
        start = self._at
        opening = self._text[start : start + 1]
        if opening == "[":
            self.opened.append(start)
            self._array(path)
            self.opened.pop()
        elif opening == "{":
            self.opened.append(start)
            self._inline_table(path)
            self.opened.pop()
        elif opening in {'"', "'"}:
            found = _STRING.match(self._text, start)
            if found is None:
                self.opened.append(start)
                raise _Broken
            self._at = found.end()
        else:
            self._skip(bare)

    def _array(self, path: str) -> None:
        self._at += 1
        index = 0
        while not self._text.startswith("]", self._skip(_BETWEEN)):
            start = self._at
            self.offsets.setdefault(f"{path}[{index}]", start)
            self._value(f"{path}[{index}]", _BARE_ENTRY)
            index += 1
            self._skip(_BETWEEN)
            if self._text.startswith(",", self._at):
                self._at += 1
            elif not self._text.startswith("]", self._at):
                raise _Broken
        self._at += 1

    def _inline_table(self, path: str) -> None:
        self._at += 1
        while not self._text.startswith("}", self._skip(_BETWEEN)):
            inner = path
            for word, offset in self._key():
                inner = _join(inner, word)
                self.offsets.setdefault(inner, offset)
            self._skip(_BLANK)
            self._take("=")
            self._skip(_BLANK)
            self._value(inner, _BARE_ENTRY)
            self._skip(_BETWEEN)
            if self._text.startswith(",", self._at):
                self._at += 1
            elif not self._text.startswith("}", self._at):
                raise _Broken
        self._at += 1

    def _skip(self, what: re.Pattern[str]) -> int:
        found = what.match(self._text, self._at)
        self._at = found.end() if found else self._at
        return self._at

    def _take(self, what: str) -> None:
        if not self._text.startswith(what, self._skip(_BLANK)):
            raise _Broken
        self._at += len(what)


def _join(path: str, word: str) -> str:
    return f"{path}.{word}" if path else word


def _unquoted(word: str) -> str:
    if word[:1] == "'":
        return word[1:-1]
    if word[:1] != '"':
        return word
    inner = word[1:-1]
    if "\\" not in inner:
        return inner
    import tomllib  # an escape in a key: let the parser read it

    try:
        return str(tomllib.loads(f"x = {word}")["x"])
    except ValueError:
        return inner
