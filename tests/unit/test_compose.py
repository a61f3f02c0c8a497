"""The files of the lab in Docker Compose agree with the town, each other, and the workers."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement

from lab import town
from lab.compose import places
from workers.supervisor import STOP_LIMIT_S

ROOT = Path(__file__).parents[2]
COMPOSE = (ROOT / "docker-compose.yml").read_text(encoding="utf-8")
ACCOUNTS = (ROOT / "docker" / "accounts.sh").read_text(encoding="utf-8")


def configuration(*pbxes: str) -> dict[str, Any]:
    """What docker/hushtape.sh puts together."""
    files = [ROOT / "docker" / f"{name}.toml" for name in ("hushtape", *pbxes)]
    return tomllib.loads("\n".join(each.read_text(encoding="utf-8") for each in files))


CONFIGURATION = configuration("asterisk", "freeswitch")


def test_the_configuration_names_every_queue_of_the_town() -> None:
    queues = {each.number: each.name for each in town.queues(town.Crowd(places.CROWD))}
    assert set(CONFIGURATION["pbx"]) == {places.NAME, places.FREESWITCH}
    for pbx in CONFIGURATION["pbx"].values():
        assert pbx["queues"] == queues


def test_the_configuration_and_the_services_mean_the_same_places() -> None:
    pbx = CONFIGURATION["pbx"][places.NAME]
    assert (pbx["port"], pbx["spool"]) == (places.AMI_TLS_PORT, str(places.SPOOL))
    assert CONFIGURATION["data"] == str(places.DATA)
    assert pbx["password_file"] == str(places.SECRETS / places.HUSHTAPE / "asterisk")


def test_a_worker_has_longer_to_end_than_it_takes_itself() -> None:
    worker = COMPOSE[COMPOSE.index("  worker:\n") :]
    grace = re.search(r"stop_grace_period: (\d+)s", worker)
    assert grace
    assert int(grace.group(1)) > STOP_LIMIT_S


def test_folders_in_memory_belong_to_the_accounts_of_the_images() -> None:
    numbers = set(re.findall(r"^(\d{5}) \w+$", ACCOUNTS, re.MULTILINE))
    asked = set(re.findall(r"uid=(\d+),gid=", COMPOSE))
    assert asked
    assert asked <= numbers


def test_everything_that_is_published_is_on_loopback() -> None:
    published = re.findall(r'ports: \["([^"]+)"\]', COMPOSE)
    assert published
    assert all(each.startswith("127.0.0.1:") for each in published)


def test_what_is_pinned_is_all_that_pyproject_asks_for_and_within_it() -> None:
    lines = (ROOT / "docker" / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pinned = dict(line.lower().split("==") for line in lines if not line.startswith("#"))
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    asked = [*project["project"]["dependencies"], *project["build-system"]["requires"]]
    asked += project["project"]["optional-dependencies"]["dev"]
    for each in map(Requirement, asked):
        version = pinned[each.name.replace("-", "_") if each.name not in pinned else each.name]
        assert each.specifier.contains(version), each
