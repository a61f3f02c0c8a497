"""docs/quickstart-asterisk.md, typed word for word on a machine that knows nothing of Hushtape.

The machine is a copy of this one in memory, with a systemd of its own and a plain Asterisk. What
each command prints must be what the page shows. Whoever types it has the umask of a hardened host,
and begins a new shell with each step.
"""

from __future__ import annotations

import re
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from lab import bare, bare_call, machine, recipe
from lab.ear import hear
from lab.recipe import Typed
from lab.waiting import until

pytestmark = pytest.mark.timeout(300)  # a minute, and more where other things run beside it

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "quickstart-asterisk.md"
STEPS_MAX = 10
THE_CALL = "8. Ring it"
AFTERWARDS = "To be rid of it"
NUMBER = "01737276000"  # lab/plain/extensions.conf
# What is asked before the answer is there, as a person would ask again.
ASKED_AGAIN = re.compile(r"journalctl |runuser -u hushtape -- hushtape recordings list")
AGAIN_TIMEOUT_S = 20.0
AGAIN_PAUSE_S = 0.3
# What needs more than this machine: it fetches something.
FETCHES = re.compile(r"apt-get |.*/pip install ")
OFFLINE = re.compile(
    r"No matching distribution|Unable to locate|Temporary failure|Could not resolve"
)
ID = re.compile(r"\b\d{8}-\d{6}-[a-z0-9]{8}\b")
EXPOSURE_MAX = 2.0  # of 10, as systemd judges a unit
RESTART_S = 5  # RestartSec of the unit
TALK_HEARD_S = 4.0  # of 8: a phone's first call may begin with silence
HARDENED_UMASK = "077"
UMASK = re.compile(r"umask (\d{3})")
# What an administrator has written below our lines in the meantime.
WRITTEN_BELOW = {
    "manager.conf": "[reports]\nsecret = theirs\nread = cdr",
    "extensions.conf": "[theirs]\nexten => 900,1,Hangup()",
    "features.conf": "[featuremap](+)\nblindxfer => #9",
}
OTHER_FOLDERS = ("/srv/spool", "/srv/archive")


@dataclass
class Typist:
    """Types one command after the other."""

    machine: bare.BareMachine
    transcript: list[str] = field(default_factory=list)
    recording: str = ""  # the id of the one that is there
    umask: str = HARDENED_UMASK

    def begin(self, section: str) -> None:
        """Begin a step, in a new shell."""
        self.transcript.append(f"\n## {section}\n")
        self.umask = HARDENED_UMASK

    def type(self, typed: Typed) -> None:
        """Type a command; it must succeed, and print what the page shows."""
        command = ID.sub(self.recording, typed.command) if self.recording else typed.command
        if umask := UMASK.fullmatch(command):
            self.umask = umask[1]
        deadline_s = time.monotonic() + AGAIN_TIMEOUT_S
        while True:
            in_shell = f"umask {self.umask}; {command}"
            done = self.machine.ask(in_shell, outward=bool(FETCHES.match(command)))
            as_shown = self._is_as_shown(typed, done)
            again = ASKED_AGAIN.match(command) and time.monotonic() < deadline_s
            if as_shown or not again:
                break
            time.sleep(AGAIN_PAUSE_S)
        self.transcript.append(f"# {command}\n{done.stdout if typed.printed is not None else ''}")
        if FETCHES.match(command) and done.returncode and OFFLINE.search(done.stdout):
            pytest.skip(f"THE QUICK START WAS NOT TRIED: nothing can be fetched: {command}")
        assert done.returncode == 0, f"{command}\n{done.stdout}"
        if typed.printed is not None:
            assert recipe.alike(done.stdout) == recipe.alike(typed.printed), command
        if found := ID.search(done.stdout):
            self.recording = found[0]

    def _is_as_shown(self, typed: Typed, done: subprocess.CompletedProcess[str]) -> bool:
        shown = typed.printed
        return done.returncode == 0 and (
            shown is None or recipe.alike(done.stdout) == recipe.alike(shown)
        )

    def etc_asterisk(self) -> list[str]:
        """Every line of Asterisk's configuration, and whose its files are."""
        lines = "grep -ra '' .; find . -printf '%p: %u %g %m\\n'"
        return sorted(self.machine.run(f"cd /etc/asterisk; {lines}").splitlines())


