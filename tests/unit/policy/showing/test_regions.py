from __future__ import annotations

import pytest

from hushtape.policy.showing.regions import COUNTRIES, region
from hushtape.policy.storage import EEA

ISO_3166_COUNTRIES = 249


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("IE", "Ireland (IE)"),
        ("NL", "the Netherlands (NL)"),
        ("UK", "the UK"),
        ("EEA", "the European Economic Area (EEA)"),
        ("QQ", "QQ"),
    ],
)
def test_a_region_has_its_name(code: str, said: str) -> None:
    assert region(code) == said


def test_every_country_is_there() -> None:
    assert len(COUNTRIES) == ISO_3166_COUNTRIES
    assert set(COUNTRIES) > EEA
    assert all(code.isupper() and name == name.strip() != "" for code, name in COUNTRIES.items())
