"""Of several bridges on one PBX one holds the lease. Each scenario by itself, in virtual time; all
of them mixed are in tests/integration/ami_bridge/test_lease_interleavings.py.
"""

from __future__ import annotations

import asyncio
import logging
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from ami_bridge import lease as leases
from ami_bridge.lease import (
    QUICK_S,
    RENEW_S,
    SETTLE_S,
    SETTLE_SLOWLY_S,
    STALE_CLAIM_S,
    TAKE_OVER_S,
    VALID_S,
    boot_seconds,
    owner_of,
)
from hushtape.errors import ActionRefused, LeaseLost, LinkLost
from tests import virtual_time
from tests.rivals import FAST_S, Bridge, FakePbx, seconds

NOON = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
SLACK_S = 0.1
FOREIGN = "a dialplan's own"


def after(passed_s: float) -> datetime:
    return NOON + timedelta(seconds=passed_s)


async def serving(pbx: FakePbx, owner: str = "aa") -> Bridge:
    bridge = Bridge(pbx, owner)
    await asyncio.sleep(SETTLE_S + SLACK_S)
    assert bridge.lease.held
    return bridge


def play(scene: object) -> object:
    """Run a scene in virtual time."""

    def played() -> None:
        virtual_time.run(scene())  # type: ignore[operator]

    played.__name__ = scene.__name__  # type: ignore[attr-defined]
    return played


def test_the_times_fit_together() -> None:
    # Each line is a premise of the proof in lease.py.
    assert QUICK_S < SETTLE_S
    assert VALID_S < SETTLE_SLOWLY_S
    assert VALID_S < TAKE_OVER_S
    assert leases.SLOW_CLAIM_S < STALE_CLAIM_S
    slowest_way_s = 2.0  # "everything delayed by 2 s": 4 s to an answer
    assert 3 * 2 * slowest_way_s < VALID_S  # written, and looked and written again
    assert QUICK_S + SETTLE_SLOWLY_S + 4 * 2 * slowest_way_s < leases.SLOW_CLAIM_S


@play
async def test_one_alone_holds_after_a_moment_and_renews() -> None:
    pbx = FakePbx()
    begin_s = seconds()
    one = Bridge(pbx, "aa")
    await asyncio.sleep(SETTLE_S / 2)
    assert not one.lease.held
    await asyncio.sleep(SETTLE_S)
    assert one.lease.held
    assert one.began_s[0] - begin_s <= SETTLE_S + SLACK_S
    await asyncio.sleep(100)
    assert one.lease.held
    assert one.lost == []
    assert len(set(pbx.written)) == len(pbx.written)
    assert 100 / RENEW_S - 1 <= len(pbx.written) <= 100 / RENEW_S + 4
    await one.kill()
    assert not one.lease.held


@play
async def test_the_second_waits_and_takes_over_from_one_that_is_gone() -> None:
    pbx = FakePbx()
    one = await serving(pbx)
    two = Bridge(pbx, "bb")
    for passed_s in range(40):
        one.heard_at = after(passed_s)
        await asyncio.sleep(1)
        assert not two.lease.held
    assert two.lease.renewed_at is None
    dead_s = seconds()
    await one.kill()
    await asyncio.sleep(TAKE_OVER_S + RENEW_S + SETTLE_S + SLACK_S)
    assert two.lease.held
    assert two.began_s[0] - dead_s >= TAKE_OVER_S + SETTLE_S - RENEW_S
    seen = two.lease.previous_renewed_at
    assert seen is not None
    assert after(39 - RENEW_S) <= seen <= after(39)


@play
async def test_two_that_start_at_once() -> None:
    pbx = FakePbx()
    two = [Bridge(pbx, owner) for owner in ("aa", "bb")]
    await asyncio.sleep(60)
    assert len(pbx.holders()) == 1
    assert sum(len(each.began_s) for each in two) == 1


@play
async def test_one_who_leaves_lets_the_next_in_at_once() -> None:
    pbx = FakePbx()
    one = await serving(pbx)
    two = Bridge(pbx, "bb")
    one.heard_at = after(5)
    await one.lease.release()
    assert not one.lease.held
    left_s = seconds()
    await asyncio.sleep(RENEW_S + SETTLE_S + SLACK_S)
    assert two.lease.held
    assert two.began_s[0] - left_s <= RENEW_S + SETTLE_S + SLACK_S
    assert two.lease.previous_renewed_at == after(5)
    assert one.lost == []  # it doesn't end its link before the word was out