@pytest.fixture(scope="module")
def typist() -> Iterator[Typist]:
    if why := bare.impossible(machine.ready()):
        pytest.skip(f"THE QUICK START WAS NOT TRIED: {why}")
    with bare.BareMachine() as fresh:
        yield Typist(fresh)


def test_the_page_leads_to_a_recorded_call_and_back(typist: Typist) -> None:
    there = typist.machine
    before = typist.etc_asterisk()
    assert "hushtape" not in "\n".join(before).lower()
    typed = recipe.read(PAGE)
    for section in recipe.sections(PAGE):
        typist.begin(section)
        if section == THE_CALL:
            there.run(f".venv/bin/python -m lab.bare_call {NUMBER}")
        if section == AFTERWARDS:
            _is_told_of_other_folders(there)
            below = sorted(_write_below(there))
        for each in typed:
            if each.section == section:
                typist.type(each)
        if section.startswith("9."):
            _is_heard(typist)
            _is_kept_running(there)
    assert typist.etc_asterisk() == sorted([*before, *below])
    assert there.ask("pgrep -u hushtape").stdout == ""
    assert "could not be found" in there.ask("systemctl status hushtape").stdout
    there.run("systemctl restart asterisk")
    there.run("until asterisk -rx 'core waitfullybooted' >/dev/null 2>&1; do sleep 0.1; done")
    assert "Queue(help-line" in there.run("asterisk -rx 'dialplan show from-trunk'")
    assert "cdr" in there.run("asterisk -rx 'manager show user reports'")


def _write_below(there: bare.BareMachine) -> Iterator[str]:
    """Write something below our lines; each line as `Typist.etc_asterisk` has it."""
    for name, text in WRITTEN_BELOW.items():
        with there.here(f"/etc/asterisk/{name}").open("a", encoding="utf-8") as file:
            file.write(f"{text}\n")
        yield from (f"./{name}:{line}" for line in text.splitlines())


def _is_heard(typist: Typist) -> None:
    """The recording holds the talk, left and right, and the spool is empty."""
    there = typist.machine
    assert there.run("ls -A /var/spool/hushtape") == ""
    (audio,) = there.run(
        f"find /var/lib/hushtape/archive -path '*{typist.recording}/audio*'"
    ).split()
    tones = {"caller": bare_call.CALLER.tone_hz, "agent": bare_call.AGENT.tone_hz}
    heard = hear(there.here(audio), tones)
    for side, who, other in (("left", "caller", "agent"), ("right", "agent", "caller")):
        assert heard.frames(side, who) * heard.frame_s >= TALK_HEARD_S
        assert heard.frames(side, other) == 0


def _is_kept_running(there: bare.BareMachine) -> None:
    """The unit is one that systemd likes. It has policies read again; it comes back, if it can."""
    unit = "/etc/systemd/system/hushtape.service"
    assert there.run(f"systemd-analyze verify {unit}") == ""
    exposure = there.run("systemd-analyze security --no-pager hushtape").splitlines()[-1]
    assert float(re.findall(r"\d+\.\d", exposure)[0]) < EXPOSURE_MAX, exposure
    there.run("systemctl reload hushtape")
    _logs(there, "policies read again", 1)
    there.run("systemctl kill --signal=KILL --kill-who=main hushtape")
    _logs(there, "link up", 2)
    assert there.run("pgrep --count --full 'hushtape bridge'") == "1\n"
    config = there.here("/etc/hushtape/hushtape.toml")
    right = config.read_text(encoding="utf-8")
    config.write_text(f"{right}\nno_such_key = 1\n", encoding="utf-8")
    there.ask("systemctl restart hushtape")
    failed = "test $(systemctl show --property=Result --value hushtape) = exit-code"
    until("systemd gives up", lambda: there.ask(failed).returncode == 0, AGAIN_TIMEOUT_S)
    time.sleep(RESTART_S + 1)
    assert there.run("systemctl show --property=ActiveState --value hushtape") == "failed\n"
    config.write_text(right, encoding="utf-8")
    there.run("systemctl start hushtape")
    _logs(there, "link up", 3)


