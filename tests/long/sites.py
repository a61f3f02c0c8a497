"""Where a long test finds a FreeSWITCH: a real one, or the model of one."""

from __future__ import annotations

from lab import kinds
from lab.throng import Site, site


def freeswitch(name: str) -> Site:
    """A real FreeSWITCH if this machine has one; else a model of it, with telephones of its own."""
    if not kinds.lacking(kinds.FREESWITCH):
        return site(name, kinds.FREESWITCH)
    # Only here: where a real one is, nothing of the model need be there.
    from tests.fake_freeswitch.phones import FakePhones
    from tests.fake_freeswitch.stage import FakePbx

    return Site(lambda crowd: FakePbx(name, crowd=crowd), FakePhones)
