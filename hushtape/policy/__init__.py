"""The policy language: what a call centre's written policy says, and what follows for a call.

Everything here is pure: files are read by ``parse`` alone, the clock is an argument.
"""

from __future__ import annotations
