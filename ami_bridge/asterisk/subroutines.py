"""Our own subroutines in an Asterisk's dialplan: their extensions lead nowhere. Pure."""

from __future__ import annotations

from collections.abc import Mapping

_SUBROUTINE = "hushtape-"  # with what their contexts begin


def in_subroutine(event: Mapping[str, str]) -> bool:
    """Tell whether a channel is in one of our subroutines, whose extensions lead nowhere."""
    return event.get("Context", "").startswith(_SUBROUTINE)
