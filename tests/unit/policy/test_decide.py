from __future__ import annotations

from hushtape.policy import decide


def test_what_the_programs_look_for_is_there() -> None:
    """They import it from here, wherever it is decided."""
    for name in decide.__all__:
        assert getattr(decide, name).__doc__, name
