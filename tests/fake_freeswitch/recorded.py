"""The acts of recorded sessions (tests/data/esl), done once more on the fake FreeSWITCH.

The dialplan is that of the FreeSWITCH on which they were recorded, as far as it is needed.
"""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable
from pathlib import Path

from tests.esl_client import Address, EslClient
from tests.fake_freeswitch import refer
from tests.fake_freeswitch.channel import Channel
from tests.fake_freeswitch.switch import FakeFreeSwitch

PASSWORD = "recorded"
CALLER, MAIN = "07900123001", "03456009009"
TALK_S = 0.8
SETTLES_S = 0.3
HANGS_UP_S = 0.1  # a telephone, after its REFER was taken
WAITS_S = 10.0

_QUEUES = {"surrey-contact-centre@lab": ["211@lab"], "surrey-adult-care@lab": ["213@lab"]}
_USERS = ("211", "212", "213", "214")


def _bridge(number: str, to: str, *variables: str) -> str:
    sets = [("set", each) for each in ("hangup_after_bridge=true", *variables)]
    return _simple(number, *sets, ("bridge", to))


def _queue(number: str, queue: str) -> str:
    sets = [
        ("set", f"{name}")
        for name in ("hangup_after_bridge=true", "force_transfer_context=internal")
    ]
    return _simple(number, ("answer", ""), *sets, ("callcenter", queue))


def _simple(number: str, *steps: tuple[str, str]) -> str:
    actions = "".join(f'<action application="{name}" data="{data}"/>' for name, data in steps)
    return (
        f'<extension name="{number}"><condition field="destination_number"'
        f' expression="^{number}$">{actions}</condition></extension>'
    )


_CONF = f"""<document type="freeswitch/xml">
<X-PRE-PROCESS cmd="set" data="domain=127.0.0.1"/>
<section name="configuration">
  <configuration name="event_socket.conf"><settings>
    <param name="listen-port" value="0"/><param name="password" value="{PASSWORD}"/>
  </settings></configuration>
  <configuration name="sofia.conf"><profiles><profile name="lab"><settings>
    <param name="hold-music" value="silence_stream://-1"/>
    <param name="auth-calls" value="false"/>
  </settings></profile></profiles></configuration>
  <configuration name="callcenter.conf"><settings/>
    <queues>{
    "".join(
        f'''<queue name="{queue}"><param name="strategy"
      value="longest-idle-agent"/><param name="moh-sound" value="silence_stream://-1"/></queue>'''
        for queue in _QUEUES
    )
}</queues>
    <agents>{
    "".join(
        f'''<agent name="{agent}" type="callback" status="Available"
      contact="[leg_timeout=15]user/{agent[:3]}@127.0.0.1" max-no-answer="0" wrap-up-time="0"
      reject-delay-time="2" busy-delay-time="2" no-answer-delay-time="2"/>'''
        for agents in _QUEUES.values()
        for agent in agents
    )
}</agents>
    <tiers>{
    "".join(
        f'<tier agent="{agent}" queue="{queue}"/>'
        for queue, agents in _QUEUES.items()
        for agent in agents
    )
}</tiers>
  </configuration>
</section>
<section name="directory"><domain name="127.0.0.1"><groups><group name="all"><users>
  {
    "".join(
        f'''<user id="{user}"><variables><variable name="user_context" value="internal"/>
    <variable name="effective_caller_id_name" value="Staff {user}"/>
    <variable name="effective_caller_id_number" value="{user}"/>
    <variable name="force_transfer_context" value="internal"/></variables></user>'''
        for user in _USERS
    )
}
  <user id="{CALLER}"><variables><variable name="user_context" value="from-outside"/>
    </variables></user>
</users></group></groups></domain></section>
<section name="dialplan">
  <context name="from-outside">
    {_queue(MAIN, "surrey-contact-centre@lab")}
    {_bridge("01632960110", "user/211@127.0.0.1", "force_transfer_context=internal")}
    {_bridge("01632960112", "user/214@127.0.0.1,user/211@127.0.0.1")}
    {
    _simple(
        "01632960111",
        ("set", "call_timeout=2"),
        ("set", "continue_on_fail=true"),
        ("set", "hangup_after_bridge=true"),
        ("bridge", "user/214@127.0.0.1"),
        ("answer", ""),
        ("callcenter", "surrey-contact-centre@lab"),
    )
}
    {_bridge("01632960121", "{loopback_bowout=false}loopback/211/internal")}
    {_simple("03456009008", ("answer", ""), ("transfer", "611 XML internal"))}
  </context>
  <context name="internal">
    {"".join(_bridge(user, f"user/{user}@127.0.0.1") for user in _USERS)}
    {_bridge("902079460010", "sofia/gateway/trunk/02079460010")}
    {"".join(_bridge(user, f"user/{user}@127.0.0.1") for user in ("248", "249"))}
    {_queue("611", "surrey-contact-centre@lab")}
    {_queue("612", "surrey-adult-care@lab")}
    {_simple("691", ("park", ""))}
    {_simple("710", ("answer", ""), ("playback", "silence_stream://-1"))}
    {_simple("800", ("answer", ""), ("playback", "silence_stream://-1"))}
  </context>
</section></document>
"""


