"""Callers who mean harm: names and numbers that are commands, over SIP, to a real Asterisk.

Some of them never become a call, because Asterisk can't read them; the others must be recorded like
anybody's, and nothing else may happen. What Asterisk makes of each is told in the take's notes.
"""

from __future__ import annotations

import json
import re
import secrets
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from hushtape import config as configuration
from hushtape import redis_link
from lab import personal, stains
from lab.eyes import Event, Predicate, event
from lab.faults import Fault, Props
from lab.hostile_names import PBX_LIMIT_BYTES, hostile_names
from lab.product import COMMAND_TIMEOUT_S, Product, Recording
from lab.rawsip import Claim, RawCaller, RawPhone, escaped, quoted
from lab.scene import EVENT_TIMEOUT_S, SHIFT_S, Stage, Take, listen
from lab.town import AGENT_HZ, CALLER_HZ, Council
from lab.waiting import LabTimeoutError, pass_time

TALK_S = 1.5
TALK_SHARE = 0.85  # of its frames: a caller of ours has no jitter buffer to rely on
KEPT_LIMIT = 200  # characters of a name or a number that may be kept
ARCHIVE_TIMEOUT_S = 30.0  # for all of them together
LEAST_CALLS = 20  # fewer, and the lab has proved nothing
TRUNK = "PJSIP/trunk-"
CARELESS = "01992009"  # whatever follows is let in
DIALLED_TOO = (
    "an event of its own",
    "another queue",
    "a whole event",
    "an answer",
    "the lines that must follow",
    "a way up",
    "a dialplan's function",
    "a terminal's orders",
)


@dataclass(frozen=True)
class Attempt:
    """One caller: what is tried, what is rung, and who is claimed to ring, in plain bytes too."""

    kind: str
    rung: str
    claim: Claim
    name: bytes
    number: bytes


@dataclass(frozen=True)
class Call:
    """One attempt that Asterisk let in, as the PBX saw it (epoch, s)."""

    attempt: Attempt
    uniqueid: str
    answered_s: float
    ended_s: float
    passed_on: bytes  # all that the PBX said of it to its managers

    @property
    def kind(self) -> str:
        """What was tried."""
        return self.attempt.kind


def attempts(mark: str, rung: str) -> Iterator[Attempt]:
    """Everything that is tried."""
    plain = mark.encode()
    for each in hostile_names(mark):
        name = plain if each.breaks_lines else each.raw
        claim = Claim(quoted(name), escaped(each.raw))
        yield Attempt(each.kind, rung, claim, name, each.raw)
    for each in hostile_names(mark):
        if each.kind in DIALLED_TOO:
            claim = Claim(quoted(plain), plain)
            dialled = CARELESS + escaped(each.raw).decode()
            yield Attempt(f"{each.kind}, dialled", dialled, claim, plain, plain)
    name, number = plain + b"\x1b[2J,${X}", plain + b"\r\n\r\nEvent: Hangup\r\nX: "
    for kind, line in {
        "an asserted identity": b"P-Asserted-Identity: %b<sip:%b@127.0.0.1>\r\n",
        "a remote party": b"Remote-Party-ID: %b<sip:%b@127.0.0.1>;party=calling\r\n",
    }.items():
        claim = Claim(quoted(plain), plain, line % (quoted(name), escaped(number)))
        yield Attempt(kind, rung, claim, name, number)
    for kind, sent in {
        "no quotes": b"%b Action: Originate ",
        "a line break in quotes": b'"%b\r\nAction: Originate" ',
        "a folded line": b'"%b\r\n Action: Originate" ',
        "an escaped line break": b'"%b\\\r\\\nAction: Originate" ',
        "a NUL in quotes": b'"%b\0Action: Originate" ',
        "a quote too many": b'"%b"Action: Originate" ',
    }.items():
        yield Attempt(kind, rung, Claim(sent % plain, plain), sent % plain, plain)


def _play(stage: Stage, council: Council, props: Props, take: Take) -> None:
    take.says = "callers whose names are commands are recorded, and nothing else happens"
    mark = f"x{secrets.token_hex(4)}"
    sent_before, since = len(props.cable.sent), stage.eyes.mark()
    sip_port = stage.pbx.sip_port
    calls: list[Call] = []
    with (
        RawCaller(sip_port, CALLER_HZ) as caller,
        RawPhone(sip_port, council.agent.endpoint, AGENT_HZ, stage.pbx.phone_secret),
    ):
        for attempt in attempts(mark, council.did):
            answer, call = _ring(stage, council, caller, attempt)
            if call is not None:
                calls.append(call)
            told = answer if call is None else passed_on(attempt, call.passed_on)
            take.notes.append(f"{attempt.kind}: {told}")
    take.check(len(calls) >= LEAST_CALLS, f"Asterisk let {len(calls)} of these callers in")
    take.calls += [call.uniqueid for call in calls]
    recordings = _check_recorded(stage.product, take, calls)
    _check_no_other_calls(stage, take, council, calls, since)
    sent = bytes(props.cable.sent[sent_before:])
    _check_actions(take, mark, sent, recordings)
    _check_places(stage, take, mark)
    _check_commands(stage.product, take, mark, recordings)


