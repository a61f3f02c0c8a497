"""The walk of a small policy finds nothing; in a machine or a policy that is broken it finds it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest
from click.testing import CliRunner

from ami_bridge.call import consultation, judging, meeting, payment, recorder, talk
from ami_bridge.call.recorder import Act, Recorder, Signal
from ami_bridge.walk import prove_command
from ami_bridge.walk.prove_command import EXIT_BROKEN, EXIT_CUT_OFF, prove, tell
from ami_bridge.walk.walk import Broken, Part, Walked, parts, walk, walk_part
from hushtape.errors import HushtapeError
from hushtape.policy import decide, parse, stages
from hushtape.policy.decide import Beside, Choice, Ruling, Verdict
from hushtape.policy.schema import Destination, OnTransfer, Payment, Policy, Transfer
from hushtape.policy.stages import Stage, Turn
from tests.policies import changed
from tests.samples import REASON

EXAMPLES = Path(__file__).parents[4] / "examples" / "policies"
SMALL = changed(
    (
        'directions = ["inbound"]\nnumbers = ["01799 510510"]',
        'directions = ["inbound", "outbound"]',
    ),
    ('on_transfer = "continue"', 'on_consultation = "record"'),
    (
        'lines = ["the payment line"]',
        """lines = ["the payment line"]
by = ["transfer", "key"]

[outbound]
extensions = ["211"]
permission = "key"

