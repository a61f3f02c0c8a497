"""Whether what the configuration names lies where a policy allows it, and in whose hands.

One function for every program, and for ``policy lint``. Redis counts, too: its jobs carry names and
numbers while they wait.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from hushtape.config import Config
from hushtape.errors import PolicyError
from hushtape.policy.schema import Policy

# The European Union's 27 members, and Iceland, Liechtenstein and Norway.
_EEA = "AT BE BG HR CY CZ DK EE FI FR DE GR HU IE IT LV LT LU MT NL PL PT RO SK SI ES SE IS LI NO"
EEA = frozenset(_EEA.split())


class Place(NamedTuple):
    """Something that the configuration names, in which recordings or their papers lie."""

    table: str  # of the configuration: "archive"
    words: str
    region: str  # a country's two letters; "": not said
    owner: str  # an organisation; "": not said


def places(config: Config) -> tuple[Place, ...]:
    """The archive, and Redis. A Redis of our own lies beside the archive unless it says else."""
    archive, own = config.archive, not config.redis.url
    redis_region = config.redis.region or (archive.region if own else "")
    redis_owner = config.redis.owner or (archive.owner if own else "")
    return (
        Place("archive", "the archive", archive.region, archive.owner),
        Place("redis", "Redis", redis_region, redis_owner),
    )


def problems(policy: Policy, config: Config) -> Iterator[tuple[str, str]]:
    """What of a policy's ``[storage]`` the configuration doesn't keep: the key, and a sentence."""
    regions, owners = policy.storage.regions, policy.storage.processed_by
    for place in places(config):
        if regions and _code(place.region) not in _countries(regions):
            yield "storage.regions", _sentence(place, "region", place.region, regions)
        if owners and _plain(place.owner) not in map(_plain, owners):
            yield "storage.processed_by", _sentence(place, "owner", place.owner, owners)


def check(policies: Iterable[Policy], config: Config) -> None:
    """See that every version of every policy allows the places that the configuration names.

    Raises:
        PolicyError: one doesn't; the error names policy, key, and what to write.
    """
    for policy in policies:
        for key, what in problems(policy, config):
            raise PolicyError(f"policy {policy.name} of {policy.version}: {key}", what)


def _sentence(place: Place, key: str, value: str, allowed: tuple[str, ...]) -> str:
    example = _example(allowed[0]) if key == "region" else allowed[0]
    line = f'{key} = "{example}" under [{place.table}] in the configuration'
    if not value:
        said = f"nobody says {'where' if key == 'region' else 'whose'} {place.words} is: write"
        said += f" it down, such as {line}"
    else:
        said = f'{place.words} is {"in" if key == "region" else "in the hands of"} "{value}"'
        said += f": expected what the policy allows, such as {line}"
    return f"allows {' or '.join(allowed)} only, and {said}"


def _example(region: str) -> str:
    return {"EEA": "IE", "UK": "GB"}.get(region, region)


def _countries(regions: Iterable[str]) -> frozenset[str]:
    return frozenset().union(*(EEA if each == "EEA" else {_code(each)} for each in regions))


def _code(region: str) -> str:
    """A country's two letters as ISO 3166 has them; "UK" is everybody's word for GB."""
    return "GB" if region.upper() == "UK" else region.upper()


def _plain(owner: str) -> str:
    return " ".join(owner.split()).casefold()
