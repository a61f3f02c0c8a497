"""Doubts about a policy together with the configuration: what the PBXs have, and what it names.

Pure. Without the map of a PBX nobody can tell which of its places a policy has forgotten.
"""

from __future__ import annotations

import difflib
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence

from hushtape.config import Config, Pbx
from hushtape.policy import patterns, storage
from hushtape.policy.deciding.coverage import beside, pays
from hushtape.policy.deciding.decision import Place
from hushtape.policy.deciding.transfers import OUTCOME_WORDS, kept_out, on_move, on_transfer
from hushtape.policy.linting.findings import Remark, error, note, warning
from hushtape.policy.schema import Destination, DestinationKind, OnTransfer, Policy

MOST_NAMED = 12  # places in one note


def remarks(policy: Policy, config: Config, others: Sequence[Policy] = ()) -> Iterator[Remark]:
    """Name what a policy and the PBXs don't know of each other.

    Args:
        others: the policies that are looked at together with this one, whose calls may come to its
            payment lines.
    """
    for key, what in storage.problems(policy, config):
        yield error(key, what)
    pbxs = list(config.pbx.values())
    yield from _unknown_queues(policy, pbxs)
    yield from _unknown_extensions(policy, pbxs)
    for name, pbx in config.pbx.items():
        for recording in (policy, *others):
            yield from _payment_queues(policy, recording, name, pbx)
        yield from _excepted_queues(policy, name, pbx)
    yield from _forgotten(policy, pbxs)


def unnamed_queues(policies: Sequence[Policy], config: Config) -> Iterator[tuple[str, Remark]]:
    """Find the queues of which no policy says anything.

    Returns:
        Of each: the key in the configuration, and the remark.
    """
    named = {queue for policy in policies for queue in _queues_of(policy)}
    for name, pbx in config.pbx.items():
        for extension, queue in pbx.queues.items():
            if queue not in named:
                what = (
                    f'no policy names queue "{queue}": its calls aren\'t recorded, unless they come'
                    " to a number that a policy names"
                )
                key = f"pbx.{name}.queues.{extension}"
                yield key, note(key, what)
                named.add(queue)


def _queues_of(policy: Policy) -> list[str]:
    queues = [*policy.calls.queues, *policy.calls.except_queues]
    return queues + [queue for destination in policy.destination for queue in destination.queues]


def _unknown_queues(policy: Policy, pbxs: Iterable[Pbx]) -> Iterator[Remark]:
    known = sorted({queue for pbx in pbxs for queue in pbx.queues.values()})
    lists = [("calls.queues", policy.calls.queues)]
    lists += [("calls.except_queues", policy.calls.except_queues)]
    lists += [(f"destination[{i}].queues", d.queues) for i, d in enumerate(policy.destination)]
    lists += [(f"tag[{i}].queues", tag.queues) for i, tag in enumerate(policy.tag)]
    rules = enumerate(policy.retention.rule)
    lists += [(f"retention.rule[{i}].queues", rule.queues) for i, rule in rules]
    for key, queues in lists:
        for index, queue in enumerate(queues):
            if queue not in known:
                what = f'no PBX of the configuration has a queue "{queue}"{_nearest(queue, known)}'
                yield warning(f"{key}[{index}]", what)


def _unknown_extensions(policy: Policy, pbxs: Sequence[Pbx]) -> Iterator[Remark]:
    inside = [pattern for pbx in pbxs for pattern in (*pbx.extensions, *pbx.queues)]
    known = inside + [pattern for pbx in pbxs for pattern in pbx.outside]
    lists = [("outbound.extensions", policy.outbound.extensions, inside)]
    for index, destination in enumerate(policy.destination):
        lists.append((f"destination[{index}].extensions", destination.extensions, known))
    for key, wanted, have in lists:
        for index, pattern in enumerate(wanted):
            if not any(patterns.meet(pattern, each) is not None for each in have):
                what = (
                    f'no PBX of the configuration has an extension "{pattern}"'
                    f"{_nearest(pattern, have)}"
                )
                yield warning(f"{key}[{index}]", what)
    if not any(pbx.outside for pbx in pbxs):
        for index, destination in enumerate(policy.destination):
            if destination.numbers:
                what = "can never apply: no PBX of the configuration says what dials outside"
                yield warning(f"destination[{index}].numbers", what)