[opt_out]
by = ["caller"]""",
    ),
)


@pytest.fixture
def small(tmp_path: Path) -> Policy:
    return policy_of(SMALL, tmp_path)


def policy_of(text: str, folder: Path) -> Policy:
    path = folder / "town.toml"
    path.write_text(text)
    return parse.load(path)


def look(policy: Policy, *names: str) -> Walked:
    """Walk some views, up to the first broken promise."""
    walked = Walked()
    for part in parts(policy):
        if part.view in names and walked.broken is None:
            walked.add(walk_part(policy, part))
    return walked


def test_a_small_policy_breaks_no_promise(small: Policy) -> None:
    walked = look(small, "how calls begin", "who is there", "several payments", "another bridge")
    assert walked.broken is None
    assert not walked.cut_off
    assert walked.states > 2000
    assert walked.transitions > 20_000


@pytest.mark.parametrize(
    ("words", "others"),
    [
        ('queues = ["help-line"]', 'queues = ["help-line"]\nstarts = "answer"'),
        ('by = ["transfer", "key"]', 'by = ["transfer", "key"]\npause = "mute"'),
        ('by = ["transfer", "key"]', 'when_too_long = "resume"\nafterwards = "stay silent"'),
    ],
)
def test_so_does_another(tmp_path: Path, words: str, others: str) -> None:
    assert words in SMALL
    walked = look(policy_of(SMALL.replace(words, others), tmp_path), "several payments")
    assert walked.broken is None
    assert walked.states > 200


def test_a_walk_that_is_cut_off_says_so(small: Policy) -> None:
    walked = walk(small, most_states=5)
    assert walked.cut_off
    assert walked.broken is None


def test_the_command_says_what_it_has_seen(tmp_path: Path) -> None:
    policy_of(SMALL, tmp_path)
    told = CliRunner().invoke(prove, ["-j", "1", "--most-states", "20", str(tmp_path)])
    assert told.exit_code == EXIT_CUT_OFF
    first, second = told.output.splitlines()
    assert first.startswith("town 2024-01-01: ")
    assert " states, " in first
    assert "more than --most-states" in second


def test_the_command_shows_the_way_to_a_broken_promise(capsys: pytest.CaptureFixture[str]) -> None:
    broken = Broken("a recorder is started during a payment", ("it begins", "it pays"))
    policy = parse.load(EXAMPLES / "surrey.toml")
    assert tell(policy, Walked(3, 4, broken=broken), 0.1) == EXIT_BROKEN
    assert capsys.readouterr().out.splitlines()[1:] == [
        "  broken: a recorder is started during a payment",
        "    1. it begins",
        "    2. it pays",
    ]


def test_a_file_that_is_none_is_one_line(tmp_path: Path) -> None:
    told = CliRunner().invoke(prove, [str(tmp_path / "none.toml")])
    assert isinstance(told.exception, HushtapeError | OSError)


# What is broken on purpose: in the decisions, in the machine, in its tables.


def lets_go_on(policy: Policy, place: Any, how: str = "blind") -> Ruling:
    return Ruling(OnTransfer.CONTINUE, REASON)


def takes_every_queue(policy: Policy, queue: str) -> Ruling:
    return Ruling(OnTransfer.CONTINUE, REASON)


def allows(policy: Policy, other: Any) -> Verdict:
    return Verdict(True, REASON)


def forbids(policy: Policy, other: Any) -> Verdict:
    return Verdict(False, REASON)


def says_yes(call: Any, fact: Any) -> Verdict:
    return Verdict(True, REASON)


def keeps(policy: Policy) -> bool:
    return False


def no_terms(policy: Policy, direction: Any) -> None:
    return None


def nothing(*_: Any) -> list[Any]:
    return []


def nowhere(policy: Policy, company: Any, talkers: Any) -> None:
    return None


def forgets_the_line(call: Any, _: Any) -> None:
    if call.paying is not None:
        call.paying.consulted = False


OUT = "in a place that isn't recorded"

# Which decision, how it is broken, in which view that shows, and what is said.
DECISIONS: list[tuple[str, Any, str, str]] = [
    ("on_transfer", lets_go_on, "who is there", "during a payment"),
    ("on_return", takes_every_queue, "who is there", "during a payment"),
    ("on_move", takes_every_queue, "who is there", OUT),
    ("on_consultation", allows, "consultations", "a consultation is recorded"),
    ("on_opt_out", forbids, "consent", "after the outside party has declined"),
    ("discards_on_opt_out", keeps, "consent", "before an opt-out is kept"),
    ("permission_terms", no_terms, "consent", "without permission is kept"),
]


@pytest.mark.parametrize(
    ("name", "broken", "view", "promise"), DECISIONS, ids=[each[0] for each in DECISIONS]
)
def test_a_broken_decision_is_found(
    small: Policy, monkeypatch: pytest.MonkeyPatch, name: str, broken: Any, view: str, promise: str
) -> None:
    monkeypatch.setattr(decide, name, broken)
    found = look(small, view).broken
    assert found is not None
    assert promise in found.promise
    assert " call to " in found.way[0], "the way begins with how the call came"


def test_a_call_that_no_policy_names_is_found(
    small: Policy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(decide, "choose", lambda policies, arrival: Choice(policies[0], REASON))
    found = look(small, "how calls begin").broken
    assert found is not None
    assert found.promise == "a call is recorded that the policy doesn't name"


def test_a_payment_line_of_another_policy_that_is_forgotten_is_found(
    small: Policy, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = msgspec.structs.replace(
        small,
        policy=msgspec.structs.replace(small.policy, name="other"),
        destination=(Destination(name="the payment line", extensions=("790",)),),
    )
    alone = msgspec.structs.replace(
        small, payment=Payment(), transfer=Transfer(otherwise=OnTransfer.CONTINUE)
    )
    greedy = msgspec.structs.replace(alone, destination=())
    beside = decide.beside(greedy, [other])
    assert look(beside, "how calls begin", "who is there").broken is None
    own_only = decide.on_transfer
    monkeypatch.setattr(decide, "on_transfer", lambda policy, *place: own_only(greedy, *place))
    found = look(beside, "who is there").broken
    assert found is not None
    assert "during a payment" in found.promise
    assert any("790" in step for step in found.way)


def test_the_command_walks_each_policy_beside_the_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("one", "other"):
        (tmp_path / f"{name}.toml").write_text(SMALL.replace('name = "town"', f'name = "{name}"'))
    seen: list[list[str]] = []

    def noted(policy: Beside) -> list[Part]:
        seen.append([each.name for each in policy.others])
        return []

    monkeypatch.setattr(prove_command, "parts", noted)
    assert CliRunner().invoke(prove, ["-j", "1", str(tmp_path)]).exit_code == 0
    assert seen == [["other"], ["one"]]


MACHINE: list[tuple[Any, str, Any, str, str]] = [
    (judging, "payment_line", nowhere, "who is there", "payment"),
    (meeting, "among_strangers", nothing, "who is there", OUT),
    (meeting, "not_together", nothing, "where it goes", OUT),
    (talk, "unexplained", nothing, "where it goes", OUT),
    (consultation, "_verdict", says_yes, "consultations", "a consultation is recorded"),
    (payment, "moved", forgets_the_line, "a payment line on the telephone", "during a payment"),
]


@pytest.mark.parametrize(
    ("module", "name", "broken", "view", "promise"), MACHINE, ids=[each[1] for each in MACHINE]
)
def test_a_broken_machine_is_found(
    small: Policy,
    monkeypatch: pytest.MonkeyPatch,
    module: Any,
    name: str,
    broken: Any,
    view: str,
    promise: str,
) -> None:
    monkeypatch.setattr(module, name, broken)
    found = look(small, view).broken
    assert found is not None
    assert promise in found.promise


CELLS: list[tuple[Any, Stage, str, str]] = [
    ((Stage.SILENT, Turn.LEFT), Stage.RECORDED, "who is there", "during a payment"),
    ((Stage.DECLINED, Turn.WENT_ON), Stage.RECORDED, "consent", "has declined"),
    ((Stage.RECORDED, Turn.PAYMENT_BEGAN), Stage.RECORDED, "several payments", "during a payment"),
    ((Stage.UNRECORDED, Turn.WENT_ON), Stage.RECORDED, "who is there", OUT),
]


@pytest.mark.parametrize(
    ("cell", "after", "view", "promise"), CELLS, ids=[str(each[0]) for each in CELLS]
)
def test_a_wrong_cell_of_the_stages_is_found(
    small: Policy,
    monkeypatch: pytest.MonkeyPatch,
    cell: Any,
    after: Stage,
    view: str,
    promise: str,
) -> None:
    monkeypatch.setitem(stages.STAGES, cell, after)
    found = look(small, view).broken
    assert found is not None
    assert promise in found.promise


RECORDER_CELLS: list[tuple[Any, Any, str]] = [
    ((Recorder.RUNNING, Signal.UNWANTED), (Recorder.RUNNING, Act.NOTHING), "left running"),
    ((Recorder.UNCERTAIN, Signal.UNWANTED), (Recorder.UNCERTAIN, Act.NOTHING), "left running"),
    ((Recorder.STARTING_IN_VAIN, Signal.STARTED), (Recorder.RUNNING, Act.NOTHING), "left running"),
    ((Recorder.STOPPING, Signal.STOP_UNCONFIRMED), (Recorder.STUCK, Act.NOTHING), "let be"),
    ((Recorder.RUNNING, Signal.WANTED_ANEW), (Recorder.STARTING, Act.START), "another one"),
]


@pytest.mark.parametrize(
    ("cell", "after", "promise"), RECORDER_CELLS, ids=[str(each[0]) for each in RECORDER_CELLS]
)
def test_a_wrong_cell_of_the_recorders_is_found(
    small: Policy, monkeypatch: pytest.MonkeyPatch, cell: Any, after: Any, promise: str
) -> None:
    monkeypatch.setitem(recorder.RECORDERS, cell, after)
    found = look(small, "recorders").broken
    assert found is not None
    assert promise in found.promise
