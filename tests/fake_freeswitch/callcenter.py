"""Queues as mod_callcenter has them: who waits, who serves, who is rung when, and what is told."""

from __future__ import annotations

import asyncio
import contextlib
import time
import uuid
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from tests.fake_freeswitch.bridging import HEARS_AFTER_S
from tests.fake_freeswitch.originate import OriginateError
from tests.fake_freeswitch.registry import application, command

if TYPE_CHECKING:
    from tests.fake_freeswitch.channel import Channel
    from tests.fake_freeswitch.sound import Source
    from tests.fake_freeswitch.switch import FakeFreeSwitch

SUBCLASS = "callcenter::info"
RING_ALL = "ring-all"
DISPATCH_S = 0.1
MUSIC_AFTER_S = 0.24  # so long after the entry nothing is heard
AGENT_POLL_S = 0.1  # so seldom is looked whether an agent's leg has ended
BRIDGED_TIMEOUT_S = 3.0
ORIGINATE_TIMEOUT_S = 60.0
UNREGISTERED_DELAY_S = 5
NO_DELAY = ("LOSE_RACE", "ORIGINATOR_CANCEL")
BUSY = ("USER_BUSY", "NORMAL_CIRCUIT_CONGESTION")
WAITING, RECEIVING, IN_A_CALL = "Waiting", "Receiving", "In a queue call"
AVAILABLE = "Available"


@dataclass
class Queue:
    """One queue."""

    name: str
    strategy: str
    music: str


@dataclass
class Agent:
    """Somebody who serves queues. Its times are in whole seconds, as the module's are."""

    name: str
    contact: str
    status: str
    delays_s: dict[str, int]
    state: str = WAITING
    ready_at: int = 0
    last_bridge_end: int = 0
    last_offered: float = 0.0

    @property
    def is_free(self) -> bool:
        """Whether it may be rung."""
        now = int(time.time())
        rested = self.last_bridge_end < now and self.ready_at <= now
        return self.status == AVAILABLE and self.state == WAITING and rested


@dataclass
class Member:
    """Somebody who waits."""

    channel: Channel
    queue: Queue
    uuid: str = field(default_factory=lambda: str(uuid.uuid4()))
    joined_at: int = field(default_factory=lambda: int(time.time()))
    since_s: float = field(default_factory=time.monotonic)
    base_score: int = 0
    served_by: str = ""  # an agent's name
    found: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def score(self) -> float:
        """Who has the highest is next."""
        return time.monotonic() - self.since_s + self.base_score


