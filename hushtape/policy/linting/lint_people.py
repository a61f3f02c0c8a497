"""Doubts about who may do what with recordings: roles, permissions, reasons. Pure."""

from __future__ import annotations

import difflib
from collections import Counter
from collections.abc import Iterator

from hushtape.policy.duties import Act, Colleagues, TrainingUse
from hushtape.policy.linting.findings import Remark, note, warning
from hushtape.policy.linting.lint_calls import Says
from hushtape.policy.schema import Policy

LIKENESS = 0.8  # from here on two roles may be one, spelled in two ways
HARDLY_TOGETHER = 4  # people: more will hardly agree in time


def remarks(policy: Policy, says: Says) -> Iterator[Remark]:
    """Name what is said of people and can never apply, and roles that may be misspelt."""
    acts = {
        name: act
        for name in policy.access.__struct_fields__
        if isinstance(act := getattr(policy.access, name), Act)
    }
    for name, act in acts.items():
        yield from _act(f"access.{name}", act, says)
    yield from _roles(policy, acts)
    yield from _duties(policy, acts, says)


def _act(key: str, act: Act, says: Says) -> Iterator[Remark]:
    nobody = not act.roles and not act.others_with_permission_of
    if nobody and says(key):
        what = "nobody may: expected roles, or others_with_permission_of"
        yield warning(key, what)
    elif act.people > HARDLY_TOGETHER:
        what = f"{act.people} people must agree each time: expected {HARDLY_TOGETHER} at the most"
        yield warning(f"{key}.people", what)
    elif act.people > 1 and not act.roles:
        what = f"{act.people} people must agree, but roles names nobody who may"
        yield warning(f"{key}.people", what)


def _roles(policy: Policy, acts: dict[str, Act]) -> Iterator[Remark]:
    used = [
        (f"access.{name}.roles[{index}]", role)
        for name, act in acts.items()
        for index, role in enumerate(act.roles)
    ]
    used += [
        (f"holds.reviewed_by[{index}]", role) for index, role in enumerate(policy.holds.reviewed_by)
    ]
    permitting = [
        (f"access.{name}.others_with_permission_of", act.others_with_permission_of)
        for name, act in acts.items()
        if act.others_with_permission_of
    ]
    known = {role for _, role in used}
    count = Counter(role for _, role in used + permitting)
    for key, role in used + permitting:
        others = sorted(set(count) - {role})
        near = difflib.get_close_matches(role, others, n=1, cutoff=LIKENESS)
        same = [other for other in others if other.casefold() == role.casefold()]
        meant = (same or near or [""])[0]
        if count[role] == 1 and meant and (count[meant] > 1 or meant < role):
            yield warning(key, f'the role "{role}" stands only here; did you mean "{meant}"?')
        elif count[role] == 1 and role not in known:
            yield note(
                key, f'the role "{role}" may permit, and stands nowhere else: no misspelling?'
            )


def _duties(policy: Policy, acts: dict[str, Act], says: Says) -> Iterator[Remark]:
    holds = policy.holds
    if holds.reviewed_every and not holds.reviewed_by:
        yield warning("holds.reviewed_every", "nobody reviews: expected roles in holds.reviewed_by")
    if holds.reviewed_by and not holds.reviewed_every:
        what = 'nobody is reminded: expected holds.reviewed_every, such as "1 month"'
        yield warning("holds.reviewed_by", what)
    nobody_holds = not acts["hold"].roles and not acts["hold"].others_with_permission_of
    if nobody_holds and (holds.reasons or holds.reviewed_by):
        key = "holds.reasons" if holds.reasons else "holds.reviewed_by"
        yield warning(key, "can never apply: nobody may hold; expected roles in [access.hold]")
    monitoring = policy.monitoring
    nobody_listens = not acts["listen"].roles and not acts["listen"].others_with_permission_of
    if monitoring.calls_a_week and nobody_listens:
        what = "calls are to be listened to, but nobody may: expected roles in [access.listen]"
        yield warning("monitoring.calls_a_week", what)
    if not monitoring.calls_a_week and monitoring.scored_on:
        yield warning("monitoring.scored_on", "can never apply: monitoring.calls_a_week is 0")
    if monitoring.played_to_colleagues is not Colleagues.NEVER and nobody_listens:
        what = "can never apply: nobody may listen; expected roles in [access.listen]"
        yield warning("monitoring.played_to_colleagues", what)
    if policy.training.use is TrainingUse.NONE and says("training.agents_consent"):
        yield warning("training.agents_consent", 'can never apply: training.use is "none"')
