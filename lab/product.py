"""Hushtape beside the lab's PBXes, started as an administrator would start it."""

from __future__ import annotations

import json
import os
import secrets
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any

from lab import ports, processes, town
from lab.pbxes import Pbx
from lab.processes import descendants
from lab.waiting import until

ROOT = Path(__file__).parents[1]
EXAMPLES = ROOT / "examples" / "policies"
LAB_POLICIES = ROOT / "lab" / "policies"
MADE_UP_POLICIES = LAB_POLICIES / "made-up"
PAYMENT_POLICIES = LAB_POLICIES / "payments"

# Where everything lies, and whose it is, as the strictest of the policies allows.
REGION = "GB"
OWNER = "South Hams District Council"

START_TIMEOUT_S = 60.0
ARCHIVE_TIMEOUT_S = 30.0
ARCHIVE_POLL_S = 0.1  # each look reads every manifest
STOP_GRACE_S = 60.0
COMMAND_TIMEOUT_S = 30


@dataclass(frozen=True)
class Recording:
    """One recording of the archive: its manifest as JSON, and where its audio is."""

    manifest: dict[str, Any]
    folder: Path

    def __hash__(self) -> int:
        return hash(self.folder)

    @property
    def id(self) -> str:
        """The recording's id."""
        return str(self.manifest["id"])

    @property
    def audio(self) -> Path:
        """The audio file."""
        return self.folder / str(self.manifest["audio"]["name"])

    @property
    def private(self) -> dict[str, Any]:
        """Its private part: who was in the call."""
        read: dict[str, Any] = json.loads((self.folder / "private.json").read_bytes())
        return read

    @property
    def began_s(self) -> float:
        """When the audio's first sample was taken in: epoch, s."""
        return seconds(self.manifest["segments"][0]["started_at"])

    @property
    def hang_up_to_archived_s(self) -> float:
        """How long it took from the end of the call to the archive."""
        return seconds(self.manifest["archived_at"]) - seconds(self.manifest["call"]["ended_at"])


