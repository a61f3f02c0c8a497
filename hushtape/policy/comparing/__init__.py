"""Two policies side by side: which calls and which recordings they treat differently."""

from __future__ import annotations
