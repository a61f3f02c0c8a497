"""What becomes of each caller of a throng."""

from __future__ import annotations

from lab.lots import LOTS, SIZE, Lot, lots_of


def test_each_pbx_has_its_share_of_every_lot() -> None:
    assert lots_of(SIZE) == [lot for lot, count in LOTS.items() for _ in range(count)]
    for size in (16, 17, 25):
        lots = lots_of(size)
        assert set(lots) == set(LOTS)
        assert lots.count(Lot.EARLY) >= lots.count(Lot.AGENT) + lots.count(Lot.CONSULTED)
