"""Our own subroutines in an Asterisk's dialplan."""

from __future__ import annotations

import pytest

from ami_bridge.asterisk.subroutines import in_subroutine


@pytest.mark.parametrize(
    ("context", "ours"), [("hushtape-guard", True), ("internal", False), ("", False)]
)
def test_ours_are_told_by_their_context(context: str, ours: bool) -> None:
    assert in_subroutine({"Context": context}) is ours
    assert not in_subroutine({})
