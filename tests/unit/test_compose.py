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


def test_only_an_image_that_somebody_else_makes_is_named() -> None:
    """Compose 2 builds all at once, and can't give one name twice; two checkouts can't share it.

    Without a slash it is the registry's own name: no stranger can put an image there.
    """
    named = re.findall(r"^ +image: (.*)$", COMPOSE, re.MULTILINE)
    assert named == ["${FREESWITCH_IMAGE:-freeswitch_image-is-not-set}"]


def brought_up() -> dict[str, dict[str, str]]:
    """Where each service that `up` makes, in whatever profile, has its volumes."""
    between = COMPOSE[COMPOSE.index("\nservices:\n") : COMPOSE.index("\nvolumes:\n")]
    found = re.findall(r"^  ([a-z-]+):.*\n((?:    .*\n|\n)+)", between, re.MULTILINE)
    return {
        name: dict(re.findall(r"^      - ([a-z-]+):(/[a-z/-]+)", text, re.MULTILINE))
        for name, text in found
        if "softphone" not in name
    }


def test_a_volume_that_the_engine_fills_for_many_is_made_before_them() -> None:
    """Seen with Compose 2 on Docker 20.10, 1 of 12: "failed to mkdir …/archive: file exists"."""
    folders = re.findall(r" (/\S+)", ACCOUNTS[ACCOUNTS.index("install -d") :])
    up = brought_up()
    first = up.pop("setup")
    for volume in {name for volumes in up.values() for name in volumes}:
        mounted = [volumes[volume] for volumes in up.values() if volume in volumes]
        is_filled = any(each.startswith(f"{mounted[0]}/") for each in folders)
        assert volume in first or not is_filled or len(mounted) == 1, volume


def test_down_with_its_volumes_leaves_none() -> None:
    """Compose 2 takes only those of services that it was told of, not of one that is run."""
    declared = re.findall(r"^  ([a-z-]+):$", COMPOSE[COMPOSE.index("\nvolumes:") :], re.MULTILINE)
    assert {name for volumes in brought_up().values() for name in volumes} == set(declared)


def test_what_holds_a_network_is_not_made_anew_when_our_files_change() -> None:
    holder = re.search(r"^  freeswitch-net:\n((?:    .*\n)+)", COMPOSE, re.MULTILINE)
    assert holder
    (target,) = re.findall(r"target: (\w+)", holder.group(1))
    dockerfile = (ROOT / "docker" / "Dockerfile").read_text(encoding="utf-8")
    (stage,) = re.findall(rf"^FROM \S+ AS {target}\n((?:(?!FROM).*\n)*)", dockerfile, re.MULTILINE)
    assert re.findall(r"^COPY (.*)", stage, re.MULTILINE) == ["docker/accounts.sh /tmp/"]


def test_what_is_pinned_is_all_that_pyproject_asks_for_and_within_it() -> None:
    lines = (ROOT / "docker" / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pinned = dict(line.lower().split("==") for line in lines if not line.startswith("#"))
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    asked = [*project["project"]["dependencies"], *project["build-system"]["requires"]]
    asked += project["project"]["optional-dependencies"]["dev"]
    for each in map(Requirement, asked):
        version = pinned[each.name.replace("-", "_") if each.name not in pinned else each.name]
        assert each.specifier.contains(version), each