class Product:
    """`hushtape run` with a configuration of its own, the five policies, and an archive.

    Args:
        folder: for configuration, data and log; must be there.
        pbxes: those to serve; every second one over TLS, if it has any.
        redis_url: left out: Hushtape brings its own.
        ports_of: by the PBX's name, where its port isn't the one to connect to.
        policies: their files; left out: the five, and the lab's own.
        trace: where its bridge keeps what the PBXes say; left out: nowhere.
        api: whether desktops may tell it of payments.
    """

    def __init__(
        self,
        folder: Path,
        pbxes: Sequence[Pbx],
        redis_url: str = "",
        ports_of: Mapping[str, int] | None = None,
        policies: Sequence[Path] = (),
        trace: Path | None = None,
        *,
        api: bool = False,
    ) -> None:
        self.folder = folder
        self._ports = ports.claim(1) if api else range(0)
        self.api_port = self._ports[0] if api else 0
        self.api_token = secrets.token_urlsafe(32) if api else ""
        self.trace = trace
        self._ports_of = dict(ports_of or {})
        self.pbxes = list(pbxes)
        self.config = folder / "hushtape.toml"
        self.archive = folder / "data" / "archive"
        self.outbox = folder / "data" / "outbox"
        self.log = folder / "hushtape.log"
        self._process: processes.Process | None = None
        in_force = folder / "policies"
        in_force.mkdir()
        usual = [*sorted(EXAMPLES.glob("*.toml")), *sorted(LAB_POLICIES.glob("*.toml"))]
        for source in policies or usual:
            (in_force / source.name).symlink_to(source)
        self.config.write_text(self._configuration(redis_url), encoding="utf-8")

    def __enter__(self) -> Product:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()
        ports.release(self._ports)

    def start(self) -> None:
        """Start it, and wait until every link is up."""
        command = [sys.executable, "-m", "hushtape", "run", "-c", str(self.config), "--json-logs"]
        before = len(self.log_lines())
        environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
        if self.trace is not None:
            environment["HUSHTAPE_TRACE"] = str(self.trace)
        process = processes.spawn(command, self.log, env=environment)
        self._process = process

        def up() -> bool:
            if process.poll() is not None:
                raise RuntimeError(f"hushtape run ended at once:\n{self.log_tail()}")
            ups = [x for x in self.log_lines()[before:] if x.get("event") == "link up"]
            return len({x["pbx"] for x in ups}) == len(self.pbxes)

        until("hushtape run is up", up, START_TIMEOUT_S, poll_s=0.1)

    def stop(self) -> None:
        """End it as an administrator would."""
        if self._process is not None:
            processes.end([self._process], STOP_GRACE_S)
            self._process = None

    def kill(self) -> None:
        """End every part of it at once, as a power cut would."""
        if self._process is not None:
            processes.kill(self._process)
            self._process = None

    def command(self, *arguments: str) -> str:
        """Run another `hushtape` command with this configuration; return what it printed."""
        done = subprocess.run(
            [sys.executable, "-m", "hushtape", *arguments, "-c", str(self.config)],
            capture_output=True,
            text=True,
            timeout=COMMAND_TIMEOUT_S,
            check=False,
        )
        if done.returncode:
            raise RuntimeError(f"hushtape {' '.join(arguments)}: {done.stderr or done.stdout}")
        return done.stdout

    def links_up(self, pbx: str = "") -> int:
        """How often a link to a PBX has come up so far; to any of them, if none is named."""
        ups = [line for line in self.log_lines() if line.get("event") == "link up"]
        return sum(pbx in ("", line.get("pbx")) for line in ups)

    def part(self, name: str) -> int:
        """Return the process id of one part: "bridge", "worker", "scheduler" or "redis"."""
        assert self._process is not None
        word = {"redis": "hushtape.embedded_redis"}.get(name, name)
        found = [
            pid
            for pid in descendants(self._process.pid)
            if word in command_line(pid).split("\0")[1:5]
        ]
        if not found:
            raise LookupError(f"hushtape run has no part {name}")
        return min(found)

    # ------------------------------------------------------------------ looking

    def recordings(self) -> list[Recording]:
        """Everything in the archive."""
        return [
            Recording(json.loads(path.read_bytes()), path.parent)
            for path in sorted(self.archive.glob("[0-9]*/*/*/*/manifest.json"))
        ]

    def recordings_of(self, uniqueid: str) -> list[Recording]:
        """The recordings of the call with this channel; there should be one at the most."""
        return [x for x in self.recordings() if x.manifest["call"]["pbx_call"] == uniqueid]

    def recording(self, uniqueid: str, timeout_s: float = ARCHIVE_TIMEOUT_S) -> Recording:
        """Wait until the recording of a call is in the archive."""
        return until(
            f"the recording of {uniqueid} is archived",
            lambda: self.recordings_of(uniqueid),
            timeout_s,
            ARCHIVE_POLL_S,
        )[0]

    def discards(self) -> list[dict[str, Any]]:
        """Every proof that nothing of a call was kept, as JSON."""
        paths = sorted(self.archive.glob("discards/[0-9]*/*/*.json"))
        return [json.loads(path.read_bytes()) for path in paths if ".again-" not in path.name]

    def discard(self, uniqueid: str, timeout_s: float = ARCHIVE_TIMEOUT_S) -> dict[str, Any]:
        """Wait until it is proved that nothing of a call was kept."""
        return until(
            f"the discard of {uniqueid} is proved",
            lambda: [x for x in self.discards() if x["pbx_call"] == uniqueid],
            timeout_s,
        )[0]

    def spooled(self) -> list[Path]:
        """Every file that lies in a spool."""
        return [path for pbx in self.pbxes for path in pbx.spool_here.rglob("*") if path.is_file()]

    def await_empty_spool(self, timeout_s: float = ARCHIVE_TIMEOUT_S) -> None:
        """Wait until nothing is left in any spool."""
        until("the spools are empty", lambda: not self.spooled(), timeout_s)

    def await_empty_outbox(self, timeout_s: float = ARCHIVE_TIMEOUT_S) -> None:
        """Wait until the bridge knows that every hand-off was taken."""
        until("the outbox is empty", lambda: not list(self.outbox.glob("*.json")), timeout_s)

    def alarms(self, recording_id: str) -> list[str]:
        """What was sounded an alarm for in a call."""
        lines = [x for x in self.log_lines() if x.get("event") == "alarm"]
        return [str(x.get("what")) for x in lines if x.get("call") == recording_id]

    def is_ours(self, _uniqueid: str) -> bool:
        """Tell whether the lab made this call; nobody else is there."""
        return True

    def log_bytes(self) -> bytes:
        """What it logged."""
        return self.log.read_bytes() if self.log.exists() else b""

    def log_lines(self) -> list[dict[str, Any]]:
        """The same, line by line."""
        lines = []
        for line in self.log_bytes().decode("utf-8", "replace").splitlines():
            try:
                lines.append(json.loads(line))
            except ValueError:
                lines.append({"event": line})
        return [line for line in lines if isinstance(line, dict)]

    def log_tail(self, lines: int = 30) -> str:
        """The last lines of its log."""
        return "\n".join(self.log_bytes().decode("utf-8", "replace").splitlines()[-lines:])

    # ------------------------------------------------------------------ configuration

    def _configuration(self, redis_url: str) -> str:
        lines = ['data = "data"', "", "[policies]", 'folder = "policies"']
        whose = [f'region = "{REGION}"', f'owner = "{OWNER}"']
        lines += ["", "[archive]", *whose, "", "[redis]", *whose]
        if redis_url:
            lines += [f'url = "{redis_url}"']
        if self.api_port:
            token = self._secret("desktop", self.api_token)
            lines += ["", "[api]", f"port = {self.api_port}"]
            lines += ["", "[api.tokens.desktop]", f'token_file = "{token}"']
        for number, pbx in enumerate(self.pbxes):
            secret = self._secret(pbx.name, pbx.hushtape_secret)
            lines += [
                "",
                f"[pbx.{pbx.name}]",
                f'kind = "{pbx.kind}"',
                'host = "127.0.0.1"',
                f'password_file = "{secret}"',
            ]
            plain = {"port": str(self._ports_of.get(pbx.name, pbx.control_port))}
            by_tls = pbx.tls() if number % 2 and pbx.name not in self._ports_of else {}
            lines += [f"{key} = {value}" for key, value in (by_tls or plain).items()]
            lines += [
                f'spool = "{pbx.spool_inside}"',
                f'spool_here = "{pbx.spool_here}"',
                # where a bridge that is started in a call may find a caller
                'outside_contexts = ["from-outside", "route-announced"]',
                'extensions = ["2XX", "30XX", "7[1-5]0", "8[1-5]0"]',
                'outside = ["90."]',
                'outside_prefix = "9"',
                "",
                f"[pbx.{pbx.name}.queues]",
            ]
            lines += [f'{q.number} = "{q.name}"' for q in town.queues(pbx.crowd)]
        return "\n".join(lines) + "\n"

    def _secret(self, name: str, text: str) -> str:
        """Write a secret into a file of its own; return that file's name."""
        path = self.folder / f"{name}.secret"
        path.write_text(text + "\n", encoding="utf-8")
        path.chmod(0o600)
        return path.name


def seconds(text: str) -> float:
    """An ISO moment as epoch seconds."""
    return datetime.fromisoformat(text).timestamp()


def command_line(pid: int) -> str:
    """A process's program and arguments, each ended by NUL; "" if it is gone."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
