"""``hushtape bridge`` and ``hushtape check`` with the doors open: the API and the webhook."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from hushtape import config
from hushtape.errors import ConfigError
from tests.integration.ami_bridge.desktop.test_server import LOOK, beside, raw, status
from tests.integration.ami_bridge.test_program import (
    COMMAND_TIMEOUT_S,
    SECRET,
    a_pbx,
    configure,
    running,
)
from tests.integration.conftest import spare_port
from tests.integration.test_webhook import Receiver, wait_for
from tests.unit.ami_bridge.desktop.test_api import TOKEN


def with_doors(folder: Path, pbx_port: int, api_port: int, webhook: str) -> Path:
    (folder / "crm.token").write_text(TOKEN)
    path = configure(folder, **{"town-hall": pbx_port})
    doors = f"""
[api]
port = {api_port}
[api.tokens.crm]
token_file = "crm.token"
[alarms]
webhook = "{webhook}"
[metrics]
bridge_port = {pbx_port}
"""
    path.write_text(path.read_text() + doors)
    return path


async def test_a_bridge_serves_desktops_and_sends_its_alarms(tmp_path: Path) -> None:
    ami = await a_pbx()
    api_port = spare_port()
    try:
        with Receiver().serving() as there:
            # The metrics' port is taken, by the PBX: an alarm.
            path = with_doors(tmp_path, ami.port, api_port, there.url)
            async with running(path) as process:
                await beside(wait_for, lambda: bool(there.got))
                assert (there.got[0][2]["kind"], process.returncode) == ("program", None)
                await beside(wait_for, lambda: answers(api_port))
                assert status(await beside(raw, api_port, LOOK)) in (404, 503)
                stranger = LOOK.replace(TOKEN.encode(), b"x" * len(TOKEN))
                assert status(await beside(raw, api_port, stranger)) == 401
            assert process.returncode == 0
            assert not answers(api_port)
    finally:
        await ami.close()


def answers(port: int) -> bool:
    try:
        return bool(raw(port, LOOK))
    except ConnectionError:
        return False


def check(path: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "hushtape", "check", "-c", str(path)],
        env={"PASSWORD": SECRET},
        capture_output=True,
        text=True,
        timeout=COMMAND_TIMEOUT_S,
        check=False,
    )


def test_check_tells_of_the_doors_and_of_no_secret(tmp_path: Path) -> None:
    path = with_doors(tmp_path, 5038, 9470, "https://alarms.example.org/T0K3N")
    done = check(path)
    assert done.returncode == 0, done.stderr
    assert "API at 127.0.0.1:9470, without TLS, for crm\n" in done.stdout
    assert "alarms are sent to alarms.example.org\n" in done.stdout
    assert TOKEN not in done.stdout + done.stderr
    assert "T0K3N" not in done.stdout + done.stderr
    (tmp_path / "crm.token").write_text("short")
    done = check(path)
    assert done.returncode == ConfigError.exit_code
    assert "api.tokens.crm: the token must be" in done.stderr
    assert len(done.stderr.splitlines()) == 1
    with pytest.raises(ConfigError, match=r"api\.port"):
        config.load(with_doors(tmp_path, 9470, 9470, "https://alarms.example.org/"))
