"""What a policy says of a call, in words: step by step, or all that may happen to it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from ami_bridge.rehearsal.performance import perform
from ami_bridge.rehearsal.stage import CallWords, PlaceOf
from hushtape.policy import decide
from hushtape.policy.decide import Place
from hushtape.policy.deciding.coverage import payment_lines
from hushtape.policy.deciding.transfers import outcomes
from hushtape.policy.schema import (
    Asker,
    Destination,
    DestinationKind,
    OnTransfer,
    PaymentWay,
    Permission,
    Policy,
)
from hushtape.policy.trying.places import of_destination
from hushtape.policy.trying.script import Step, Verb
from hushtape.policy.trying.timeline import Outcome, Row, State, by_state, seconds
from hushtape.recordings.manifest import Direction, Reason

STATE_WORDS = {
    State.RECORDED: "recorded",
    State.NOT_RECORDED: "not recorded",
    State.PAYMENT: "payment: silence",
    State.WAITING: "waiting: not recorded",
}
ALONE_S = 0.5  # what happens so long after a step isn't the step's doing
_ANSWER_S, _THEN_S, _AFTER_S = 5.0, 20.0, 2.0  # when things happen in a call of which nobody says

# Places that no destination of any policy names.
_ELSEWHERE = {
    "an extension that no destination names": Place(DestinationKind.EXTENSION, "extension"),
    "a queue that no destination names": Place(DestinationKind.QUEUE, "", queue="another-queue"),
    "an outside number that no destination names": Place(DestinationKind.OUTSIDE, "number"),
    "a place that the configuration doesn't know": Place(DestinationKind.UNKNOWN, "unknown"),
}

_ANOTHERS_LINE = "a payment line of another policy"


def what_call(call: CallWords, zone: ZoneInfo, counts_from: datetime | None = None) -> str:
    """Say which call it is; a number stands in it only as it was given.

    Args:
        counts_from: its queue entry or its answer; said where that is in another minute.
    """
    article = "an" if call.direction.value[0] in "aeiou" else "a"
    parts = [f"{article} {call.direction} call"]
    if call.direction is Direction.OUTBOUND and call.extension:
        parts.append(f"of extension {call.extension}")
    if call.dialled:
        parts.append(f"to {call.dialled}")
    if call.queue:
        parts.append(f"queue {call.queue}")
    at = call.at.astimezone(zone)
    said = f"{', '.join(parts)}, on {at:%A %-d %B %Y at %H:%M}"
    begins = counts_from.astimezone(zone) if counts_from is not None else at
    if f"{begins:%d %H:%M}" == f"{at:%d %H:%M}":
        return said
    return f"{said}; it counts from its queue entry or answer, at {begins:%H:%M}"


def step_by_step(
    call: CallWords, steps: Sequence[Step], policies: Sequence[Policy], place_of: PlaceOf
) -> tuple[list[str], Outcome]:
    """Explain one call.

    Returns:
        Lines for people, and what came of the call.

    Raises:
        ScriptError: a step can't be carried out where it stands.
    """
    done = perform(call, steps, policies, place_of)
    came = done.outcome
    policy = _policy_of(came, policies)
    zone = policy.zone if policy else _zone(policies)
    lines = [what_call(call, zone, done.counts_from), _whose(came, policy)]
    lines += ["", *_course(came, done.steps), "", summary(came)]
    return [*lines, *afterwards(came)], came


def summary(came: Outcome) -> str:
    """The timeline in one line: ``recorded 0-20 s; payment: silence 20-40 s``."""
    parts = [f"{STATE_WORDS[row.state]} {_span(row)}" for row in by_state(came.rows)]
    parts += [f"consultation recorded {_span(row)}" for row in came.consultations]
    return "; ".join(parts)


def afterwards(came: Outcome) -> list[str]:
    """What is kept of a call, until when, under which words; and whom it alarms."""
    lines = []
    if came.discard is not None:
        lines.append(f"nothing of it is kept: {because(came.discard)}")
    elif came.keep is not None:
        lines.append(because(came.keep.reason))  # which names the moment
    else:
        lines.append("nothing is kept: nothing was recorded")
    if came.tags:
        lines.append(f"tags: {', '.join(came.tags)}")
    lines += [f"somebody is told: {what}" for what in came.alarms]
    return lines


@dataclass(frozen=True, slots=True)
class Possible:
    """Something that may happen to a call, and what it does."""

    what: str
    then: str
    why: str


def everything(
    call: CallWords, policies: Sequence[Policy], place_of: PlaceOf
) -> tuple[list[str], Outcome, list[Possible]]:
    """Say what each thing that may happen to a call would do.

    Returns:
        Lines for people, what comes of a call to which nothing happens, and the things.
    """
    talk = [Step(_ANSWER_S, Verb.ANSWERS, words="agent answers")]
    done = perform(call, [*talk, *_permission(call, policies)], policies, place_of)
    plain = done.outcome
    policy = _policy_of(plain, policies)
    zone = policy.zone if policy else _zone(policies)
    lines = [what_call(call, zone, done.counts_from), _whose(plain, policy)]
    if policy is None:
        return lines, plain, []
    lines += afterwards(plain)
    things = list(_things(call, policy, policies, place_of))
    lines += ["", "What may happen to it, and what comes of it"]
    for each in things:
        lines += [f"  {each.what}: {each.then}", f"      {each.why}"]
    return lines, plain, things


def _things(
    call: CallWords, policy: Policy, policies: Sequence[Policy], place_of: PlaceOf
) -> Iterator[Possible]:
    tried = _Tries(call, policy, policies, place_of)
    yield from tried.transfers()
    yield from tried.payments()
    for by, verb in ((Asker.CALLER, Verb.CALLER_OPTS_OUT), (Asker.AGENT, Verb.AGENT_OPTS_OUT)):
        yield tried.possible(f"the {by} opts out", Step(_THEN_S, verb))
    yield tried.possible("parked", Step(_THEN_S, Verb.PARKED))
    yield from tried.without_permission()


class _Tries:
    """Tries on one call what may happen to it."""

    def __init__(
        self, call: CallWords, policy: Policy, policies: Sequence[Policy], place_of: PlaceOf
    ) -> None:
        self._call = call
        self._policy = policy
        self._policies = policies
        self._place_of = place_of
        whole = decide.beside(policy, decide.in_force(policies, call.at))
        lines = [line for owner, line in payment_lines(whole) if owner is not whole]
        self._lines: dict[str, Place] = {}
        if lines:
            self._lines[_ANOTHERS_LINE] = of_destination(lines[0])

    def transfers(self) -> Iterator[Possible]:
        """To each destination, and to where none is; blind and attended, where that differs."""
        unnamed = [
            where
            for where, place in _ELSEWHERE.items()
            if not decide.on_transfer(self._policy, place).reason.rule.startswith("destination")
        ]
        for where in (*(each.name for each in self._policy.destination), *unnamed):
            blind, attended = (
                self.possible(f"{how} transfer to {where}", Step(_THEN_S, verb, who=where))
                for how, verb in (("blind", Verb.BLIND), ("attended", Verb.ATTENDED))
            )
            if blind.then == attended.then:
                yield replace(blind, what=f"transfer to {where}")
            else:
                yield from (blind, attended)
            if where in self._policy.payment.lines:
                yield from self._on_from(where)
            if where not in _ELSEWHERE:
                yield from self._consultation(where)
        for where in self._lines:
            yield self.possible(f"transfer to {where}", Step(_THEN_S, Verb.BLIND, who=where))

    def _on_from(self, line: str) -> Iterator[Possible]:
        """From a payment line to where recording goes on: the payment isn't over by that."""
        to_line = Step(_THEN_S, Verb.BLIND, who=line)
        for each in self._policy.destination:
            for verb, how in ((Verb.BLIND, "blind"), (Verb.ATTENDED, "attended")):
                if each.name in self._policy.payment.lines or not _goes_on(each, how):
                    continue
                what = f"… and on from there to {each.name}"
                yield self.possible(what, to_line, Step(_THEN_S + _AFTER_S, verb, who=each.name))
                return

    def payments(self) -> Iterator[Possible]:
        """By each way other than a transfer; ways that come to the same are named together."""
        began: dict[tuple[str, str], list[tuple[PaymentWay, Possible]]] = {}
        ended: dict[tuple[str, str], list[tuple[PaymentWay, Possible]]] = {}
        for way in PaymentWay:
            if way is PaymentWay.TRANSFER:
                continue
            begins = Step(_THEN_S, Verb.PAYMENT_BEGINS, way=way)
            ends = Step(_THEN_S + _AFTER_S, Verb.PAYMENT_ENDS, way=way)
            begun = self.possible("payment begins by", begins)
            over = self.possible("… and ends by", begins, ends)
            for found, each in ((began, begun), (ended, over)):
                found.setdefault((each.then, each.why.replace(f'"{way}"', "…")), []).append(
                    (way, each)
                )
        for found in (began, ended):
            for alike in found.values():
                ways = ", ".join(way for way, _ in alike)
                first = alike[0][1]
                yield replace(first, what=f"{first.what} {ways}")

    def without_permission(self) -> Iterator[Possible]:
        """An outbound call for which nobody gives the permission that its policy asks for."""
        terms = decide.permission_terms(self._policy, self._call.direction)
        if terms is None:
            return
        start = [Step(_ANSWER_S, Verb.ANSWERS)]
        end = Step(_ANSWER_S + terms.within_s + _AFTER_S, Verb.HANGS_UP)
        came = perform(self._call, [*start, end], self._policies, self._found).outcome
        yield _possible("no permission is given", came, 0.0)

    def possible(self, what: str, *steps: Step) -> Possible:
        """Say what comes of it when steps are taken."""
        return _possible(what, self._after(*steps), steps[-1].at_s)

    def _consultation(self, where: str) -> Iterator[Possible]:
        came = self._after(Step(_THEN_S, Verb.CONSULTS, who=where))
        told = _told_since(came, _THEN_S)
        if told is not None:
            then = "recorded" if came.consultations else "not recorded"
            yield Possible(f"consultation with {where}", then, because(told))

    def _after(self, *steps: Step) -> Outcome:
        start = [Step(_ANSWER_S, Verb.ANSWERS), *_permission(self._call, self._policies)]
        end = Step(steps[-1].at_s + 2 * _AFTER_S, Verb.HANGS_UP)
        return perform(self._call, [*start, *steps, end], self._policies, self._found).outcome

    def _found(self, text: str, policies: Sequence[Policy]) -> Place:
        known = _ELSEWHERE.get(text) or self._lines.get(text)
        return known or self._place_of(text, policies)


