"""Reads policy files, and refuses those that can't be carried out."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

import msgspec

from hushtape.errors import PolicyError
from hushtape.policy.dates import out_of_reach
from hushtape.policy.linting.findings import shortened
from hushtape.policy.reading import source, structure
from hushtape.policy.reading.duty_problems import duty_problems, retention_problems, tag_problems
from hushtape.policy.reading.problems import (
    Problem,
    call_problems,
    destination_problems,
    payment_problems,
    text_problems,
    zone_exists,
)
from hushtape.policy.schema import Policy

NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,63}")
COUNTRY_CODE = re.compile(r"[1-9][0-9]{0,3}")
TRUNK_PREFIX = re.compile(r"[0-9]?")
MOST_FILES = 500
SCENARIOS = ".scenarios.toml"  # a policy's own examples, kept beside it


def load(path: Path) -> Policy:
    """Read one policy file.

    Raises:
        PolicyError: the file can't be read, isn't TOML, or says something that can't be carried
            out; with line and column.
    """
    text = source.read(path)
    for mismatch in structure.mismatches(text.document):
        raise PolicyError(text.where(mismatch.key), shortened(mismatch.what))
    policy = msgspec.convert(text.document, Policy)
    for key, what in problems(policy):
        raise PolicyError(text.where(key), shortened(what))
    return policy


def load_folder(folder: Path) -> tuple[Policy, ...]:
    """Read every ``*.toml`` of a folder, but for the scenarios beside them.

    Raises:
        PolicyError: one of the files is wrong, two are the same version, or there is none; or the
            folder can't be read.
    """
    paths = policy_files(folder)
    if not paths and not folder.is_dir():
        raise PolicyError(str(folder), "there is no such folder")
    if not paths:
        raise PolicyError(str(folder), "there is no policy (*.toml) in this folder")
    if len(paths) > MOST_FILES:
        raise PolicyError(str(folder), f"more than {MOST_FILES} policy files")
    seen: dict[tuple[str, str], Path] = {}
    policies = []
    for path in paths:
        policy = load(path)
        version = (policy.name, policy.version)
        if version in seen:
            raise PolicyError(
                f"{path}: policy.in_force_from",
                f"{seen[version].name} is already the version of {policy.version} of"
                f' policy "{policy.name}"',
            )
        seen[version] = path
        policies.append(policy)
    return tuple(policies)


def policy_files(folder: Path) -> list[Path]:
    """List the policy files of a folder, in the order of their names.

    Raises:
        PolicyError: it is there and can't be listed. That is not the same as one without any.
    """
    try:
        names = sorted(os.listdir(folder))  # noqa: PTH208 - Path.glob takes a closed one for empty
    except (FileNotFoundError, NotADirectoryError):
        return []
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else error
        raise PolicyError(str(folder), f"can't be read: {why}") from None
    return [folder / name for name in names if _is_policy(name)]


def _is_policy(name: str) -> bool:
    return name.endswith(".toml") and not name.endswith(SCENARIOS)


def problems(policy: Policy) -> Iterator[Problem]:
    """Name everything because of which a policy can't be carried out, the gravest first.

    Returns:
        Of each: the key's path in the file, such as ``destination[1].on_transfer``; and what is
        wrong, with what was expected.
    """
    found = list(first_problems(policy))
    yield from found
    if found:
        return  # without a time zone and a country nothing else can be looked at
    yield from call_problems(policy)
    yield from destination_problems(policy)
    yield from payment_problems(policy)
    yield from retention_problems(policy)
    yield from tag_problems(policy)
    yield from duty_problems(policy)


def first_problems(policy: Policy) -> Iterator[Problem]:
    """Name what hides all other problems: texts that can't be printed, and what is wrong with
    ``[policy]``.
    """
    yield from text_problems(policy)
    yield from _about_problems(policy)


def _about_problems(policy: Policy) -> Iterator[Problem]:
    about = policy.policy
    if not NAME.fullmatch(about.name):
        yield "policy.name", "expected small letters, digits and hyphens, up to 64"
    if not about.title.strip():
        yield "policy.title", "expected the policy's name as people say it"
    if not COUNTRY_CODE.fullmatch(about.country_code):
        yield "policy.country_code", 'expected digits without + or 0, such as "44"'
    if not TRUNK_PREFIX.fullmatch(about.trunk_prefix):
        yield "policy.trunk_prefix", 'expected one digit, or "" where none is dialled'
    beyond = out_of_reach(about.in_force_from)
    if beyond:
        yield "policy.in_force_from", beyond
    if not zone_exists(about.time_zone):
        yield "policy.time_zone", f'there is no time zone "{about.time_zone}": "Europe/London"?'
