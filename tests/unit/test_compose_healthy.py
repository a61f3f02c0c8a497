"""What docker/healthy.py says of a part: nothing, or one line."""

from __future__ import annotations

import importlib.util
import io
from pathlib import Path
from types import ModuleType
from unittest.mock import Mock
from urllib.error import URLError

import pytest

SCRIPT = Path(__file__).parents[2] / "docker" / "healthy.py"
UP, DOWN = 'hushtape_link_up{pbx="a"} 1.0', 'hushtape_link_up{pbx="b"} 0.0'


@pytest.fixture
def healthy(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The script, with a configuration."""
    spec = importlib.util.spec_from_file_location("healthy", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setenv("HUSHTAPE_CONFIG", "/nowhere")
    loaded = Mock(metrics=Mock(bridge_port=1, workers_port=2))
    monkeypatch.setattr(module.config, "load", lambda _path: loaded)
    return module


def serve(module: ModuleType, monkeypatch: pytest.MonkeyPatch, *lines: str) -> None:
    """Have the metrics say this."""
    page = Mock(return_value=io.BytesIO("\n".join(lines).encode()))
    monkeypatch.setattr(module.urllib.request, "urlopen", page)


@pytest.mark.parametrize(
    ("lines", "says"),
    [((UP,), ""), ((UP, DOWN), DOWN), ((), "no link is known")],
)
def test_a_bridge_is_well_when_each_of_its_links_is_up(
    healthy: ModuleType, monkeypatch: pytest.MonkeyPatch, lines: tuple[str, ...], says: str
) -> None:
    serve(healthy, monkeypatch, "# TYPE", *lines)
    assert healthy.main("bridge") == says


def test_a_part_that_does_not_answer_is_told_in_one_line(
    healthy: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    refused = Mock(side_effect=URLError(ConnectionRefusedError(111, "Connection refused")))
    monkeypatch.setattr(healthy.urllib.request, "urlopen", refused)
    assert healthy.main("scheduler") == "URLError: <urlopen error [Errno 111] Connection refused>"
