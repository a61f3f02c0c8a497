from __future__ import annotations

import random
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ami_bridge.asterisk.mask import Masker
from hushtape.config import Pbx
from hushtape.policy import numbers, parse

EXAMPLES = Path(__file__).parents[4] / "examples" / "policies"
POLICIES = parse.load_folder(EXAMPLES)
PBX = Pbx(
    kind="asterisk",
    host="127.0.0.1",
    spool="/spool",
    outside_contexts=("from-outside",),
    queues={"611": "surrey-contact-centre", "60000": "queue-12345"},
    extensions=("2XX", "710"),
    outside=("90.",),
    outside_prefix="9",
)
CALLER = "07900123001"
PARTNER = "02079460010"  # policies/surrey.toml names it


@pytest.fixture
def masker() -> Masker:
    return Masker(PBX, POLICIES, random.Random(1))


def masked(masker: Masker, *lines: str) -> list[str]:
    """Mask a frame, and return the values."""
    text = masker.mask("\r\n".join(lines).encode()).decode()
    assert [line.partition(":")[0] for line in text.split("\r\n")] == [
        line.partition(":")[0] for line in lines
    ]
    return [line.partition(":")[2].removeprefix(" ") for line in text.split("\r\n")]


def one(masker: Masker, header: str, value: str) -> str:
    return masked(masker, "Event: Newstate", f"{header}: {value}")[1]


def test_a_caller_has_another_number_and_name_the_same_each_time(masker: Masker) -> None:
    number = one(masker, "CallerIDNum", CALLER)
    name = one(masker, "CallerIDName", "Zoë O'Hara-Šimůnek 📞")
    assert number != CALLER
    assert (number.isdigit(), len(number)) == (True, len(CALLER))
    first, last, sign = name.split(" ")
    assert (first, last, sign) != ("Zoë", "O'Hara-Šimůnek", "📞")
    assert [len(each.encode()) for each in (first, last, sign)] == [4, 16, 4]
    assert (last[1], last[6]) == ("'", "-")
    for header in ("ConnectedLineNum", "DestCallerIDNum", "TransfereeConnectedLineNum"):
        assert one(masker, header, CALLER) == number
    assert one(masker, "ConnectedLineName", f"{CALLER} Zoë") == f"{number} {first}"
    assert one(masker, "CallerIDNum", "07900123002") != number
    assert one(masker, "CallerIDNum", "+44 7900 123-001")[:1] == "+"


@pytest.mark.parametrize(
    ("header", "value"),
    [
        ("CallerIDNum", "211"),
        ("CallerIDNum", "<unknown>"),
        ("CallerIDName", "<unknown>"),
        ("CallerIDName", "Anonymous"),
        ("CallerIDName", ""),
        ("ConnectedLineNum", PARTNER),
        ("Exten", "611"),
        ("Exten", "60000"),
        ("Exten", "s"),
        ("Extension", "9" + PARTNER),
        ("Channel", "PJSIP/211-00000005"),
        ("Channel", "Local/211@internal-0000000b;2"),
        ("Newname", "PJSIP/trunk-12345678<ZOMBIE>"[:20]),
        ("Uniqueid", "pbx1-1795283075.5"),
        ("TransferTargetLinkedid", "1795283075.5"),
        ("BridgeUniqueid", "0f64c1f0-5b6b-4d42-8f13-123456789012"),
        ("ToBridgeType", "basic"),
        ("Queue", "queue-12345"),
        ("Data", "queue-12345,t"),
        ("Interface", "PJSIP/211"),
        ("MemberName", "PJSIP/211"),
        ("Timestamp", "1795283075.287190"),
        ("LastCall", "1795283075"),
        ("MixMonitorID", "0x7f3a80022dc0"),
        ("Variable", "HUSHTAPE_CALL=20261121-171502-k3f9x2m7 recorded"),
        ("Variable", "CALLERNAME=(null)"),
    ],
)
def test_what_a_translation_needs_stays(masker: Masker, header: str, value: str) -> None:
    assert one(masker, header, value) == value


