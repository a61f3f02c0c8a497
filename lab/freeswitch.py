"""One FreeSWITCH of the lab, wherever one is installed: the same town as the lab's Asterisk.

Debian has no package of it. The lab finds the program on the PATH, or where HUSHTAPE_FREESWITCH
says.
"""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from xml.sax.saxutils import quoteattr

from lab import town
from lab.esl_eyes import EslEyes, EslEyesError
from lab.pbxes import TEMPLATES, OwnPbx, filled_in
from lab.sounds import write_sounds
from lab.waiting import pass_time

PROGRAM_VARIABLE = "HUSHTAPE_FREESWITCH"
WARM_UP_S = 1.0
# Whenever mod_local_stream has played all the files of a folder it is silent for a second.
MUSIC_S = 60.0
MUSIC_FILES = 120
RINGS_S = 20  # a telephone of a queue

TREE = ("conf/hushtape", "log", "db", "run", "spool/hushtape", "storage", "cache", "tmp")
MORE_TREE = ("scripts", "htdocs", "certs", "grammar", "sounds", "moh")
DIALPLAN = Path(__file__).parents[1] / "dialplan" / "freeswitch"  # what Hushtape ships


def program() -> str:
    """Where FreeSWITCH is; "" if this machine has none."""
    return os.environ.get(PROGRAM_VARIABLE, "") or shutil.which("freeswitch") or ""


def lacking() -> str:
    """What is wrong with that, and what to do; "" if it can be started."""
    path = program()
    if not path:
        return (
            "no FreeSWITCH on the PATH: name the program, as in"
            f" {PROGRAM_VARIABLE}=/usr/bin/freeswitch"
        )
    if not os.access(path, os.X_OK) or not Path(path).is_file():
        return f"{PROGRAM_VARIABLE}={path}: there is no program that can be started"
    return ""


@dataclass(frozen=True)
class Settings:
    """How one FreeSWITCH differs from another one."""

    name: str
    sip_port: int
    esl_port: int
    rtp_ports: range
    secret: str  # of the event socket
    phone_secret: str
    crowd: town.Crowd


class FreeSwitch(OwnPbx):
    """A FreeSWITCH on 127.0.0.1 that knows the whole town (and a crowd of `crowd` pairs)."""

    kind = "freeswitch"
    title = "FreeSWITCH"

    def __init__(
        self,
        name: str = "fs1",
        *,
        crowd: int | town.Crowd = 0,
        time_zone: str = "",
        keep: bool = False,
    ) -> None:
        super().__init__(name, crowd=crowd, time_zone=time_zone, keep=keep)
        self.phone_secret = secrets.token_urlsafe(12)
        self._write_tree()

    # ------------------------------------------------------------------ life

    def start(self) -> None:
        """Start it, and let a queue have one call: at the first one it stands still for 0.5 s."""
        if self.alive():
            return
        super().start()
        with self.observer() as eyes:
            warm_up(eyes)

    @property
    def _home_inside(self) -> str:
        return str(self.tree_here)

    def _command(self) -> list[str]:
        return command(program(), self.tree_here)

    def _is_up(self) -> bool:
        try:
            with self.observer() as eyes:
                return "\nURL " in eyes.command("sofia status profile lab")
        except (OSError, EslEyesError):
            return False

    # ------------------------------------------------------------------ asking

    def observer(self, record: Path | None = None) -> EslEyes:
        """Somebody who sees everything; `record` takes the raw bytes received."""
        numbers = {each.endpoint: each.number for each in town.everybody(self.crowd)}
        return EslEyes(self.control_port, self.hushtape_secret, numbers, record=record)

    # ------------------------------------------------------------------ configuration

    def _write_tree(self) -> None:
        settings = Settings(
            name=self.name,
            sip_port=self.sip_port,
            esl_port=self.control_port,
            rtp_ports=self._rtp,
            secret=self.hushtape_secret,
            phone_secret=self.phone_secret,
            crowd=self.crowd,
        )
        write_tree(self.tree_here, settings)


