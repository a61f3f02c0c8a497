from __future__ import annotations

from datetime import date

import pytest

from hushtape.config import Archive, Config, Policies, Redis
from hushtape.errors import PolicyError
from hushtape.policy import storage
from hushtape.policy.duties import Retention, Storage
from hushtape.policy.schema import About, Calls, Policy

UK_AND_EEA = ("UK", "EEA")
COUNCIL = "Town Council"


def policy(regions: tuple[str, ...] = (), processed_by: tuple[str, ...] = ()) -> Policy:
    return Policy(
        policy=About(
            name="town", title="Town", in_force_from=date(2026, 1, 1), time_zone="Europe/London"
        ),
        calls=Calls(queues=("help-line",)),
        retention=Retention(keep="62 days"),
        storage=Storage(regions=regions, processed_by=processed_by),
    )


def config(
    region: str = "", owner: str = "", url: str = "", redis_region: str = "", redis_owner: str = ""
) -> Config:
    return Config(
        data="data",
        policies=Policies(folder="policies"),
        pbx={},
        archive=Archive(region=region, owner=owner),
        redis=Redis(url=url, region=redis_region, owner=redis_owner),
    )


def keys(of: Policy, with_config: Config) -> list[str]:
    return [key for key, _ in storage.problems(of, with_config)]


def test_a_policy_that_says_nothing_allows_every_place() -> None:
    assert keys(policy(), config()) == []


@pytest.mark.parametrize(
    ("regions", "region", "allowed"),
    [
        (("UK",), "GB", True),
        (("UK",), "uk", True),
        (("GB",), "UK", True),
        (("UK",), "IE", False),
        (("EEA",), "IE", True),
        (("EEA",), "no", True),
        (("EEA",), "CH", False),
        (("EEA",), "GB", False),
        (UK_AND_EEA, "GB", True),
        (UK_AND_EEA, "LI", True),
        (UK_AND_EEA, "US", False),
        (("CH",), "ch", True),
        (UK_AND_EEA, "", False),
    ],
)
def test_a_country_is_allowed_by_itself_or_by_its_group(
    regions: tuple[str, ...], region: str, allowed: bool
) -> None:
    found = keys(policy(regions), config(region))
    # A Redis of our own lies beside the archive: it is where that is.
    assert found == ([] if allowed else ["storage.regions"] * 2)


def test_the_eea_has_thirty_countries() -> None:
    assert len(storage.EEA) == 30
    assert "GB" not in storage.EEA


def test_a_redis_elsewhere_must_say_where_it_is() -> None:
    elsewhere = config("GB", COUNCIL, "rediss://cloud:6379")
    assert keys(policy(("UK",), (COUNCIL,)), elsewhere) == [
        "storage.regions",
        "storage.processed_by",
    ]
    said = config("GB", COUNCIL, "rediss://cloud:6379", "GB", COUNCIL)
    assert keys(policy(("UK",), (COUNCIL,)), said) == []
    abroad = config("GB", COUNCIL, "", "US")
    assert keys(policy(("UK",)), abroad) == ["storage.regions"]


def test_an_organisation_is_the_same_in_other_spacing_and_capitals() -> None:
    council_and_others = policy(processed_by=("Another", "The  town council"))
    assert keys(council_and_others, config(owner="the Town Council ")) == []
    assert keys(council_and_others, config(owner="Town")) == ["storage.processed_by"] * 2
    assert keys(council_and_others, config()) == ["storage.processed_by"] * 2


def test_the_error_names_policy_and_key_and_what_to_write() -> None:
    with pytest.raises(PolicyError) as caught:
        storage.check([policy(), policy(UK_AND_EEA)], config())
    assert str(caught.value) == (
        "policy town of 2026-01-01: storage.regions: allows UK or EEA only, and nobody says where"
        ' the archive is: write it down, such as region = "GB" under [archive] in the configuration'
    )
    with pytest.raises(PolicyError) as caught:
        storage.check([policy(processed_by=(COUNCIL,))], config("", COUNCIL, "redis://h", "", "X"))
    assert str(caught.value) == (
        "policy town of 2026-01-01: storage.processed_by: allows Town Council only, and Redis is in"
        ' the hands of "X": expected what the policy allows, such as owner = "Town Council" under'
        " [redis] in the configuration"
    )
    with pytest.raises(PolicyError, match=r'the archive is in "US": .* region = "IE"'):
        storage.check([policy(("EEA",))], config("US"))
    storage.check([policy(UK_AND_EEA, (COUNCIL,))], config("IE", COUNCIL))
