"""What is meant by a text that isn't quite TOML: where it goes wrong, and what belongs there."""

from __future__ import annotations

import re
import tomllib
import unicodedata
from typing import Any

from hushtape.policy.reading.locate import Places, Position, position

MOST_DOTS = 20  # in a key; the parser's memory grows with their square

_KEY = r"(?:[A-Za-z0-9_-]+|\"[^\"\n]*\"|'[^'\n]*')"
_DOTTED = re.compile(rf"(?:^|[{{,\[])[ \t]*(?:{_KEY}[ \t]*\.[ \t]*){{{MOST_DOTS},}}", re.MULTILINE)
_WHERE = re.compile(r" \(at (?:line (\d+), column (\d+)|end of document)\)$")
_LONE_RETURN = re.compile(r"\r(?!\n)")
_LONG_NUMBER = re.compile(r"\d{4000}")
_DATE = re.compile(r"(\d{1,4})[-./](\d{1,2})[-./](\d{1,4})$")
_YEAR_DIGITS = 4
_CURLY = "“”„‟«»‘’‚‛″′"
_PLAIN_WORDS = {
    "yes": "true",
    "no": "false",
    "on": "true",
    "off": "false",
    "none": '""',
    "null": '""',
}


class SyntaxProblem(Exception):
    """The text isn't TOML.

    Args:
        where: line and column.
        what: what is wrong, and what was expected.
    """

    def __init__(self, where: Position, what: str) -> None:
        super().__init__(what)
        self.where = where
        self.what = what


def parse(text: str) -> dict[str, Any]:
    """Parse a TOML text.

    Raises:
        SyntaxProblem: it isn't one, or nests deeper than anybody writes.
    """
    dotted = _DOTTED.search(text)
    if dotted:
        raise SyntaxProblem(position(text, dotted.start()), f"more than {MOST_DOTS} dots in a key")
    lone = _LONE_RETURN.search(text)
    if lone:
        what = "a carriage return alone: expected line ends as Windows or Unix write them"
        raise SyntaxProblem(position(text, lone.start()), what)
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise _meant(text, str(error)) from None
    except RecursionError:
        where = Places(text).unclosed or position(text, 0)
        raise SyntaxProblem(where, "brackets within brackets, too many of them") from None
    except ValueError:  # a whole number of thousands of digits
        found = _LONG_NUMBER.search(text)
        where = position(text, found.start() if found else 0)
        raise SyntaxProblem(where, "a number with thousands of digits") from None


def _meant(text: str, message: str) -> SyntaxProblem:
    found = _WHERE.search(message)
    fault = _WHERE.sub("", message)
    if found is None or found.group(1) is None:
        return _at_the_end(text, fault)
    where = Position(int(found.group(1)), int(found.group(2)))
    # The parser has taken each CR LF for one character, and so does a position.
    line = text.replace("\r\n", "\n").split("\n")[where.line - 1]
    unclosed = Places(text).unclosed
    if unclosed is not None and unclosed.line < where.line and "array" in fault.lower():
        return SyntaxProblem(
            unclosed, f"this list isn't closed: expected , or ] before line {where.line}"
        )
    return _in_line(where, line, fault)


def _at_the_end(text: str, fault: str) -> SyntaxProblem:
    unclosed = Places(text).unclosed
    if unclosed is not None:
        line = text.split("\n")[unclosed.line - 1]
        opening = line[unclosed.column - 1]
        kind, end = {
            "[": ("list", "]"),
            "{": ("table", "}"),
        }.get(opening, ("text", _quotes(line, unclosed.column - 1)))
        return SyntaxProblem(unclosed, f"this {kind} isn't closed: expected {end}")
    last = text.rstrip()
    where = position(text, max(0, len(last) - 1))
    line = text.split("\n")[where.line - 1]
    return _in_line(where, line, fault)


def _in_line(where: Position, line: str, fault: str) -> SyntaxProblem:
    stranger = _stranger(line)
    if stranger:
        return SyntaxProblem(Position(where.line, line.index(stranger) + 1), _strange(stranger))
    _, equals, value = line.partition("=")
    value = value.split("#")[0].strip()
    meant = _value_meant(value) if equals and _about_a_value(fault) else ""
    if meant:
        column = len(line) if not value else line.index(value, line.index("=")) + 1
        return SyntaxProblem(Position(where.line, column), meant)
    return SyntaxProblem(where, _words(line, where.column - 1, fault))


