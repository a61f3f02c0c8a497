"""What the bridge's unit tests share."""

from __future__ import annotations

import pytest


@pytest.fixture
def short_rests(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing hears what is recorded, so a recorder needs no rest between stop and start."""
    monkeypatch.setattr("ami_bridge.call.recorder.REST_S", 0.001)