def _ring(
    stage: Stage, council: Council, caller: RawCaller, attempt: Attempt
) -> tuple[str, Call | None]:
    """Make one call; return how it was answered, and what it was if it got through."""
    eyes = stage.eyes
    mark = eyes.mark()
    answer = caller.ring(attempt.rung, attempt.claim)
    if not answer.accepted:
        return answer.text(), None
    # By the channels' names, which stand before all that the caller has a hand in.
    connected = eyes.wait_for(_on("AgentConnect", TRUNK), EVENT_TIMEOUT_S, mark)
    channel = connected.get("Channel")
    uniqueid = eyes.action("Getvar", Channel=channel, Variable="UNIQUEID").get("Value")
    pass_time(TALK_S)
    caller.hang_up()
    gone = eyes.wait_for(event("Hangup", Channel=channel), EVENT_TIMEOUT_S, mark)
    eyes.wait_for(_on("Hangup", _agents(council)), EVENT_TIMEOUT_S, mark)
    said = b"\r\n\r\n".join(each.raw for each in eyes.events(since=mark))
    return answer.text(), Call(attempt, uniqueid, connected.at_s, gone.at_s, said)


def _on(name: str, begins: str) -> Predicate:
    def matches(one: Event) -> bool:
        return one.name == name and one.get("Channel").startswith(begins)

    return matches


def _agents(council: Council) -> str:
    return f"PJSIP/{council.agent.endpoint}-"


def passed_on(attempt: Attempt, said: bytes) -> str:
    """How much of a name and a number a PBX has told its managers, for people to read."""
    parts = []
    for what, header, raw in (
        ("name", b"CallerIDName: ", attempt.name),
        ("number", b"CallerIDNum: ", attempt.number),
    ):
        if header + raw + b"\r\n" in said:
            how = "as it is"
        elif header + raw[:PBX_LIMIT_BYTES] + b"\r\n" in said:
            how = f"up to {PBX_LIMIT_BYTES} bytes"
        else:
            found = re.search(re.escape(header) + rb"([^\r\n]*)", said)
            how = f"as {found[1]!r}" if found else "not at all"
        parts.append(f"{what} passed on {how}")
    return ", ".join(parts)


def _check_recorded(product: Product, take: Take, calls: list[Call]) -> list[Recording]:
    """Each call is archived once, with both tones, and its private part is fit to be read."""
    found: list[Recording] = []
    lost, deaf, unfit = [], [], []
    deadline_s = time.monotonic() + ARCHIVE_TIMEOUT_S
    for call in calls:
        try:
            left_s = max(0.1, deadline_s - time.monotonic())
            found.append(product.recording(call.uniqueid, left_s))
        except LabTimeoutError:
            lost.append(call.kind)
            continue
        if not is_heard(found[-1], call):
            deaf.append(call.kind)
        party = json.loads((found[-1].folder / personal.PRIVATE).read_bytes())["party"]
        unfit += [f"{call.kind}: {each}" for each in unfitness(party, call.attempt)]
    take.check(not lost, f"{len(found)} of {len(calls)} calls are recorded{_listed(lost)}")
    most = max((len(product.recordings_of(call.uniqueid)) for call in calls), default=0)
    take.check(most == 1, f"{most} recording of a call at the most")
    whole = len(found) - len(deaf)
    take.check(not deaf, f"{whole} hold caller and agent, each on their own side{_listed(deaf)}")
    take.check(
        not unfit,
        f"{len(found)} private parts say what was claimed, so that it can be printed"
        f"{_listed(unfit)}",
    )
    return found


def is_heard(recording: Recording, call: Call) -> bool:
    """Whether caller and agent are in the talk, each on their own side."""
    heard = listen(recording.audio)
    start_s = max(0.0, call.answered_s - recording.began_s)
    end_s = call.ended_s - recording.began_s
    talk = round((end_s - start_s) / heard.frame_s)
    left = heard.frames("left", "caller", start_s, end_s + SHIFT_S)
    right = heard.frames("right", "agent", start_s, end_s + SHIFT_S)
    return min(left, right) >= TALK_SHARE * talk


