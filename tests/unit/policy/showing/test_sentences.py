"""The sentences of a policy's page, and their order.

That none is missing: tests/integration/policy/test_every_key_is_said.py.
"""

from __future__ import annotations

from pathlib import Path

from hushtape.policy import parse
from hushtape.policy.showing import sentences
from hushtape.policy.showing.sentences import CALLS, DUTIES
from tests.policy_changes import EVERYTHING

ROOT = Path(__file__).parents[4]


def test_every_sentence_is_one() -> None:
    for policy in (EVERYTHING, *parse.load_folder(ROOT / "examples/policies")):
        for section in sentences.sections(policy):
            assert section.sentences
            assert len(set(section.sentences)) == len(section.sentences)
            for said in section.sentences:
                assert said[0].isupper(), said
                assert said.endswith((".", ".\u201d", "?\u201d")), said
                assert "  " not in said, said
                assert ".." not in said, said


def test_the_sections_are_those_that_a_caller_looks_for() -> None:
    assert [heading for heading, _ in (*CALLS, *DUTIES)] == [
        "Which calls are recorded",
        "What is not recorded",
        "When recording stops",
        "Payments",
        "How people are told, and how to say no",
        "How long recordings are kept",
        "Where recordings are stored",
        "Who may listen, and why",
        "Quality and training",
        "Rights of the people who are recorded",
    ]


def test_whose_it_is_and_since_when() -> None:
    assert sentences.about(EVERYTHING) == (
        "This is the policy \u201ceverything\u201d, in force from 31 January 2026.",
        "Published in: the council's web page.",
        (
            "Telephone numbers without a country's code are numbers of +353, dialled there with 9"
            " before them."
        ),
    )
    assert sentences.about(parse.load(ROOT / "examples/policies/surrey.toml"))[2:] == ()