@play
async def test_one_who_does_not_hold_has_nothing_to_release() -> None:
    pbx = FakePbx()
    one = await serving(pbx)
    two = Bridge(pbx, "bb")
    await asyncio.sleep(5)
    await two.lease.release()
    await asyncio.sleep(5)
    assert pbx.holders() == [one]


@play
async def test_a_frozen_holder_looks_before_it_does_anything() -> None:
    pbx = FakePbx()
    one = await serving(pbx)
    two = Bridge(pbx, "bb")
    await asyncio.sleep(10)
    for_s = TAKE_OVER_S + RENEW_S + SETTLE_S + 30.0
    one.freeze(for_s)
    await asyncio.sleep(VALID_S + SLACK_S)
    assert not one.lease.held  # should it go on now, it knows at once
    await asyncio.sleep(for_s - VALID_S)
    written = len(pbx.written)
    await asyncio.sleep(RENEW_S / 2)
    assert pbx.holders() == [two]
    assert all(each.startswith("bb;") for each in pbx.written[written:])
    assert isinstance(one.lost[0], LeaseLost)
    await asyncio.sleep(60)
    assert pbx.holders() == [two]
    assert two.lost == []


@play
async def test_a_frozen_holder_whom_nobody_replaced_claims_it_anew() -> None:
    # Somebody may be about to: that can't be seen.
    pbx = FakePbx()
    one = await serving(pbx)
    one.freeze(VALID_S + 5)
    await asyncio.sleep(VALID_S + 5 + 0.5 + SLACK_S)  # thawed, and AGAIN_S later it asks
    assert not one.lease.held
    assert ";claims;" in pbx.value
    await asyncio.sleep(SETTLE_S)
    assert one.lease.held


@play
async def test_a_bridge_that_is_alone_goes_on_soon_after_a_long_outage() -> None:
    pbx = FakePbx()
    one = await serving(pbx)
    await asyncio.sleep(RENEW_S / 2)  # nothing is under way
    one.cut_off()
    await asyncio.sleep(10 * TAKE_OVER_S)
    assert not one.lease.held
    one.cut = False
    await asyncio.sleep(0.5 + SETTLE_S + SLACK_S)
    assert pbx.holders() == [one]
    assert not one.lease.is_after_another


@play
async def test_an_own_writing_that_came_late_may_have_landed_on_a_holder() -> None:
    pbx = FakePbx()
    one = await serving(pbx)
    two = Bridge(pbx, "bb")
    await asyncio.sleep(RENEW_S)
    late_s = TAKE_OVER_S + RENEW_S + SETTLE_S + 1
    ways = iter([FAST_S, FAST_S, late_s])  # it looks, and what it writes then is long under way
    one.way_s = lambda: next(ways, FAST_S)
    await asyncio.sleep(RENEW_S)
    one.cut_off()
    await asyncio.sleep(late_s - RENEW_S)
    assert pbx.holders() == [two]
    while not pbx.value.startswith("aa;"):  # noqa: ASYNC110 - virtual time
        await asyncio.sleep(FAST_S)
    two.freeze(VALID_S / 2)  # so that it doesn't look for a while
    one.cut = False
    for _ in range(300):
        await asyncio.sleep(SLACK_S)
        assert len(pbx.holders()) <= 1
    assert pbx.holders() == [one]


@play
async def test_a_bridge_that_dies_again_and_again_does_not_keep_the_other_from_serving() -> None:
    pbx = FakePbx()
    one = await serving(pbx)
    two = Bridge(pbx, "bb")
    await one.kill()
    await asyncio.sleep(VALID_S)
    for _ in range(12):
        heir = Bridge(pbx, "aa")
        await asyncio.sleep(SETTLE_SLOWLY_S / 3)
        assert not heir.lease.held
        await heir.kill()
    assert pbx.holders() == [two]


def test_a_claim_of_our_own_is_left_for_a_while(caplog: pytest.LogCaptureFixture) -> None:
    async def scene() -> None:
        pbx = FakePbx()
        one = Bridge(pbx, "aa")
        await asyncio.sleep(SETTLE_S / 2)
        await one.kill()
        heir = Bridge(pbx, "aa")
        await asyncio.sleep(SETTLE_SLOWLY_S)
        assert not heir.lease.held
        await asyncio.sleep(RENEW_S + SETTLE_S + SLACK_S)
        assert heir.lease.held

    caplog.set_level(logging.INFO)
    virtual_time.run(scene())
    (said,) = [record.getMessage() for record in caplog.records]
    assert "didn't give it back" in said
    assert "again in 15.0 s" in said


