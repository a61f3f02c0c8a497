"""What is wrong with a policy, or dangerous, that its structure does not show."""

from __future__ import annotations
