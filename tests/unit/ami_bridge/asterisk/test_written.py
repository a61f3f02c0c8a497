from __future__ import annotations

import pytest

from ami_bridge.asterisk.written import ACTING, is_as_written

HEAD = [("Event", "X"), ("Privilege", "call,all"), ("Timestamp", "1795282178.699491")]
NAMES = (
    *("Channel", "ChannelState", "ChannelStateDesc", "CallerIDNum", "CallerIDName"),
    *("ConnectedLineNum", "ConnectedLineName", "Language", "AccountCode", "Context", "Exten"),
    *("Priority", "Uniqueid", "Linkedid"),
)
BRIDGE = [("BridgeUniqueid", "b"), ("BridgeType", "basic"), ("BridgeName", "<unknown>")]


def channel(whose: str = "") -> list[tuple[str, str]]:
    return [(f"{whose}{name}", "PJSIP/a-1" if name == "Channel" else "1") for name in NAMES]


WHOLE = {
    "Newchannel": channel(),
    "Rename": [("Channel", "PJSIP/a-1"), ("Newname", "PJSIP/a-2"), ("Uniqueid", "1.1")],
    "QueueCallerJoin": [*channel(), ("Queue", "help"), ("Position", "1"), ("Count", "1")],
    "QueueCallerLeave": [*channel(), ("Queue", "help"), ("Position", "1"), ("Count", "0")],
    "AgentConnect": [*channel(), *channel("Dest"), ("Queue", "help"), ("MemberName", "a")],
    "DialBegin": [*channel(), *channel("Dest"), ("DialString", "211")],
    "DialEnd": [*channel(), *channel("Dest"), ("DialStatus", "ANSWER")],
    "BlindTransfer": [
        *[("Result", "Success"), *channel("Transferer"), *channel("Transferee"), *BRIDGE],
        *[("IsExternal", "Yes"), ("Context", "in"), ("Extension", "710")],
    ],
    "AttendedTransfer": [("Result", "Success"), *channel("OrigTransferer"), ("DestType", "App")],
    "BridgeEnter": [*BRIDGE, *channel()],
    "BridgeLeave": [*BRIDGE, *channel()],
    "Hold": channel(),
    "Unhold": channel(),
    "ParkedCall": [*channel("Parkee"), ("Parkinglot", "default")],
    "UserEvent": [*channel(), ("UserEvent", "Hushtape"), ("Act", "payment-began")],
    "MixMonitorStart": channel(),
    "MonitorStart": channel(),
    "MonitorStop": channel(),
    "ChanSpyStart": [*channel("Spyer"), *channel("Spyee")],
    "ChanSpyStop": [*channel("Spyer"), *channel("Spyee")],
    "ConfbridgeRecord": [("Conference", "4711"), *BRIDGE],
    "ConfbridgeStopRecord": [("Conference", "4711"), *BRIDGE],
    "ConfbridgeEnd": [("Conference", "4711"), *BRIDGE],
    "Hangup": [*channel(), ("Cause", "16"), ("Cause-txt", "Normal Clearing")],
    "Shutdown": [("Shutdown", "Cleanly"), ("Restart", "False")],
}


def event(kind: str, rest: list[tuple[str, str]]) -> list[tuple[str, str]]:
    return [("Event", kind), *HEAD[1:], *rest]


def test_every_event_that_acts_is_tried() -> None:
    assert set(WHOLE) == ACTING


@pytest.mark.parametrize("kind", WHOLE)
def test_a_whole_event_is_believed(kind: str) -> None:
    assert is_as_written(event(kind, WHOLE[kind]), stamped=True)


@pytest.mark.parametrize("kind", sorted(ACTING - {"Shutdown"}))
def test_one_that_lacks_a_line_is_not(kind: str) -> None:
    described = [
        n for n, (name, _) in enumerate(WHOLE[kind]) if name.endswith(("Uniqueid", "Exten"))
    ]
    described = [n for n in described if not WHOLE[kind][n][0].startswith("Bridge")]
    for n in described:
        assert not is_as_written(event(kind, WHOLE[kind][:n] + WHOLE[kind][n + 1 :])), WHOLE[kind][
            n
        ]


@pytest.mark.parametrize("kind", sorted(ACTING - {"UserEvent"}))
def test_one_that_says_something_twice_is_not(kind: str) -> None:
    for pair in WHOLE[kind]:
        assert not is_as_written(event(kind, [*WHOLE[kind], pair]))


def test_what_a_caller_feigns_is_not_believed() -> None:
    feigned = [("Uniqueid", "1700000000.12"), ("Q", "@trunk")]
    assert not is_as_written([("Event", "QueueCallerJoin"), *feigned], stamped=True)
    assert not is_as_written(event("QueueCallerJoin", feigned), stamped=True)
    assert not is_as_written(event("Hangup", feigned), stamped=True)
    assert not is_as_written(event("Hangup", [*BRIDGE, *channel()]), stamped=True)


