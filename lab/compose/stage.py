"""A stage whose PBX and Hushtape somebody else has started: the services beside this container.

The phones share the network of the service `asterisk`: to them it is on 127.0.0.1, as in ./run-lab.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path

import click

from lab import town
from lab.asterisk import Asterisk
from lab.compose import places
from lab.esl_eyes import EslEyes
from lab.eyes import Eyes, ObserverError
from lab.freeswitch import FreeSwitch, warm_up
from lab.observer import Observer
from lab.phones import Phones
from lab.product import Product
from lab.scene import Stage
from lab.tour import Selection
from lab.waiting import until

LINKED_TIMEOUT_S = 30.0  # a PBX that has just begun anew; the bridge tries again by and by
LINK = re.compile(rb'"event": "(link up|[^"]*: the link is down)')
BEGAN = re.compile(r"-(\d+)\.\d+$")  # the epoch in an Asterisk's name of a call


class TheirPbx:
    """A PBX that runs beside this container."""

    kind = ""
    name = ""
    sip_port = places.SIP_PORT
    control_port = 0
    hushtape_secret = ""  # the bridge has it
    spool_here = places.SPOOL

    def __init__(self, crowd: int = places.CROWD) -> None:
        self.crowd = town.Crowd(crowd)
        self.spool_inside = str(self.spool_here)
        self.phone_secret = ""

    def tls(self) -> Mapping[str, str]:
        """Nothing: whoever asks writes no configuration."""
        return {}

    def observer(self, record: Path | None = None) -> Eyes:
        """Somebody who sees everything."""
        raise NotImplementedError


class TheirAsterisk(TheirPbx):
    """The service `asterisk`: on loopback its telephones need no password."""

    kind = Asterisk.kind
    name = places.NAME
    control_port = places.AMI_PORT

    def observer(self, record: Path | None = None) -> Eyes:
        """Somebody who sees everything."""
        secret = places.secret(places.VISITOR, "observer")
        return Observer(self.control_port, "observer", secret, record=record)


class TheirFreeSwitch(TheirPbx):
    """The service `freeswitch`."""

    kind = FreeSwitch.kind
    name = places.FREESWITCH
    control_port = places.ESL_PORT
    spool_here = places.FREESWITCH_SPOOL

    def __init__(self, crowd: int = places.CROWD) -> None:
        super().__init__(crowd)
        self.phone_secret = places.secret(places.VISITOR, "freeswitch-phones")

    def observer(self, record: Path | None = None) -> Eyes:
        """Somebody who sees everything."""
        numbers = {each.endpoint: each.number for each in town.everybody(self.crowd)}
        secret = places.secret(places.VISITOR, "freeswitch")
        eyes = EslEyes(self.control_port, secret, numbers, record=record)
        warm_up(eyes)
        return eyes


THEIRS: dict[str, type[TheirPbx]] = {each.kind: each for each in (TheirAsterisk, TheirFreeSwitch)}


class TheirProduct(Product):
    """The services `bridge`, `worker` and `scheduler`, by what they write and log.

    Others may have made calls before: those are none of the tour's.
    """

    def __init__(self, pbxes: Sequence[TheirPbx]) -> None:
        self.folder = places.DATA
        self.archive = places.ARCHIVE
        self.outbox = places.DATA / "outbox"
        self.config = places.CONFIG
        self.trace = places.trace(pbxes[0].name)
        self.pbxes = list(pbxes)
        self.api_port, self.api_token = 0, ""
        self._began_s = time.time()
        self._before = {each.manifest["call"]["pbx_call"] for each in self.recordings()}
        self._before |= {str(each["pbx_call"]) for each in self.discards()}

    def start(self) -> None:
        """Nothing: they run."""

    def stop(self) -> None:
        """Nothing: they go on."""

    def is_ours(self, uniqueid: str) -> bool:
        """Tell whether the tour made this call; Asterisk names it by the second it began."""
        began = BEGAN.search(uniqueid)
        since = began is None or int(began.group(1)) >= int(self._began_s)
        return since and uniqueid not in self._before

    def linked(self) -> bool:
        """Tell whether the bridge has its PBX, by the last that it has logged of that."""
        log = places.LOGS / f"bridge-{self.pbxes[0].name}.log"
        said = LINK.findall(log.read_bytes()) if log.exists() else []
        return bool(said) and said[-1] == b"link up"

    def log_bytes(self) -> bytes:
        """All that they have logged."""
        return b"".join(path.read_bytes() for path in sorted(places.LOGS.glob("*.log")))


def _eyes(pbx: TheirPbx) -> Eyes:
    """Have somebody who sees everything, as soon as the bridge does."""
    try:
        linked = TheirProduct([pbx]).linked
        until(f"the bridge reaches {pbx.name}", linked, LINKED_TIMEOUT_S)
        return pbx.observer()
    except (OSError, ObserverError) as error:  # that it takes too long is an OSError, too
        raise click.ClickException(
            f"{pbx.name} isn't there: {error}\n"
            "`docker-compose ps` shows what runs, `docker-compose logs` what it said."
        ) from None


@contextmanager
def open_stages(selection: Selection) -> Iterator[list[Stage]]:
    """The councils' phones at the one PBX there is, and a stage for the crowd's.

    As in ./run-lab the crowd's phones are added when it is their turn.
    """
    people = [person for council in selection.councils for person in council.people]
    agents = [council.agent for council in selection.councils]  # deaf: they put calls on hold
    with ExitStack() as stack:
        pbx = THEIRS[selection.pbx](selection.crowd)
        eyes = stack.enter_context(_eyes(pbx))
        phones = stack.enter_context(Phones(pbx, people, manual=agents, deaf=agents))
        stage = Stage(pbx, eyes, phones, TheirProduct([pbx]))
        yield [stage, replace(stage, phones=Phones(pbx, []))]