def _goes_on(destination: Destination, how: str) -> bool:
    said = outcomes(destination)
    return said.get(f"on_{how}_transfer", destination.on_transfer) is OnTransfer.CONTINUE


def _possible(what: str, came: Outcome, at_s: float) -> Possible:
    """The state in which a thing leaves the call: that of its last stretch."""
    last = came.rows[-1]
    then = STATE_WORDS[last.state]
    if came.discard is not None:
        then += ", and what there was is discarded"
    return Possible(what, then, because(_told_since(came, at_s) or last.reason or came.choice))


def _told_since(came: Outcome, at_s: float) -> Reason | None:
    """The first reason that was told at a moment, or after it."""
    since = came.began_at + timedelta(seconds=at_s)
    return next((each.reason for each in came.story if each.reason and each.at >= since), None)


def _permission(call: CallWords, policies: Sequence[Policy]) -> list[Step]:
    """An outbound call goes on only with permission, where its policy asks for it."""
    asks = any(policy.outbound.permission is not Permission.NONE for policy in policies)
    if call.direction is not Direction.OUTBOUND or not asks:
        return []
    return [Step(_ANSWER_S, Verb.PERMITTED, words="permission given")]


def _course(came: Outcome, steps: Sequence[Step]) -> Iterator[str]:
    """Each step, how the call stands after it, and the reasons that were told on the way."""
    told = [
        ((each.at - came.began_at).total_seconds(), each.what, each.reason) for each in came.story
    ]
    width = max(len(step.words or step.verb.value) for step in steps)
    for index, step in enumerate(steps):
        later_s = next((each.at_s for each in steps[index:] if each.at_s > step.at_s), None)
        state = "over"
        if step.verb is not Verb.HANGS_UP:
            state = STATE_WORDS[_state_at(came, step.at_s, later_s)]
        words = step.words or step.verb.value
        yield f"{seconds(step.at_s):>7} s  {words:<{width}}  {state}"
        if index + 1 < len(steps) and steps[index + 1].at_s == step.at_s:
            continue  # what is told then is told once
        until_s = later_s if later_s is not None else float("inf")
        said: Reason | None = None
        for at_s, what, reason in told:
            if not step.at_s <= at_s < until_s or (reason is None and at_s - step.at_s < ALONE_S):
                continue
            if at_s - step.at_s >= ALONE_S:
                state = STATE_WORDS[_state_at(came, at_s, later_s)]
                yield f"{seconds(at_s):>7} s  {what:<{width}}  {state}"
            waits = reason == came.choice and state != STATE_WORDS[State.RECORDED]
            if reason is not None and reason != said and not waits:  # that it is named stands above
                yield f"{'':11}{because(reason)}"
            said = reason or said


