"""Where a script's transfers lead: by the PBX's own map where there is one, else by the policy."""

from __future__ import annotations

import functools
from collections.abc import Sequence

from ami_bridge import places as numbering
from ami_bridge.rehearsal.stage import PlaceOf
from hushtape.config import Pbx
from hushtape.policy.decide import Place
from hushtape.policy.schema import DestinationKind, Policy
from hushtape.policy.trying import places


def finder(pbx: Pbx | None = None) -> PlaceOf:
    """Return what finds the places of a script.

    Args:
        pbx: its map of extensions, queues and outside numbers; None: the policies' words decide.
    """
    return functools.partial(_place, pbx)


def _place(pbx: Pbx | None, text: str, policies: Sequence[Policy]) -> Place:
    """Find a place.

    Raises:
        ValueError: nobody knows it.
    """
    if pbx is not None and text in pbx.queues.values():
        return Place(DestinationKind.QUEUE, "", queue=text)
    found = places.place(text, policies)
    if pbx is None or not places.is_dialled(text):
        return found
    mapped = numbering.place(pbx, found.extension)
    # An outside number is written as its owner gives it, not as staff dial it.
    outside = found.kind is DestinationKind.OUTSIDE
    return found if outside and mapped.kind is DestinationKind.UNKNOWN else mapped
