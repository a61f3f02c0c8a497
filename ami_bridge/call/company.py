"""Who talks with the outside party, and who of them the policy has let in.

A transfer is told by the PBX, or it isn't: a conference that the adviser leaves, a pickup and a
fetched call end in a talk with somebody else, and no event says "transfer". So it is also looked at
who is there. Pure, as the call is.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from ami_bridge.facts import (
    Arrived,
    Fact,
    LeftTalk,
    Parked,
    TalkChanged,
    Talker,
    TransferCompleted,
    TransferFailed,
)

SEVERAL = "several"  # voices at once
MOST_KNOWN = 200  # telephones and channels; a call that goes round for ever forgets the oldest


class Meeting(StrEnum):
    """How the outside party's talk is, after it changed."""

    NOBODY = "nobody"
    KNOWN = "known"  # somebody whom the policy let in is there
    STRANGERS = "strangers"  # nobody of them is


@dataclass(slots=True)
class Company:
    """Those who talk with the outside party.

    Args:
        known: uniqueids and telephones of those with whom the talk is recorded.
        lines: uniqueids of halves of Local channels through which somebody came who was let in.
            While nobody is behind them (he consults, or parked the call) nobody is there.
        expected: whoever joins next was let in: an agent, or where a transfer led.
        came_by: … unless the policy lets no call go to whoever it is that joins, by a transfer of
            this kind: somebody else has picked it up, or it was forwarded. "": it doesn't matter.
        strangers_since: since when there has been nobody but strangers, or nobody at all.
    """

    known: list[str] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)
    talkers: tuple[Talker, ...] = ()
    expected: bool = False
    came_by: str = ""
    strangers_since: datetime | None = None
    strangers: tuple[Talker, ...] = ()  # the last who were there
    heard: str = ""  # uniqueid of the one whom the present segment hears
    had_by: tuple[Talker, ...] = ()  # who has the outside party, also while he has it waiting
    sent_by: tuple[Talker, ...] = ()  # who had it until it was taken elsewhere

    def follow(self, fact: Fact) -> None:
        """Take in whose the outside party is. It decides nothing: an agent's desktop asks."""
        match fact:
            case TalkChanged(talkers=talkers):
                voices = tuple(each for each in talkers if not each.stands_in)
                self.had_by = voices or self.had_by
            case TransferCompleted() | LeftTalk():
                self.sent_by, self.had_by = self.had_by or self.sent_by, ()
            case Parked() | TransferFailed():
                self.had_by = self.had_by or self.sent_by
            case Arrived():
                self.sent_by = self.had_by = ()

    def expect(self) -> None:
        """Let in who comes next; strangers who are there already have come too early."""
        self.came_by = ""
        if self.early:
            self.let_in(*self.early)
        else:
            self.expected, self.strangers_since = True, None

    @property
    def early(self) -> tuple[Talker, ...]:
        """The strangers who are there, and who may turn out to be those to whom a transfer led."""
        return self.talkers if self.strangers_since is not None else ()

    def mistook(self, early: tuple[Talker, ...], since: datetime) -> None:
        """Take strangers for strangers again, who were let in by a transfer to somebody else."""
        keys = {key for talker in early for key in (talker.uniqueid, talker.telephone)}
        self.known = [key for key in self.known if key not in keys]
        self.strangers, self.strangers_since = early, since

    def let_in(self, *talkers: Talker) -> None:
        """Know somebody from now on."""
        self.expected, self.strangers_since = False, None
        for talker in talkers:
            for key in (talker.uniqueid, talker.telephone):
                if key and key not in self.known:
                    self.known.append(key)
        del self.known[:-MOST_KNOWN]

    def knows(self, talker: Talker) -> bool:
        """Tell whether somebody was let in."""
        keys = (talker.uniqueid, talker.telephone)
        return any(key in self.known for key in keys if key)

    def change(self, talkers: tuple[Talker, ...], at: datetime) -> Meeting:
        """Take in who is there now."""
        self.talkers = tuple(each for each in talkers if each.uniqueid not in self.lines)
        if not self.talkers:
            return Meeting.NOBODY  # for a moment, perhaps: whoever was a stranger may be back
        if self.expected:
            self.let_in(*self.talkers)
            return Meeting.KNOWN
        for talker in self.talkers:
            if any(half in self.known for half in talker.halves):
                self.let_in(talker)
                for half in talker.halves:
                    self._is_a_line(half)
        if any(self.knows(talker) for talker in self.talkers):
            self.strangers_since = None
            return Meeting.KNOWN
        self.strangers, self.strangers_since = self.talkers, self.strangers_since or at
        return Meeting.STRANGERS

    @property
    def voice(self) -> str:
        """The uniqueid of the one who is heard now; the one heard before if nobody is."""
        voices = [talker.uniqueid for talker in self.talkers if not talker.stands_in]
        return SEVERAL if len(voices) > 1 else voices[0] if voices else self.heard

    def hears_somebody_else(self) -> bool:
        """Tell whether the one voice that the segment hears has changed, and note it."""
        before, self.heard = self.heard, self.voice
        return before not in ("", self.heard) and self.heard != SEVERAL

    def _is_a_line(self, uniqueid: str) -> None:
        """Somebody came through half of a Local channel: from now on it is not itself a talker."""
        if uniqueid in self.known:
            self.known.remove(uniqueid)
        if uniqueid not in self.lines:
            self.lines.append(uniqueid)
            del self.lines[:-MOST_KNOWN]
