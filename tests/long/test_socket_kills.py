"""The lines to a FreeSWITCH and an Asterisk are killed ten times each, in the middle of calls."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from lab import kinds
from lab.kills import Say
from lab.socket_kills import PAIRS, kill_sockets
from lab.throng import open_throng, site
from tests.long.sites import freeswitch

pytestmark = pytest.mark.timeout(600)


def test_calls_go_on_and_are_adopted_whatever_becomes_of_the_line(
    lab_ready: None, chance: random.Random, say: Say, tmp_path: Path
) -> None:
    sites = [freeswitch("pbxk1"), site("pbxk2", kinds.ASTERISK)]
    with open_throng(tmp_path, sites, len(sites) * PAIRS, over_cables=True) as (stages, cables):
        wrong = kill_sockets(stages, cables, chance, say)
    assert not wrong, "\n" + "\n".join(wrong)