def test_the_rest_of_a_channels_name_is_none() -> None:
    """79 bytes have room for a beginning and "Channel: ", and what follows is a description."""
    rest = [("Channel", "@internal-00000001;1"), *channel()[1:]]
    assert not is_as_written(event("Hangup", rest))
    assert is_as_written(event("Hangup", [("Channel", "OutgoingSpoolFailed"), *channel()[1:]]))
    assert is_as_written(event("Hangup", [("Channel", "Local/a b@c-1;1"), *channel()[1:]]))
    dest = [("DestChannel", "@internal-00000001;1"), *channel("Dest")[1:]]
    assert not is_as_written(event("DialBegin", [*dest, ("DialString", "1")]))


def test_lines_in_another_order_are_not_asterisks() -> None:
    swapped = [*channel()[:10], channel()[11], channel()[10], *channel()[12:]]
    assert not is_as_written(event("Hangup", swapped))


@pytest.mark.parametrize(
    ("head", "believed"),
    [
        ([("Event", "Hangup"), ("Privilege", "call,all")], False),
        ([("Event", "Hangup"), ("Timestamp", "1795282178.699491")], False),
        ([("Event", "Hangup"), ("Privilege", "call,all"), ("Timestamp", "1.1")], False),
        ([("Event", "Hangup"), ("Privilege", "a b"), HEAD[2]], False),
        ([("Event", "Hangup"), *HEAD[1:], ("SystemName", "pbx1")], True),
        (
            [
                *[("Event", "Hangup"), *HEAD[1:], ("SequenceNumber", "7"), ("File", "a.c")],
                *[("Line", "7"), ("Func", "f"), ("SystemName", "pbx1")],
            ],
            True,
        ),
        ([("Event", "Hangup"), *HEAD[1:], ("Odd", "1")], False),
    ],
)
def test_its_first_lines(head: list[tuple[str, str]], believed: bool) -> None:
    assert is_as_written([*head, *channel()], stamped=True) is believed


def test_without_stamps_there_are_none() -> None:
    assert is_as_written([("Event", "Hangup"), ("Privilege", "call,all"), *channel()])


def test_what_a_configuration_adds_is_no_harm() -> None:
    added = [*channel(), ("TenantID", "a"), ("ChanVariable", "x=1"), ("ChanVariable", "y=2")]
    assert is_as_written(event("Hangup", [*added, ("Cause", "16")]))
    dest = [*channel("Dest"), ("DestTenantID", "a"), ("DestChanVariable", "x=1")]
    assert is_as_written(event("DialBegin", [*added, *dest, ("DialString", "1")]))


def test_a_dialplans_arguments_are_its_own() -> None:
    odd = [("", "empty"), ("Uniqueid", "2.2"), ("Uniqueid", "3.3"), ("Event", "Hangup")]
    assert is_as_written(event("UserEvent", [*channel(), ("UserEvent", "x"), *odd]))
    assert is_as_written(event("UserEvent", [("UserEvent", "x"), ("Channel", "PJSIP/a-1")]))
    assert not is_as_written(event("UserEvent", [("Uniqueid", "1.1"), ("UserEvent", "Hushtape")]))


def test_what_nothing_follows_from_needs_its_beginning_only() -> None:
    assert is_as_written([("Event", "PeerStatus"), ("Privilege", "system,all"), ("A", "1")])
    assert is_as_written([("Event", "Item"), ("ActionID", "1"), ("A", "1")])
    assert not is_as_written([("Event", "PeerStatus"), ("A", "1")])
    assert not is_as_written([("Response", "Success"), ("ActionID", "1")])
    assert not is_as_written([("Event", "Hangup"), ("ActionID", "1"), *channel()])
    assert not is_as_written([])


@pytest.mark.parametrize(
    "line", ["Tenantid", "TenantID", "ChanVariable", "ChanVariable(PJSIP/a-1)"]
)
def test_a_channel_may_be_described_more_closely(line: str) -> None:
    """By its tenant (Asterisk 22 writes ``Tenantid``), and by ``channelvars`` in manager.conf."""
    for kind in ("Newchannel", "Hangup", "QueueCallerJoin", "UserEvent", "BridgeEnter"):
        place = [name for name, _ in WHOLE[kind]].index("Linkedid") + 1
        rest = [*WHOLE[kind][:place], (line, "acme"), *WHOLE[kind][place:]]
        assert is_as_written(event(kind, rest), stamped=True), kind


def test_a_name_changes_with_the_channels_variables() -> None:
    assert is_as_written(event("Rename", [*WHOLE["Rename"], ("ChanVariable", "A=b")]))
    assert not is_as_written(event("Rename", [*WHOLE["Rename"], ("Anything", "else")]))


def test_other_programs_events_are_theirs() -> None:
    two = [*channel("One"), *channel("Two"), ("UserEvent", "Theirs")]
    assert is_as_written(event("UserEvent", two))
    assert not is_as_written(event("UserEvent", [*two[:-1], ("UserEvent", "Hushtape")]))
