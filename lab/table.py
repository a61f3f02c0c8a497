"""The tour's results as a Markdown page: scenario × policy × result, and what each policy says."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from lab import kinds
from lab.payments import PAYMENTS
from lab.scenarios import MADE_UP, SCENARIOS
from lab.scene import Take
from lab.town import COUNCILS
from lab.troubles import FAULTS

OK, FAILED, NOT_PLAYED, LACKING = "ok", "**NOT**", "–", "n/a"
HEADS = {
    kinds.ASTERISK: """# Scenarios

Written by `./run-lab --table docs/scenarios.md`, by a whole tour. Not to be written by hand.
""",
    kinds.FREESWITCH: """# Scenarios, on a FreeSWITCH

Written by `./run-lab --pbx freeswitch --table docs/scenarios-freeswitch.md`, by a whole tour. Not
to be written by hand.
""",
}
LEGEND = f"""
Each line is a call played for real, and measured by the ear as [lab.md](lab.md) says. "{OK}": all
was as the policy says. "{NOT_PLAYED}": this council doesn't play it.
"""
LACKED = """## What can't be played there

"n/a" above: there is no such thing on this kind of PBX.
"""
SAID = """## What the policies say of each

It stands in the scenes by hand, from the councils' own words. Hushtape isn't asked.
"""
BESIDE = """## Beside these

Faults, a crowd, policies of the lab's own, and what all the calls together left behind.
"""


def markdown(takes: Sequence[Take], pbx: str = kinds.ASTERISK) -> str:
    """Write the page of a tour; its scenarios and policies are in the lab's own order.

    Args:
        pbx: of what kind its PBXes were.
    """
    policies = [council.policy for council in COUNCILS]
    played = {(take.scenario, take.policy): take for take in takes}
    rows, said, inside = [], [], []
    for scenario in SCENARIOS:
        mine = [played.get((scenario.name, policy)) for policy in policies]
        its = [take for take in mine if take is not None]
        if its:
            inside += its
            rows.append([f"`{scenario.name}`", scenario.title, *map(_result, mine)])
            if not its[0].lacks:
                said.append([f"`{scenario.name}`", _said(its)])
    lacking = {take.scenario: take.lacks for take in takes if take.lacks}
    lacked = _table(["scenario", "why"], ([f"`{name}`", why] for name, why in lacking.items()))
    beside = sorted((take for take in takes if take not in inside), key=_place)
    others = [[f"`{take.scenario}`", take.title, take.policy, _result(take)] for take in beside]
    return "\n".join(
        [
            HEADS[pbx] + LEGEND,
            _summary(takes),
            "",
            *_table(["scenario", "the call", *policies], rows),
            "",
            *([LACKED, *lacked, ""] if lacking else []),
            SAID,
            *_table(["scenario", "the policy says"], said),
            "",
            BESIDE,
            *_table(["what", "in words", "policy", "result"], others),
            "",
        ]
    )


def _place(take: Take) -> tuple[int, str]:
    """The lab's own order; what it doesn't list comes last."""
    names = [*(x.name for x in FAULTS), *(x.name for x in (*MADE_UP, *PAYMENTS))]
    place = names.index(take.scenario) if take.scenario in names else len(names)
    return place, take.scenario


def _summary(takes: Sequence[Take]) -> str:
    played = sum(not take.lacks for take in takes)
    checks = [check for take in takes for check in take.checks]
    failed = sum(check.hard and not check.ok for check in checks)
    missed = sum(len(take.warnings) for take in takes)
    return (
        f"Scenes: {played}. Checks: {len(checks)}, of which failed: {failed}."
        f" Aims missed: {missed}."
    )


def _result(take: Take | None) -> str:
    if take is None:
        return NOT_PLAYED
    return LACKING if take.lacks else OK if take.ok else FAILED


def _said(takes: Sequence[Take]) -> str:
    """What the policies say of a scenario; what all say, once."""
    by_words: dict[str, list[str]] = {}
    for take in takes:
        by_words.setdefault(take.says or "(it broke before it was said)", []).append(take.policy)
    if len(by_words) == 1:
        return next(iter(by_words))
    return "<br>".join(f"{', '.join(who)}: {words}" for words, who in by_words.items())


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    return [_row(head), _row(["---"] * len(head)), *map(_row, rows)]


def _row(cells: Iterable[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"
