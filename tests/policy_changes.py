"""A policy in which every key says something, and each way of changing one of them."""

from __future__ import annotations

import types
from collections.abc import Iterator
from datetime import date, timedelta
from enum import Enum
from pathlib import Path
from typing import Any, Union, get_args, get_origin, get_type_hints

import msgspec

from hushtape import schema as conversion
from hushtape.policy import parse
from hushtape.policy.schema import DestinationKind, Policy

EVERYTHING = parse.load(Path(__file__).parent / "data/policies/everything.toml")
NEW_WORD = "zebra"  # stands nowhere else
OF_A_KIND = {  # a new value for texts that have a form of their own
    "keep": "77 days",
    "permission_within": "77 seconds",
    "longest": "77 seconds",
    "reviewed_every": "77 days",
    "hours": "Wed 03:00-04:00",
    "outside_hours": "Wed 03:00-04:00",
    "extensions": "777777",
    "numbers": "07777 777777",
    "except_numbers": "07777 777777",
    "lines": "the back office",
    "time_zone": "Africa/Lagos",
    "country_code": "39",
}
NEVER_EMPTY = {"keep", "name", "title", "time_zone", "country_code", "longest", "permission_within"}
Key = tuple[tuple[str | int, ...], Any, Any]


def keys(structure: msgspec.Struct, path: tuple[str | int, ...] = ()) -> Iterator[Key]:
    """Walk through every key: where it is, its type, its value."""
    hints = get_type_hints(type(structure))
    for field in msgspec.structs.fields(structure):
        value, kind = getattr(structure, field.name), hints[field.name]
        here = (*path, field.encode_name)
        if isinstance(value, msgspec.Struct):
            yield from keys(value, here)
        elif isinstance(value, tuple) and value and isinstance(value[0], msgspec.Struct):
            for index, each in enumerate(value):
                yield from keys(each, (*here, index))
        else:
            yield here, kind, value


def others(kind: Any, name: str, value: Any) -> Iterator[Any]:
    """Other values than this one that a key could have."""
    yield from (each for each in _any_other(kind, name, value) if each != value)


def changed(path: tuple[Any, ...], value: Any, policy: Policy = EVERYTHING) -> Policy:
    """Change one key; None takes it out."""
    document = msgspec.to_builtins(policy, builtin_types=(date,))
    inner = document
    for step in path[:-1]:
        inner = inner[step]
    if value is None:
        inner.pop(path[-1], None)
    else:
        inner[path[-1]] = msgspec.to_builtins(value, builtin_types=(date,))
    return conversion.convert(document, Policy)


def structures(structure: msgspec.Struct) -> Iterator[msgspec.Struct]:
    """Walk through a structure and all that are in it."""
    yield structure
    for field in msgspec.structs.fields(structure):
        value = getattr(structure, field.name)
        for each in value if isinstance(value, tuple) else (value,):
            if isinstance(each, msgspec.Struct):
                yield from structures(each)


def _any_other(kind: Any, name: str, value: Any) -> Iterator[Any]:
    origin, inner = get_origin(kind), get_args(kind)
    if origin in {types.UnionType, Union}:
        yield None
        yield from _any_other(next(k for k in inner if k is not type(None)), name, value)
    elif origin is tuple and issubclass(inner[0], msgspec.Struct):
        return  # a table that isn't there has no keys
    elif origin is tuple:
        yield ()
        if issubclass(inner[0], Enum):
            yield from ((each,) for each in inner[0] if each is not DestinationKind.UNKNOWN)
        else:
            yield (*value, OF_A_KIND.get(name, NEW_WORD))
    elif isinstance(kind, type) and issubclass(kind, Enum):
        yield from kind
    elif kind is bool:
        yield not value
    elif kind is int:
        yield value + 1
    elif kind is date:
        yield (value or date(2020, 1, 1)) + timedelta(days=300)
    else:
        assert kind is str, kind
        yield OF_A_KIND.get(name, NEW_WORD)
        if name not in NEVER_EMPTY:
            yield ""
