"""Everything that goes wrong on purpose in the tour, on four tracks side by side."""

from __future__ import annotations

from lab import faults
from lab.faults import Fault
from lab.guarding import GUARDED
from lab.hostile import HOSTILE
from lab.rival import RIVAL

FAULTS: tuple[Fault, ...] = (*faults.FAULTS, RIVAL, HOSTILE, *GUARDED)
