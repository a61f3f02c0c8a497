"""The lab in Docker Compose: brought up, toured, killed, scanned and taken down.

Played in this order, on one engine. HUSHTAPE_COMPOSE_TOUR=all plays every scenario; DOCKER_HOST
names an engine that runs already, and what is built stays there.
"""

from __future__ import annotations

import os
import random
import re
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from lab import phone, town
from lab.compose import bases, engine
from lab.compose.kills import NOW, SEED_LIMIT, SERVICES
from lab.compose.stage import TheirAsterisk
from lab.ear import Heard, hear
from lab.pbxes import TEMPLATES
from lab.phones import Phones
from lab.town import COUNCILS, VISITOR
from lab.waiting import pass_time, until
from tests.long.compose_scan import Scan, scan
from tests.long.composed import DOWN_TIMEOUT_S, PROJECT, ROOT, RUNNING, UP_TIMEOUT_S, Composed

pytestmark = pytest.mark.timeout(2400)

TOUR = "HUSHTAPE_COMPOSE_TOUR"
FREESWITCH = "FREESWITCH_IMAGE"
# Of each kind some: what is played on the services, with crowd and looks; and what is played
# in the softphone's own container.
ON_THE_SERVICES = ("hang-up-by-caller", "blind-to-payment", "outbound", "crowd")
IN_THE_CONTAINER = ("announced", "redis-away", "payment-by-event")
TOUR_TIMEOUT_S = 1800.0
KILLS_TIMEOUT_S = 400.0
HEALTHY_TIMEOUT_S = 90.0
TALK_S = 4.0
LEAST_HEARD_S = 2.0
SKIPPED = "SKIPPED: the lab in Docker Compose: no engine can run here: "
NOTHING = {"containers": [], "volumes": [], "networks": []}
NO_CAPABILITY = {"0" * 16}
ROOTS_NUMBER = "0"
OWN = replace(VISITOR, tone_hz=town.CALLER_HZ)
SIP_PORT = 5062  # a telephone of one's own may have the usual one


def _say(words: str) -> None:
    sys.stdout.write(words + "\n")
    sys.stdout.flush()


@pytest.fixture(scope="module")
def composed(lab_ready: None) -> Iterator[Composed]:
    """An engine with the bases of the images; afterwards nothing of the project is left."""
    try:
        with engine.running(_say) as environment:
            environment["SIP_PORT"] = str(SIP_PORT)
            found = Composed(engine.compose_command(environment), environment)
            profile = ["--profile", "freeswitch"]
            bases.make(_say, environment)
            try:
                yield found
            finally:
                subprocess.run(
                    [*found.command, "-p", PROJECT, *profile, "down", "-v", "-t", "5"],
                    cwd=ROOT,
                    env=environment,
                    capture_output=True,
                    timeout=DOWN_TIMEOUT_S,
                    check=False,
                )
    except engine.NoEngineError as error:
        _say(f"{SKIPPED}{error}")
        pytest.skip(f"{SKIPPED}{error}")


@pytest.fixture(scope="module")
def services(composed: Composed) -> Composed:
    """Everything is up and healthy, after the one command."""
    began_s = time.monotonic()
    composed.run("up", "-d", "--build", timeout_s=UP_TIMEOUT_S)
    composed.run("build", "softphone", timeout_s=UP_TIMEOUT_S)
    _say(f"built and up after {time.monotonic() - began_s:.0f} s")
    _await_healthy(composed)
    return composed


def _health(composed: Composed) -> dict[str, str]:
    found = composed.containers()
    return {name: each["State"].get("Health", {}).get("Status", "") for name, each in found.items()}


def _await_healthy(composed: Composed, services: Sequence[str] = RUNNING) -> None:
    wanted = dict.fromkeys(services, "healthy").items()
    until("all are healthy", lambda: wanted <= _health(composed).items(), HEALTHY_TIMEOUT_S, 1.0)


def test_one_command_brings_up_everything(services: Composed) -> None:
    assert _health(services) == dict.fromkeys(RUNNING, "healthy")


