"""How an agent consults somebody while the caller waits: by the PBX's key, or with a second line.

Both ways end alike: given up, refused, or completed, which is an attended transfer.
"""

from __future__ import annotations

import time
from abc import ABC, abstractmethod

from lab.eyes import Event, Predicate, event
from lab.phone import Phone
from lab.scene import EVENT_TIMEOUT_S, QueueCall, Stage, Take
from lab.town import Council
from lab.waiting import pass_time

GIVE_UP_KEY = "*1"  # Asterisk's own, unless features.conf says another
KEY_GAP_S = 0.2
LINE_S = 0.3  # to take the second line
RINGS_S = 0.5  # the colleague's phone, before it is refused
# By key, whoever comes to the caller is first told so by a sound of the PBX's own (beep 0.44 s, at
# a failure beeperr 0.36 s), and can't be heard meanwhile, by nobody.
BEEP_S = 0.5


class Consultation(ABC):
    """One consultation of the council's agent; all times are the PBX's (epoch, s).

    Args:
        number: whom the agent rings.
    """

    how: str
    beep_s: float  # whoever comes to the caller afterwards isn't heard for so long

    def __init__(
        self, stage: Stage, council: Council, call: QueueCall, number: str, take: Take
    ) -> None:
        self.number = number
        self.waits_s = 0.0  # from then on the caller waits
        self.began_s = 0.0  # the two are heard by each other from then on
        self.ended_s = 0.0  # and until then
        self.back_s = 0.0  # the caller has the agent again
        self._eyes = stage.eyes
        self._agent: Phone = stage.phone(council.agent)
        self._colleague: Phone = stage.phone(council.back_office)
        self._call = call
        self._take = take
        self._line = f"PJSIP/{council.agent.endpoint}-"
        self._mark = self._eyes.mark()

    def begin(self) -> None:
        """Ring the other one, and wait until the two talk."""
        self.ring()
        up = self._eyes.wait_for(self._has_somebody, EVENT_TIMEOUT_S, self._mark)
        self.began_s = up.at_s
        if self.number == self._colleague.person.number:
            self.began_s = max(self.began_s, self.await_colleague())
        self._tell(self.began_s, f"the agent talks with {self.number}, the caller waits")

    def ring(self) -> None:
        """Let the agent put the caller on hold and ring the other one."""
        self._mark = self._eyes.mark()
        self.waits_s = time.time()
        self._dial()
        self._tell(self.waits_s, f"the agent consults {self.number} {self.how}")

    def refuse(self) -> float:
        """Let the colleague turn the call away; return when the caller has the agent again."""
        self.await_ringing()
        self._colleague.refuse()
        self._after_refusal()
        return self._back("the colleague refuses, the agent is back")

    def give_up(self) -> float:
        """Let the agent end the consultation; return when the caller has the agent again."""
        self.ended_s = time.time()
        self._end()
        return self._back("the agent is back with the caller")

    def complete(self) -> Event:
        """Let the agent send the caller to the other one; return the PBX's event."""
        self._transfer()
        ours = event("AttendedTransfer", TransfereeUniqueid=self._call.uniqueid)
        moved = self._eyes.wait_for(ours, EVENT_TIMEOUT_S, self._mark)
        self.ended_s = moved.at_s
        self._tell(moved.at_s, f"the agent sends the caller to {self.number}")
        return moved

    def await_colleague(self) -> float:
        """Wait until the colleague has answered and talks; return since when."""
        line = f"PJSIP/{self._colleague.person.endpoint}-"

        def is_there(one: Event) -> bool:
            return one.name == "BridgeEnter" and one.get("Channel").startswith(line)

        return self._eyes.wait_for(is_there, EVENT_TIMEOUT_S, self._mark).at_s

    def await_ringing(self) -> None:
        """Wait until the colleague's phone has rung for a while."""

        def rings(one: Event) -> bool:
            line = f"PJSIP/{self._colleague.person.endpoint}-"
            return one.name == "DialState" and one.get("DestChannel").startswith(line)

        self._eyes.wait_for(rings, EVENT_TIMEOUT_S, self._mark)
        pass_time(RINGS_S)

    def answer_recall(self, since: int) -> float:
        """Let the agent, whom the PBX rings back, answer; return when the caller has him again.

        Args:
            since: the agent's phone's mark before that.
        """
        self._agent.wait_for("CALL_INCOMING", EVENT_TIMEOUT_S, since)
        mark = self._eyes.mark()
        pass_time(RINGS_S)
        self._agent.answer()
        entered = self._eyes.wait_for(self._of_agent("BridgeEnter"), EVENT_TIMEOUT_S, mark)
        self._tell(entered.at_s, "the PBX has rung the agent back")
        return entered.at_s

    def recorders(self) -> int:
        """How many recorders were started on the agent's channels since the agent rang."""
        return len(self._eyes.events(self._of_agent("MixMonitorStart"), self._mark))

    def _back(self, words: str) -> float:
        unheld = self._eyes.wait_for(self._of_agent("Unhold"), EVENT_TIMEOUT_S, self._mark)
        self.back_s = unheld.at_s
        self._tell(self.back_s, words)
        return self.back_s

    def _of_agent(self, name: str) -> Predicate:
        def matches(one: Event) -> bool:
            return one.name == name and one.get("Channel").startswith(self._line)

        return matches

    def _tell(self, at_s: float, words: str) -> None:
        self._take.lines.append((at_s - self._call.entered_s, words))

    @abstractmethod
    def _has_somebody(self, one: Event) -> bool:
        """Tell whether an event says that the agent's channel has the other side."""

    @abstractmethod
    def _dial(self) -> None:
        """Put the caller on hold and ring the other one."""

    @abstractmethod
    def _end(self) -> None:
        """End the consultation, and go back to the caller."""

    @abstractmethod
    def _after_refusal(self) -> None:
        """Go back to the caller when the other side has ended it."""

    @abstractmethod
    def _transfer(self) -> None:
        """Send the caller to the other one, and leave."""