class Telephone:
    """A telephone that answers by itself, or doesn't."""

    sip_port = 5060

    def __init__(self, switch: FakeFreeSwitch, name: str) -> None:
        self._switch = switch
        self.name = name
        self.answers = True
        self.busy_after_s: float | None = None
        self.legs: list[Channel] = []

    def ring(self, channel: Channel) -> None:
        """It is called."""
        self.legs.append(channel)
        self._switch.progress(channel)
        if self.answers:
            self._switch.answer(channel)
        elif self.busy_after_s is not None:
            self._switch.loop.call_later(self.busy_after_s, channel.hangup, "USER_BUSY")

    def answered(self, channel: Channel) -> None:
        """Its call is up."""

    def over(self, channel: Channel, cause: str) -> None:
        """Its call has ended."""


class Play:
    """One session that is played."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True)
        (folder / "freeswitch.xml").write_text(_CONF, encoding="utf-8")
        self.folder = folder
        self.switch = FakeFreeSwitch(folder, folder / "spool", "recorded")
        self.switch.start()
        names = (*_USERS, CALLER, "gateway/trunk")
        self.telephones = {name: Telephone(self.switch, name) for name in names}
        self.switch.call(self.switch.phones.update, dict(self.telephones))
        self.said = b""
        address = Address("127.0.0.1", self.switch.esl_port, PASSWORD)
        self._hand = EslClient(address)
        self._eyes = socket.create_connection(address[:2])
        self._eyes.sendall(
            f"auth {PASSWORD}\n\nevent plain ALL CUSTOM callcenter::info\n\n".encode()
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        time.sleep(SETTLES_S)

    def _read(self) -> None:
        while data := self._eyes.recv(1 << 16):
            self.said += data

    def end(self) -> None:
        """Let everything come in, and stop."""
        time.sleep(SETTLES_S)
        self._hand.close()
        self._eyes.shutdown(socket.SHUT_RDWR)
        self._reader.join()
        self._eyes.close()
        self.switch.stop()

    # What is done in the sessions

    def dial(self, number: str, who: str = CALLER) -> Channel:
        """Somebody calls."""
        return self.switch.call(self.switch.inbound, self.telephones[who], number)

    def queue_call(self) -> tuple[Channel, Channel]:
        """A caller who talks with the agent of the main queue; both legs."""
        caller = self.dial(MAIN)
        agent = self.leg("211")
        self.until(lambda: caller.peer is not None)
        time.sleep(TALK_S)
        return caller, agent

    def leg(self, who: str, at: int = 0) -> Channel:
        """A leg on which somebody was called."""
        legs = self.telephones[who].legs
        self.until(lambda: len(legs) > at)
        return legs[at]

    def hang_up(self, channel: Channel) -> None:
        """A telephone hangs up."""
        self.switch.call(channel.hangup)

    def refer(self, channel: Channel, number: str) -> None:
        """A telephone sends the other one to a number."""

        def send() -> None:
            refer.blind(self.switch, channel, number)
            self.switch.loop.call_later(HANGS_UP_S, channel.hangup)

        self.switch.call(send)

    def refer_to(self, channel: Channel, second: Channel) -> None:
        """A telephone connects its two calls."""

        def send() -> None:
            refer.attended(self.switch, channel, second)
            self.switch.loop.call_later(HANGS_UP_S, channel.hangup)

        self.switch.call(send)

    def hold(self, channel: Channel) -> None:
        """A telephone holds."""
        self.switch.call(self.switch.hold, channel)

    def api(self, line: str) -> str:
        """An api command."""
        return self._hand.api(line)

    def until(self, true: Callable[[], bool]) -> None:
        """Wait until something is so."""
        ends_s = time.monotonic() + WAITS_S
        while not true():
            if time.monotonic() > ends_s:
                raise TimeoutError("it doesn't come to that")
            time.sleep(0.005)