@play
async def test_a_short_standstill_costs_nothing() -> None:
    pbx = FakePbx()
    one = await serving(pbx)
    two = Bridge(pbx, "bb")
    for _ in range(5):
        one.freeze(VALID_S - RENEW_S - SLACK_S)
        await asyncio.sleep(VALID_S)
        assert pbx.holders() == [one]
    assert (one.lost, two.began_s) == ([], [])


@play
async def test_a_link_that_was_lost_for_a_moment_goes_on_at_once() -> None:
    pbx = FakePbx()
    one = await serving(pbx)
    Bridge(pbx, "bb")
    await asyncio.sleep(10)
    one.cut_off()
    await asyncio.sleep(RENEW_S + SLACK_S)
    assert not one.lease.held  # keep() ended with the link
    assert isinstance(one.lost[0], LinkLost)
    await asyncio.sleep(3)
    one.cut = False
    await asyncio.sleep(0.5 + SLACK_S)
    assert pbx.holders() == [one]


@play
async def test_the_next_on_the_same_data_folder_goes_on_at_once() -> None:
    pbx = FakePbx()
    one = await serving(pbx)
    Bridge(pbx, "bb")
    one.heard_at = after(3)
    await asyncio.sleep(10)
    await one.kill()
    await asyncio.sleep(5)
    heir = Bridge(pbx, "aa")
    await asyncio.sleep(SLACK_S)
    assert pbx.holders() == [heir]
    assert heir.lease.previous_renewed_at == after(3)
    assert heir.lease.renewed_at == after(3)  # it has heard nothing itself yet