def warm_up(eyes: EslEyes) -> None:
    """Let one call of a queue be served."""
    queue = town.COUNCILS[0].main_queue.name
    eyes.command(f"originate null/warm-up &callcenter({queue})")
    pass_time(WARM_UP_S)
    eyes.command("hupall")


def command(path: str, tree: Path) -> list[str]:
    """What starts a FreeSWITCH with this tree in the foreground."""
    started = [path, "-nonat", "-np", "-nc", "-nf"]
    folders = {"run": "run", "conf": "conf", "log": "log", "db": "db", "temp": "tmp"}
    folders |= {name: name for name in ("storage", "cache", "scripts", "htdocs", "certs")}
    folders |= {"grammar": "grammar", "sounds": "sounds", "recordings": "spool"}
    for option, folder in folders.items():
        started += [f"-{option}", str(tree / folder)]
    return started


def write_tree(tree: Path, settings: Settings, called: str = "") -> None:
    """Write the folders, the configuration and the sounds of one.

    Args:
        called: the tree's path when it is used, where that is another one.
    """
    for part in (*TREE, *MORE_TREE):
        (tree / part).mkdir(parents=True)
    everybody = list(town.everybody(settings.crowd))
    queues = list(town.queues(settings.crowd))
    values = {
        "tree": called or str(tree),
        "systemname": settings.name,
        "sip_port": str(settings.sip_port),
        "esl_port": str(settings.esl_port),
        "rtp_start": str(settings.rtp_ports[0]),
        "rtp_end": str(settings.rtp_ports[-1]),
        "secret": settings.secret,
        "payment_hz": str(town.PAYMENT_HZ),
        "users": "".join(_user(each, settings.phone_secret) for each in everybody),
        "queues": "".join(_queue(each) for each in queues),
        "agents": "".join(_agent(each) for each in _agents(queues, everybody)),
        "tiers": "".join(_tier(m, q.name) for q in queues for m in q.members),
        "numbers": "".join(_number(each) for each in town.COUNCILS),
        "internal_queues": "".join(_internal(each) for each in queues),
    }
    conf = tree / "conf"
    for template in sorted((TEMPLATES / "freeswitch").glob("*.xml")):
        text = template.read_text(encoding="utf-8")
        (conf / template.name).write_text(filled_in(text, values), encoding="utf-8")
    (conf / "freeswitch.xml").chmod(0o600)
    for shipped in sorted(DIALPLAN.glob("*.xml")):
        shutil.copyfile(shipped, conf / "hushtape" / shipped.name)
    write_sounds(tree, MUSIC_S)
    for number in range(MUSIC_FILES):
        (tree / "moh" / f"tone-{number}.wav").symlink_to("tone.wav")


def _user(person: town.Person, secret: str) -> str:
    variables = {
        "user_context": person.context,
        "effective_caller_id_number": person.number,
        "effective_caller_id_name": person.called.replace("_", " "),
    }
    if person.staff:
        variables["force_transfer_context"] = "internal"
        keys = "execute_extension hushtape-agent-keys XML hushtape"
        variables["execute_on_pre_bridge_hushtape"] = keys
        variables["execute_on_pre_bridge_lab"] = "execute_extension keys XML features"
    lines = "".join(
        f"<variable name={quoteattr(name)} value={quoteattr(value)}/>"
        for name, value in variables.items()
    )
    return (
        f"\n<user id={quoteattr(person.endpoint)}>"
        f"<params><param name='password' value={quoteattr(secret)}/></params>"
        f"<variables>{lines}</variables></user>"
    )


