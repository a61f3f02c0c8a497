"""A phone in the terminal: you are the caller, and you tell the agent what to do with you.

Below are baresip phones, as in every scene; what the caller hears goes to a file, since a container
has no loudspeaker.
"""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import click

from lab import keep
from lab.asterisk import Asterisk
from lab.compose import places
from lab.compose.stage import open_stages
from lab.eyes import ObserverError, event
from lab.phones import PhoneError
from lab.product import Recording
from lab.scene import EVENT_TIMEOUT_S, Stage, listen, local
from lab.tour import Selection
from lab.town import COUNCILS, VISITOR, Council
from lab.waiting import LabTimeoutError, pass_time

Say = Callable[[str], None]

ARCHIVED_TIMEOUT_S = 10.0
LONGEST_WAIT_S = 3600.0
DEAD = "the PBX has ended or begun anew, and the telephones have lost it: start the softphone again"
SHORTEST_HEARD_S = 0.1
HELP = """  ring                ring the help line; the agent answers after a second
  transfer WHERE      the agent sends you on: back-office, colleague, outside, payment
  pay                 the same as transfer payment
  press KEYS          the agent presses keys: *73 a payment begins, *74 it is over, *71 opt-out
  wait SECONDS        talk on
  hang up             and see what was recorded
  help, quit"""


class OrderError(ValueError):
    """What was typed is no order; the text says what is."""


@dataclass(frozen=True)
class Order:
    """What somebody typed: a word, and to what it applies."""

    word: str
    to: str = ""


ECHOED = 40  # letters of what is no order
PLACES = ("back-office", "colleague", "outside", "payment")
KEYS = frozenset("0123456789*#")


def parse(line: str) -> Order | None:
    """Read a line; None if there is nothing in it.

    Raises:
        OrderError: it is no order.
    """
    typed = {"hang up": "hangup", "pay": "transfer payment"}
    text = " ".join(line.lower().split())
    word, _, to = typed.get(text, text).partition(" ")
    if not word:
        return None
    if word not in WORDS:
        raise OrderError(f'"{line.strip()[:ECHOED]}" is no order; `help` lists them')
    is_right, how = WORDS[word]
    if not is_right(to):
        raise OrderError(how)
    return Order(word, to)


def _is_short(text: str) -> bool:
    try:
        return 0 <= float(text) <= LONGEST_WAIT_S
    except ValueError:
        return False


# Each order: what may follow it, and what is said of anything else.
WORDS: dict[str, tuple[Callable[[str], bool], str]] = {
    **dict.fromkeys(("ring", "hangup", "help", "quit"), (lambda to: not to, "nothing follows it")),
    "transfer": (PLACES.__contains__, f"transfer to one of: {', '.join(PLACES)}"),
    "press": (
        lambda to: bool(to) and set(to) <= KEYS,
        "press keys of a telephone, such as: press *73",
    ),
    "wait": (_is_short, f"wait for some seconds, {LONGEST_WAIT_S:g} at the most: wait 5"),
}


def number_of(council: Council, where: str) -> str:
    """What the agent dials to reach a place."""
    return {
        "back-office": council.back_office.number,
        "colleague": council.other_queue.number,
        "outside": council.dial_outside,
        "payment": council.payment_number,
    }[where]


class Line:
    """The caller's line to one council, and the agent at its other end."""

    def __init__(self, stage: Stage, council: Council, say: Say) -> None:
        self._stage, self._council, self._say = stage, council, say
        self._caller = stage.phone(council.caller)
        self._agent = stage.phone(council.agent)
        self._uniqueid = ""

    @property
    def dead(self) -> bool:
        """Whether the PBX that the telephones had is gone."""
        return self._stage.eyes.gone

    def obey(self, order: Order) -> None:
        """Do what was typed.

        Raises:
            OrderError: it can't be done now.
        """
        in_call = self._caller.busy
        if order.word in ("transfer", "press", "hangup") and not in_call:
            raise OrderError("you are in no call: ring first")
        if order.word in ("transfer", "press") and not self._agent.busy:
            raise OrderError("the agent isn't in the call any more: hang up, and ring again")
        match order.word:
            case "ring":
                if in_call:
                    raise OrderError("you are in a call: hang up first")
                self._ring()
            case "transfer":
                self._agent.blind_transfer(number_of(self._council, order.to))
                self._say(f"The agent has sent you to {order.to}.")
            case "press":
                self._agent.dtmf(order.to)
                self._say(f"The agent has pressed {order.to}.")
            case "wait":
                pass_time(float(order.to))
            case "hangup":
                self._hang_up()
            case "help":
                self._say(HELP)

    def _ring(self) -> None:
        self._uniqueid = ""
        mark = self._stage.eyes.mark()
        self._caller.dial(self._council.did)
        join = self._stage.eyes.wait_for(
            event("QueueCallerJoin", CallerIDNum=self._council.caller.number),
            EVENT_TIMEOUT_S,
            mark,
        )
        self._uniqueid = join.get("Uniqueid")
        self._say(f"You wait in the queue {join.get('Queue')}.")
        answered = event("AgentConnect", Uniqueid=self._uniqueid)
        self._stage.eyes.wait_for(answered, EVENT_TIMEOUT_S, mark)
        self._say(f"The agent answers, and sings {self._agent.tone_hz} Hz.")

    def _hang_up(self) -> None:
        mark = self._caller.mark()
        self._caller.hang_up()
        self._caller.closed(since=mark)
        before = self._caller.heard_before()
        if before:
            shutil.copyfile(before[-1], places.HEARD / "heard.wav")
        try:
            recording = self._stage.product.recording(self._uniqueid, ARCHIVED_TIMEOUT_S)
        except LabTimeoutError:
            self._say(f"Nothing of this call was archived within {ARCHIVED_TIMEOUT_S:g} s.")
            self._say("It wasn't to be recorded, or waits for a service: docker-compose ps")
            return
        self._say("\n".join(story(recording)))


