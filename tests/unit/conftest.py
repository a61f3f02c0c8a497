"""What all unit tests share: a garbage collector that leaves them alone."""

from __future__ import annotations

import gc

# Thousands of collected tests stay: to go through them again and again takes a fifth more.
gc.disable()


def pytest_collection_finish() -> None:
    gc.freeze()
    gc.enable()