class ByKey(Consultation):
    """With the PBX's feature code: *2 and the number; who hangs up has completed the transfer."""

    how = "by key"
    beep_s = BEEP_S

    def _has_somebody(self, one: Event) -> bool:
        return one.name == "BridgeEnter" and one.get("Channel").startswith(self._line)

    def _dial(self) -> None:
        self._agent.feature_consult(self.number)

    def _end(self) -> None:
        self._agent.dtmf(GIVE_UP_KEY, gap_s=KEY_GAP_S)

    def _after_refusal(self) -> None:
        pass

    def _transfer(self) -> None:
        self._agent.hang_up()


class ByPhone(Consultation):
    """With the telephone's hold and second line; the transfer is a REFER with Replaces."""

    how = "with the phone's second line"
    beep_s = 0.0

    def _is_second(self, one: Event) -> bool:
        ours = one.get("Channel").startswith(self._line) and one.get("Exten") == self.number
        return one.name == "Newchannel" and ours

    def _has_somebody(self, one: Event) -> bool:
        is_up = one.name == "Newstate" and one.get("ChannelStateDesc") == "Up"
        return is_up and one.get("Channel") == self._channel  # in no bridge, with a machine

    def _dial(self) -> None:
        self._agent_mark = self._agent.mark()
        self._agent.hold()
        self._eyes.wait_for(self._of_agent("Hold"), EVENT_TIMEOUT_S, self._mark)
        pass_time(LINE_S)
        self._agent.dial(self.number)
        second = self._eyes.wait_for(self._is_second, EVENT_TIMEOUT_S, self._mark)
        self._channel = second.get("Channel")

    def _end(self) -> None:
        self._agent.give_up()

    def _after_refusal(self) -> None:
        self._agent.closed(since=self._agent_mark)
        self._agent.take_back()

    def _transfer(self) -> None:
        self._agent.attended_transfer(self.number, self._eyes.dialog(self._channel))
