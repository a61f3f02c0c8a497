"""The bridge's side of the desk: which call a desktop means, and what becomes of its payment."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime

import structlog

from ami_bridge.desktop.desk import Answer, CallNow, Hearing, Outcome, Wanted
from ami_bridge.facts import Fact, PaymentBegan, PaymentEnded
from ami_bridge.living import Live
from hushtape.policy import decide
from hushtape.policy.schema import PaymentWay
from hushtape.policy.stages import Stage

log = structlog.get_logger()


class Reception:
    """Answers the desktops of one bridge; see ``desk.Desk``.

    Args:
        live: gives every live call.
        serves: tells whether a PBX, by its name, can be asked now.
        tell: tells a live call a fact.
    """

    def __init__(
        self,
        live: Callable[[], Iterable[Live]],
        serves: Callable[[str], bool],
        tell: Callable[[Live, Fact], None],
    ) -> None:
        self._live = live
        self._serves = serves
        self._tell = tell

    async def begin_payment(self, wanted: Wanted, who: str, within_s: float) -> Outcome:
        """Begin a payment, and wait until silence is confirmed, or a mute is acknowledged."""
        live, no = self._one(wanted)
        if live is None:
            return no
        verdict = decide.on_payment(live.call.policy, PaymentWay.API)
        if not verdict.allowed:
            return Outcome(answer=Answer.REFUSED, calls=(_now(live),), why=verdict.reason.words)
        if live.call.stage is Stage.DECLINED:
            return Outcome(
                answer=Answer.DONE if live.silent else Answer.UNCONFIRMED, calls=(_now(live),)
            )
        log.info("a desktop begins a payment", call=live.call.id, pbx=live.station.name, who=who)
        at = live.station.pbx_now()
        self._tell(
            live, PaymentBegan(at=at, way=PaymentWay.API, what="a desktop: a payment begins")
        )
        if not await live.until_sure(within_s):
            why = "not every recorder around the call was shown to be gone in time"
            return Outcome(answer=Answer.UNCONFIRMED, calls=(_now(live),), why=why)
        if not live.silent:
            why = "muted, as the policy says: acknowledged by the PBX, and not to be confirmed"
            return Outcome(answer=Answer.ACKNOWLEDGED, calls=(_now(live),), why=why)
        return Outcome(answer=Answer.DONE, calls=(_now(live),))

    async def end_payment(self, wanted: Wanted, who: str, within_s: float) -> Outcome:
        """End what ``begin_payment`` has begun."""
        live, no = self._one(wanted)
        if live is None:
            return no
        verdict = decide.on_payment(live.call.policy, PaymentWay.API)
        paying = live.call.paying
        if not verdict.allowed:
            return Outcome(answer=Answer.REFUSED, calls=(_now(live),), why=verdict.reason.words)
        if paying is None or PaymentWay.API not in paying.ways:
            why = "no desktop has begun a payment of this call"
            return Outcome(answer=Answer.REFUSED, calls=(_now(live),), why=why)
        log.info("a desktop ends a payment", call=live.call.id, pbx=live.station.name, who=who)
        self._tell(live, PaymentEnded(at=live.station.pbx_now(), way=PaymentWay.API))
        return Outcome(answer=Answer.DONE, calls=(_now(live),))

    def find(self, wanted: Wanted) -> Outcome:
        """Tell how the calls stand that are meant."""
        if wanted.pbx is not None and not self._serves(wanted.pbx):
            return Outcome(answer=Answer.AWAY, why="the PBX can't be reached now")
        found = self._meant(wanted)
        if not found:
            return Outcome(answer=Answer.NO_CALL, why="no live call under a policy is meant")
        here = [live for live in found if self._serves(live.station.name)]
        if not here:
            return Outcome(answer=Answer.AWAY, why="the PBX can't be reached now")
        return Outcome(answer=Answer.DONE, calls=tuple(_now(live) for live in here))

    def _one(self, wanted: Wanted) -> tuple[Live | None, Outcome]:
        outcome = self.find(wanted)
        if outcome.answer is not Answer.DONE:
            return None, outcome
        if len(outcome.calls) > 1:
            why = "more than one call is meant: say which by its id"
            return None, Outcome(answer=Answer.SEVERAL, calls=outcome.calls, why=why)
        ids = {each.id for each in outcome.calls}
        return next(live for live in self._meant(wanted) if live.call.id in ids), outcome

    def _meant(self, wanted: Wanted) -> list[Live]:
        return [
            live
            for live in self._live()
            if not live.disowned
            and live.call.stage is not Stage.OVER
            and wanted.pbx in (None, live.station.name)
            and (live.call.id == wanted.call if wanted.call else _has(live, wanted.extension))
        ]


def _has(live: Live, extension: str) -> bool:
    """Tell whether an agent, by his extension, talks with the outside party or has it waiting.

    He has it no more where it was taken elsewhere, a queue for instance. A place that the
    configuration doesn't know is nobody's extension.
    """
    company = live.call.company
    there = tuple(each for each in company.talkers if not each.stands_in) or company.had_by
    return bool(extension) and any(each.place.extension == extension for each in there)


def _now(live: Live) -> CallNow:
    call = live.call
    span = call.papers.open_span
    hearing = _HEARINGS.get(call.stage, Hearing.NOT_RECORDED)
    since: datetime | None = span.started_at if span is not None else None
    sure = hearing is not Hearing.SILENT or live.alone
    confirmed = hearing is not Hearing.RECORDED and not call.writing and sure
    return CallNow(
        id=call.id,
        pbx=live.station.name,
        hearing=hearing,
        since=since if hearing is not Hearing.RECORDED else None,
        acknowledged=confirmed or (live.quiet and sure),
        confirmed=confirmed,
    )


_HEARINGS = {Stage.RECORDED: Hearing.RECORDED, Stage.SILENT: Hearing.SILENT}