def _about_a_value(fault: str) -> bool:
    return (
        fault.startswith(("Invalid", "Expected newline", "Unclosed array")) and "key" not in fault
    )


def _words(line: str, at: int, fault: str) -> str:
    """Say what is wrong with a line from an index on, in an officer's words."""
    _, equals, value = line.partition("=")
    if fault.startswith("Cannot") or "twice" in fault:
        return _said_twice(line)
    if "newline" in fault and line.count('"') % 2 == 1:
        return "a text isn't closed: expected \" at its end"
    if "Illegal character '\\n'" in fault:
        return f"a text isn't closed: expected {_quotes(value.strip(), 0)} at its end"
    if line.lstrip().startswith("[") and "declaration" in fault:
        closing = "]]" if line.lstrip().startswith("[[") else "]"
        return f"the name of a table isn't closed: expected {closing}"
    if "Expected '='" in fault or not equals:
        return f'expected key = value, such as keep = "90 days", not {line.strip()}'
    return _in_short(line[at:], fault)


def _said_twice(line: str) -> str:
    key, equals, _ = line.partition("=")
    if equals:
        return f'"{key.strip()}" is said twice in this table: expected each key once'
    return f"{line.strip()} is there already: expected each table once, or [[…]] for several"


def _in_short(rest: str, fault: str) -> str:
    if "Illegal character" in fault or "invalid character" in fault.lower():
        return f"{fault[0].lower()}{fault[1:]}: expected none such"
    if "Unescaped" in fault:
        return "a backslash stands before a sign that needs none: expected '…' around such a text"
    if "Expected newline" in fault:
        return f"expected nothing more in this line, but there is {rest.strip()}"
    if "Unclosed array" in fault:
        return "this list isn't closed: expected , or ]"
    return f"is not TOML: {fault[:1].lower()}{fault[1:]}"


def _value_meant(value: str) -> str:
    """Guess what a value was to be that isn't one in TOML."""
    if not value:
        return "there is nothing after =: expected a value"
    date = _DATE.fullmatch(value)
    if date:
        return f"expected a date as year-month-day, such as {_as_date(*date.groups())}, not {value}"
    lower = value.lower()
    if lower in {"true", "false"}:
        return f"expected {lower}, in small letters, not {value}"
    if lower in _PLAIN_WORDS:
        return f"expected {_PLAIN_WORDS[lower]}, not {value}"
    if value[0] not in "\"'[{" and value[-1] in "\"'":
        return f"a text isn't opened: expected {value[-1]} before {value}"
    if value[0] not in "\"'[{":
        return f'a text stands in quotes: expected "{value}"'
    if value[0] == "[" and not value.endswith("]"):
        return "this list isn't closed: expected , or ]"
    if value[0] == "[" and re.search(r"[\"']\s+[\"']", value):
        return "expected a comma between the entries of a list"
    if value[0] == "[" and "'" not in value and '"' not in value:
        return f'texts in a list stand in quotes, each of them: expected ["…", "…"], not {value}'
    return ""


def _as_date(first: str, second: str, third: str) -> str:
    """Write a date as TOML does; the day comes first unless the year does."""
    if len(third) == _YEAR_DIGITS:
        first, third = third, first
    if not 1 <= int(second) <= 12 or not 1 <= int(third) <= 31 or len(first) != _YEAR_DIGITS:
        return "2026-01-31"
    return f"{first}-{int(second):02}-{int(third):02}"


def _stranger(line: str) -> str:
    """Find a character that can't stand outside of a text; "" where there is none."""
    bare = re.sub(r"\"[^\"]*\"|'[^']*'|#.*", "", line)
    odd = (
        each for each in bare if not (each.isascii() and each.isprintable()) and each not in "\t\r"
    )
    return next(odd, "")


def _strange(character: str) -> str:
    if character in _CURLY:
        return f'{character} is a typographic quotation mark: expected a straight one, "'
    if character.isascii():
        return f"a control character, {ord(character):#04x}: expected none"
    name = unicodedata.name(character, "without a name")
    return f"{character} ({name}) can't stand here: expected a plain letter, digit or sign"


def _quotes(line: str, at: int) -> str:
    opening = line[at : at + 1]
    if opening not in {'"', "'"}:
        return '"'
    return opening * 3 if line.startswith(opening * 3, at) else opening
