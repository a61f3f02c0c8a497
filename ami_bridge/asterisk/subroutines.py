"""Our own subroutines in an Asterisk's dialplan: their extensions lead nowhere. Pure."""

from __future__ import annotations

from collections.abc import Mapping

_SUBROUTINE = "hushtape-"  # with what their contexts begin
_WAY_BACK = ("hushtape-turned-back", "hushtape-head-of-queue")


def in_subroutine(event: Mapping[str, str]) -> bool:
    """Tell whether a channel is in one of our subroutines, whose extensions lead nowhere."""
    return event.get("Context", "").startswith(_SUBROUTINE)


def leads_back(event: Mapping[str, str]) -> bool:
    """Tell whether a caller is brought back who wasn't put through: nobody has dialled for him."""
    return event.get("Context", "") in _WAY_BACK