@pytest.mark.parametrize(
    ("header", "value", "secret"),
    [
        ("Exten", f"9{CALLER}", CALLER),
        ("Extension", CALLER, CALLER),
        ("Channel", f"PJSIP/{CALLER}-0000000b", CALLER),
        ("TransferTargetChannel", f"Local/9{CALLER}@internal-0000000b;1", CALLER),
        ("DialString", f"trunk/sip:{CALLER}@carrier.example", CALLER),
        ("Data", f"PJSIP/trunk/sip:zoe.hara@carrier.example,30,g({CALLER})", "zoe"),
        ("ApplicationData", f"PJSIP/{CALLER}@trunk,30", CALLER),
        ("DNID", f"9{CALLER}", CALLER),
        ("Device", f"PJSIP/{CALLER}", CALLER),
        ("MemberName", "Zoë Šimůnek", "Zoë"),
        ("AgentName", "Zoë Šimůnek", "Zoë"),
        ("AccountCode", "account-77", "account"),
        ("CallerIDNum", "zoe.hara", "zoe"),
        ("CallerIDNum", "+44 7900 123001", "7900 123001"),
        ("Variable", "CUSTOMER=Zoë, 4 High Street", "High"),
        ("Variable", CALLER, CALLER),
        ("Digit", "4242424242424242", "4242424242424242"),
        ("Whatever", "Zoë, born 1990", "1990"),
        ("MyUniqueid", "Zoë", "Zoë"),
        ("Reference", "AB 12 34 56 C", "12 34"),
        ("Value", "Zoë", "Zoë"),
        ("Act", "Zoë", "Zoë"),
        ("Message", "Zoë rang", "Zoë"),
    ],
)
def test_what_it_does_not_need_is_masked(
    masker: Masker, header: str, value: str, secret: str
) -> None:
    hidden = one(masker, header, value)
    assert secret not in hidden
    assert len(hidden.encode()) == len(value.encode())


def test_a_made_up_number_leads_where_the_real_one_led(masker: Masker) -> None:
    out = one(masker, "Exten", f"9{CALLER}")
    assert numbers.matches("90.", out)
    assert out == "9" + one(masker, "ConnectedLineNum", CALLER)
    made_up = {one(masker, "CallerIDNum", f"0790012{n:04d}") for n in range(500)}
    assert len(made_up) == 500
    assert not any(numbers.matches("90.", number) for number in made_up)


def test_no_two_numbers_become_the_same(masker: Masker) -> None:
    real = [f"7{n:04d}" for n in range(1000)]
    assert len({one(masker, "CallerIDNum", number) for number in real}) == len(real)


def test_a_pattern_that_is_open_does_not_make_everybody_ours() -> None:
    open_ = Pbx(
        kind="asterisk",
        host="h",
        spool="/spool",
        outside_contexts=("from-outside",),
        extensions=("X.",),
    )
    masker = Masker(open_, ())
    assert one(masker, "CallerIDNum", CALLER) != CALLER
    assert one(masker, "CallerIDNum", "123456") == "123456"  # an extension, as far as we know
    assert numbers.matches("X.", one(masker, "Exten", CALLER))


def test_a_number_of_which_the_configuration_knows_every_digit_stays() -> None:
    named = Pbx(
        kind="asterisk",
        host="h",
        spool="/spool",
        outside_contexts=("from-outside",),
        outside=(CALLER,),
    )
    assert one(Masker(named, ()), "Exten", CALLER) == CALLER


def test_the_number_that_a_caller_dials_is_the_services_own(masker: Masker) -> None:
    ours = "01632960123"
    assert one(masker, "ConnectedLineNum", "01632960124") != "01632960124"
    lines = ("Event: Newchannel", f"CallerIDNum: {CALLER}", "Context: from-outside")
    hidden = masked(masker, *lines, f"Exten: {ours}")
    assert hidden[3] == ours
    assert hidden[1] != CALLER
    assert one(masker, "DNID", ours) == ours
    inside = masked(masker, "Event: Newchannel", "Context: internal", f"Exten: 9{CALLER}")
    assert CALLER not in inside[2]


def test_what_a_policy_names_is_known_in_any_spelling(masker: Masker) -> None:
    for spelling in ("442079460010", "00442079460010", "02079460010"):
        assert one(masker, "ConnectedLineNum", spelling) == spelling


