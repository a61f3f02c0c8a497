"""Turns a parsed TOML document into its structure; an error names the key and what was meant.

msgspec checks; this module only finds out where and says it in words that an administrator uses.
"""

from __future__ import annotations

import difflib
import re
import types
import typing
from collections.abc import Mapping
from typing import Any, TypeVar, get_args, get_origin

import msgspec

T = TypeVar("T", bound=msgspec.Struct)

_PATH = re.compile(r"\s*- at `(?:key in )?\$(.*?)`$")
_UNKNOWN = re.compile(r"Object contains unknown field `(.+?)`")
_MISSING = re.compile(r"Object missing required field `(.+?)`")
_TYPE_WORDS = {
    "`object`": "a table ([…] or {…})",
    "`array`": "a list in square brackets",
    "`str`": "a text in quotes",
    "`int`": "a whole number",
    "`float`": "a number",
    "`bool`": "true or false",
    "`date`": "a date without quotes, such as 2026-01-31",
    "`datetime`": "a date and time",
}


class Mismatch(Exception):
    """The document isn't what the structure asks for.

    Args:
        key: where in the document, ``pbx.town-hall.port``; ``""`` for the whole of it.
        what: what is wrong and what was expected.
    """

    def __init__(self, key: str, what: str) -> None:
        super().__init__(f"{key}: {what}" if key else what)
        self.key = key
        self.what = what


def convert(document: Mapping[str, Any], kind: type[T]) -> T:
    """Check a document against a structure.

    Raises:
        Mismatch: with the key and, where a word was misspelt, the nearest that exists.
    """
    try:
        return msgspec.convert(document, kind)
    except msgspec.ValidationError as error:
        raise _explain(document, kind, str(error)) from None


def _explain(value: Any, kind: Any, message: str, prefix: str = "") -> Mismatch:
    found = _PATH.search(message)
    path = found.group(1) if found else ""
    text = _PATH.sub("", message)
    head, in_table, _ = path.partition("[...]")
    if in_table:
        # msgspec doesn't say which entry of a table it was: try each by itself.
        table, table_kind = _follow(value, kind, head)
        entry_kind = _plain(get_args(table_kind)[-1])
        for name, entry in table.items():
            try:
                msgspec.convert(entry, entry_kind)
            except msgspec.ValidationError as error:
                return _explain(entry, entry_kind, str(error), f"{prefix}{head}.{name}")
    key = prefix + path
    holder, holder_kind = _follow(value, kind, path)
    unknown = _UNKNOWN.search(text)
    if unknown:
        word = unknown.group(1)
        return Mismatch(
            f"{key}.{word}".lstrip("."), f"there is no such key{_nearest(word, holder_kind)}"
        )
    missing = _MISSING.search(text)
    if missing:
        return Mismatch(f"{key}.{missing.group(1)}".lstrip("."), "is missing, and has no default")
    for name, words in _TYPE_WORDS.items():
        text = text.replace(name, words)
    if text == "Invalid RFC3339 encoded date":  # a date in quotes that isn't one
        text = f"expected {_TYPE_WORDS['`date`']}"
    text = text.replace("Expected", "expected").replace("Invalid enum value", "no such choice:")
    choices = _choices(_plain(holder_kind))
    if choices and text.startswith("no such choice"):
        text = f'expected {choices}, not "{holder}"'
    return Mismatch(key.lstrip("."), text)


def _follow(value: Any, kind: Any, path: str) -> tuple[Any, Any]:
    """Follow ``.pbx`` or ``.destination[0].then`` through the document and its types."""
    for name, index in re.findall(r"\.([^.\[]+)|\[(\d+)\]", path):
        kind = _plain(kind)
        if name:
            value = value[name] if isinstance(value, dict) else None
            kind = typing.get_type_hints(kind).get(name, Any)
        else:
            value = value[int(index)]
            kind = (get_args(kind) or (Any,))[0]
    return value, kind


def _nearest(word: str, kind: Any) -> str:
    kind = _plain(kind)
    if not (isinstance(kind, type) and issubclass(kind, msgspec.Struct)):
        return ""
    known = [field.encode_name for field in msgspec.structs.fields(kind)]
    close = difflib.get_close_matches(word, known, n=1)
    return f'; did you mean "{close[0]}"?' if close else f"; the keys here are: {', '.join(known)}"


def _choices(kind: Any) -> str:
    if isinstance(kind, type) and issubclass(kind, str) and hasattr(kind, "__members__"):
        words = [f'"{member.value}"' for member in kind.__members__.values()]
        return " or ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)
    return ""


def _plain(kind: Any) -> Any:
    """Take the structure out of ``Structure | None``."""
    if get_origin(kind) in (typing.Union, types.UnionType):
        return next(arg for arg in get_args(kind) if arg is not type(None))
    return kind
