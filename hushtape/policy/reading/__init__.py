"""From a file to a policy: what may be wrong with it, and where it stands."""

from __future__ import annotations
