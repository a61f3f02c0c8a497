"""A call's script in an officer's words, and what is expected to come of it."""

from __future__ import annotations
