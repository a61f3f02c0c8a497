"""What is shipped for the dialplan says what the bridge understands, and no words of callers."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from ami_bridge.asterisk import said
from ami_bridge.variables import OPT_OUT_VARIABLE
from hushtape.policy.schema import Asker, PaymentWay, Permission

ROOT = Path(__file__).parents[2]
FILES = sorted((ROOT / "dialplan" / "asterisk").glob("*.conf"))
DIALPLAN = ROOT / "dialplan" / "asterisk" / "hushtape.conf"
FEATURES = ROOT / "dialplan" / "asterisk" / "hushtape-features.conf"
PAYMENT_ACTS = ("payment-began", "payment-ended")
PAYMENT_WAYS = {str(PaymentWay.KEY), str(PaymentWay.DIALPLAN)}
ACTS = {
    "opt-out": {str(each) for each in Asker},
    "permission": {str(Asker.AGENT), str(Permission.ANNOUNCEMENT)},
    **dict.fromkeys(PAYMENT_ACTS, PAYMENT_WAYS),
}
BY = '${IF($["${ARG1}"="transfer"]?transfer:dialplan)}'  # one of two fixed words
QUESTION = f"Hushtape,Act: silence,By: {BY},Nonce: ${{nonce}}"
LONGEST_WAIT_S = 2.0  # for the bridge's answer
# Of Asterisk 16 to 22, none of them in a module that one of these versions lacks.
APPLICATIONS = {
    *("Answer", "Busy", "Dial", "ExecIf", "Gosub", "Goto", "GotoIf", "Hangup", "Playback"),
    *("Progress", "Queue", "Read", "Return", "SendDTMF", "Set", "StopMixMonitor", "UserEvent"),
    "Wait",
}


def code(path: Path) -> str:
    lines = path.read_text(encoding="utf-8").splitlines()
    return "\n".join(line for line in lines if not line.startswith(";"))


def parse(text: str) -> dict[tuple[str, str], list[tuple[str, str, str]]]:
    """Take a dialplan apart: (context, extension) -> (label, application, arguments) in order."""
    found: dict[tuple[str, str], list[tuple[str, str, str]]] = {}
    context, steps = "", []
    for line in text.splitlines():
        if head := re.fullmatch(r"\[([a-z-]+)\]", line):
            context = head[1]
        elif step := re.fullmatch(
            r"(?:exten => ([\w-]+),1| same => n(?:\((\w+)\))?),(\w+)\((.*)\)", line
        ):
            exten, label, application, arguments = step.groups()
            if exten:
                steps = found.setdefault((context, exten), [])
            steps.append((label or "", application, arguments))
        else:
            assert not line.strip(), f"neither a context nor a step: {line}"
    return found


STEPS = parse(code(DIALPLAN))


def texts(context: str, exten: str = "s") -> list[str]:
    """The steps of an extension, as they are written."""
    return [f"{application}({arguments})" for _, application, arguments in STEPS[context, exten]]


def labels(context: str, exten: str = "s") -> dict[str, int]:
    """Label -> its place among the steps."""
    return {label: at for at, (label, _, _) in enumerate(STEPS[context, exten]) if label}


EVENTS = [
    (path.name, found)
    for path in FILES
    for found in re.findall(r"UserEvent\((.*)\)$", code(path), re.MULTILINE)
]


@pytest.mark.parametrize(("file", "words"), EVENTS)
def test_a_user_event_is_a_fixed_text_that_the_bridge_understands(file: str, words: str) -> None:
    if words == QUESTION:  # its nonce is made of digits: see the guard
        return
    found = re.fullmatch(r"(\w+),Act: ([a-z-]+),By: ([a-z]+)", words)
    assert found is not None, f"{file}: {words}"
    name, act, by = found.groups()
    assert name == said.OWN_EVENT
    assert by in ACTS[act]


def test_every_event_that_the_bridge_understands_is_shipped() -> None:
    said = "\n".join(words for _, words in EVENTS)
    for act, askers in ACTS.items():
        for by in askers:
            assert f"Act: {act},By: {by}" in said


def test_the_variable_of_an_opt_out_is_the_one_that_the_bridge_reads() -> None:
    assert f"Set({OPT_OUT_VARIABLE}=yes)" in code(ROOT / "dialplan/asterisk/hushtape.conf")


def test_the_documentation_names_what_there_is() -> None:
    page = (ROOT / "docs" / "asterisk.md").read_text(encoding="utf-8")
    shipped = "\n".join(code(path) for path in FILES)
    named = set(re.findall(r"Gosub\((hushtape-[a-z-]+)|[(bU]\((hushtape-[a-z-]+)\^", page))
    contexts = {first or second for first, second in named}
    assert contexts >= {"hushtape-announcement", "hushtape-opt-out", "hushtape-agent-keys"}
    assert contexts <= set(re.findall(r"^\[(hushtape-[a-z-]+)\]", shipped, re.MULTILINE))
    features = set(re.findall(r"^(hushtape-[a-z-]+) => (\*\d+),", shipped, re.MULTILINE))
    assert {key for _, key in features} == set(re.findall(r"`(\*7\d)` \(", page))
    given = re.findall(r"hushtape-opt-out#hushtape-permission", shipped)
    assert given
    by_agent = {"hushtape-opt-out", "hushtape-permission"}
    payment = {f"hushtape-{act}" for act in PAYMENT_ACTS}
    assert {name for name, _ in features} == by_agent | payment
    # What an endpoint may be given instead, and what the subroutine gives: all of them, either way.
    whole = "#".join(["hushtape-opt-out", "hushtape-permission", *sorted(payment)])
    assert f"set_var = DYNAMIC_FEATURES={whole}" in DIALPLAN.read_text(encoding="utf-8")
    assert f"#{'#'.join(sorted(payment))})" in shipped


def test_every_step_can_be_reached_by_name() -> None:
    for (context, exten), steps in STEPS.items():
        known = labels(context, exten)
        for _, application, arguments in steps:
            assert application in APPLICATIONS, application
            if application == "Gosub":
                called = re.match(r"([a-z-]+),(\w+),1", arguments)
                assert called is not None, arguments
                assert called.groups() in STEPS
            elif application == "GotoIf":
                assert set(arguments.rpartition("]?")[2].split(":")) <= set(known), arguments
            elif application == "Goto":
                assert arguments in known
        assert steps[-1][1] == "Return", f"{context},{exten} does not come back"


def test_nothing_of_a_payment_is_inherited_by_another_channel() -> None:
    assert "_HUSHTAPE" not in code(DIALPLAN)
    assert "Set(GLOBAL" not in code(DIALPLAN)


@pytest.mark.parametrize("exten", ["s", "key"])
def test_a_payment_is_noted_then_silent_then_told(exten: str) -> None:
    way = PaymentWay.KEY if exten == "key" else PaymentWay.DIALPLAN
    began = texts("hushtape-payment-began", exten)
    paused = began.index(f"Gosub(hushtape-pause,s,1({way}))")
    assert paused < began.index(f"UserEvent(Hushtape,Act: payment-began,By: {way})")
    pause = texts("hushtape-pause")
    # EPOCH knows no time zone, as %s does; it comes first, so that the two make no later moment.
    noted = "Set(HUSHTAPE_PAYMENT=began:${EPOCH}.${STRFTIME(,UTC,%3q)}:${ARG1})"
    assert pause.index(noted) < pause.index("StopMixMonitor()")
    assert "%s" not in code(DIALPLAN)


def test_a_second_beginning_keeps_the_first_one_s_time_and_stops_again() -> None:
    assert texts("hushtape-pause")[0] == 'GotoIf($["${HUSHTAPE_PAYMENT}"!=""]?stop)'
    pause, at = texts("hushtape-pause"), labels("hushtape-pause")
    assert "StopMixMonitor()" in pause[at["stop"] :]
    assert not any("HUSHTAPE_PAYMENT=" in step for step in pause[at["stop"] :])


@pytest.mark.parametrize("exten", ["s", "key"])
def test_the_end_of_a_payment_empties_its_note_before_it_is_told(exten: str) -> None:
    way = PaymentWay.KEY if exten == "key" else PaymentWay.DIALPLAN
    ended = texts("hushtape-payment-ended", exten)
    told = ended.index(f"UserEvent(Hushtape,Act: payment-ended,By: {way})")
    assert ended.index("Gosub(hushtape-note-end,s,1)") < told
    noted = texts("hushtape-note-end")
    paid = "Set(HUSHTAPE_PAID=${HUSHTAPE_PAYMENT}:${EPOCH}.999)"
    assert noted.index(paid) < noted.index("Set(HUSHTAPE_PAYMENT=)")
    assert noted[0] == 'GotoIf($["${HUSHTAPE_PAYMENT}"=""]?back)', (
        "else an older one is overwritten"
    )


@pytest.mark.parametrize("act", PAYMENT_ACTS)
def test_a_key_acts_on_the_agents_peer_and_only_if_the_agent_pressed_it(act: str) -> None:
    entry = rf"^hushtape-{act} => (\*\d+),peer,Gosub\(hushtape-{act},key,1\((\*\d+)\)\)$"
    found = re.search(entry, code(FEATURES), re.MULTILINE)
    assert found is not None
    assert found[1] == found[2], "the key that is passed on is another one"
    steps, back = texts(f"hushtape-{act}", "key"), labels(f"hushtape-{act}", "key")["back"]
    assert steps[:2] == [
        "Gosub(hushtape-whose-keys,s,1)",
        'GotoIf($["${GOSUB_RETVAL}"!="yes"]?back)',
    ]
    assert steps[back:] == ["Return()"]


@pytest.mark.parametrize("act", ["opt-out", "permission"])
def test_a_key_tells_nothing_on_a_channel_to_which_it_was_not_given(act: str) -> None:
    """The other half of a Local channel has it, too, and there the caller's digits come through."""
    entry = rf"^hushtape-{act} => \*\d+,self,Gosub\(hushtape-agent-says,{act},1\)$"
    assert re.search(entry, code(FEATURES), re.MULTILINE) is not None
    assert texts("hushtape-agent-keys")[0] == "Set(HUSHTAPE_KEYS=${CHANNEL(uniqueid)})"
    given, own = '"${HUSHTAPE_KEYS}"', '"${CHANNEL(uniqueid)}"'
    assert texts("hushtape-agent-says", act) == [
        f'GotoIf($[{given}!="" & {given}!={own}]?back)',
        f"UserEvent(Hushtape,Act: {act},By: agent)",
        "Return()",
    ]


