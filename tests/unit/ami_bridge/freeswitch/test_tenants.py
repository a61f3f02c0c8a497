"""Queues of one name in several domains are told apart by nobody else."""

from __future__ import annotations

from ami_bridge.freeswitch.tenants import MOST_QUEUES, Tenants


def test_a_queue_of_the_same_name_in_another_domain() -> None:
    tenants = Tenants()
    seen = ("support@one", "sales@two", "support@one", "support", "support@two", "support@one")
    found = [tenants.mixed({"CC-Queue": each}) for each in seen]
    assert found == ["", "", "", "", "support", ""]


def test_a_fifo_is_a_queue_too() -> None:
    tenants = Tenants()
    assert tenants.mixed({"FIFO-Name": "counter@one"}) == ""
    assert tenants.mixed({"FIFO-Name": "counter@two"}) == "counter"


def test_an_event_of_no_queue() -> None:
    assert Tenants().mixed({"Event-Name": "CHANNEL_CREATE"}) == ""


def test_queues_without_end_are_not_remembered() -> None:
    tenants = Tenants()
    for number in range(MOST_QUEUES + 1):
        assert tenants.mixed({"FIFO-Name": f"f{number}@one"}) == ""
    assert tenants.mixed({"FIFO-Name": f"f{MOST_QUEUES}@two"}) == ""
    assert tenants.mixed({"FIFO-Name": "f0@two"}) == "f0"
