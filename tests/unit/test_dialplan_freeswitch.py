"""What is shipped for FreeSWITCH says what the bridge understands, and nothing a caller chose.

Read as FreeSWITCH reads it, without one. tests/freeswitch tries it on a real one.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from ami_bridge.freeswitch import said
from ami_bridge.variables import OPT_OUT_VARIABLE, PAYMENT_VARIABLE
from hushtape.policy.schema import Asker, PaymentWay, Permission
from tests.freeswitch_dialplan import (
    ALL,
    CONTEXT,
    EXTENSIONS,
    TEXT,
    call,
    condition,
    every_step,
    steps,
)

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "freeswitch.md").read_text(encoding="utf-8")

ACTS = {
    "opt-out": {str(each) for each in Asker},
    "permission": {str(Asker.AGENT), str(Permission.ANNOUNCEMENT)},
    "payment-began": {str(PaymentWay.KEY), str(PaymentWay.DIALPLAN)},
    "payment-ended": {str(PaymentWay.KEY), str(PaymentWay.DIALPLAN)},
    "silence": {str(PaymentWay.DIALPLAN), str(PaymentWay.TRANSFER)},
}
WAYS = {PaymentWay.KEY, PaymentWay.DIALPLAN, PaymentWay.TRANSFER}
# All of them in mod_dptools.
APPLICATIONS = {
    *("answer", "bind_digit_action", "bridge", "digit_action_set_realm", "event"),
    *("execute_extension", "hangup", "playback", "pre_answer", "read", "set"),
    *("sleep", "stop_record_session", "unset"),
}
# What may be put into a text: our own, the administrator's, and what FreeSWITCH itself makes.
OUR_OWN = {"HUSHTAPE_AGENT", "HUSHTAPE_KEYS", "HUSHTAPE_PAYMENT", "HUSHTAPE_SILENCE"}
OUR_OWN |= {"HUSHTAPE_SILENT", "hushtape_key_by", "hushtape_nonce", "hushtape_noted"}
OUR_OWN |= {"hushtape_played", "hushtape_rung"}
ADMINISTRATORS = {"hushtape_key", "hushtape_line", "hushtape_message", "hushtape_queue"}
ADMINISTRATORS |= {"hushtape_sound", "hushtape_wait"}
DIRECTORYS = {"dialed_domain", "dialed_user", "domain_name", "user_name"}
# A digit at most; whose leg, or half of what, it is; whom it talks to; what an application said.
FREESWITCHS = {"bridge_uuid", "current_application_response", "direction", "hushtape_pressed"}
FREESWITCHS |= {"last_bridge_to", "loopback_leg", "signal_bond", "uuid"}
EXPANDED = OUR_OWN | ADMINISTRATORS | DIRECTORYS | FREESWITCHS
# What SIP says (headers, parameters, users) comes into variables with such names.
A_TELEPHONES = ("sip_", "chan_name", "caller_id_", "destination_number", "presence_id")
# A dialled user is one of the directory's; in a text only where a pattern has let it through.
API_CALLS = {
    "create_uuid()",
    "strepoch()",
    "uuid_setvar($1 HUSHTAPE_AGENT ${uuid} ${hushtape_rung})",
    "uuid_setvar($1 hushtape_key_by ${uuid})",
    "uuid_record($1 stop all)",
    "uuid_broadcast($1 'execute_extension::hushtape-peer-began XML hushtape' aleg)",
    "uuid_broadcast($1 'execute_extension::hushtape-peer-ended XML hushtape' aleg)",
    "uuid_getvar(${other_loopback_leg_uuid} signal_bond)",  # on half of a loopback channel alone
}
EVENTS = [(name, data) for name, application, data in every_step() if application == "event"]


# ---------------------------------------------------------------- form


@pytest.mark.parametrize("name", ALL)
def test_an_extension_answers_to_its_own_name_alone(name: str) -> None:
    first = EXTENSIONS[name].find("condition")
    assert first is not None
    assert (first.get("field"), first.get("expression")) == ("destination_number", f"^{name}$")
    assert first.get("break") is None
    assert EXTENSIONS[name].get("continue") is None


@pytest.mark.parametrize("name", ALL)
def test_every_extension_has_a_comment(name: str) -> None:
    before, _, after = TEXT.partition(f'    <extension name="{name}">\n')
    assert before.endswith("-->\n") or after.lstrip().startswith("<!--"), name


def test_every_step_is_an_application_or_an_extension_that_there_is() -> None:
    for name, application, data in every_step():
        assert application in APPLICATIONS, f"{name}: {application}"
        if application == "execute_extension" and data != "${hushtape_queue}":
            called, _, where = data.partition(" ")
            assert called in EXTENSIONS, f"{name}: {called}"
            assert where == CONTEXT, f"{name}: {data}"


def test_nothing_in_it_is_preprocessed_nor_inherited() -> None:
    assert "X-PRE-PROCESS" not in TEXT  # FreeSWITCH carries it out in a comment, too
    assert "$${" not in TEXT
    applications = {application for _, application, _ in every_step()}
    assert not applications & {"export", "bridge_export", "set_global", "record_session"}
    assert "_HUSHTAPE" not in "".join(data for _, _, data in every_step())


# ---------------------------------------------------------------- nothing that a caller can choose


def _texts() -> list[tuple[str, str]]:
    found = [(name, data) for name, _, data in every_step()]
    for name in ALL:
        for each in EXTENSIONS[name].findall("condition"):
            found += [(name, each.get("field", "")), (name, each.get("expression", ""))]
    return found


@pytest.mark.parametrize(("name", "text"), [each for each in _texts() if "$" in each[1]])
def test_no_text_holds_what_a_caller_can_choose(name: str, text: str) -> None:
    for api in API_CALLS:
        text = text.replace(f"${{{api}}}", "")
    held = re.findall(r"\$\{([^}]*)\}", text)
    assert set(held) <= EXPANDED, f"{name}: {text}"


def test_no_telephone_can_say_what_stands_in_a_variable_that_is_used() -> None:
    used = {name for _, text in _texts() for name in re.findall(r"\$\{(\w+)", text)}
    assert used >= EXPANDED, "of no use any more"
    assert not [name for name in used if name.startswith(A_TELEPHONES)]


def test_no_pattern_is_made_of_a_variable() -> None:
    for name in ALL:
        for each in EXTENSIONS[name].iter("condition"):
            assert "${" not in each.get("expression", ""), name


def test_only_what_a_pattern_has_let_through_is_used_in_a_command() -> None:
    uses = {name for name, _, data in every_step() if re.search(r"\$\{\w+\([^)]", data)}
    assert uses == {
        *("hushtape-agent-noted", "hushtape-marked"),
        *("hushtape-behind-began", "hushtape-behind-ended"),
    }
    uuids = [
        *(condition("hushtape-agent-noted", at) for at in (2, 3)),
        *(condition("hushtape-marked", at) for at in (1, 2)),
        *(condition(f"hushtape-behind-{what}") for what in ("began", "ended")),
    ]
    uuid = "0b5a1cbe-0d5e-4a2e-9d3b-0e6a4b7f8c91"
    for asked in uuids:
        assert asked.search(uuid)
        for bad in (
            *(f"{uuid} x", f"x {uuid}", f"{uuid})}}${{system(x)", "", "x"),
            *(f"{uuid[:-1]}g", uuid.upper()),
        ):
            assert not asked.search(bad)
    rung = condition("hushtape-agent-noted")
    assert rung.search("user/201@pbx.example")
    for bad in (
        "user/201@pbx,error/x",
        "user/2 01@pbx",
        "[a=b]user/201@pbx",
        "user/${x}@pbx",
        "user/201",
    ):
        assert not rung.search(bad)


@pytest.mark.parametrize(
    ("agent", "rung"),
    [
        *(("user/201@pbx.example", True), ("user/o.hara-1@pbx", True), ("user/201", False)),
        *(("user/201@pbx|user/202@pbx", False), ("sofia/gateway/x/1", False), ("", False)),
        *(("[leg_timeout=1]user/201@pbx", False), ("user/201@pbx,user/202@pbx", False)),
    ],
)
def test_only_the_last_agents_plain_telephone_is_rung_back(agent: str, rung: bool) -> None:
    one, other = "0b5a1cbe-0d5e-4a2e-9d3b-0e6a4b7f8c91", "1b5a1cbe-0d5e-4a2e-9d3b-0e6a4b7f8c91"
    asked = condition("hushtape-agent-again")
    assert bool(asked.search(f"{one} {agent} {one}")) is rung
    assert not asked.search(f"{one} {agent} {other}"), "he has talked with somebody else since"
    assert not asked.search(f"{one} {agent} ")


# ---------------------------------------------------------------- what is told


@pytest.mark.parametrize(("name", "data"), EVENTS)
def test_an_event_is_a_fixed_text_that_the_bridge_understands(name: str, data: str) -> None:
    headers = dict(header.split("=") for header in data.split(","))
    assert headers.pop("Event-Name") == "CUSTOM"
    assert headers.pop("Event-Subclass") == said.OWN_EVENT
    act, by = headers.pop("Hushtape-Act"), headers.pop("Hushtape-By")
    assert by in ACTS[act], name
    nonce = {"Hushtape-Nonce": "${hushtape_nonce}"} if act == "silence" else {}
    assert headers == nonce


def test_every_event_that_the_bridge_understands_is_shipped() -> None:
    told = "\n".join(data for _, data in EVENTS)
    for act, askers in ACTS.items():
        for by in askers:
            assert f"Hushtape-Act={act},Hushtape-By={by}" in told


def test_the_variables_are_those_that_the_bridge_reads() -> None:
    assert ("set", f"{OPT_OUT_VARIABLE}=yes") in steps("hushtape-opt-out")
    assert ("unset", PAYMENT_VARIABLE) in steps("hushtape-noted-end")
    for way in WAYS:
        noted = f"{PAYMENT_VARIABLE}=began:${{strepoch()}}:{way}"
        assert steps(f"hushtape-noted-{way}") == [("set", noted)]
        empty = condition(f"hushtape-noted-{way}")
        assert empty.search("")
        assert not empty.search("began:1:key"), "a second beginning would be newer"


# ---------------------------------------------------------------- keys

KEYS = {
    "*71": ("hushtape-key-opt-out", "self"),
    "*72": ("hushtape-key-permission", "self"),
    "*73": ("hushtape-key-began", "both"),
    "*74": ("hushtape-key-ended", "both"),
}


def test_a_key_is_heard_on_the_agents_own_leg_and_acts_where_it_should() -> None:
    given = steps("hushtape-agent-keys", "anti-action")
    bound = [data.split(",") for application, data in given if application == "bind_digit_action"]
    assert {key: (run, acts) for _, key, _, run, _, acts in bound} == {
        key: (f"{name} {CONTEXT}", acts) for key, (name, acts) in KEYS.items()
    }
    assert {(realm, how, listens) for realm, _, how, _, listens, _ in bound} == {
        ("hushtape", "exec[i]:execute_extension", "self")
    }
    assert given[0] == ("set", "HUSHTAPE_KEYS=${uuid}")
    assert given[-1] == ("digit_action_set_realm", "hushtape")


def test_keys_belong_to_the_channel_that_they_were_given_to() -> None:
    whose = EXTENSIONS["hushtape-agent-keys"].findall("condition")[2]
    assert whose.get("field") == "${HUSHTAPE_KEYS} ${uuid}"
    given = condition("hushtape-agent-keys", 2)
    assert given.search("one one")
    assert not given.search(" one"), "no keys"
    assert not given.search("one other"), "somebody else's, copied"


@pytest.mark.parametrize("what", ["began", "ended"])
def test_the_mark_tells_on_whose_channel_a_key_acts(what: str) -> None:
    asked = EXTENSIONS[f"hushtape-key-{what}"].findall("condition")[1]
    assert asked.get("field") == "${hushtape_key_by} ${signal_bond}"
    own = condition(f"hushtape-key-{what}")
    assert own.search("one one"), "marked by whom he talks to: his own"
    assert not own.search(" one"), "not marked"
    assert not own.search("one other"), "marked in another talk"
    assert not own.search(" ")
    assert steps(f"hushtape-key-{what}", "anti-action") == [
        call("hushtape-marked"),
        call(f"hushtape-marked-{what}"),
    ]
    assert steps(f"hushtape-key-{what}")[0] == ("unset", "hushtape_key_by")


@pytest.mark.parametrize("what", ["began", "ended"])
def test_who_has_keys_and_nobody_to_talk_to_is_on_his_own_channel(what: str) -> None:
    asked = EXTENSIONS[f"hushtape-marked-{what}"].findall("condition")[1]
    assert asked.get("field") == "${HUSHTAPE_KEYS} ${uuid} ${hushtape_noted}"
    alone = condition(f"hushtape-marked-{what}")
    assert alone.search("one one ")
    assert alone.search("one one -ERR No such channel!")
    assert not alone.search("one one +OK"), "he is whom the other talks to"
    assert not alone.search(" one "), "no keys"
    assert not alone.search("one other "), "somebody else's, copied"
    assert steps(f"hushtape-marked-{what}", "anti-action") == [call(f"hushtape-peer-{what}")]
    forgets = [("unset", "hushtape_noted")]
    assert steps("hushtape-marked", "anti-action") == 2 * forgets, "what a mark of old said"


def test_a_key_stops_what_records_on_the_agents_own_leg_too() -> None:
    stop = ("stop_record_session", "all")
    assert steps("hushtape-key-began")[-1] == stop
    assert steps("hushtape-marked-began") == [stop]
    assert stop not in steps("hushtape-key-ended") + steps("hushtape-marked-ended")


def test_the_inner_end_of_a_loopback_channel_gets_no_keys() -> None:
    inner = EXTENSIONS["hushtape-agent-keys"].findall("condition")[1]
    assert (inner.get("field"), inner.get("break")) == ("${loopback_leg}", "on-true")
    assert re.search(inner.get("expression", ""), "B")
    assert not re.search(inner.get("expression", ""), "A")
    assert not re.search(inner.get("expression", ""), "")
    assert not inner.findall("action")


def test_what_a_caller_may_name_tells_no_loopback_channel() -> None:
    fields = {name: [each.get("field", "") for each in EXTENSIONS[name]] for name in ALL}
    assert not [name for name, asked in fields.items() if "chan_name" in "".join(asked)]


@pytest.mark.parametrize("what", ["began", "ended"])
def test_what_is_done_on_half_of_a_loopback_channel_is_done_behind_it(what: str) -> None:
    asked = EXTENSIONS[f"hushtape-peer-{what}"].findall("condition")[1]
    assert asked.get("field") == "${loopback_leg}"
    half = condition(f"hushtape-peer-{what}")
    assert [bool(half.search(leg)) for leg in ("A", "B", "", "C")] == [True, True, False, False]
    behind = call(f"hushtape-behind-{what}")
    done = [(each.get("application"), each.get("data")) for each in asked.findall("action")]
    assert done == [behind]
    assert [name for name, *step in every_step() if tuple(step) == behind] == [
        f"hushtape-peer-{what}"
    ], "nobody else may: it trusts the other half's uuid"
    *before, (_, passed_on) = steps(f"hushtape-behind-{what}")
    assert f"'execute_extension::hushtape-peer-{what} {CONTEXT}'" in passed_on
    stops = [("set", "hushtape_noted=${uuid_record($1 stop all)}")]
    assert before == (stops if what == "began" else [])


# ---------------------------------------------------------------- announcements


@pytest.mark.parametrize(
    ("pressed", "wanted", "opts_out"),
    [("9", "9", True), ("*", "*", True), ("5", "9", False), ("", "9", False), ("", "", False)],
)
def test_only_the_announced_key_opts_out(pressed: str, wanted: str, opts_out: bool) -> None:
    asked = EXTENSIONS["hushtape-pressed"].findall("condition")[1]
    assert asked.get("field") == "${hushtape_pressed} ${hushtape_key}"
    assert bool(condition("hushtape-pressed").search(f"{pressed} {wanted}")) is opts_out


def test_a_pressed_key_is_forgotten() -> None:
    done = steps("hushtape-announcement")
    (read,) = (at for at, (application, _) in enumerate(done) if application == "read")
    assert ("unset", "hushtape_pressed") in done[:read]
    assert ("unset", "hushtape_pressed") in done[read:]


@pytest.mark.parametrize(
    ("response", "told"),
    [("FILE PLAYED", True), ("FILE NOT FOUND", False), ("PLAYBACK ERROR", False), ("", False)],
)
def test_an_announcement_counts_only_if_it_was_played(response: str, told: bool) -> None:
    asked = EXTENSIONS["hushtape-told-all"].findall("condition")[1]
    assert asked.get("field") == "${hushtape_played}"
    assert bool(condition("hushtape-told-all").search(response)) is told
    told_about = steps("hushtape-told")
    played = ("set", "hushtape_played=${current_application_response}")
    assert told_about[told_about.index(played) - 1][0] == "playback"


# ---------------------------------------------------------------- the documentation


def test_the_documentation_names_what_there_is() -> None:
    named = set(re.findall(r"(hushtape-[a-z-]+) XML hushtape", PAGE))
    assert named <= set(EXTENSIONS)
    offered = {"announcement", "opt-out", "agent-keys", "told", "payment-line", "guard"}
    offered |= {"guard-transfer", "turned-back", "payment-began", "payment-ended"}
    assert {f"hushtape-{one}" for one in offered} <= named
    assert set(re.findall(r"`(\*7\d)` \(", PAGE)) == set(KEYS)
    variables = set(re.findall(r"`(hushtape_[a-z]+)`", PAGE))
    assert variables == ADMINISTRATORS