def _queue(queue: town.Queue) -> str:
    strategy = {"ringall": "ring-all"}.get(queue.strategy, "longest-idle-agent")
    params = {
        "strategy": strategy,
        "moh-sound": "$${music}",
        "time-base-score": "queue",
        "max-wait-time": "0",
        "max-wait-time-with-no-agent": "0",
        "tier-rules-apply": "false",
        "discard-abandoned-after": "1",
        "abandoned-resume-allowed": "false",
    }
    lines = "".join(f"<param name='{name}' value='{value}'/>" for name, value in params.items())
    return f"\n<queue name={quoteattr(queue.name)}>{lines}</queue>"


def _agents(queues: Iterable[town.Queue], everybody: Iterable[town.Person]) -> list[str]:
    """Name everybody who may serve a queue, once."""
    staff = [person.endpoint for person in everybody if person.staff]
    members = [member for queue in queues for member in queue.members]
    return list(dict.fromkeys([*members, *staff]))


def _agent(member: str) -> str:
    contact = f"user/{member}@$${{domain}}"
    if "/" in member:  # the town's words for a channel of Asterisk's
        contact = f"loopback/{member.removeprefix('Local/').partition('@')[0]}/internal"
    attributes = {
        "name": agent_name(member),
        "type": "callback",
        "contact": f"[leg_timeout={RINGS_S}]{contact}",
        "status": "Available",
        "max-no-answer": "0",
        "wrap-up-time": "0",
        "reject-delay-time": "1",
        "busy-delay-time": "1",
        "no-answer-delay-time": "1",
    }
    return "\n<agent " + " ".join(f"{k}={quoteattr(v)}" for k, v in attributes.items()) + "/>"


def agent_name(member: str) -> str:
    """What mod_callcenter calls a queue's member."""
    return member.removeprefix("Local/").partition("@")[0] if "/" in member else member


def _tier(member: str, queue: str) -> str:
    return f"\n<tier agent={quoteattr(agent_name(member))} queue={quoteattr(queue)}/>"


def _number(council: town.Council) -> str:
    """A council's number: the routes of the scenes first, and then its main queue."""
    did, p = council.did, council.p
    main, other = council.main_queue.name, council.other_queue.name
    here = f"<condition field='destination_number' expression='^{did}$'"
    routed = f"<condition field='${{global_getvar(ROUTE_{p})}}'"
    return f"""
    <extension name="council-{p}-overflow">
      {here}/>
      {routed} expression="^overflow$">
        <action application="set" data="cc_exit_keys="/>
        <action application="sched_transfer" data="+3 {did}-second XML from-outside"/>
        <action application="callcenter" data="{main}"/>
        <action application="hangup"/>
      </condition>
    </extension>
    <extension name="council-{p}-second">
      <condition field="destination_number" expression="^{did}-second$">
        <action application="callcenter" data="{other}"/>
        <action application="hangup"/>
      </condition>
    </extension>
    <extension name="council-{p}-announced">
      {here}/>
      {routed} expression="^announced$">
        <action application="set" data="hushtape_sound=$${{announcement}}"/>
        <action application="set" data="hushtape_wait=1000"/>
        <action application="execute_extension" data="hushtape-announcement XML hushtape"/>
        <action application="callcenter" data="{main}"/>
        <action application="hangup"/>
      </condition>
    </extension>
    <extension name="council-{p}-again">
      {here}/>
      {routed} expression="^again$">
        <action application="set" data="hangup_after_bridge=false"/>
        <action application="callcenter" data="{main}"/>
        <action application="callcenter" data="{main}"/>
        <action application="hangup"/>
      </condition>
    </extension>
    <extension name="council-{p}">
      {here}>
        <action application="hash" data="insert/waiting/{p}/${{uuid}}"/>
        <action application="callcenter" data="{main}"/>
        <action application="hangup"/>
      </condition>
    </extension>"""


def _internal(queue: town.Queue) -> str:
    return f"""
    <extension name="queue-{queue.number}">
      <condition field="destination_number" expression="^{queue.number}$">
        <action application="answer"/>
        <action application="callcenter" data="{queue.name}"/>
        <action application="hangup"/>
      </condition>
    </extension>"""