def test_the_guard_opens_only_on_the_answer_to_its_own_question() -> None:
    guard, at = texts("hushtape-guard"), labels("hushtape-guard")
    assert guard[0] == "Set(HUSHTAPE_SILENT=no)"
    asked = guard.index(f"UserEvent({QUESTION})")
    for before in ("Set(HUSHTAPE_SILENCE=)", 'GotoIf($["${LEN(${nonce})}"!="18"]?back)'):
        assert before in guard[:asked]
    (made,) = (step for step in guard[:asked] if "nonce)=" in step)
    half = "${RAND(100000000,999999999)}"
    assert made == f"Set(LOCAL(nonce)={half}{half})"
    # One step leads to the yes, and none falls into it.
    opening = [step for step in guard if "yes" in step]
    compared = 'GotoIf($["nonce ${HUSHTAPE_SILENCE}"="nonce ${nonce}"]?yes)'
    assert opening == [compared, "Set(HUSHTAPE_SILENT=yes)"]
    assert guard[at["yes"] - 1] == "Goto(back)"
    assert guard.index(compared) > asked


def test_the_guard_waits_in_short_steps_and_not_for_long() -> None:
    guard = "\n".join(texts("hushtape-guard"))
    times, wait_s = re.search(r"LOCAL\(left\)=(\d+)\)", guard), re.search(r"Wait\((.*)\)", guard)
    assert times is not None
    assert wait_s is not None
    assert 0.02 <= float(wait_s[1]) <= 0.05
    assert int(times[1]) * float(wait_s[1]) <= LONGEST_WAIT_S


