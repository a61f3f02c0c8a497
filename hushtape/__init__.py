"""What Hushtape knows: policies, recordings, configuration. It imports none of the programs."""

from __future__ import annotations

__version__ = "0.1.0"
