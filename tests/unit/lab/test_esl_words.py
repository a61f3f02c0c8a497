"""A FreeSWITCH's events in the words in which the scenes look at a PBX."""

from __future__ import annotations

from lab.esl_words import Headers, Words

Says = list[Headers]


def said(name: str, uuid: str, variables: Headers | None = None, **more: str) -> Says:
    """One event."""
    headers = {key.replace("_", "-"): value for key, value in more.items()}
    about = {f"variable_{key}": value for key, value in (variables or {}).items()}
    return [{"Event-Name": name, "Unique-ID": uuid, **headers, **about}]


def created(uuid: str, endpoint: str, direction: str = "inbound", number: str = "710") -> Says:
    name = f"sofia/lab/{endpoint}@127.0.0.1:5060"
    return said(
        "CHANNEL_CREATE",
        uuid,
        Channel_Name=name,
        Call_Direction=direction,
        Caller_Destination_Number=number,
    )


def bridged(
    one: str, other: str, name: str = "CHANNEL_BRIDGE", variables: Headers | None = None
) -> Says:
    return said(name, one, variables, Bridge_A_Unique_ID=one, Bridge_B_Unique_ID=other)


def heard(says: Says) -> list[Headers]:
    words = Words({})
    return [each for event in says for each in words.said(event)]


def names(says: Says) -> list[str]:
    return [each["Event"] for each in heard(says)]


TALK = created("u-caller", "caller1") + created("u-agent", "211-0x5", "outbound")
TALK += bridged("u-caller", "u-agent")


def sent_on(says: Says) -> list[tuple[str, str, str]]:
    return [
        (x["OrigTransfererChannel"], x["TransfereeUniqueid"], x.get("DestType", ""))
        for x in heard(TALK + says)
        if x["Event"] == "AttendedTransfer"
    ]


def test_a_blind_transfer_is_told_when_the_agents_leg_is_gone() -> None:
    gone = said("CHANNEL_HANGUP_COMPLETE", "u-agent", {"transfer_to": "blind:u-caller"})
    moved, hangup = heard(TALK + gone)[-2:]
    assert (moved["Event"], hangup["Event"]) == ("BlindTransfer", "Hangup")
    assert moved.get("TransfererChannel") == "PJSIP/211-uagent"
    assert moved.get("TransfereeUniqueid") == "u-caller"


SECOND = created("u-second", "211") + created("u-office", "212-0x6", "outbound")


def test_an_attended_transfer_by_refer_names_who_is_sent_and_not_whither() -> None:
    gone = said("CHANNEL_HANGUP_COMPLETE", "u-agent", {"transfer_to": "att:u-office"})
    assert sent_on(SECOND + gone) == [("PJSIP/211-uagent", "u-caller", "")]


def test_a_second_line_to_a_machine_sends_the_first_lines_caller() -> None:
    gone = said(
        "CHANNEL_HANGUP_COMPLETE",
        "u-second",
        Hangup_Cause="ATTENDED_TRANSFER",
        Call_Direction="inbound",
    )
    assert sent_on(SECOND + gone) == [("PJSIP/211-uagent", "u-caller", "")]


def test_one_that_is_sent_while_it_rings_waits_with_music() -> None:
    history = '1:x:bl_xfer:m:":endless_playback:local_stream://moh"park/internal/inline'
    part = bridged("u-caller", "u-agent", "CHANNEL_UNBRIDGE", {"transfer_history": history})
    assert sent_on(part) == [("PJSIP/211-uagent", "u-caller", "")]
    other = bridged("u-caller", "u-agent", "CHANNEL_UNBRIDGE")
    assert sent_on(other) == []


CONSULTS = said("CHANNEL_EXECUTE", "u-agent", Application="att_xfer") + SECOND
CONSULTS += bridged("u-agent", "u-office")


def test_a_consultation_by_key_and_what_becomes_of_it() -> None:
    assert "Hold" in names(TALK + CONSULTS)
    over = said("CHANNEL_EXECUTE_COMPLETE", "u-agent", Application="att_xfer")
    assert names(TALK + CONSULTS + over)[-1] == "Unhold"
    gone = said(
        "CHANNEL_EXECUTE_COMPLETE", "u-agent", Application="att_xfer", Answer_State="hangup"
    )
    assert "Unhold" not in names(TALK + CONSULTS + gone)
    assert sent_on(CONSULTS + gone + bridged("u-office", "u-caller")) == [
        ("PJSIP/211-uagent", "u-caller", "")
    ]
    three = said("CHANNEL_EXECUTE", "u-office", Application="three_way", Application_Data="u-agent")
    assert sent_on(CONSULTS + three) == [("PJSIP/211-uagent", "u-caller", "Threeway")]


def queue(action: str, uuid: str = "u-caller") -> Says:
    more = {"CC_Action": action, "CC_Queue": "help-line", "CC_Member_Session_UUID": "u-caller"}
    return said("CUSTOM", uuid, Event_Subclass="callcenter::info", CC_Agent="211", **more)


def test_an_agent_has_the_caller_when_the_two_are_bridged() -> None:
    legs = created("u-caller", "caller1") + created("u-agent", "211-0x5", "outbound")
    begun = legs + queue("member-queue-start") + queue("bridge-agent-start", "u-agent")
    assert "AgentConnect" not in names(begun)
    told = heard(begun + bridged("u-caller", "u-agent"))
    (has,) = [each for each in told if each["Event"] == "AgentConnect"]
    assert (has.get("Uniqueid"), has.get("DestChannel")) == ("u-caller", "PJSIP/211-uagent")


def test_a_call_that_a_colleague_picks_up_left_the_queue_for_him() -> None:
    legs = created("u-caller", "caller1") + created("u-office", "212")
    out = legs + queue("member-queue-start") + queue("member-queue-end")
    told = heard(out + bridged("u-office", "u-caller"))
    (has,) = [each for each in told if each["Event"] == "AgentConnect"]
    assert (has.get("Uniqueid"), has.get("DestUniqueid")) == ("u-caller", "u-office")


def test_who_is_told_something_first_has_answered_when_he_is_bridged() -> None:
    legs = created("u-agent", "211") + created("u-line", "outside1", "outbound")
    answer = said(
        "CHANNEL_ANSWER",
        "u-line",
        {"group_confirm_key": "exec"},
        Call_Direction="outbound",
        Other_Leg_Unique_ID="u-agent",
    )
    assert "DialEnd" not in names(legs + answer)
    assert "DialEnd" in names(legs + answer + bridged("u-agent", "u-line"))