def _state_at(came: Outcome, at_s: float, later_s: float | None) -> State:
    until_s = later_s if later_s is not None else came.rows[-1].end_s
    middle_s = at_s + min(ALONE_S, (until_s - at_s) / 2)
    return next(
        (row.state for row in came.rows if row.start_s <= middle_s < row.end_s), came.rows[-1].state
    )


def _whose(came: Outcome, policy: Policy | None) -> str:
    if policy is None:
        return f"not recorded: {came.choice.words}"
    since = policy.policy.in_force_from
    return (
        f"policy {policy.name}, in force from {since:%-d %B %Y} ({policy.policy.title}):"
        f" {because(came.choice)}"
    )


def because(reason: Reason) -> str:
    """A reason's words, and where in the policy's file the rule stands."""
    return f"{reason.words} [{reason.rule}]" if reason.rule else reason.words


def _policy_of(came: Outcome, policies: Sequence[Policy]) -> Policy | None:
    for policy in policies:
        if (policy.name, policy.version) == (came.policy, came.version):
            return policy
    return None


def _zone(policies: Sequence[Policy]) -> ZoneInfo:
    return policies[0].zone if policies else ZoneInfo("UTC")


def _span(row: Row) -> str:
    return f"{seconds(row.start_s)}-{seconds(row.end_s)} s"
