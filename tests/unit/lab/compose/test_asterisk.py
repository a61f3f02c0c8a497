"""What a container knows of its own network."""

from __future__ import annotations

import pytest

from lab.compose.asterisk import own_network

HEAD = "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n"
DEFAULT = "eth0\t00000000\t010012AC\t0003\t0\t0\t0\t00000000\t0\t0\t0\n"
FAR = "eth0\t0000000A\t010012AC\t0003\t0\t0\t0\t000000FF\t0\t0\t0\n"
OWN = "eth0\t000012AC\t00000000\t0001\t0\t0\t0\t0000FFFF\t0\t0\t0\n"


def test_the_own_network_is_the_route_that_needs_no_gateway() -> None:
    assert own_network(HEAD + DEFAULT + FAR + OWN) == "172.18.0.0/255.255.0.0"


def test_a_container_without_a_network_is_told() -> None:
    with pytest.raises(SystemExit, match="in no network"):
        own_network(HEAD + DEFAULT)
