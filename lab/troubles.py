"""Everything that goes wrong on purpose in the tour, on three tracks side by side."""

from __future__ import annotations

from lab import faults
from lab.faults import Fault
from lab.hostile import HOSTILE
from lab.rival import RIVAL

FAULTS: tuple[Fault, ...] = (*faults.FAULTS, RIVAL, HOSTILE)
