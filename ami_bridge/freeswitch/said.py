"""What a FreeSWITCH is asked to tell, and which of its words are read. Pure.

The station subscribes to ``EVENTS`` and ``SUBCLASSES``. An event carries hundreds of variables,
some with digits that people have pressed: nothing but the headers in ``HEADERS`` may be kept, and
what is not in it need not even be parsed. Of ``CHANNEL_EXECUTE`` only its ``Application`` counts,
and of its data a channel's id: see ``esl.is_read``.

After each login the station asks, in this order, and hands the answers to ``Translator.resync``:

    show channels as json        -> "rows": [{"uuid": …}, …]; no "rows" where nothing lives
    uuid_dump UUID json          for each of them -> one object: header -> value, like an event's
    uuid_buglist UUID            for each of them

For each channel one mapping: the object of ``uuid_dump`` with its row of ``show channels`` laid
over it (their names don't meet: the row's are in small letters), and under ``BUGS`` what
``uuid_buglist`` names. Only the row knows where the
channel entered the dialplan (``initial_context``, ``initial_dest``). A channel of which
``uuid_dump`` answers ``-ERR`` is gone, and is left out. A value that is no string (a list, for a
header that came several times) counts as its first string. Subscribe first, ask then; events that
come meanwhile are translated after the resync, in their order. The same ``HEADERS`` are all that
may be kept of it.
"""

from __future__ import annotations

from collections.abc import Mapping

from ami_bridge.freeswitch.esl import APPLICATION_DATA, CURRENT_DATA, is_read
from ami_bridge.variables import VARIABLES

EVENTS = (
    "CHANNEL_CREATE",
    "CHANNEL_STATE",  # tells of each way into the dialplan; carries no variables
    "CHANNEL_EXECUTE",
    "CHANNEL_ANSWER",
    "CHANNEL_BRIDGE",
    "CHANNEL_UNBRIDGE",
    "CHANNEL_HOLD",
    "CHANNEL_UNHOLD",
    "CHANNEL_PARK",
    "CHANNEL_UUID",
    "CHANNEL_HANGUP",
    "CHANNEL_HANGUP_COMPLETE",
    "CHANNEL_DESTROY",
    "RECORD_START",
    "RECORD_STOP",
    "MEDIA_BUG_START",  # tells of a recorder that was moved, and of who listens in
    "MEDIA_BUG_STOP",
)
OWN_EVENT = "hushtape::told"  # what our dialplan says
SUBCLASSES = (
    "callcenter::info",
    "fifo::info",
    "valet_parking::info",
    "conference::maintenance",
    OWN_EVENT,
)

BUGS = "Media-Bugs"  # of a channel that lives, from ``uuid_buglist``: the kinds, with spaces

HEADERS = frozenset(
    (
        "Event-Name",
        "Event-Subclass",
        "Event-Date-Timestamp",
        # who
        "Unique-ID",
        "Old-Unique-ID",
        "Channel-Name",
        "Channel-Presence-ID",
        "Call-Direction",
        "Caller-Context",
        "Caller-Dialplan",
        "Caller-Destination-Number",
        "Caller-Caller-ID-Name",
        "Caller-Caller-ID-Number",
        "Caller-Callee-ID-Number",
        "Other-Type",
        "Other-Leg-Unique-ID",
        "Other-Leg-Destination-Number",
        # what
        "Channel-State",
        "Channel-Call-State",
        "Answer-State",
        "Application",
        APPLICATION_DATA,
        "Hangup-Cause",
        "Bridge-A-Unique-ID",
        "Bridge-B-Unique-ID",
        "Record-File-Path",
        "Record-Completion-Cause",
        "Media-Bug-Function",
        "Media-Bug-Target",
        # queues, parking, conferences
        "CC-Action",
        "CC-Queue",
        "CC-Agent",
        "CC-Agent-UUID",
        "CC-Cause",
        "CC-Member-Session-UUID",
        "FIFO-Action",
        "FIFO-Name",
        "Action",
        "Conference-Name",
        # our dialplan
        "Hushtape-Act",
        "Hushtape-By",
        "Hushtape-Nonce",
        # variables
        "variable_dialed_user",
        "variable_sip_gateway_name",
        "variable_endpoint_disposition",
        "variable_loopback_leg",
        "variable_other_loopback_leg_uuid",
        "variable_signal_bridge_to",
        "variable_proxy_media",
        "variable_recovered",
        "variable_current_application",
        CURRENT_DATA,
        "variable_bridge_to",
        "variable_conference_name",
        "variable_cc_side",
        "variable_cc_queue",
        "variable_cc_agent_uuid",
        "variable_cc_queue_joined_epoch",
        "variable_cc_queue_answered_epoch",
        "variable_cc_queue_canceled_epoch",
        "variable_fifo_status",
        "variable_fifo_target",
        *(f"variable_{name}" for name in VARIABLES),
        # of ``show channels``
        "uuid",
        "initial_context",
        "initial_dest",
    )
)


def kept(headers: Mapping[str, str]) -> dict[str, str]:
    """Return what may be kept of an event, or of a channel."""
    return {
        name: value for name, value in headers.items() if name in HEADERS and is_read(name, value)
    }