def test_a_queue_is_known_by_its_events(masker: Masker) -> None:
    assert one(masker, "Data", "desk-54321,t") != "desk-54321,t"
    masked(masker, "Event: QueueCallerJoin", "Queue: desk-12321")
    assert one(masker, "Data", "desk-12321,t") == "desk-12321,t"


def test_what_the_dialplan_says_to_us_stays(masker: Masker) -> None:
    event = ("Event: UserEvent", "UserEvent: Hushtape", "Act: opt-out", "By: caller")
    assert masked(masker, *event)[1:] == ["Hushtape", "opt-out", "caller"]
    other = masked(masker, "Event: UserEvent", "UserEvent: Survey", "Act: opt-out", "Age: 47")
    assert (other[1], other[2] != "opt-out", other[3] != "47") == ("Survey", True, True)


def test_an_answer_to_us_stays(masker: Masker) -> None:
    refused = masked(masker, "Response: Error", "Message: Could not stop monitoring channel")
    assert refused == ["Error", "Could not stop monitoring channel"]
    lease = masked(
        masker, "Response: Success", "Variable: HUSHTAPE_BRIDGE", "Value: ab;2026-11-21;left"
    )
    assert lease[1:] == ["HUSHTAPE_BRIDGE", "ab;2026-11-21;left"]


def test_single_keys_are_no_cipher(masker: Masker) -> None:
    assert len({one(masker, "Digit", "4") for _ in range(100)}) > 1


def test_a_line_that_is_no_header_is_masked(masker: Masker) -> None:
    hidden = masker.mask(b"Event: A\r\nZoe 07900123001\r\nB:c").split(b"\r\n")
    assert hidden[0] == b"Event: A"
    assert b"Zoe" not in hidden[1]
    assert CALLER.encode() not in hidden[1]
    assert hidden[2].startswith(b"B:")
    assert len(hidden[2]) == 3


def test_invalid_utf8_stays_invalid_and_as_long(masker: Masker) -> None:
    hidden = masker.mask(b"CallerIDName: Zo\xeb \xe2\x82\x00")
    assert len(hidden) == 21
    assert b"Zo\xeb" not in hidden
    with pytest.raises(UnicodeDecodeError):
        hidden.decode()


def test_a_number_that_breaks_its_line_begins_no_header(masker: Masker) -> None:
    """Run on Asterisk 22 by others: see forgery.py."""
    channel = (
        b"Event: Newstate\r\nChannel: PJSIP/a-00000001\r\nChannelState: 4\r\n"
        b"ChannelStateDesc: Ring\r\nCallerIDNum: 07900123001\r\nExten: 07900123001\r\n"
        b"CallerIDName: a\r\nConnectedLineNum: <unknown>\r\nConnectedLineName: <unknown>\r\n"
        b"Language: en\r\nAccountCode: \r\nContext: from-outside\r\nExten: 601\r\nPriority: 1\r\n"
        b"Uniqueid: 1.1\r\nLinkedid: 1.1"
    )
    hidden = masker.mask(channel)
    assert len(hidden) == len(channel)
    assert hidden.count(b"\r\n") == channel.count(b"\r\n") - 1
    assert CALLER.encode() not in hidden


TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\r\n"), max_size=40)


@settings(max_examples=100)
@given(
    st.lists(
        st.one_of(
            st.tuples(st.sampled_from(["CallerIDName", "Exten", "Channel", "Data", "X"]), TEXT),
            st.tuples(TEXT, TEXT),
        ),
        max_size=6,
    )
)
def test_any_frame_keeps_its_length_and_its_lines(pairs: list[tuple[str, str]]) -> None:
    masker = Masker(PBX, POLICIES)
    raw = "\r\n".join(f"{name}: {value}" for name, value in pairs).encode()
    hidden = masker.mask(raw)
    assert len(hidden) == len(raw)
    assert hidden.count(b"\r\n") == raw.count(b"\r\n")


@settings(max_examples=100)
@given(st.binary(max_size=200))
def test_nothing_that_comes_raises(raw: bytes) -> None:
    assert len(Masker(PBX, ()).mask(raw)) == len(raw)
