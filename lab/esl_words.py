"""What a FreeSWITCH says, in the words in which the lab's scenes look at a PBX: Asterisk's events.

What is Hushtape's own view of a FreeSWITCH is `ami_bridge/freeswitch`, and this shares nothing with
it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

Headers = dict[str, str]

# How a channel's transfers end that waits until the one answers who was rung for him.
WAITS = "park/internal/inline"


class Words:
    """Follows the channels of one FreeSWITCH, and says what happens to them.

    Args:
        numbers: what the phones show as theirs, by the names under which they register.
    """

    def __init__(self, numbers: Mapping[str, str]) -> None:
        self._number_of = dict(numbers)  # a phone's name -> what it shows
        self._names: dict[str, str] = {}  # a channel's unique id -> how the scenes call it
        self._ids: dict[str, str] = {}  # and back
        self._numbers: dict[str, str] = {}
        self._queues: dict[str, str] = {}  # who came last into which queue, until somebody has him
        self._peers: dict[str, str] = {}  # who talks with whom
        self._parted: dict[str, str] = {}  # and who did before
        self._connecting: dict[str, Headers] = {}  # an agent's leg -> what is told when it talks
        self._consulting: dict[str, str] = {}  # who consults somebody -> who waits for him
        self._consulted: dict[str, str] = {}  # whom he consults -> him

    def unique_id(self, channel: str) -> str:
        """The unique id of a channel, by how the scenes call it."""
        return self._ids[channel]

    def said(self, fs: Headers) -> list[Headers]:
        """What an event means; for most there is no word."""
        subclass = fs.get("Event-Subclass", "")
        tell: dict[str, Callable[[Headers], Iterable[Headers]]] = {
            "CHANNEL_CREATE": self._created,
            "CHANNEL_ANSWER": self._answered,
            "CHANNEL_PROGRESS": self._rings,
            "CHANNEL_BRIDGE": self._bridged,
            "CHANNEL_UNBRIDGE": self._unbridged,
            "CHANNEL_HOLD": lambda h: [self._about("Hold", h)],
            "CHANNEL_UNHOLD": lambda h: [self._about("Unhold", h)],
            "CHANNEL_HANGUP_COMPLETE": self._hung_up,
            "CHANNEL_EXECUTE": self._executes,
            "CHANNEL_EXECUTE_COMPLETE": self._executed,
            "RECORD_START": lambda h: [self._about("MixMonitorStart", h)],
            "RECORD_STOP": lambda h: [self._about("MixMonitorStop", h)],
            "callcenter::info": self._queue,
            "valet_parking::info": self._parked,
            "hushtape::told": self._said,
        }
        handler = tell.get(subclass or fs.get("Event-Name", ""))
        return list(handler(fs)) if handler else []

    def _about(self, name: str, fs: Headers, **more: str) -> Headers:
        uuid = fs.get("Unique-ID", "")
        return {
            "Event": name,
            "Uniqueid": uuid,
            "Channel": self._names.get(uuid, ""),
            "CallerIDNum": self._numbers.get(uuid, ""),
            **more,
        }

    def _created(self, fs: Headers) -> list[Headers]:
        uuid = fs["Unique-ID"]
        kind, _, rest = fs.get("Channel-Name", "").partition("/")
        # A phone of the lab's is called by its contact's name: its own, and something random.
        endpoint = rest.rpartition("/")[2].partition("@")[0].partition("-0x")[0]
        technology = "PJSIP" if kind == "sofia" else "Local"
        name = f"{technology}/{endpoint}-{uuid.replace('-', '')[:8]}"
        self._names[uuid], self._ids[name] = name, uuid
        shown = fs.get("Caller-Caller-ID-Number", "")
        self._numbers[uuid] = self._number_of.get(shown, shown)
        return [self._about("Newchannel", fs, Exten=fs.get("Caller-Destination-Number", ""))]

    def _answered(self, fs: Headers) -> list[Headers]:
        up = self._about("Newstate", fs, ChannelStateDesc="Up")
        other = fs.get("Other-Leg-Unique-ID") or fs.get("variable_cc_member_session_uuid", "")
        if fs.get("Call-Direction") != "outbound" or not other:
            return [up]
        uuid = fs["Unique-ID"]
        answered = {
            "Event": "DialEnd",
            "DialStatus": "ANSWER",
            "Uniqueid": other,
            "Channel": self._names.get(other, ""),
            "DestUniqueid": uuid,
            "DestChannel": self._names.get(uuid, ""),
        }
        if fs.get("variable_group_confirm_key"):  # he is told something before the two talk
            self._connecting[uuid] = answered
            return [up]
        return [up, answered]

    def _rings(self, fs: Headers) -> list[Headers]:
        uuid = fs.get("Unique-ID", "")
        return [self._about("DialState", fs, DestUniqueid=uuid, DestChannel=self._names[uuid])]

    def _bridged(self, fs: Headers) -> list[Headers]:
        one, other = fs.get("Bridge-A-Unique-ID", ""), fs.get("Bridge-B-Unique-ID", "")
        self._peers[one], self._peers[other] = other, one
        told = _both("BridgeEnter", self._about, one, other)
        for who, whom in ((one, other), (other, one)):
            if who in self._consulting and self._consulting[who] != whom:
                self._consulted[whom] = who
            agent = self._consulted.get(who, "")
            if agent and self._consulting.get(agent) == whom:
                told.insert(0, self._sent_on(agent, whom))
        connected = self._connecting.pop(other, None) or self._picked_up(one, other)
        return [connected, *told] if connected else told

    def _picked_up(self, one: str, other: str) -> Headers | None:
        """Somebody else took the call that rang at an agent's: the queue doesn't tell of it."""
        for waits, takes in ((one, other), (other, one)):
            if queue := self._queues.pop(waits, ""):
                whom = {"DestUniqueid": takes, "DestChannel": self._names.get(takes, "")}
                return self._about("AgentConnect", {"Unique-ID": waits}, Queue=queue, **whom)
        return None

    def _executes(self, fs: Headers) -> list[Headers]:
        """The agent's key for a consultation; or the one that makes it a talk of three."""
        uuid, application = fs.get("Unique-ID", ""), fs.get("Application")
        if application == "att_xfer":
            self._consulting[uuid] = self._peers.get(uuid, "")
            return [self._about("Hold", fs)]
        agent = fs.get("Application-Data", "")
        if application == "three_way" and agent in self._consulting:
            return [self._sent_on(agent, self._consulting[agent], DestType="Threeway")]
        return []

    def _executed(self, fs: Headers) -> list[Headers]:
        """A consultation is over; who is still there has the other one again."""
        if fs.get("Application") != "att_xfer" or fs.get("Answer-State") == "hangup":
            return []
        return [self._about("Unhold", fs)]

    def _sent_on(self, agent: str, whom: str, **more: str) -> Headers:
        done = {"Event": "AttendedTransfer", "Result": "Success", **more}
        by = self._names.get(agent, "")
        return {**done, "OrigTransfererChannel": by, "TransfereeUniqueid": whom}

    def _unbridged(self, fs: Headers) -> list[Headers]:
        one, other = fs.get("Bridge-A-Unique-ID", ""), fs.get("Bridge-B-Unique-ID", "")
        self._peers.pop(one, None)
        self._peers.pop(other, None)
        self._parted[one], self._parted[other] = other, one
        told = _both("BridgeLeave", self._about, one, other)
        # Sent on while it rings there, by the telephone's second line: until then there is music.
        waits = fs.get("variable_transfer_history", "").endswith(WAITS)
        return [self._sent_on(other, one), *told] if waits else told

    def _queue(self, fs: Headers) -> list[Headers]:
        queue = fs.get("CC-Queue", "").partition("@")[0]
        member = fs.get("CC-Member-Session-UUID", "")
        about = {"Unique-ID": member}
        match fs.get("CC-Action"):
            case "member-queue-start":
                self._queues[member] = queue
                return [self._about("QueueCallerJoin", about, Queue=queue)]
            case "bridge-agent-start":
                self._queues.pop(member, None)
                agent = fs.get("Unique-ID", "")
                more = {
                    "Queue": queue,
                    "Interface": f"PJSIP/{fs.get('CC-Agent', '')}",
                    "DestUniqueid": agent,
                    "DestChannel": self._names.get(agent, ""),
                }
                # It answered; the two hear each other when they are bridged, a moment later.
                self._connecting[agent] = self._about("AgentConnect", about, **more)
            case "member-queue-end":
                return [self._about("QueueCallerLeave", about, Queue=queue)]
        return []

    def _hung_up(self, fs: Headers) -> list[Headers]:
        """A leg that ends by a transfer tells of it: FreeSWITCH has no event of its own for it."""
        gone = self._about("Hangup", fs)
        self._queues.pop(gone["Uniqueid"], None)
        how, _, moved = fs.get("variable_transfer_to", "").partition(":")
        by, other = gone["Channel"], self._names.get(moved, "")
        if how == "blind":
            headers = {"TransfererChannel": by, "TransfereeUniqueid": moved}
            blind = {"Event": "BlindTransfer", "Result": "Success", "TransfereeChannel": other}
            return [{**blind, **headers}, gone]
        uuid = fs.get("Unique-ID", "")
        if how == "att":  # to whom
            whom = self._peers.get(uuid) or self._parted.get(uuid, "")  # whichever is told first
            return [self._sent_on(uuid, whom), gone]
        if fs.get("Hangup-Cause") == "ATTENDED_TRANSFER" and fs.get("Call-Direction") == "inbound":
            return [*self._sent_to_machine(by), gone]
        return [gone]

    def _sent_to_machine(self, second: str) -> list[Headers]:
        """A second line that led to a machine is given up: the first line's caller dials it."""
        phone = second.rpartition("-")[0]
        for one, other in self._peers.items():
            if self._names.get(one, "").rpartition("-")[0] == phone:
                return [self._sent_on(one, other)]
        return []

    def _parked(self, fs: Headers) -> list[Headers]:
        name = {"hold": "ParkedCall", "bridge": "UnParkedCall"}.get(fs.get("Action", ""))
        if name is None:
            return []
        return [
            {
                "Event": name,
                "ParkeeUniqueid": fs.get("Unique-ID", ""),
                "ParkingSpace": fs.get("Valet-Extension", ""),
            }
        ]

    def _said(self, fs: Headers) -> list[Headers]:
        more = {
            key.removeprefix("Hushtape-"): value
            for key, value in fs.items()
            if key.startswith("Hushtape-")
        }
        return [self._about("UserEvent", fs, UserEvent="Hushtape", **more)]


def _both(name: str, about: Callable[..., Headers], one: str, other: str) -> list[Headers]:
    """Tell of two who talk; FreeSWITCH has no name for that."""
    bridge = "+".join(sorted((one, other)))
    return [about(name, {"Unique-ID": each}, BridgeUniqueid=bridge) for each in (one, other)]