@pytest.mark.parametrize(
    "names", [ON_THE_SERVICES, IN_THE_CONTAINER], ids=["services", "container"]
)
def test_the_tour_is_as_the_policies_say(services: Composed, names: tuple[str, ...]) -> None:
    only = [f"--scenario={name}" for name in names]
    if os.environ.get(TOUR) == "all":
        if names is IN_THE_CONTAINER:
            pytest.skip("all was played before, at once")
        only = []
    began_s = time.monotonic()
    code, text = services.watch(
        *("run", "--rm", "-T", "softphone", "tour", *only), timeout_s=TOUR_TIMEOUT_S, hears=_quiet
    )
    _say(f"the tour: {time.monotonic() - began_s:.0f} s\n{text[text.rfind('scenario  ') :]}")
    assert code == 0, text
    assert "Everything is as the policies say." in text


def _quiet(line: str) -> None:
    pass


def test_a_killed_service_loses_doubles_and_betrays_nothing(
    services: Composed, chance: random.Random
) -> None:
    killed = []

    def strike(line: str) -> None:
        if line.startswith(NOW):
            service = line.removeprefix(NOW).strip()
            services.run("kill", service)
            services.run("up", "-d")
            killed.append(service)

    arguments = ("--rounds", str(len(SERVICES)), "--seed", str(chance.randrange(SEED_LIMIT)))
    code, text = services.watch(
        *("run", "--rm", "-T", "softphone", "calls", *arguments),
        timeout_s=KILLS_TIMEOUT_S,
        hears=strike,
    )
    _say("\n".join(text.splitlines()[-3:]))
    assert code == 0, text
    assert set(killed) == set(SERVICES)
    _await_healthy(services)


def test_the_phone_in_the_terminal_rings_is_sent_on_and_pays(
    services: Composed, tmp_path: Path
) -> None:
    typed = ("ring", "wait 3", "pay", "wait 3", "hang up", "quit")
    with services.talking("run", "--rm", "-T", "softphone") as process:
        said, _ = process.communicate("\n".join(typed) + "\n", timeout=HEALTHY_TIMEOUT_S)
    assert "The agent answers, and sings 880 Hz." in said
    assert "why: transfer to the payment line: a payment: silence" in said
    recording = re.search(r"Recorded: (\S+),", said)
    assert recording, said
    (tmp_path / "call.opus").write_bytes(
        services.bytes_of("run", "--rm", "-T", "softphone", "recording", recording.group(1))
    )
    (tmp_path / "heard.wav").write_bytes(
        services.bytes_of("run", "--rm", "-T", "softphone", "heard")
    )
    recorded, heard = (hear(tmp_path / name, town.TONES) for name in ("call.opus", "heard.wav"))
    assert _heard_s(recorded, "agent") >= LEAST_HEARD_S
    assert recorded.frames("any", "payment") == 0
    assert _heard_s(heard, "payment") >= LEAST_HEARD_S  # the control
    assert recording.group(1) in services.run(
        "exec", "-T", "worker", "hushtape", "recordings", "list"
    )


def _heard_s(heard: Heard, name: str) -> float:
    return heard.frames("any", name) * heard.frame_s


@pytest.mark.parametrize("shown", [True, False], ids=["with its password", "without one"])
def test_a_telephone_of_ones_own_registers_and_rings(
    services: Composed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, shown: bool
) -> None:
    with services.talking("run", "--rm", "-T", "softphone") as process:
        assert process.stdout is not None
        password = ""
        for line in process.stdout:
            if match := re.search(r"password +(\S+)", line):
                password = match.group(1)
            if "What was recorded:" in line:
                break
        pbx = _Published(password if shown else "wrong")
        _on_every_network(monkeypatch, tmp_path)
        phones = Phones(pbx, [OWN], warm_up=False)
        if not shown:
            monkeypatch.setattr(phone, "REGISTER_TIMEOUT_S", TALK_S)
            with pytest.raises(TimeoutError), phones:
                pass
            return
        with phones:
            mark = phones[OWN].mark()
            phones[OWN].dial(COUNCILS[0].did)
            phones[OWN].established(since=mark)
            pass_time(TALK_S)
            phones[OWN].hang_up()
            phones[OWN].closed(since=mark)
            heard = hear(phones[OWN].heard_before()[-1], town.TONES)
            assert _heard_s(heard, "agent") >= LEAST_HEARD_S


