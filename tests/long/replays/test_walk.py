"""Every state under every published policy, and under some that use the rest of the language."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from ami_bridge.walk.walk import walk
from hushtape.policy import parse
from hushtape.policy.schema import Policy
from tests.integration.ami_bridge.walk.test_walk import EXAMPLES, SMALL, policy_of

Say = Callable[[str], None]
PUBLISHED = [(policy.name, policy) for policy in parse.load_folder(EXAMPLES)]
# The others take minutes each: `hushtape policy prove tests/data/policies/invented`.
INVENTED = [
    (f"{policy.name}@{policy.version}", policy)
    for policy in parse.load_folder(Path(__file__).parents[2] / "data" / "policies" / "invented")
    if policy.name.startswith(("glenroe", "northgate", "alderholt"))
]
OTHERS = {
    "from the answer on": ('queues = ["help-line"]', 'queues = ["help-line"]\nstarts = "answer"'),
    "muted": ('by = ["transfer", "key"]', 'by = ["transfer", "key"]\npause = "mute"'),
    "over by itself": ('by = ["transfer", "key"]', 'when_too_long = "resume"'),
    "silent for good": ('by = ["transfer", "key"]', 'afterwards = "stay silent"'),
    "blind only": (
        'every = ["extension"]',
        'every = ["extension"]\non_blind_transfer = "continue"',
    ),
    "attended only": (
        'every = ["extension"]',
        'every = ["extension"]\non_attended_transfer = "continue"',
    ),
    "silent after one kind": (
        'every = ["extension"]',
        'every = ["extension"]\non_blind_transfer = "silent"\non_attended_transfer = "continue"',
    ),
    "kept": ('by = ["caller"]', 'by = ["caller", "agent"]\nrecorded_so_far = "keep"'),
    "numbers only": (
        'queues = ["help-line"]',
        'numbers = ["01737 276000"]\nexcept_queues = ["victims"]',
    ),
    "in hours": ('queues = ["help-line"]', 'queues = ["help-line"]\nhours = ["Sat 09:00-13:00"]'),
}


def prove(policy: Policy, say: Say) -> None:
    walked = walk(policy)
    say(f"{policy.name}: {walked.states} states, {walked.transitions} transitions")
    assert walked.broken is None, walked.broken
    assert not walked.cut_off


@pytest.mark.timeout(600)
@pytest.mark.parametrize(
    ("name", "policy"),
    [*PUBLISHED, *INVENTED],
    ids=[name for name, _ in [*PUBLISHED, *INVENTED]],
)
def test_no_state_of_a_policy_breaks_a_promise(name: str, policy: Policy, say: Say) -> None:
    prove(policy, say)


@pytest.mark.timeout(600)
@pytest.mark.parametrize("what", OTHERS)
def test_no_state_under_other_words_does(what: str, tmp_path: Path, say: Say) -> None:
    words, others = OTHERS[what]
    assert words in SMALL
    prove(policy_of(SMALL.replace(words, others), tmp_path), say)