def story(recording: Recording) -> Iterator[str]:
    """Say what was recorded, and how to play it."""
    manifest, heard = recording.manifest, listen(recording.audio)
    keep_until = local(manifest["keep"]["until"], manifest["keep"]["time_zone"])
    yield f"Recorded: {recording.id}, {heard.seconds:.1f} s, kept until {keep_until}."
    yield f"  you (left):         {heard.in_words('left', SHORTEST_HEARD_S)}"
    yield f"  the others (right): {heard.in_words('right', SHORTEST_HEARD_S)}"
    for line in manifest["story"]:
        if line.get("reason"):
            yield f"  why: {line['reason']['words']}"
    yield "To play it:"
    yield f"  docker-compose run --rm -T softphone recording {recording.id} >call.opus"
    yield "  docker-compose run --rm -T softphone heard >heard.wav    what you heard"


def greeting(council: Council, telephone: Sequence[str]) -> str:
    """What stands above the first line; `telephone`: how one of your own gets there."""
    lines = [
        f"You ring {council.policy}'s help line, {council.did}. What the agent does, you say:",
        HELP,
        "",
        *telephone,
        "What was recorded: docker-compose exec worker hushtape recordings list",
        "",
    ]
    return "\n".join(lines)


def own_telephone(councils: Sequence[Council], kind: str) -> list[str]:
    """How a telephone of one's own gets at the PBX, and whom it can ring."""
    if kind != Asterisk.kind:
        return ["A telephone of your own can ring the Asterisk only: run --rm softphone."]
    port = os.environ.get("SIP_PORT", str(places.SIP_PORT))
    return [
        "Or let a telephone of your own register:",
        f"  server    127.0.0.1, port {port}, UDP, codec G.711",
        f"  account   {VISITOR.endpoint}",
        f"  password  {places.secret(places.VISITOR, 'visitor')}",
        "and ring, as a caller from outside, while this goes on:",
        *[f"  {each.did}  {each.policy}, queue {each.main_queue.name}" for each in councils],
    ]


@contextmanager
def answering(stage: Stage, councils: Sequence[Council]) -> Iterator[None]:
    """Let the agents answer meanwhile."""
    ended = threading.Event()
    thread = threading.Thread(target=keep.answer, args=(stage, councils, ended), daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--policy",
    type=click.Choice([each.policy for each in COUNCILS]),
    default=COUNCILS[0].policy,
    show_default=True,
    help="Whose help line.",
)
def phone(policy: str) -> None:
    """Ring a help line, be sent on, pay, hang up; or ring with a telephone of your own."""
    council = next(each for each in COUNCILS if each.policy == policy)
    click.echo("Starting the telephones ...")
    with open_stages(Selection(councils=COUNCILS, crowd=0, pbx=places.KIND)) as stages:
        stage = stages[0]
        click.echo(greeting(council, own_telephone(COUNCILS, stage.pbx.kind)))
        line = Line(stage, council, click.echo)
        with answering(stage, COUNCILS):
            _talk(line)


def _talk(line: Line) -> None:
    while True:
        try:
            order = parse(input("> "))
            if order and order.word == "quit":
                return
            if order:
                line.obey(order)
        except OrderError as error:
            click.echo(str(error))
        except (PhoneError, ObserverError, LabTimeoutError) as error:
            click.echo(f"That came to nothing: {error}")
        except (EOFError, KeyboardInterrupt):
            click.echo("")
            return
        if line.dead:
            raise click.ClickException(DEAD)