def _is_told_of_other_folders(there: bare.BareMachine) -> None:
    """With spool and archive somewhere else it starts, and says what the unit lacks."""
    config = there.here("/etc/hushtape/hushtape.toml")
    right = config.read_text(encoding="utf-8")
    spool, archive = OTHER_FOLDERS
    there.run(f"install -d -o asterisk -g hushtape -m 2770 {spool}; rmdir /var/spool/hushtape")
    there.run(f"install -d -o hushtape -g hushtape -m 700 {archive}")
    other = right.replace("/var/spool/hushtape", spool)
    config.write_text(f'archive.folder = "{archive}"\n{other}', encoding="utf-8")
    there.run("systemctl restart hushtape")
    _logs(there, "link up", 4)
    for folder in OTHER_FOLDERS:
        _logs(there, f"{folder}.*ReadWritePaths", 1)
    page = (ROOT / "docs" / "asterisk.md").read_text(encoding="utf-8")
    (drop_in,) = re.findall(r"^```ini\n(\[Service\]\n.*?)```$", page, re.DOTALL | re.MULTILINE)
    there.run("mkdir /etc/systemd/system/hushtape.service.d")
    there.here("/etc/systemd/system/hushtape.service.d/override.conf").write_text(drop_in)
    there.run("systemctl daemon-reload; systemctl restart hushtape")
    _logs(there, "link up", 5)
    last = "journalctl -u hushtape -o cat --no-pager | tac | sed '/running .*program=run/q'"
    assert "ReadWritePaths" not in there.run(last)
    there.run("install -d -o asterisk -g hushtape -m 2770 /var/spool/hushtape")
    there.run("rm -r /etc/systemd/system/hushtape.service.d; systemctl daemon-reload")
    config.write_text(right, encoding="utf-8")
    there.run("systemctl restart hushtape")
    _logs(there, "link up", 6)


def _logs(there: bare.BareMachine, words: str, times: int) -> None:
    """Wait until a line has been logged so often."""
    count = f"test $(journalctl -u hushtape -o cat --no-pager | grep -c '{words}') = {times}"
    until(f"{words}, {times}", lambda: there.ask(count).returncode == 0, AGAIN_TIMEOUT_S)


def test_it_takes_ten_steps_at_the_most() -> None:
    steps = [section for section in recipe.sections(PAGE) if re.match(r"\d+\. ", section)]
    assert [section.split(".")[0] for section in steps] == [str(n + 1) for n in range(len(steps))]
    assert len(steps) <= STEPS_MAX
    assert THE_CALL in steps
    assert recipe.sections(PAGE)[-1] == AFTERWARDS


def test_its_files_are_the_ones_that_the_other_pages_explain() -> None:
    for page, first_line, name in (
        ("configuration.md", "data", "hushtape.toml"),
        ("policies.md", "[policy]", "town.toml"),
    ):
        text = (ROOT / "docs" / page).read_text(encoding="utf-8")
        blocks = re.findall(r"```toml\n(.*?)```", text, re.DOTALL)
        explained = next(block for block in blocks if block.startswith(first_line))
        shipped = (ROOT / "examples" / "town-hall" / name).read_text(encoding="utf-8")
        assert shipped == explained
