"""The configuration file as it was written: its text, what stands in it, and where."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hushtape.errors import ConfigError
from hushtape.policy.reading import syntax
from hushtape.policy.reading.locate import Places
from hushtape.policy.reading.source import BYTE_ORDER_MARK

CONFIG_LIMIT_BYTES = 1_000_000
_PASSWORD = re.compile(r"(://[^:@/\s]*:)[^@\s]*@")


@dataclass(frozen=True)
class ConfigFile:
    """One configuration file. ``document`` is the TOML as it stands, unchecked."""

    path: Path
    text: str
    document: dict[str, Any]

    def located(self, error: ConfigError) -> ConfigError:
        """The same error with line and column, where it names a key of this file."""
        key = error.where.removeprefix(f"{self.path}: ")
        if key == error.where:
            return error
        at = Places(self.text).at(key)
        return ConfigError(f"{self.path}:{at.line}:{at.column}: {key}", error.what)


def read(path: Path) -> ConfigFile:
    """Read a configuration file.

    Raises:
        ConfigError: it can't be read, isn't TOML, or holds what no path and no name can be.
    """
    text = _text(path)
    try:
        file = ConfigFile(path, text, syntax.parse(text))
    except syntax.SyntaxProblem as problem:
        at = problem.where
        what = _PASSWORD.sub(r"\1…@", problem.what)  # of a redis.url without quotes
        raise ConfigError(f"{path}:{at.line}:{at.column}", f"is not TOML: {what}") from None
    for key in _with_controls(file.document, ""):
        what = (
            'holds a line break or another character that can\'t be seen: in "…" a backslash begins'
            " such a character, write / or two of them"
        )
        raise file.located(ConfigError(f"{path}: {key}", what))
    return file


def _text(path: Path) -> str:
    try:
        with path.open("rb") as stream:
            content = stream.read(CONFIG_LIMIT_BYTES + 1)
    except FileNotFoundError:
        raise ConfigError(str(path), "there is no such file") from None
    except (OSError, ValueError) as error:
        words = error.strerror if isinstance(error, OSError) else str(error)
        raise ConfigError(str(path), f"can't be read: {words}") from None
    if len(content) > CONFIG_LIMIT_BYTES:
        raise ConfigError(str(path), f"larger than {CONFIG_LIMIT_BYTES} bytes")
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise ConfigError(f"{path}:1:1", "is saved as UTF-16: expected UTF-8")
    try:
        return content.decode().removeprefix(BYTE_ORDER_MARK)
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        what = f"the byte {content[error.start]:#04x} is not UTF-8: expected a text saved as UTF-8"
        raise ConfigError(f"{path}:{line}", what) from None


def _with_controls(value: Any, key: str) -> Iterator[str]:
    """The keys whose text holds a control character: no path, name or address does."""
    if isinstance(value, dict):
        for word, each in value.items():
            yield from _with_controls(each, f"{key}.{word}".lstrip("."))
    elif isinstance(value, list):
        for number, each in enumerate(value):
            yield from _with_controls(each, f"{key}[{number}]")
    elif isinstance(value, str) and any(each < " " or each == "\x7f" for each in value):
        yield key
