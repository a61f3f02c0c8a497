"""``hushtape bridge`` as a process of its own beside a fake FreeSWITCH: its trace, and its turn."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from ami_bridge.lease import VARIABLE
from tests.integration.ami_bridge.freeswitch.hostile_esl import HostileEsl
from tests.integration.ami_bridge.test_program import (
    COMMAND_TIMEOUT_S,
    SECRET,
    TIMEOUT_S,
    configure,
    running,
)


@pytest.fixture
async def pbx() -> AsyncIterator[HostileEsl]:
    server = await HostileEsl().start()
    server.password = SECRET
    server.says["show"] = '{"row_count":0}\n'
    yield server
    await server.close()


def configured(folder: Path, port: int) -> Path:
    path = configure(folder, harbour=port)
    text = path.read_text(encoding="utf-8").replace('"asterisk"', '"freeswitch"')
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize("options", [(), ("--trace-mask",)])
async def test_a_bridge_serves_a_freeswitch_and_leaves_it(
    tmp_path: Path, pbx: HostileEsl, options: tuple[str, ...]
) -> None:
    trace = tmp_path / "a.trace"
    pbx.says["show"] = json.dumps({"row_count": 1, "rows": [{"uuid": "zoe.hara"}]})
    pbx.says["uuid_dump"] = "-ERR No such channel!\n"
    config = configured(tmp_path, pbx.port)
    async with running(config, "--trace", str(trace), *options) as process:
        async with asyncio.timeout(TIMEOUT_S):
            await pbx.until(lambda: any("uuid_dump" in each for each in pbx.asked()))
        assert ";serves;" in pbx.variables[VARIABLE]
        began_s = asyncio.get_running_loop().time()
        process.terminate()
        await process.wait()
        assert asyncio.get_running_loop().time() - began_s < TIMEOUT_S / 4
    assert process.returncode == 0
    assert ";left;" in pbx.variables[VARIABLE]
    text = trace.read_text(encoding="utf-8")
    assert ("Link: up" in text, "Link: down" in text, SECRET in text) == (True, True, False)
    assert ("hara" in text) is not bool(options)


def test_a_bridge_of_asterisks_alone_needs_no_gevent() -> None:
    loads = "import sys, ami_bridge.program, ami_bridge.asterisk.station as _;"
    loads += "print('gevent' in sys.modules)"
    said = subprocess.run(
        [sys.executable, "-c", loads],
        capture_output=True,
        text=True,
        timeout=COMMAND_TIMEOUT_S,
        check=True,
    )
    assert said.stdout == "False\n"
