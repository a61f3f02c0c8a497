"""What an agent's desktop may ask of the bridge: begin a payment, end it, tell how a call stands.

The API (api.py) puts these questions, on the bridge's own loop; the bridge answers them.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol


class Hearing(StrEnum):
    """Whether anything of a call is being recorded."""

    RECORDED = "recorded"
    SILENT = "silent"  # a payment; sure only where ``CallNow.confirmed`` says so
    NOT_RECORDED = "not recorded"  # for another reason; the same holds


class Answer(StrEnum):
    """How a question was answered."""

    DONE = "done"  # begun: silence is confirmed. Ended: the payment is over
    ACKNOWLEDGED = "acknowledged"  # begun, and the PBX says that what records is muted
    UNCONFIRMED = "unconfirmed"  # begun, and within the time not every recorder was seen to be gone
    NO_CALL = "no call"  # no live call under a policy is meant
    SEVERAL = "several"  # more than one is: which, the desktop must say by its id
    REFUSED = "refused"  # the policy doesn't let the API do it, or there is no payment to end
    AWAY = "away"  # the PBX can't be reached now, or another bridge serves it


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which call is meant: the one of an agent's extension, or one by its id.

    Args:
        pbx: its name in the configuration; None: any.
        extension: where the agent is who talks with the outside party: "211". "" if ``call`` says.
        call: the call's id, of our making. "" if ``extension`` says.
    """

    pbx: str | None = None
    extension: str = ""
    call: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class CallNow:
    """How a live call stands. Nothing in it names a person.

    Args:
        since: when it became silent, aware UTC on the PBX's clock; None: it isn't.
        acknowledged: each recorder of the call is gone, or muted, as the PBX says. A mute can't be
            confirmed. False where it is recorded.
        confirmed: every recorder of the call was shown to be gone. False where it is recorded.
    """

    id: str
    pbx: str
    hearing: Hearing
    since: datetime | None = None
    acknowledged: bool = False
    confirmed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What came of a question.

    Args:
        calls: those that were meant, as they stand now.
        why: for people, where it wasn't done: words of ours or of the policy's, no names, no
            numbers of people.
    """

    answer: Answer
    calls: tuple[CallNow, ...] = ()
    why: str = ""


class Desk(Protocol):
    """The bridge, as the API sees it. Everything is called on the bridge's own loop."""

    async def begin_payment(self, wanted: Wanted, who: str, within_s: float) -> Outcome:
        """Begin a payment by ``PaymentWay.API``, and wait until silence is confirmed.

        Where the policy mutes, only until it is acknowledged.

        Of a call in payment already this only waits. A refusal leaves the call as it is; what has
        begun stays begun, also when the wait is over or is cancelled.

        Args:
            who: the name of the token with which it was asked, for the log.
            within_s: then the answer is UNCONFIRMED.
        """

    async def end_payment(self, wanted: Wanted, who: str, within_s: float) -> Outcome:
        """End what ``begin_payment`` has begun. Another way's payment may go on: see ``calls``.

        Returns:
            DONE as soon as the call knows it; whether it is recorded again, ``calls`` tells.
        """

    def find(self, wanted: Wanted) -> Outcome:
        """Tell how the calls stand that are meant: DONE with all of them, NO_CALL or AWAY."""
