"""One FreeSWITCH of the lab, wherever one is installed: the same town as the lab's Asterisk.

Debian has no package of it. The lab finds the program on the PATH, or where HUSHTAPE_FREESWITCH
says.
"""

from __future__ import annotations

import contextlib
import os
import re
import secrets
import shutil
from collections.abc import Iterable
from pathlib import Path
from xml.sax.saxutils import quoteattr

from lab import ports, processes, town
from lab.esl_eyes import EslEyes, EslEyesError
from lab.lifetime import Lifetime
from lab.sounds import write_sounds
from lab.waiting import LabTimeoutError, until
from lab.workplace import Workplace

PROGRAM_VARIABLE = "HUSHTAPE_FREESWITCH"
BOOT_TIMEOUT_S = 60.0
STOP_GRACE_S = 10.0
RTP_PORTS = 240
CROWDED_RTP_PORTS = 600
RINGS_S = 20  # a telephone of a queue

TREE = ("conf/hushtape", "log", "db", "run", "spool/hushtape", "storage", "cache", "tmp")
MORE_TREE = ("scripts", "htdocs", "certs", "grammar", "sounds", "moh")
TEMPLATES = Path(__file__).parent / "pbx" / "freeswitch"
DIALPLAN = Path(__file__).parents[1] / "dialplan" / "freeswitch"  # what Hushtape ships
_PLACEHOLDER = re.compile(r"@([a-z_]+)@")


def program() -> str:
    """Where FreeSWITCH is; "" if this machine has none."""
    return os.environ.get(PROGRAM_VARIABLE, "") or shutil.which("freeswitch") or ""


class FreeSwitch(Lifetime):
    """A FreeSWITCH on 127.0.0.1 that knows the whole town (and a crowd of `crowd` pairs)."""

    kind = "freeswitch"

    def __init__(self, name: str = "fs1", *, crowd: int = 0, keep: bool = False) -> None:
        self.name = name
        self.crowd = town.Crowd(crowd)
        self.keep = keep
        self._process: processes.Process | None = None
        self._place = Workplace(None, name)
        self.tree_here = self._place.here
        self._ports = ports.claim(20)
        self._rtp = ports.claim(CROWDED_RTP_PORTS if crowd else RTP_PORTS)
        self.sip_port, self.esl_port = self._ports[0:2]
        self.hushtape_secret = secrets.token_urlsafe(18)
        self.phone_secret = secrets.token_urlsafe(12)
        self.spool_here = self.tree_here / "spool" / "hushtape"
        self.spool_inside = str(self.spool_here)
        self.log_here = self.tree_here / "log" / "full"
        self._write_tree()

    # ------------------------------------------------------------------ life

    def start(self) -> None:
        """Start FreeSWITCH and wait until phones can register."""
        if self.alive():
            return
        tree = self.tree_here
        command = [program(), "-nonat", "-np", "-nc", "-nf"]
        folders = {"run": "run", "conf": "conf", "log": "log", "db": "db", "temp": "tmp"}
        folders |= {name: name for name in ("storage", "cache", "scripts", "htdocs", "certs")}
        folders |= {"grammar": "grammar", "sounds": "sounds", "recordings": "spool"}
        for option, folder in folders.items():
            command += [f"-{option}", str(tree / folder)]
        env = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": str(tree), "LC_ALL": "C.UTF-8"}
        process = processes.spawn(command, tree / "log" / "console", env=env)
        self._process = process

        def booted() -> bool:
            if process.poll() is not None:
                raise RuntimeError(f"FreeSWITCH {self.name} ended at once:\n{self.log_tail()}")
            try:
                with self.observer() as eyes:
                    return "\nURL " in eyes.command("sofia status profile lab")
            except (OSError, EslEyesError):
                return False

        try:
            until(f"FreeSWITCH {self.name} boots", booted, BOOT_TIMEOUT_S, poll_s=0.1)
        except (LabTimeoutError, RuntimeError) as error:
            tail = self.log_tail()
            self.stop()
            raise RuntimeError(f"{error}\n{tail}") from error

    def stop(self) -> None:
        """End FreeSWITCH, politely at first; what it wrote stays."""
        if self._process is not None:
            processes.end([self._process], STOP_GRACE_S)
            self._process = None

    def kill(self) -> None:
        """End it as a power cut would."""
        if self._process is not None:
            processes.end([self._process], grace_s=0.0, politely=False)
            self._process = None

    def remove(self) -> None:
        """Stop, give the ports back, and delete the tree (unless `keep` was asked for)."""
        self.stop()
        ports.release(self._ports)
        ports.release(self._rtp)
        if self.keep:
            self._place.keep()
        else:
            self._place.remove()

    def alive(self) -> bool:
        """Whether the process runs."""
        return self._process is not None and self._process.poll() is None

    # ------------------------------------------------------------------ asking

    def observer(self, record: Path | None = None) -> EslEyes:
        """Somebody who sees everything; `record` takes the raw bytes received."""
        numbers = {each.endpoint: each.number for each in town.everybody(self.crowd)}
        return EslEyes(self.esl_port, self.hushtape_secret, numbers, record=record)

    def log_tail(self, lines: int = 30) -> str:
        """The last lines of FreeSWITCH's own log and of its console."""
        text = []
        for path in (self.log_here, self.tree_here / "log" / "console"):
            with contextlib.suppress(OSError):
                text += path.read_text(encoding="utf-8", errors="replace").splitlines()[-lines:]
        return "\n".join(text)

    def cpu_seconds(self) -> float:
        """Processor time used so far, in seconds."""
        return processes.cpu_seconds(self._process) if self._process else 0.0

    # ------------------------------------------------------------------ configuration

    def _write_tree(self) -> None:
        for part in (*TREE, *MORE_TREE):
            (self.tree_here / part).mkdir(parents=True)
        everybody = list(town.everybody(self.crowd))
        queues = list(town.queues(self.crowd))
        values = {
            "tree": str(self.tree_here),
            "systemname": self.name,
            "sip_port": str(self.sip_port),
            "esl_port": str(self.esl_port),
            "rtp_start": str(self._rtp[0]),
            "rtp_end": str(self._rtp[-1]),
            "secret": self.hushtape_secret,
            "payment_hz": str(town.PAYMENT_HZ),
            "users": "".join(_user(each, self.phone_secret) for each in everybody),
            "queues": "".join(_queue(each) for each in queues),
            "agents": "".join(_agent(each) for each in _agents(queues, everybody)),
            "tiers": "".join(_tier(m, q.name) for q in queues for m in q.members),
            "numbers": "".join(_number(each) for each in town.COUNCILS),
            "internal_queues": "".join(_internal(each) for each in queues),
        }
        conf = self.tree_here / "conf"
        for template in sorted(TEMPLATES.glob("*.xml")):
            text = template.read_text(encoding="utf-8")
            for _ in range(2):  # what is filled in may hold placeholders
                text = _PLACEHOLDER.sub(lambda m: values.get(m.group(1), m.group(0)), text)
            (conf / template.name).write_text(text, encoding="utf-8")
        (conf / "freeswitch.xml").chmod(0o600)
        for shipped in sorted(DIALPLAN.glob("*.xml")):
            shutil.copyfile(shipped, conf / "hushtape" / shipped.name)
        write_sounds(self.tree_here)


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
