"""Transfers that a telephone asks for: REFER, with and without Replaces."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.fake_freeswitch.channel import Channel
    from tests.fake_freeswitch.switch import FakeFreeSwitch

STEP_S = 0.02  # from one leg's end to the next one's


def blind(switch: FakeFreeSwitch, by: Channel, number: str) -> bool:
    """Send whom a leg talks with to a number; returns whether that is done."""
    other = by.peer
    by.set("transfer_disposition", "recv_replace")
    by.set("transfer_to", f"blind:{other.uuid if other else number}")
    by.set("transfer_destination", f"blind:{number}")
    if other is None:
        by.set("endpoint_disposition", "ATTENDED_TRANSFER_ERROR")
        return False
    if by.true("recording_follow_transfer"):
        switch.recorders.move(by, other)
    by.set("endpoint_disposition", "BLIND_TRANSFER")
    switch.transfer(other, number)
    return True


def attended(switch: FakeFreeSwitch, by: Channel, second: Channel) -> bool:
    """Send whom a leg talks with to whom the same telephone's second leg talks with.

    Returns:
        Whether that is done.
    """
    here, there = by.peer, second.peer
    by.set("transfer_disposition", "recv_replace")
    second.set("transfer_disposition", "replaced")
    if here is not None and switch.is_ringing_for(second):
        _while_it_rings(switch, by, second, here)
    elif here is not None and there is not None:
        _both_talk(switch, by, second, here, there)
    elif here is not None:
        _to_a_machine(switch, second, here)
    elif there is not None:
        switch.hangup(second, "ATTENDED_TRANSFER")
        _to_a_machine(switch, by, there)
    else:
        return False
    return True


def _both_talk(
    switch: FakeFreeSwitch, by: Channel, second: Channel, here: Channel, there: Channel
) -> None:
    there.set("transfer_disposition", "bridge")
    for leg, other in ((by, here), (second, there)):
        if leg.true("recording_follow_transfer"):
            switch.recorders.move(leg, other)
    by.set("transfer_to", f"att:{there.uuid}")
    switch.bridge(here, there)
    second.set("endpoint_disposition", "ATTENDED_TRANSFER")
    switch.loop.call_later(3 * STEP_S, switch.hangup, second, "NORMAL_CLEARING")


def _while_it_rings(switch: FakeFreeSwitch, by: Channel, second: Channel, here: Channel) -> None:
    """The third one hasn't answered: he gets the caller when he does."""
    second.set("transfer_to", f"satt:{here.uuid}")
    second.set("endpoint_disposition", "ATTENDED_TRANSFER")
    here.set("att_xfer_kill_uuid", second.uuid)
    switch.hand_over(second, here)
    for leg in (by, second):
        if leg.true("recording_follow_transfer"):
            switch.recorders.move(leg, here)
    switch.hangup(second, "NORMAL_TEMPORARY_FAILURE")


def _to_a_machine(switch: FakeFreeSwitch, second: Channel, here: Channel) -> None:
    """Nobody is bridged with it: who waits is sent to the number that it had dialled."""
    if second.true("recording_follow_transfer"):
        switch.recorders.move(second, here)
    number = second.profile.destination_number
    switch.hangup(second, "ATTENDED_TRANSFER")
    switch.loop.call_later(STEP_S, switch.transfer, here, number)
