"""``python -m hushtape`` is ``hushtape``."""

from __future__ import annotations

from hushtape.cli import main

main()
