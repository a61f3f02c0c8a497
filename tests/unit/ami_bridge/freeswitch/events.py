"""Events as a FreeSWITCH says them, for channels of our choosing, and a translator that hears."""

from __future__ import annotations

from datetime import UTC, datetime

from ami_bridge.facts import Fact
from ami_bridge.freeswitch.translate import Translator
from ami_bridge.told import Told
from hushtape.config import Pbx

NOW = datetime(2026, 11, 22, 4, 30, tzinfo=UTC)
SINCE = datetime(2026, 11, 22, 4, 29, tzinfo=UTC)
PBX = Pbx(
    kind="freeswitch",
    host="127.0.0.1",
    spool="/spool",
    outside_contexts=("from-outside",),
    queues={"611": "customer-service", "612": "housing"},
    extensions=("2XX", "651", "710"),
    outside=("9.",),
    outside_prefix="9",
)
DID = "03456009009"
CALLER, AGENT, COLLEAGUE, SECOND, LINE = "u-caller", "u-agent", "u-colleague", "u-second", "u-line"

Event = dict[str, str]


def came(uuid: str, number: str = "07900123001", dialled: str = DID, **more: str) -> Event:
    """Somebody from outside calls."""
    return {
        "Event-Name": "CHANNEL_CREATE",
        "Unique-ID": uuid,
        "Channel-Name": f"sofia/outside/{number}@192.0.2.1",
        "Channel-State": "CS_INIT",
        "Call-Direction": "inbound",
        "Answer-State": "ringing",
        "Caller-Context": "from-outside",
        "Caller-Dialplan": "XML",
        "Caller-Destination-Number": dialled,
        "Caller-Caller-ID-Number": number,
        "Caller-Caller-ID-Name": "Zephyrine Quill",
        **more,
    }


def dialled(uuid: str, telephone: str, number: str, **more: str) -> Event:
    """A telephone of ours dials."""
    name = f"sofia/internal/{telephone}@192.0.2.2:5060"
    inside = {"Channel-Name": name, "Caller-Context": "internal"}
    return came(uuid, telephone, number, **inside, **more)


def rung(uuid: str, telephone: str, by: str = "", dialled: str = "", **more: str) -> Event:
    """A telephone of ours is rung; its own address is a random word."""
    event = came(uuid, "", f"x7-{telephone}")
    event |= {
        "Channel-Name": f"sofia/internal/sip:x7-{telephone}@10.0.0.7:49152",
        "Call-Direction": "outbound",
        "Channel-Presence-ID": f"{telephone}@192.0.2.2",
        "Caller-Context": "from-outside" if by == CALLER else "default",
        "Caller-Caller-ID-Number": "07900123001",
        "Caller-Callee-ID-Number": telephone,
    }
    return event | _by(by, dialled) | more


def rung_outside(uuid: str, number: str, by: str = "", dialled: str = "", **more: str) -> Event:
    """Somebody outside is rung, through a gateway."""
    event = rung(uuid, "", by, dialled)
    del event["Channel-Presence-ID"]
    return event | {
        "Channel-Name": f"sofia/outside/{number}",
        "Caller-Destination-Number": number,
        "Caller-Callee-ID-Number": number,
        "variable_sip_gateway_name": "trunk",
        **more,
    }


def loopback(uuid: str, number: str, end: str, other: str, by: str = "", **more: str) -> Event:
    """Half of a loopback channel."""
    event = came(uuid, "", number)
    return event | {
        "Channel-Name": f"loopback/{number}-{end}",
        "Call-Direction": "outbound" if end == "a" else "inbound",
        "Caller-Context": "internal",
        "variable_loopback_leg": end.upper(),
        "variable_other_loopback_leg_uuid": other,
        **_by(by, number),
        **more,
    }


def _by(by: str, dialled: str) -> Event:
    if not by:
        return {}
    leg = {"Other-Type": "originator", "Other-Leg-Unique-ID": by}
    return leg | {"Other-Leg-Destination-Number": dialled}


def bridge(one: str, other: str, app: str = "bridge", **more: str) -> Event:
    return _of_two("CHANNEL_BRIDGE", one, other, app, more)


def unbridge(one: str, other: str, app: str = "bridge", **more: str) -> Event:
    return _of_two("CHANNEL_UNBRIDGE", one, other, app, more)


def _of_two(name: str, one: str, other: str, app: str, more: Event) -> Event:
    both = {"Bridge-A-Unique-ID": one, "Bridge-B-Unique-ID": other}
    return {
        "Event-Name": name,
        "Unique-ID": one,
        **both,
        "Answer-State": "answered",
        "variable_current_application": app,
        **more,
    }


def said(name: str, uuid: str, **more: str) -> Event:
    """An event of a channel, of which only this is read."""
    headers = {header.replace("_", "-"): value for header, value in more.items()}
    return {"Event-Name": name, "Unique-ID": uuid, **headers}


def answers(uuid: str) -> Event:
    return said("CHANNEL_ANSWER", uuid, Answer_State="answered")


def routed(uuid: str, number: str, dialplan: str = "XML") -> Event:
    """A channel goes into the dialplan anew."""
    return said("CHANNEL_STATE", uuid, Channel_State="CS_ROUTING") | {
        "Caller-Destination-Number": number,
        "Caller-Dialplan": dialplan,
    }


def goes(uuid: str, **more: str) -> Event:
    return said("CHANNEL_HANGUP", uuid, Answer_State="hangup") | more


def gone(uuid: str) -> Event:
    return said("CHANNEL_HANGUP_COMPLETE", uuid, Answer_State="hangup")


def custom(subclass: str, uuid: str = "", **more: str) -> Event:
    event = said("CUSTOM", uuid, **more) | {"Event-Subclass": subclass}
    return event if uuid else {key: event[key] for key in event if key != "Unique-ID"}


def callcenter(action: str, uuid: str = CALLER, queue: str = "customer-service@lab") -> Event:
    return custom("callcenter::info", uuid, CC_Action=action, CC_Queue=queue) | {
        "CC-Member-Session-UUID": CALLER
    }


def agent_has(agent: str = AGENT, name: str = "211@lab") -> Event:
    event = callcenter("bridge-agent-start", agent)
    return event | {"CC-Agent": name, "CC-Agent-UUID": agent}


def conference(action: str, uuid: str, name: str = "651") -> Event:
    return custom("conference::maintenance", uuid, Action=action, Conference_Name=name)


class Heard:
    """A translator, and what it has told."""

    def __init__(self, *events: Event) -> None:
        self.translator = Translator(PBX)
        self.hear(*events)

    def hear(self, *events: Event) -> list[Told]:
        """What follows from events."""
        return [told for event in events for told in self.translator.translate(event, NOW)]

    def of(self, uniqueid: str, *events: Event) -> list[Fact]:
        """What follows from events for one channel."""
        return [each.fact for each in self.hear(*events) if each.channel.uniqueid == uniqueid]

    def kinds(self, uniqueid: str, *events: Event) -> list[str]:
        """The same, as names."""
        return [type(fact).__name__ for fact in self.of(uniqueid, *events)]


def queue_call(*events: Event) -> Heard:
    """A caller talks with an agent of a queue."""
    return Heard(
        came(CALLER),
        callcenter("member-queue-start"),
        rung(AGENT, "211"),
        answers(AGENT),
        agent_has(),
        bridge(CALLER, AGENT, "callcenter"),
        *events,
    )
