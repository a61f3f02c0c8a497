"""Plays the examples that are kept beside policies, and says what comes out otherwise."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC

from ami_bridge.rehearsal.explain import summary
from ami_bridge.rehearsal.performance import perform
from ami_bridge.rehearsal.places import finder
from ami_bridge.rehearsal.stage import CallWords
from hushtape.config import Pbx
from hushtape.errors import PolicyError
from hushtape.policy import decide
from hushtape.policy.trying import expectation
from hushtape.policy.trying.scenarios import Example, Examples
from hushtape.policy.trying.script import ScriptError
from hushtape.policy.trying.timeline import Outcome


@dataclass(frozen=True, slots=True)
class Result:
    """What came of one example.

    Args:
        differs: pairs of what was expected and what came.
    """

    name: str
    came: Outcome
    differs: tuple[tuple[str, str], ...]

    @property
    def ok(self) -> bool:
        """Whether all came as expected."""
        return not self.differs


def play(examples: Examples, pbx: Pbx | None = None) -> Iterator[Result]:
    """Play the examples of one file.

    Args:
        pbx: its map of extensions; None: the policies' words decide.

    Raises:
        PolicyError: a step can't be carried out where it stands.
    """
    for example in examples.examples:
        came = _play(example, examples, pbx)
        differs = tuple(expectation.differences(example.expected, came))
        yield Result(example.scenario.name, came, differs)


def _play(example: Example, examples: Examples, pbx: Pbx | None) -> Outcome:
    scenario = example.scenario
    call = CallWords(
        example.at.astimezone(UTC),
        scenario.direction,
        scenario.dialled,
        scenario.queue,
        scenario.extension,
    )
    current = decide.in_force(examples.others, example.at)
    policies = [decide.beside(each, current) for each in examples.policies]
    try:
        return perform(call, example.steps, policies, finder(pbx)).outcome
    except ScriptError as error:
        raise PolicyError(example.lines.at(error.line), error.what) from None


def report(results: list[Result]) -> Iterator[str]:
    """What came of a file's examples, for people: a line each, and what differs below."""
    for result in results:
        yield f"  {'ok ' if result.ok else 'NOT'}  {result.name}"
        if result.ok:
            continue
        for wanted, came in result.differs:
            yield f"         - {wanted}"
            yield f"         + {came}"
        yield f"         in all: {summary(result.came)}"