def unfitness(party: dict[str, str], attempt: Attempt) -> list[str]:
    """What is wrong with a name and numbers that were kept: not printable, too long, not so."""
    wrong = []
    for what in ("name", "number", "dialled"):
        text = party[what]
        if not text.isprintable():
            wrong.append(f"the {what} can't be printed")
        if len(text) > KEPT_LIMIT:
            wrong.append(f"the {what} has {len(text)} characters")
    for what, raw in (("name", attempt.name), ("number", attempt.number)):
        # Asterisk puts a backslash, and perhaps a letter, for what it escapes.
        kept = _plain(re.sub(r"\\[abfnrtv]", "", party[what]))
        if not kept or not _plain(raw.decode("utf-8", "replace")).startswith(kept):
            wrong.append(f"the {what} is another one")
    return wrong


def _plain(text: str) -> str:
    """The letters and digits of a text that every code page has."""
    return "".join(each for each in text if each.isascii() and each.isalnum())


def _check_no_other_calls(
    stage: Stage, take: Take, council: Council, calls: list[Call], since: int
) -> None:
    """Nobody rang but the callers, and nobody was rung but the agent."""
    began = [each.get("Channel") for each in stage.eyes.events(event("Newchannel"), since)]
    others = [each for each in began if not each.startswith((TRUNK, _agents(council)))]
    take.check(
        not others and len(began) == 2 * len(calls),
        f"{len(began)} channels for {len(calls)} calls{_listed(others)}",
    )


def _check_actions(take: Take, mark: str, sent: bytes, recordings: list[Recording]) -> None:
    """What Asterisk was asked to do, as it came over the wire."""
    wrong = stains.in_actions(mark, sent)
    actions = list(stains.sent_actions(sent))
    take.check(not wrong, f"{len(actions)} actions were sent, each our own{_listed(wrong)}")
    recorders = sum(each.startswith(b"Action: MixMonitor\r\n") for each in actions)
    segments = sum(len(each.manifest["segments"]) for each in recordings)
    take.check(recorders == segments, f"{recorders} recorders started for {segments} segments")


def _check_places(stage: Stage, take: Take, mark: str) -> None:
    """Where a name might have got to."""
    product, pbx = stage.product, stage.pbx
    product.await_empty_spool()
    product.await_empty_outbox()
    names = stains.in_names(
        mark,
        [product.folder, pbx.tree_here],
        [Path("/"), Path("/tmp"), pbx.here("/"), pbx.here("/tmp"), Path.cwd()],
    )
    take.check(not names, f"no file or folder has it in its name{_listed(names)}")
    files = stains.in_files(mark, product.archive)
    take.check(not files, f"no tag and no manifest holds it{_listed(files)}")
    wrong = stains.in_log(mark, product.log.read_bytes())
    lines = len(product.log_lines())
    take.check(not wrong, f"{lines} lines of log, each one event without it{_listed(wrong)}")
    client = redis_link.connect(configuration.load(product.config))
    entries = list(personal.in_redis(client))
    client.close()
    wrong = stains.in_redis(mark, entries)
    take.check(bool(entries) and not wrong, f"{len(entries)} keys of Redis{_listed(wrong)}")


def _check_commands(product: Product, take: Take, mark: str, recordings: list[Recording]) -> None:
    """What a person at a terminal is shown."""
    words = [["recordings", "list", "--limit", "1000"], ["recordings", "list", "--json"]]
    words += [["recordings", "show", each.id] for each in recordings[:3]]
    wrong = []
    for each in words:
        command = [sys.executable, "-m", "hushtape", *each, "-c", str(product.config)]
        wrong += stains.in_output(mark, stains.on_terminal(command, COMMAND_TIMEOUT_S))
    take.check(not wrong, f"{len(words)} commands at a terminal{_listed(wrong)}")


def _listed(wrong: list[str], most: int = 8) -> str:
    return f": {'; '.join(wrong[:most])}" if wrong else ""


TRACK = 2  # an Asterisk and a Hushtape of its own: no other call may be among these
# The lab's own caller and telephone show no password, and what they send is made for the lines of
# Asterisk's manager interface.
LACKS = {"freeswitch": "its events are url-encoded; what gets through is tried in ./run-tests"}
HOSTILE = Fault(
    "hostile-callers", "callers whose names are commands", _play, track=TRACK, lacks=LACKS
)