def test_the_next_on_the_same_data_folder_waits_if_it_comes_late(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def scene() -> None:
        pbx = FakePbx()
        one = await serving(pbx)
        await asyncio.sleep(10)
        await one.kill()
        await asyncio.sleep(VALID_S + SLACK_S)
        heir = Bridge(pbx, "aa")
        await asyncio.sleep(SETTLE_SLOWLY_S)
        assert not heir.lease.held
        await asyncio.sleep(SLACK_S)
        assert heir.lease.held

    caplog.set_level(logging.INFO)
    virtual_time.run(scene())
    (said,) = [record.getMessage() for record in caplog.records]
    assert "didn't give it back" in said
    assert "again in 13.5 s" in said


@play
async def test_a_bridge_that_died_while_claiming() -> None:
    pbx = FakePbx()
    one = Bridge(pbx, "aa")
    await asyncio.sleep(SETTLE_S / 2)
    await one.kill()
    heir, other = Bridge(pbx, "aa"), Bridge(pbx, "bb")
    await asyncio.sleep(SETTLE_SLOWLY_S)
    assert pbx.holders() == []
    await asyncio.sleep(RENEW_S + SETTLE_S + SLACK_S)
    assert pbx.holders() == [heir]
    await heir.kill()
    await asyncio.sleep(TAKE_OVER_S + RENEW_S + SETTLE_S + SLACK_S)
    assert pbx.holders() == [other]


@play
async def test_a_claim_of_somebody_else_is_not_taken_for_stale_soon() -> None:
    pbx = FakePbx()
    one = Bridge(pbx, "aa")
    await asyncio.sleep(SETTLE_S / 2)
    await one.kill()
    other = Bridge(pbx, "bb")
    await asyncio.sleep(STALE_CLAIM_S)
    assert not other.lease.held
    await asyncio.sleep(RENEW_S + SETTLE_S + SLACK_S)
    assert other.lease.held


@play
async def test_everything_delayed_by_two_seconds() -> None:
    pbx = FakePbx()
    one, two = (Bridge(pbx, owner, lambda: 2.0) for owner in ("aa", "bb"))
    await asyncio.sleep(60)
    (holder,) = pbx.holders()
    (other,) = {one, two} - {holder}
    for _ in range(300):
        await asyncio.sleep(1)
        assert pbx.holders() == [holder]
    assert other.began_s == []
    await holder.kill()
    await asyncio.sleep(90)
    assert pbx.holders() == [other]


@play
async def test_a_slow_claim_that_lands_on_a_holder() -> None:
    # two looks, and its writing takes 4 s: meanwhile one has come to hold.
    pbx = FakePbx()
    ways = iter([FAST_S, FAST_S, 4.0])
    two = Bridge(pbx, "bb", lambda: next(ways, FAST_S))
    await asyncio.sleep(SLACK_S)
    one = await serving(pbx)
    await asyncio.sleep(4 + SLACK_S - SETTLE_S)
    assert pbx.value.startswith("bb;")
    await asyncio.sleep(RENEW_S)
    assert pbx.holders() == []  # one has looked and stood down
    assert isinstance(one.lost[0], LeaseLost)
    await asyncio.sleep(SETTLE_SLOWLY_S)
    assert pbx.holders() == [two]


@play
async def test_an_answer_that_comes_too_late_does_not_count() -> None:
    pbx = FakePbx()
    one = await serving(pbx)
    one.way_s = lambda: 7.0  # each answer is a timeout
    await asyncio.sleep(VALID_S + SLACK_S)
    assert not one.lease.held
    await asyncio.sleep(2 * 14)
    assert "not renewed in time" in str(one.lost[0])


@play
async def test_a_renewal_that_is_answered_when_another_may_have_taken_over() -> None:
    pbx = FakePbx()
    one = await serving(pbx)
    two = Bridge(pbx, "bb")
    await asyncio.sleep(10)
    last_s = one.lease._sent_s
    one.freeze(last_s + VALID_S - SLACK_S - seconds())  # it looks just in time, and writes
    one.answer_timeout_s = 2 * TAKE_OVER_S
    ways = iter([FAST_S, FAST_S, TAKE_OVER_S])
    one.way_s = lambda: next(ways, FAST_S)
    await asyncio.sleep(last_s + TAKE_OVER_S + 2 * RENEW_S + SETTLE_S + SLACK_S - seconds())
    assert pbx.holders() == [two]
    await asyncio.sleep(last_s + VALID_S + TAKE_OVER_S - seconds())
    assert pbx.value.startswith("aa;")  # it has overwritten the other one
    assert pbx.holders() == [two]
    assert "not renewed in time" in str(one.lost[0])
    await asyncio.sleep(60)
    assert len(pbx.holders()) == 1


@play
async def test_a_claim_that_stood_still_until_it_was_stale() -> None:
    pbx = FakePbx()
    ways = iter([FAST_S, FAST_S, QUICK_S])  # so it is a slow one
    one = Bridge(pbx, "aa", lambda: next(ways, FAST_S))
    await asyncio.sleep(QUICK_S + SLACK_S)
    claimed_s = one.lease._sent_s
    two = Bridge(pbx, "bb")
    one.freeze(claimed_s + QUICK_S + STALE_CLAIM_S - SLACK_S - seconds())
    await asyncio.sleep(20)
    late = iter([FAST_S, FAST_S, 4.8])
    one.way_s = lambda: next(late, FAST_S)
    await asyncio.sleep(STALE_CLAIM_S - 20 + QUICK_S + SETTLE_S + RENEW_S)
    assert pbx.holders() == [two]
    await asyncio.sleep(5)
    assert not one.lease.held
    assert not one.began_s


@play
async def test_what_is_released_while_it_is_renewed_is_not_held_again() -> None:
    pbx = FakePbx()
    one = await serving(pbx)
    two = Bridge(pbx, "bb")
    one.way_s = lambda: 0.3
    await asyncio.sleep(RENEW_S + 0.7)  # the writing is on its way
    await one.lease.release()
    for _ in range(40):
        await asyncio.sleep(0.1)
        assert not one.lease.held
    assert pbx.holders() == [two]


@play
async def test_one_who_stood_still_while_leaving_says_nothing() -> None:
    pbx = FakePbx()
    one = await serving(pbx)
    leaving = asyncio.create_task(one.lease.release())
    await asyncio.sleep(0)
    one.freeze(VALID_S + 1)
    await leaving
    assert "left" not in pbx.value


@play
async def test_an_heir_is_as_sure_as_the_one_before_it() -> None:
    pbx = FakePbx()
    one = await serving(pbx)
    await asyncio.sleep(10)
    await one.kill()
    sure_s = leases._parsed(pbx.value).sure_s
    await asyncio.sleep(5)
    Bridge(pbx, "aa")
    await asyncio.sleep(SLACK_S)
    assert leases._parsed(pbx.value).sure_s == sure_s
    await asyncio.sleep(RENEW_S)
    assert leases._parsed(pbx.value).sure_s > sure_s


@play
async def test_whether_another_bridge_has_served_meanwhile() -> None:
    pbx = FakePbx()
    one = await serving(pbx)
    two = Bridge(pbx, "bb")
    one.cut_off()
    await asyncio.sleep(3)
    one.cut = False
    await asyncio.sleep(1)
    assert one.lease.held
    assert not one.lease.is_after_another
    one.cut_off()
    await asyncio.sleep(2 * TAKE_OVER_S)
    assert two.lease.held
    assert two.lease.is_after_another
    one.cut = False
    await asyncio.sleep(3)
    await two.lease.release()
    await asyncio.sleep(RENEW_S + SETTLE_S + SLACK_S)
    assert one.lease.held
    assert one.lease.is_after_another


@play
async def test_some_answers_that_come_too_late_cost_nothing() -> None:
    pbx = FakePbx()
    one = await serving(pbx)
    ways = iter([7.0, FAST_S])
    one.way_s = lambda: next(ways, FAST_S)
    for _ in range(20):
        await asyncio.sleep(1)
        assert one.lease.held
    assert one.lost == []


@play
async def test_asterisk_starts_anew() -> None:
    pbx = FakePbx()
    one = await serving(pbx)
    two = Bridge(pbx, "bb")
    await asyncio.sleep(10)
    for bridge in (one, two):
        bridge.cut_off()
    pbx.value = ""
    await asyncio.sleep(5)
    for bridge in (one, two):
        bridge.cut = False
    await asyncio.sleep(10)
    assert len(pbx.holders()) == 1


@play
async def test_a_variable_that_somebody_clears_is_written_again() -> None:
    pbx = FakePbx()
    one = await serving(pbx)
    two = Bridge(pbx, "bb")
    await asyncio.sleep(10)
    for _ in range(20):
        pbx.value = ""
        await asyncio.sleep(RENEW_S * 1.7)
        assert pbx.holders() == [one]
    assert (one.lost, two.began_s) == ([], [])


@play
async def test_what_somebody_else_wrote_there_is_respected_for_a_while() -> None:
    pbx = FakePbx(value=FOREIGN)
    one = Bridge(pbx, "aa")
    await asyncio.sleep(TAKE_OVER_S)
    assert pbx.value == FOREIGN
    await asyncio.sleep(RENEW_S + SETTLE_S + SLACK_S)
    assert one.lease.held
    assert one.lease.previous_renewed_at is None
    pbx.value = FOREIGN
    await asyncio.sleep(RENEW_S + SLACK_S)
    assert not one.lease.held


@pytest.mark.parametrize(
    "value",
    [
        "aa;2026-11-31T12:00:00.000000Z;serves;1.ab.1",  # no such day
        "aa;2026-11-21T12:00:00.000000Z;serves;1.ab.1;more",
        "aa;2026-11-21T12:00:00.000000Z;left;1.ab.1\n",
        ";;left;1.ab.1",
        "x" * 900,
    ],
)
def test_a_writing_that_is_none_names_nobody(value: str) -> None:
    writing = leases._parsed(value)
    assert (writing.text, writing.owner, writing.heard_at) == (value, "", None)


@play
async def test_the_right_to_the_variable_is_missing() -> None:
    pbx = FakePbx(refuses=True)
    one = Bridge(pbx, "aa")
    await asyncio.sleep(1)
    assert isinstance(one.lost[0], ActionRefused)
    assert not one.lease.held


def test_who_waits_and_who_takes_over_say_so_once(caplog: pytest.LogCaptureFixture) -> None:
    async def scene() -> None:
        pbx = FakePbx()
        one = await serving(pbx)
        Bridge(pbx, "bb")
        await asyncio.sleep(60)
        await one.kill()
        await asyncio.sleep(60)

    caplog.set_level(logging.INFO)
    virtual_time.run(scene())
    assert [record.getMessage() for record in caplog.records] == [
        "pbx1: another bridge serves this PBX; this one waits",
        "pbx1: took over from a bridge that is gone",
    ]


def test_an_owner_is_a_lock_on_a_machine_since_it_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, two = tmp_path / "one.lock", tmp_path / "two.lock"
    one.touch()
    two.touch()
    owner = owner_of(one)
    assert leases._parsed(f"{owner};;serves;1.ab.1").owner == owner
    assert owner_of(one) == owner
    assert owner_of(two) != owner
    boot = tmp_path / "boot_id"
    boot.write_text("another\n", encoding="ascii")
    monkeypatch.setattr(leases, "BOOT_ID", boot)
    assert owner_of(one) != owner
    monkeypatch.setattr(leases, "BOOT_ID", tmp_path / "none")
    assert owner_of(one) != owner_of(one)


def test_the_clock_counts_seconds() -> None:
    assert 0 < boot_seconds() <= boot_seconds()
