"""The fake FreeSWITCH as a PBX of the lab, with the lab's own configuration."""

from __future__ import annotations

import itertools
import threading
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Self
from unittest.mock import patch

from lab import kills, kinds, tour
from lab.afterwards import nothing_else
from lab.freeswitch import FreeSwitch
from lab.product import Product
from lab.scenarios import SCENARIOS
from lab.scene import Scenario, Stage, Take
from lab.tour import play
from lab.town import Council
from tests.fake_freeswitch.phones import FakePhones
from tests.fake_freeswitch.switch import FakeFreeSwitch

PLAYED_WITHIN_S = 600.0
FIRST_PHONE_PORT = 30_000  # nobody listens there: a name's part


class FakePbx(FreeSwitch):
    """A FreeSWITCH of the lab that lives in this process; see lab.freeswitch.FreeSwitch."""

    title = "The fake FreeSWITCH"

    def __init__(self, name: str = "fs1", **more: Any) -> None:
        super().__init__(name, **more)
        self._ports_of_phones = itertools.count(FIRST_PHONE_PORT)
        self._switch: FakeFreeSwitch | None = None

    @property
    def switch(self) -> FakeFreeSwitch:
        """The switch itself, while it runs."""
        if self._switch is None:
            raise RuntimeError(f"{self.title} {self.name} doesn't run")
        return self._switch

    def next_phone_port(self) -> int:
        """Return a port that no other telephone has."""
        return next(self._ports_of_phones)

    # ------------------------------------------------------------------ life

    def start(self) -> None:
        """Start it."""
        if self._switch is None:
            self.log_here.write_text(f"{self.title} writes nothing else\n", encoding="utf-8")
            self._switch = FakeFreeSwitch(self.tree_here / "conf", self.spool_here)
            self._switch.start()

    def stop(self) -> None:
        """End it, politely; what it wrote stays."""
        self._end(politely=True)

    def kill(self) -> None:
        """End it as a power cut would."""
        self._end(politely=False)

    def _end(self, *, politely: bool) -> None:
        switch, self._switch = self._switch, None
        if switch is not None:
            switch.stop(politely=politely)

    def alive(self) -> bool:
        """Whether it runs."""
        return self._switch is not None

    def cpu_seconds(self) -> float:
        """It takes none that could be told from the tests'."""
        return 0.0


@contextmanager
def in_its_place() -> Iterator[None]:
    """Whatever of the lab makes a FreeSWITCH and its phones gets fake ones meanwhile."""
    with ExitStack() as stack:
        stack.enter_context(patch.object(kinds, "FreeSwitch", FakePbx))
        for module in (tour, kills):
            stack.enter_context(patch.object(module, "Phones", FakePhones))
        yield


@contextmanager
def open_stages(
    councils: Sequence[Council],
    lines: int,
    *,
    policies: Sequence[Path] = (),
    trace: Path | None = None,
    api: bool = False,
) -> Iterator[list[Stage]]:
    """So many fake FreeSWITCHes, each with all phones of the councils, served by one Hushtape."""
    people = [person for council in councils for person in council.people]
    agents = [council.agent for council in councils]  # deaf: they put calls on hold
    with ExitStack() as stack:
        pbxes = [stack.enter_context(FakePbx(f"fake{number}")) for number in range(1, lines + 1)]
        phones = [
            stack.enter_context(FakePhones(pbx, people, manual=agents, deaf=agents))
            for pbx in pbxes
        ]
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="hushtape-lab-")))
        product = Product(folder, pbxes, policies=policies, trace=trace, api=api)
        stack.enter_context(product)
        yield [
            Stage(pbx, stack.enter_context(pbx.observer()), theirs, product)
            for pbx, theirs in zip(pbxes, phones, strict=True)
        ]


def played(
    councils: Sequence[Council], scenarios: Sequence[Scenario] = SCENARIOS
) -> list[tuple[str, str]]:
    """Name what a programme plays: scenario and policy."""
    return [
        (x.name, council.policy) for x in scenarios for council in councils if x.is_for(council)
    ]


class Programme:
    """Scenes that are played beside each other, while whoever wants to know waits for a take.

    Used in a `with`: all of it is over at its end.
    """

    def __init__(
        self,
        councils: Sequence[Council],
        lines: int,
        scenarios: Sequence[Scenario] = SCENARIOS,
        say: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._councils = councils
        self._lines = lines
        self._scenarios = scenarios
        self._say = say
        self._takes: list[Take] = []
        self._failures: list[str] = []
        self._news = threading.Condition()
        self._over = False
        self._thread = threading.Thread(target=self._run, name="programme", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._thread.join()

    def take(self, scenario: str, policy: str) -> Take:
        """What came of a scene, as soon as it was played."""
        return self._wait(lambda: self._found(scenario, policy), f"{policy}/{scenario}")

    def failures(self) -> list[str]:
        """The fakes' own bugs, once all is over."""
        with self._news:
            self._news.wait_for(lambda: self._over, PLAYED_WITHIN_S)
            return list(self._failures)

    def _found(self, scenario: str, policy: str) -> Take | None:
        found = (each for each in self._takes if (each.scenario, each.policy) == (scenario, policy))
        return next(found, None)

    def _wait(self, find: Callable[[], Take | None], what: str) -> Take:
        with self._news:
            self._news.wait_for(lambda: find() is not None or self._over, PLAYED_WITHIN_S)
            take = find()
        if take is None:
            raise LookupError(f"{what} was not played: {self._failures}")
        return take

    def _run(self) -> None:
        try:
            with open_stages(self._councils, self._lines) as stages:
                takes = []
                for take in play(stages, self._scenarios, self._councils):
                    takes.append(take)
                    self._done(take)
                self._done(nothing_else(stages[0], takes))
                with self._news:
                    for stage in stages:
                        assert isinstance(stage.pbx, FakePbx)
                        self._failures += stage.pbx.switch.failures
        except BaseException:
            with self._news:
                self._failures.append(traceback.format_exc())
        finally:
            with self._news:
                self._over = True
                self._news.notify_all()

    def _done(self, take: Take) -> None:
        self._say(take.text() + "\n")
        with self._news:
            self._takes.append(take)
            self._news.notify_all()