def test_a_payment_line_is_dialled_after_a_yes_and_by_no_other_way() -> None:
    line, at = texts("hushtape-payment-line"), labels("hushtape-payment-line")
    assert line[:2] == [
        "Gosub(hushtape-guard,s,1(transfer))",
        'GotoIf($["${HUSHTAPE_SILENT}"="yes"]?dial)',
    ]
    assert [step for step in line if step.startswith("Dial(")] == ["Dial(${ARG1},,${ARG2})"]
    assert line[at["dial"] - 1] == "Return()"


def test_who_has_not_been_answered_is_told_busy_and_nobody_is_rung() -> None:
    back, at = texts("hushtape-turned-back"), labels("hushtape-turned-back")
    told = back.index("Busy(2)")
    assert told == at["answered"] - 1
    assert back[told - 1] == 'GotoIf($["${CHANNEL(state)}"="Up"]?answered)'
    rung = [at for at, step in enumerate(back) if step.startswith(("Dial(", "Gosub(hushtape-head"))]
    assert rung
    assert min(rung) > told


def test_who_sent_a_caller_is_rung_once_for_each_time() -> None:
    back = texts("hushtape-turned-back")
    (rung,) = (at for at, step in enumerate(back) if step.startswith("Dial("))
    for name in ("BLINDTRANSFER", "ATTENDEDTRANSFER"):
        assert f"Set({name}=)" in back[:rung]


@pytest.mark.parametrize(
    ("name", "rung"),
    [
        *(("PJSIP/211", True), ("Local/231@agents", True), ("DAHDI/i1/555", True)),
        *(("PJSIP/my-own_phone", True), ("", False), ("x", False), ("PJSIP/", False)),
        *(("Local/2&PJSIP/212@x", False), ("PJSIP/211,30,g", False), ('PJSIP/a"b', False)),
    ],
)
def test_only_a_plain_telephone_is_rung_back(name: str, rung: bool) -> None:
    back, at = texts("hushtape-turned-back"), labels("hushtape-turned-back")
    (asked,) = (step for step in back if step.endswith("]?agent)"))
    assert back[back.index(asked) + 1] == "Goto(queue)"
    assert at["agent"] == back.index(asked) + 2
    pattern = re.search(r'=~ "(.*)"\]', asked)
    assert pattern is not None
    assert bool(re.search(pattern[1], name)) is rung