class _Published(TheirAsterisk):
    """The PBX as this machine reaches it."""

    sip_port = SIP_PORT

    def __init__(self, secret: str) -> None:
        super().__init__(0)
        self.phone_secret = secret


def _on_every_network(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    """Let the lab's phone send its voice from any address of this machine, as a person's does."""
    (folder / "templates").mkdir()
    text = (TEMPLATES / "phone.config").read_text(encoding="utf-8")
    text = text.replace("sip_listen              127.0.0.1:", "sip_listen              0.0.0.0:")
    text = re.sub(r"net_interface .*\n", "", text)
    (folder / "templates" / "phone.config").write_text(text, encoding="utf-8")
    monkeypatch.setattr(phone, "TEMPLATES", folder / "templates")


@pytest.fixture(scope="module")
def scans(services: Composed) -> dict[str, Scan]:
    """A look at every container that runs."""
    found = {
        name: scan(services, name, about) for name, about in sorted(services.containers().items())
    }
    _say("\n".join(each.text() for each in found.values()))
    return found


@pytest.mark.parametrize("service", RUNNING)
def test_a_container_has_no_more_rights_than_it_needs(scans: dict[str, Scan], service: str) -> None:
    found = scans[service]
    assert ROOTS_NUMBER not in found.users
    assert found.capabilities == NO_CAPABILITY
    assert found.no_new_privileges
    assert found.read_only
    assert not found.privileged
    assert found.dropped == ("ALL",)
    assert not found.written


def test_nothing_is_published_but_the_telephones_port_on_loopback(scans: dict[str, Scan]) -> None:
    published = {name: each.published for name, each in scans.items() if each.published}
    assert published == {"asterisk": (f"127.0.0.1:{SIP_PORT}->5060/udp",)}


def test_each_secret_is_read_by_its_readers_only(services: Composed) -> None:
    readable = "cd /secrets; for f in */*; do [ -r $f ] && echo $f; done; true"
    read = {
        name: services.run("exec", "-T", name, "sh", "-c", readable).split() for name in RUNNING
    }
    certificate, key = "ami-cert.pem", "ami-key.pem"
    theirs = ("asterisk", "freeswitch", "freeswitch-phones", "observer", "visitor")
    ours = [f"hushtape/{each}" for each in (certificate, "asterisk", "freeswitch", "redis")]
    assert read == {
        "asterisk": [f"pbx/{each}" for each in (certificate, key, *theirs)],
        "redis": ["redis/redis"],
        **dict.fromkeys(("bridge", "scheduler", "worker"), ours),
    }


def test_what_was_recorded_survives_the_end_of_everything(services: Composed) -> None:
    listed = ("exec", "-T", "worker", "hushtape", "recordings", "list", "--json")
    before = services.run(*listed)
    services.run("down", timeout_s=DOWN_TIMEOUT_S)
    services.run("up", "-d", timeout_s=UP_TIMEOUT_S)
    _await_healthy(services)
    assert before
    assert services.run(*listed) == before


@pytest.mark.skipif(not os.environ.get(FREESWITCH), reason=f"{FREESWITCH} names no image")
def test_a_freeswitch_beside_it_is_served_and_may_be_killed(services: Composed) -> None:
    profile = ("--profile", "freeswitch")
    services.run(*profile, "up", "-d", "--build", timeout_s=UP_TIMEOUT_S)
    _await_healthy(services, (*RUNNING, "bridge-freeswitch"))
    services.run(*profile, "kill", "freeswitch")
    services.run(*profile, "up", "-d")
    only = ("--scenario=blind-to-payment", "--policy=surrey")
    code, text = services.watch(
        *(*profile, "run", "--rm", "-T", "softphone-freeswitch", "tour", *only),
        timeout_s=TOUR_TIMEOUT_S,
        hears=_quiet,
    )
    assert code == 0, text


def test_down_leaves_nothing(services: Composed) -> None:
    assert all(services.left().values())
    if os.environ.get(FREESWITCH):
        services.run("--profile", "freeswitch", "down", "-v", timeout_s=DOWN_TIMEOUT_S)
    else:
        services.run("down", "-v", timeout_s=DOWN_TIMEOUT_S)
    assert services.left() == NOTHING