class CallCenter:
    """All the queues of a switch."""

    def __init__(self, switch: FakeFreeSwitch) -> None:
        self._switch = switch
        configuration = switch.document.configuration("callcenter.conf")
        self.queues: dict[str, Queue] = {}
        self.agents: dict[str, Agent] = {}
        self.tiers: list[tuple[str, str]] = []  # queue, agent
        self.members: list[Member] = []
        self._dispatching: asyncio.Task[None] | None = None
        for queue in configuration.iter("queue") if configuration is not None else ():
            params = {each.get("name"): each.get("value", "") for each in queue.iter("param")}
            name = queue.get("name", "")
            self.queues[name] = Queue(name, params.get("strategy", ""), params.get("moh-sound", ""))
        for agent in configuration.iter("agent") if configuration is not None else ():
            keys = ("reject", "busy", "no-answer")
            delays = {key: int(agent.get(f"{key}-delay-time", "0")) for key in keys}
            name = agent.get("name", "")
            contact, status = agent.get("contact", ""), agent.get("status", "")
            self.agents[name] = Agent(name, contact, status, delays)
        for tier in configuration.iter("tier") if configuration is not None else ():
            self.tiers.append((tier.get("queue", ""), tier.get("agent", "")))

    # ------------------------------------------------------------------ who waits

    async def wait(self, channel: Channel, name: str) -> None:
        """Be in a queue until an agent has the caller, or he leaves."""
        queue = self.queues[name]
        self._switch.answer(channel)
        member = Member(channel, queue)
        with contextlib.suppress(ValueError):
            member.base_score = int(channel.get("cc_base_score"))
        _set(channel, cc_side="member", cc_member_uuid=member.uuid)
        _set(channel, cc_agent_found="", cc_agent_bridged="")
        _set(channel, cc_queue_joined_epoch=str(member.joined_at), cc_queue=name)
        self._tell("member-queue-start", member, channel)
        self.members.append(member)
        self._count(name)
        if self._dispatching is None or self._dispatching.done():
            self._dispatching = self._switch.beside(self._dispatch())
        try:
            await asyncio.sleep(MUSIC_AFTER_S)
            await self._hears_music(channel, member)
            _set(channel, cc_cause="answered")
        except asyncio.CancelledError:
            if not member.found.is_set():
                self._cancelled(member)
            raise
        finally:
            if member in self.members:
                self.members.remove(member)
            self._count(name)

    async def _hears_music(self, channel: Channel, member: Member) -> None:
        name = channel.get("cc_moh_override") or member.queue.music
        music = self._switch.studio.source(name, loops=True)[0]
        self._switch.advance()
        channel.playing = music
        try:
            await member.found.wait()
        finally:
            if member.found.is_set():
                self._switch.beside(self._until_heard(channel, music))
            else:
                self._stop(channel, music)

    async def _until_heard(self, channel: Channel, music: Source) -> None:
        """The last of the music is heard until the agent is."""
        await channel.until(lambda: channel.peer is not None or not channel.up, BRIDGED_TIMEOUT_S)
        await asyncio.sleep(HEARS_AFTER_S)
        self._stop(channel, music)

    def _stop(self, channel: Channel, music: Source) -> None:
        self._switch.advance()
        if channel.playing is music:
            channel.playing = None

    def _cancelled(self, member: Member) -> None:
        channel = member.channel
        for leg in self._rung_for(member):
            self._switch.hangup(leg, "ORIGINATOR_CANCEL")
        more = {"CC-Cause": "Cancel", "CC-Cancel-Reason": "BREAK_OUT"}
        self._tell("member-queue-end", member, channel, more)
        _set(channel, cc_cause="cancel", cc_cancel_reason="BREAK_OUT")
        _set(channel, cc_queue_canceled_epoch=str(int(time.time())))

    def _rung_for(self, member: Member) -> Iterable[Channel]:
        legs = list(self._switch.channels.values())
        return [leg for leg in legs if leg.get("cc_member_pre_answer_uuid") == member.uuid]

    # ------------------------------------------------------------------ who serves

    async def _dispatch(self) -> None:
        while self.members:
            for member in sorted(self.members, key=lambda each: -each.score):
                if not member.served_by and not member.found.is_set():
                    self._offer_to_agents(member)
            await asyncio.sleep(DISPATCH_S)

    def _offer_to_agents(self, member: Member) -> None:
        for agent in self._agents_in_turn(member.queue):
            agent.state, agent.last_offered = RECEIVING, time.monotonic()
            self._tell_state(agent)
            if member.queue.strategy != RING_ALL:
                member.served_by = agent.name
            self._switch.beside(self._offer(member, agent))
            if member.queue.strategy != RING_ALL:
                return

    def _agents_in_turn(self, queue: Queue) -> Iterator[Agent]:
        agents = [self.agents[a] for q, a in self.tiers if q == queue.name and a in self.agents]
        if queue.strategy == "longest-idle-agent":
            agents.sort(key=lambda each: (each.last_bridge_end, each.last_offered))
        return (each for each in agents if each.is_free)

    async def _offer(self, member: Member, agent: Agent) -> None:
        """Ring an agent, and see to it that the two talk."""
        try:
            self._tell("agent-offering", member, None, {"CC-Agent": agent.name})
            try:
                leg = await self._ring(member, agent)
            except OriginateError as error:
                self._failed(member, agent, error.cause)
                return
            if not leg.up:
                self._failed(member, agent, leg.cause)
                return
            leg.set("cc_member_pre_answer_uuid")
            if member.queue.strategy == RING_ALL:
                if member.served_by:  # somebody was quicker, in the same moment
                    return
                member.served_by = agent.name
                for other in self._rung_for(member):
                    self._switch.hangup(other, "LOSE_RACE")
            await self._talk(member, agent, leg)
        finally:
            agent.state = WAITING
            self._tell_state(agent)

    async def _ring(self, member: Member, agent: Agent) -> Channel:
        channel = member.channel
        variables = {
            "cc_queue": member.queue.name,
            "cc_queue_joined_epoch": str(member.joined_at),
            "cc_member_uuid": member.uuid,
            "cc_member_session_uuid": channel.uuid,
            "cc_member_pre_answer_uuid": member.uuid,
            "cc_agent": agent.name,
            "cc_agent_type": "callback",
            "cc_side": "agent",
            "loopback_bowout": "false",
            "loopback_bowout_on_execute": "false",
            "ignore_early_media": "true",
        }
        profile = channel.profile
        shown = (
            channel.get("effective_caller_id_name") or profile.caller_id_name,
            channel.get("effective_caller_id_number") or profile.caller_id_number,
        )
        leg = await self._switch.originate(
            agent.contact, variables=variables, caller_id=shown, timeout_s=ORIGINATE_TIMEOUT_S
        )
        return await self._behind_loopback(leg, variables)

    async def _behind_loopback(self, leg: Channel, variables: dict[str, str]) -> Channel:
        """An agent's real telephone, where his contact is a loopback channel."""
        if leg.other_half is None:
            return leg
        inner = leg.other_half
        if not await inner.until(lambda: inner.peer is not None, BRIDGED_TIMEOUT_S):
            self._switch.hangup(leg, "DESTINATION_OUT_OF_ORDER")
            raise OriginateError("DESTINATION_OUT_OF_ORDER")
        assert inner.peer is not None
        for each in (leg, inner):
            each.set("cc_member_pre_answer_uuid")
        real = inner.peer
        keys = ("cc_side", "cc_queue", "cc_agent", "cc_agent_type", "cc_member_uuid")
        for key in (*keys, "cc_member_session_uuid"):
            real.set(key, variables[key])
        return real

    async def _talk(self, member: Member, agent: Agent, leg: Channel) -> None:
        channel = member.channel
        who = {"CC-Agent": agent.name, "CC-Agent-UUID": leg.uuid}
        self._tell("bridge-agent-start", member, leg, who)
        _set(channel, cc_agent_found="true", cc_agent_uuid=leg.uuid)
        member.found.set()
        self._switch.bridge(channel, leg)
        bridged = await leg.until(lambda: leg.peer is not None or not leg.up, BRIDGED_TIMEOUT_S)
        if not bridged or not leg.up:
            _set(channel, cc_agent_bridged="false")
            _set(leg, cc_agent_bridged="false")
            self._switch.hangup(leg, "ORIGINATOR_CANCEL")
            return
        _set(leg, cc_agent_bridged="true")
        _set(channel, cc_agent_bridged="true", cc_agent=agent.name)
        _set(channel, cc_queue_answered_epoch=str(int(time.time())))
        agent.state = IN_A_CALL
        self._tell_state(agent)
        for each in (channel, leg):  # none of them is destroyed before the queue is done with it
            each.locks += 1
        try:
            await leg.until(lambda: not leg.up)
            await asyncio.sleep(AGENT_POLL_S / 2)
            self._tell("bridge-agent-end", member, leg, who)
            agent.last_bridge_end = int(time.time())
            self._tell("member-queue-end", member, channel, {"CC-Cause": "Terminated", **who})
        finally:
            for each in (channel, leg):
                each.locks -= 1
                each.stir()

    def _failed(self, member: Member, agent: Agent, cause: str) -> None:
        if member.served_by == agent.name:
            member.served_by = ""
        if cause not in NO_DELAY:
            delay_s = agent.delays_s["no-answer"]
            if cause in BUSY:
                delay_s = agent.delays_s["busy"]
            elif cause == "CALL_REJECTED":
                delay_s = agent.delays_s["reject"]
            elif cause == "USER_NOT_REGISTERED":
                delay_s = UNREGISTERED_DELAY_S
            agent.ready_at = int(time.time()) + delay_s
        more = {"CC-Hangup-Cause": cause, "CC-Agent": agent.name}
        self._tell("bridge-agent-fail", member, None, more)

    # ------------------------------------------------------------------ what is told

    def _tell(
        self,
        action: str,
        member: Member,
        about: Channel | None,
        more: dict[str, str] | None = None,
    ) -> None:
        profile = member.channel.profile
        headers = {
            "CC-Queue": member.queue.name,
            "CC-Action": action,
            **(more or {}),
            "CC-Member-UUID": member.uuid,
            "CC-Member-Session-UUID": member.channel.uuid,
            "CC-Member-CID-Name": profile.caller_id_name,
            "CC-Member-CID-Number": profile.caller_id_number,
        }
        self._switch.custom(SUBCLASS, about, headers)

    def _tell_state(self, agent: Agent) -> None:
        headers = {"CC-Action": "agent-state-change", "CC-Agent-State": agent.state}
        self._switch.custom(SUBCLASS, None, {"CC-Agent": agent.name, **headers})

    def _count(self, queue: str) -> None:
        waiting = sum(each.queue.name == queue for each in self.members)
        headers = {"CC-Action": "members-count", "CC-Count": str(waiting)}
        self._switch.custom(SUBCLASS, None, {"CC-Queue": queue, **headers})

    # ------------------------------------------------------------------ what is asked

    def ask(self, words: list[str]) -> str:
        """Answer callcenter_config."""
        match words:
            case ["tier", "add", queue, agent, *_]:
                if (queue, agent) in self.tiers:
                    return "-ERR Tier already exist!\n"
                self.tiers.append((queue, agent))
                return "+OK\n"
            case ["tier", "del", queue, agent]:
                self.tiers = [each for each in self.tiers if each != (queue, agent)]
                return "+OK\n"
            case ["queue", "list", "agents", queue, *_]:
                names = [a for q, a in self.tiers if q == queue and a in self.agents]
                return self._listed(self.agents[name] for name in names)
            case ["agent", "list", *_]:
                return self._listed(self.agents.values())
            case ["agent", "set", "status", name, status] if name in self.agents:
                self.agents[name].status = status.strip("'")
                return "+OK\n"
        return "-ERR Invalid!\n"

    def _listed(self, agents: Iterable[Agent]) -> str:
        rows = [f"{a.name}|single_box|callback|{a.contact}|{a.status}|{a.state}" for a in agents]
        return "\n".join(["name|instance_id|type|contact|status|state", *rows, "+OK\n"])


def _set(channel: Channel, **variables: str) -> None:
    for name, value in variables.items():
        channel.set(name, value)


_CENTERS: WeakKeyDictionary[FakeFreeSwitch, CallCenter] = WeakKeyDictionary()


def _center(switch: FakeFreeSwitch) -> CallCenter:
    if switch not in _CENTERS:
        _CENTERS[switch] = CallCenter(switch)
    return _CENTERS[switch]


@application("callcenter")
async def callcenter(switch: FakeFreeSwitch, channel: Channel, data: str) -> None:
    """Wait in a queue."""
    center = _center(switch)
    if data in center.queues:
        await center.wait(channel, data)


@command("callcenter_config")
async def callcenter_config(switch: FakeFreeSwitch, arguments: str) -> str:
    """Ask about queues, and change who serves them."""
    return _center(switch).ask(arguments.split(" "))
