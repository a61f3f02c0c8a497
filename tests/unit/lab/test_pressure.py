"""What is said of a machine that was busy."""

from __future__ import annotations

from pathlib import Path

import pytest

from lab import pressure
from lab.pressure import Pressure


@pytest.fixture
def proc(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(pressure, "_TICKS_PER_S", 400)
    (tmp_path / "pressure").mkdir()
    count(tmp_path, cpu_us=50_000_000, io_us=7_000_000, stolen_ticks=4000)
    return tmp_path


def count(proc: Path, cpu_us: int, io_us: int, stolen_ticks: int) -> None:
    """As Linux writes it."""
    for name, waited_us in (("cpu", cpu_us), ("io", io_us)):
        (proc / "pressure" / name).write_text(
            f"some avg10=0.92 avg60=4.36 avg300=5.90 total={waited_us}\n"
            "full avg10=0.00 avg60=0.00 avg300=0.00 total=3\n"
        )
    (proc / "stat").write_text(
        f"cpu  105212 1948 47664 638560 3917 0 2888 {stolen_ticks} 0 0\n"
        "cpu0 23136 261 10576 164959 536 0 612 1121 0 0\n"
    )


def test_each_way_to_be_slow_is_told_as_a_share_of_the_time(proc: Path) -> None:
    clock_s = iter([100.0, 110.0])
    began = Pressure(proc, lambda: next(clock_s))
    count(proc, cpu_us=53_000_000, io_us=7_500_000, stolen_ticks=4080)
    assert began.words() == (
        "this machine meanwhile: waited for a processor 30%, waited for a disk 5%,"
        " processors taken by its host 2%"
    )


def test_where_linux_counts_only_a_part_only_that_is_told(proc: Path) -> None:
    (proc / "pressure" / "cpu").unlink()
    (proc / "pressure" / "io").write_text("")
    clock_s = iter([0.0, 1.0])
    began = Pressure(proc, lambda: next(clock_s))
    assert began.words() == "this machine meanwhile: processors taken by its host 0%"


def test_where_nothing_is_counted_nothing_is_said(tmp_path: Path) -> None:
    assert Pressure(tmp_path).words() == ""
