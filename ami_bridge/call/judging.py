"""Those who are in a talk, judged as if the call were being transferred to them."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from ami_bridge.call.company import Company, Meeting
from ami_bridge.facts import Talker
from hushtape.policy import decide
from hushtape.policy.decide import Place, Ruling
from hushtape.policy.schema import DestinationKind, OnTransfer, Policy

# Of several the strictest ruling counts.
_STRICTEST = (OnTransfer.SILENT, OnTransfer.STOP, OnTransfer.CONTINUE)

_UNSEEN = "unseen"  # the stricter of blind and attended counts
_KINDS = ("blind", "attended")


def talk(policy: Policy, talkers: Iterable[Talker], how: str = _UNSEEN) -> Ruling | None:
    """Judge everybody who is there; None: nobody is.

    Args:
        how: the kind of transfer, where one has led to them.
    """
    rulings = [decide.on_transfer(policy, each.place, how) for each in talkers]
    return min(rulings, key=lambda each: _STRICTEST.index(each.outcome), default=None)


def stops_with(policy: Policy, talkers: Iterable[Talker], how: str) -> bool:
    """Tell whether the policy stops where somebody of them is."""
    voices = [each for each in talkers if not each.stands_in]
    ruling = talk(policy, voices, how)
    return ruling is not None and ruling.outcome is not OnTransfer.CONTINUE


def payment_line(policy: Policy, company: Company, talkers: Iterable[Talker]) -> Ruling | None:
    """Find the ruling of a payment line that is there, whoever else is; None: there is none.

    Where a policy is silent after one kind of transfer only, who came by the other one is none.
    """
    reached = ((each, place) for each in talkers for place in _reached(company, each))
    for talker, place in reached:
        silent = [
            ruling
            for ruling in (decide.on_transfer(policy, place, how) for how in _KINDS)
            if ruling.outcome is OnTransfer.SILENT
        ]
        if company.knows(talker):
            found = len(silent) == len(_KINDS)
        elif company.expected and company.came_by:
            ruling = decide.on_transfer(policy, place, company.came_by)
            found = ruling.outcome is OnTransfer.SILENT
        else:
            found = bool(silent)
        if found:
            return silent[0]
    return None


def _reached(company: Company, talker: Talker) -> tuple[Place, ...]:
    """Name the places where somebody may be a payment line.

    Who has had the call at a telephone of ours is none, whatever was dialled to have him again: the
    dialplan rings him in the payment line's own extension when the guard says no.
    """
    if talker.place.kind is DestinationKind.EXTENSION and company.knows(talker):
        return (talker.place,)
    return (talker.place, *talker.ways)


def line_at(policy: Policy, places: Iterable[Place]) -> Ruling | None:
    """Find the ruling of a payment line among places, by whatever kind of transfer it is one."""
    rulings = (decide.on_transfer(policy, place, how) for place in places for how in _KINDS)
    return next((each for each in rulings if each.outcome is OnTransfer.SILENT), None)


def look(
    policy: Policy, company: Company, talkers: tuple[Talker, ...], at: datetime
) -> tuple[Meeting, Ruling | None]:
    """Take in who is in the talk now.

    Returns:
        How the talk is, and the ruling of the payment line in it, if there is one.
    """
    line = payment_line(policy, company, talkers)
    forwarded = company.came_by and stops_with(policy, talkers, company.came_by)
    if line is not None or forwarded:
        company.expected = False
    return company.change(talkers, at), line