def _payment_queues(policy: Policy, other: Policy, name: str, pbx: Pbx) -> Iterator[Remark]:
    """Find queues behind a payment line's extension to which a call may come another way.

    Args:
        other: whose calls they are: the same policy's, or another one's.
    """
    recording = other if other is policy else beside(other, (policy,))
    whose = "" if other is policy else f" of policy {other.name}"
    for index, line in enumerate(policy.destination):
        if not pays(policy, line):
            continue
        key = f"destination[{index}].extensions"
        queues = {
            queue: extension
            for extension, queue in pbx.queues.items()
            if any(patterns.meet(each, extension) is not None for each in line.extensions)
        }
        for queue, extension in queues.items():
            how = _recorded_by_another_way(recording, queue, pbx)
            if how:
                what = (
                    f'{extension} leads to queue "{queue}" of {name}, where a payment could be'
                    f' recorded: {how}{whose}; expected queues = ["{queue}"] here, too'
                )
                yield error(key, what)


def _excepted_queues(policy: Policy, name: str, pbx: Pbx) -> Iterator[Remark]:
    """Find queues behind an excepted extension to which a call may come another way."""
    for index, number in enumerate(policy.calls.except_numbers):
        queue = pbx.queues.get(number)
        if queue is None or queue in policy.calls.except_queues:
            continue
        how = _recorded_by_another_way(policy, queue, pbx)
        if how:
            what = (
                f'{number} leads to queue "{queue}" of {name}, where other calls are recorded:'
                f' {how}; expected "{queue}" in calls.except_queues, if it is meant, too'
            )
            yield warning(f"calls.except_numbers[{index}]", what)


def _recorded_by_another_way(policy: Policy, queue: str, pbx: Pbx) -> str:
    if queue in policy.calls.queues and kept_out(policy, queue) is None:
        return "calls.queues names it"
    for extension, leads_to in pbx.queues.items():
        place = Place(DestinationKind.QUEUE, extension, queue=queue)
        if leads_to == queue and _goes_on(policy, place):
            return f"{extension} leads there, too, and recording goes on"
    if on_move(policy, queue).outcome is OnTransfer.CONTINUE:
        return "when the dialplan takes a call there, recording goes on"
    return ""


def _goes_on(policy: Policy, place: Place) -> bool:
    return any(
        on_transfer(policy, place, how).outcome is OnTransfer.CONTINUE
        for how in ("blind", "attended")
    )


def _forgotten(policy: Policy, pbxs: Iterable[Pbx]) -> Iterator[Remark]:
    """Say what a transfer does to the places of a PBX that no destination names."""
    found: defaultdict[OnTransfer, dict[str, None]] = defaultdict(dict)
    for pbx in pbxs:
        for words, place in _places(policy, pbx):
            ruling = on_transfer(policy, place)
            if ruling.reason.rule == "transfer.otherwise":
                found[ruling.outcome][words] = None
    for outcome, places in found.items():
        named = ", ".join(list(places)[:MOST_NAMED])
        more = f" and {len(places) - MOST_NAMED} more" if len(places) > MOST_NAMED else ""
        what = (
            f"no destination names {named}{more}: after a transfer there {OUTCOME_WORDS[outcome]}"
        )
        yield note("transfer.otherwise", what)


def _places(policy: Policy, pbx: Pbx) -> Iterator[tuple[str, Place]]:
    """List a place of each queue, and of each pattern that isn't named as a whole."""
    for extension, queue in pbx.queues.items():
        yield f"queue {queue}", Place(DestinationKind.QUEUE, extension, queue=queue)
    named = [pattern for destination in policy.destination for pattern in destination.extensions]
    for kind, some in (
        (DestinationKind.EXTENSION, pbx.extensions),
        (DestinationKind.OUTSIDE, pbx.outside),
    ):
        for pattern in some:
            if not patterns.lies_in(pattern, named):
                words = "extension" if kind is DestinationKind.EXTENSION else "outside numbers"
                partly = ", in part" if _partly(pattern, policy.destination) else ""
                # nobody names an extension of letters: it stands for all that aren't named
                yield f"{words} {pattern}{partly}", Place(kind, "unnamed", number="")


def _partly(pattern: str, destinations: Iterable[Destination]) -> bool:
    return any(
        patterns.meet(pattern, each) is not None
        for destination in destinations
        for each in destination.extensions
    )


def _nearest(word: str, known: Iterable[str]) -> str:
    close = difflib.get_close_matches(word, list(known), n=1)
    return f'; did you mean "{close[0]}"?' if close else ""
