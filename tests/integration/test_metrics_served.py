"""Metrics over a real port."""

from __future__ import annotations

import urllib.request

import structlog

from hushtape import metrics
from hushtape.alarms import Kind
from tests.integration.conftest import spare_port


def fetch(port: int) -> str:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as answer:
        return str(answer.read().decode())


def test_they_are_served_and_a_port_that_is_taken_is_an_alarm_and_no_more() -> None:
    port = spare_port()
    server = metrics.start_bridge("127.0.0.1", port)
    try:
        metrics.alarm(Kind.DISK)
        metrics.link("town-hall", False)
        with structlog.testing.capture_logs() as lines:
            assert metrics.start_bridge("127.0.0.1", port) is None
            metrics.alarm(Kind.DISK)
        assert [each["event"] for each in lines] == ["alarm"]
        assert f"127.0.0.1:{port}" in lines[0]["what"]
        text = fetch(port)
        assert '\nhushtape_alarms_total{kind="disk"} 1.0\n' in text
        assert '\nhushtape_alarms_total{kind="silence"} 0.0\n' in text  # its increase will be seen
        assert '\nhushtape_link_up{pbx="town-hall"} 0.0\n' in text
    finally:
        metrics.stop(server)
    server = metrics.start_bridge("127.0.0.1", port)
    assert server is not None
    metrics.stop(server)
