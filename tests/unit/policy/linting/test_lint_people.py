from __future__ import annotations

import pytest

from hushtape.policy.linting import lint_people
from tests.policies import GOOD, remarks_of

LISTEN = "[access.listen]\nroles = ['manager']\n"
CASES = [
    ("[access.listen]\n", "access.listen", "nobody may"),
    ("[access.listen]\nroles = ['manager']\npeople = 6\n", "access.listen.people", "4 at the most"),
    (
        "[access.listen]\nothers_with_permission_of = 'manager'\npeople = 2\n",
        "access.listen.people",
        "names nobody",
    ),
    (
        f"{LISTEN}[access.find]\nroles = ['manger']\n[access.hold]\nroles = ['manager']\n",
        "access.find.roles[0]",
        'did you mean "manager"',
    ),
    (
        f"{LISTEN}[access.find]\nroles = ['Manager']\n[access.hold]\nroles = ['manager']\n",
        "access.find.roles[0]",
        'did you mean "manager"',
    ),
    (
        f"{LISTEN}others_with_permission_of = 'director'\n",
        "access.listen.others_with_permission_of",
        "stands nowhere else",
    ),
    ("[holds]\nreviewed_every = '1 month'\n", "holds.reviewed_every", "nobody reviews"),
    ("[holds]\nreviewed_by = ['x']\n", "holds.reviewed_by", "nobody is reminded"),
    ("[holds]\nreasons = ['x']\n", "holds.reasons", "nobody may hold"),
    ("[monitoring]\ncalls_a_week = 3\n", "monitoring.calls_a_week", "nobody may"),
    ("[monitoring]\nscored_on = 'x'\n", "monitoring.scored_on", "is 0"),
    (
        "[monitoring]\nplayed_to_colleagues = 'freely'\n",
        "monitoring.played_to_colleagues",
        "nobody may listen",
    ),
    ("[training]\nagents_consent = false\n", "training.agents_consent", '"none"'),
]


@pytest.mark.parametrize(("tables", "key", "words"), CASES)
def test_what_is_hardly_meant_is_remarked(tables: str, key: str, words: str) -> None:
    found = remarks_of(lint_people, GOOD + tables)
    assert any(key == at and words in what for at, what in found), found


def test_nothing_is_remarked_of_what_is_well() -> None:
    assert remarks_of(lint_people, GOOD) == []
    well = (
        f"{LISTEN}others_with_permission_of = 'director'\n"
        "[access.export]\nroles = ['director']\npeople = 2\n"
        "[access.hold]\nroles = ['senior adviser', 'manager']\n"
        "[holds]\nreasons = ['a court']\nreviewed_by = ['manager']\nreviewed_every = '1 month'\n"
        "[monitoring]\ncalls_a_week = 3\nscored_on = 'quality record'\n"
        "[training]\nuse = 'anonymous'\nagents_consent = false\n"
    )
    assert remarks_of(lint_people, GOOD + well) == []


def test_roles_that_are_used_again_and_again_are_no_misspellings() -> None:
    roles = "roles = ['team leader', 'team leaders']\n"
    assert remarks_of(lint_people, f"{GOOD}[access.find]\n{roles}[access.listen]\n{roles}") == []
