"""An event socket that says what a FreeSWITCH 1.10 says to the byte, and misbehaves on request."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import quote

from tests.integration.ami_bridge.fake_server import FakeServer, Session

AUTH = b"Content-Type: auth/request\n\n"
GOODBYE_TEXT = b"Disconnected, goodbye.\nSee you at ClueCon! http://www.cluecon.com/\n"
GOODBYE = b"Content-Type: text/disconnect-notice\nContent-Length: %d\n\n%s" % (
    len(GOODBYE_TEXT),
    GOODBYE_TEXT,
)
DENIED_TEXT = b"Access Denied, go away.\n"
DENIED = b"Content-Type: text/rude-rejection\nContent-Length: %d\n\n%s" % (
    len(DENIED_TEXT),
    DENIED_TEXT,
)


def reply(text: str, **headers: str) -> bytes:
    more = "".join(f"{name.replace('_', '-')}: {value}\n" for name, value in headers.items())
    return f"Content-Type: command/reply\nReply-Text: {text}\n{more}\n".encode()


def plain(headers: dict[str, str], body: bytes = b"") -> bytes:
    """An event as it is told: values encoded, the body as it is."""
    lines = "".join(
        f"{name}: {quote(value, safe='') or '_undef_'}\n" for name, value in headers.items()
    )
    return raw_event(lines.encode(), body)


def raw_event(lines: bytes, body: bytes = b"") -> bytes:
    length = b"Content-Length: %d\n\n%s" % (len(body), body) if body else b"\n"
    event = lines + length
    return b"Content-Length: %d\nContent-Type: text/event-plain\n\n%s" % (len(event), event)


def event(name: str, **headers: str) -> bytes:
    named = {each.replace("_", "-"): value for each, value in headers.items()}
    return plain({"Event-Name": name, "Event-Date-Timestamp": "1795279250684738", **named})


def job(job_id: str, said: str) -> bytes:
    return plain({"Event-Name": "BACKGROUND_JOB", "Job-UUID": job_id}, said.encode())


class HostileEsl(FakeServer):
    """Serve until ``close``. Every command received is in ``commands``, in order."""

    def __init__(self) -> None:
        super().__init__(AUTH, b"\n\n")
        self.says: dict[str, str] = {}  # what an api command says, by its first word
        self.answers: dict[str, Callable[[Session, str, str], bytes]] = {}  # instead: every byte
        self.subscription = reply("+OK event listener enabled plain")
        self.commands: list[str] = []

    def asked(self) -> list[str]:
        """The api commands, without pings."""
        asked = [each.partition(" ")[2] for each in self.commands if each.startswith("bgapi ")]
        return [each for each in asked if each != "hostname"]

    def take(self, session: Session, raw: bytes) -> None:
        command, *lines = raw.decode().rstrip("\n").split("\n")
        self.commands.append(command)
        if not self.mute:
            self._answer(session, command, dict(line.split(": ", 1) for line in lines))

    def _answer(self, session: Session, command: str, headers: dict[str, str]) -> None:
        word, _, rest = command.partition(" ")
        if word == "auth":
            if rest == self.password:
                session.push(reply("+OK accepted"))
            else:
                session.push(reply("-ERR invalid") + GOODBYE)
                session.hang_up()
        elif word == "event":
            session.push(self.subscription)
            session.ready.set()
        elif word == "bgapi":
            self._carry_out(session, rest, headers["Job-UUID"])
        else:
            session.push(reply("-ERR command not found"))

    def _carry_out(self, session: Session, command: str, job_id: str) -> None:
        word, _, rest = command.partition(" ")
        if word in self.answers:
            session.push(self.answers[word](session, command, job_id))
            return
        session.push(reply(f"+OK Job-UUID: {job_id}", Job_UUID=job_id))
        if word in self.silent_on:
            return
        if word == "global_getvar":
            said = self.variables.get(rest, "")
        elif word == "global_setvar":
            name, _, value = rest.partition("=")
            self.variables[name] = value
            said = "+OK"
        else:
            said = self.says.get(word, "+OK\n")
        session.push(job(job_id, said))
