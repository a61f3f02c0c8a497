"""Turns a parsed TOML document into its structure; an error names the key and what was meant.

msgspec checks; this module only finds out where and says it in words that an administrator uses.
"""

from __future__ import annotations

import difflib
import functools
import re
import types
import typing
from collections.abc import Iterator, Mapping
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
    "`datetime`": "a date and time without quotes, such as 2026-01-31T10:00:00",
}


MISSING = "is missing, and has no default"


_fields = functools.cache(msgspec.structs.fields)


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


def mismatches(document: Mapping[str, Any], kind: type[T]) -> Iterator[Mismatch]:
    """Find all that is wrong with a document, where ``convert`` stops at the first."""
    yield from _mismatches(document, kind, "", kind)


def _mismatches(value: Any, kind: Any, key: str, whole: Any) -> Iterator[Mismatch]:
    kind = _plain(kind)
    entry_kind = _entry_kind(kind)
    if _is_struct(kind) and isinstance(value, Mapping):
        fields = {field.encode_name: field for field in _fields(kind)}
        for word in value:
            if word not in fields:
                what = _no_such_key(word, kind, whole)
                yield Mismatch(f"{key}.{word}".lstrip("."), what)
        for word, field in fields.items():
            inner = f"{key}.{word}".lstrip(".")
            if word in value:
                yield from _mismatches(value[word], field.type, inner, whole)
            elif field.required:
                yield Mismatch(inner, MISSING)
    elif entry_kind is not None and isinstance(value, list):
        for index, entry in enumerate(value):
            yield from _mismatches(entry, entry_kind, f"{key}[{index}]", whole)
    else:
        try:
            msgspec.convert(value, kind)
        except msgspec.ValidationError as error:
            yield _explain(value, kind, str(error), key)


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
        return Mismatch(f"{key}.{word}".lstrip("."), _no_such_key(word, holder_kind))
    missing = _MISSING.search(text)
    if missing:
        return Mismatch(f"{key}.{missing.group(1)}".lstrip("."), MISSING)
    return Mismatch(key.lstrip("."), _in_words(text, key.lstrip("."), holder, _plain(holder_kind)))


def _in_words(text: str, key: str, holder: Any, kind: Any) -> str:
    """Say what msgspec says of a value in words that an administrator uses."""
    text = text.replace(" | null`", "`")  # TOML has none: a key is there or it isn't
    for name, words in _TYPE_WORDS.items():
        text = text.replace(name, words)
    if text == "Invalid RFC3339 encoded date":  # a date in quotes that isn't one
        text = f"expected {_TYPE_WORDS['`date`']}"
    if text == "Invalid RFC3339 encoded datetime":
        text = f"expected {_TYPE_WORDS['`datetime`']}"
    text = text.replace("Expected", "expected").replace("Invalid enum value", "no such choice:")
    choices = _choices(kind)
    if choices and text.startswith("no such choice"):
        text = f'expected {choices}, not "{holder}"{_near_choice(holder, kind)}'
    text = text.replace(", got ", ", not ").replace(f"not {_TYPE_WORDS['`date`']}", "not a date")
    text = text.replace("whole number, not a number", "whole number, not one with a fraction")
    if _is_struct(_entry_kind(kind)) and isinstance(holder, Mapping):
        return f"expected [[{key}]], in double brackets: there may be several"
    return text


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


def _no_such_key(word: str, kind: Any, whole: Any = None) -> str:
    known = [field.encode_name for field in _fields(_plain(kind))]
    homes = [] if whole is None else list(_homes(word, whole))
    close = difflib.get_close_matches(word, known, n=1)
    if homes:
        meant = f"it belongs under {' or '.join(homes)}"
    elif close:
        meant = f'did you mean "{close[0]}"?'
    else:
        meant = f"the keys here are: {', '.join(known)}"
    return f"there is no such key; {meant}"


def _homes(word: str, kind: Any, path: str = "", brackets: str = "[{}]") -> Iterator[str]:
    """Name the tables that have a key of this name."""
    for field in _fields(kind):
        inner = f"{path}.{field.encode_name}".lstrip(".")
        if field.encode_name == word and path:
            yield brackets.format(path)
        entry_kind = _entry_kind(_plain(field.type))
        if _is_struct(entry_kind):
            yield from _homes(word, entry_kind, inner, "[[{}]]")
        elif _is_struct(_plain(field.type)):
            yield from _homes(word, _plain(field.type), inner)


def _near_choice(word: Any, kind: Any) -> str:
    known = [str(member.value) for member in kind.__members__.values()]
    close = difflib.get_close_matches(str(word).lower(), known, n=1)
    return f': did you mean "{close[0]}"?' if close and len(known) > 2 else ""


def _choices(kind: Any) -> str:
    if isinstance(kind, type) and issubclass(kind, str) and hasattr(kind, "__members__"):
        # "unknown" is what we say of a thing ourselves, nothing that somebody writes
        words = [f'"{each.value}"' for each in kind.__members__.values() if each != "unknown"]
        return " or ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)
    return ""


def _plain(kind: Any) -> Any:
    """Take the structure out of ``Structure | None``."""
    if get_origin(kind) in (typing.Union, types.UnionType):
        return next(arg for arg in get_args(kind) if arg is not type(None))
    return kind


def _is_struct(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, msgspec.Struct)


def _entry_kind(kind: Any) -> Any:
    """Return of what a list is made; None for anything else."""
    arguments = get_args(kind)
    return arguments[0] if get_origin(kind) is tuple and arguments[1:] == (...,) else None
