"""What Hushtape ships for an Asterisk, loaded as an administrator would into one that is his own.

Its configuration is Debian's, with somebody's own telephones and queues, or laid out as FreePBX
does. Nothing may be said in its log that it doesn't say without Hushtape's files.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from lab import bare, machine, recipe
from lab.waiting import until

SHIPPED = Path(__file__).parents[2] / "dialplan" / "asterisk"
QUICKSTART = Path(__file__).parents[2] / "docs" / "quickstart-asterisk.md"
DIALPLAN = (SHIPPED / "hushtape.conf").read_text(encoding="utf-8")
KEYS = (SHIPPED / "hushtape-features.conf").read_text(encoding="utf-8")
TIMEOUT_S = 15.0
# What every Asterisk has that reads a dialplan at all, beside what the file names.
MODULES = ("pbx_config",)
COMMENT_MARK = re.compile(r"^; ?", re.MULTILINE)
COMMENT = re.compile(r"^;.*$", re.MULTILINE)

INCLUDED = r"""
cp dialplan/asterisk/*.conf /etc/asterisk/
cd /etc/asterisk
printf '\n#include hushtape.conf\n' >>extensions.conf
sed -i '/^\[applicationmap\]/a #include hushtape-features.conf' features.conf
printf '\n#include hushtape-manager.conf\n[hushtape](+)\nsecret = of-the-test\n' >>manager.conf
sed -i '1i #include hushtape-queues.conf' queues.conf
sed -i 's/^\[help-line\]$/[help-line](hushtape-queue)/' queues.conf
"""

# FreePBX's way: it writes *_additional.conf, the administrator *_custom.conf. Its queues take
# VQ_OPTIONS, if there are any, in place of their own t, and add what else they are set to.
FREEPBX = r"""
cp dialplan/asterisk/*.conf /etc/asterisk/
for file in dialplan/asterisk/freepbx/*.conf; do cat "$file" >>"/etc/asterisk/${file##*/}"; done
cd /etc/asterisk
cat >extensions.conf <<'EOF'
#include extensions_additional.conf
#include extensions_custom.conf
EOF
cat >extensions_additional.conf <<'EOF'
[ext-queues]
exten => 600,1,Set(QOPTIONS=${IF($[${LEN(${VQ_OPTIONS})}>0]?${VQ_OPTIONS}:t)}rn)
 same => n,Set(VQ_OPTIONS=)
 same => n,Set(GLOBAL(SEEN)=${QOPTIONS})
 same => n,Hangup()
EOF
cat >features.conf <<'EOF'
[general]
[featuremap]
[applicationmap]
#include features_applicationmap_custom.conf
EOF
cat >manager.conf <<'EOF'
[general]
enabled = yes
port = 5038
bindaddr = 0.0.0.0
displayconnects = no
#include manager_custom.conf
EOF
"""


class OwnAsterisk:
    """The Asterisk of a bare machine."""

    def __init__(self, there: bare.BareMachine) -> None:
        self.there = there

    def complaints(self) -> set[str]:
        """Every warning and error of its start, without times and numbers of threads."""
        logs = self.there.run("cat /var/log/asterisk/messages*")
        return set(re.findall(r"(?:WARNING|ERROR)\[\d+\]\S* (.*)", logs))

    def restart(self) -> None:
        """Start it anew, with an empty log, however often that was done just before."""
        self.there.run(
            "systemctl stop asterisk; systemctl reset-failed asterisk;"
            " rm -f /var/log/asterisk/*; systemctl start asterisk"
        )
        self.there.run(
            "until asterisk -rx 'core waitfullybooted' >/dev/null 2>&1; do sleep .1; done"
        )

    def says(self, command: str) -> str:
        """What its console says."""
        return self.there.run(f"asterisk -rx '{command}'")

    def reload_features(self) -> None:
        """Have it read its features anew."""
        told = self.says("module reload features")
        assert told == "Module 'features' reloaded successfully.\n"

    @contextmanager
    def rewritten(self, name: str, text: str, heed: Callable[[], None]) -> Iterator[Path]:
        """Give one of its files another text for a while; ``heed`` makes it read the file."""
        path = self.there.here(f"/etc/asterisk/{name}")
        before = path.read_text(encoding="utf-8")
        try:
            path.write_text(text, encoding="utf-8")
            heed()
            yield path
        finally:
            path.write_text(before, encoding="utf-8")
            heed()


@pytest.fixture(params=[INCLUDED, FREEPBX], ids=["plain", "freepbx"], scope="module")
def loaded(request: pytest.FixtureRequest) -> Iterator[tuple[OwnAsterisk, set[str]]]:
    """An Asterisk with Hushtape's files, and what it says of them in its log."""
    if why := bare.impossible(machine.ready()):
        pytest.skip(f"HUSHTAPE'S DIALPLAN WAS NOT LOADED INTO A PLAIN ASTERISK: {why}")
    with bare.BareMachine() as there:
        own = OwnAsterisk(there)
        own.restart()
        before = own.complaints()
        there.run(request.param)
        own.restart()
        yield own, own.complaints() - before


only_plain = pytest.mark.parametrize("loaded", [INCLUDED], ids=["plain"], indirect=True)


def test_it_says_nothing_that_it_did_not_say_before(loaded: tuple[OwnAsterisk, set[str]]) -> None:
    _, complaints = loaded
    assert complaints == set()


@pytest.mark.parametrize("context", re.findall(r"^\[([a-z-]+)\]", DIALPLAN, re.MULTILINE))
def test_every_subroutine_is_there(loaded: tuple[OwnAsterisk, set[str]], context: str) -> None:
    own, _ = loaded
    body = re.split(r"^\[", DIALPLAN.split(f"[{context}]\n")[1], flags=re.MULTILINE)[0]
    code = COMMENT.sub("", body)
    extensions, steps = code.count("exten =>"), code.count("exten =>") + code.count("same =>")
    shown = own.says(f"dialplan show {context}")
    plural = "s" if extensions > 1 else ""
    assert f"{extensions} extension{plural} ({steps} priorities) in 1 context." in shown
    assert "[hushtape.conf:" in shown


def has_all(own: OwnAsterisk) -> None:
    """See to it that every application and function of the dialplan is there."""
    code = COMMENT.sub("", DIALPLAN)
    applications = set(re.findall(r"(?:,1|=> n(?:\(\w+\))?),(\w+)\(", code))
    functions = set(re.findall(r"\$\{([A-Z_]+)\(", code)) | {"LOCAL"}
    assert {"Queue", "StopMixMonitor", "Gosub"} <= applications
    assert {"RAND", "IF", "CUT"} <= functions
    for name in sorted(applications):
        assert "is (are) not registered" not in own.says(f"core show application {name}"), name
    for name in sorted(functions):
        assert "No function" not in own.says(f"core show function {name}"), name


def test_asterisk_has_every_application_and_function(
    loaded: tuple[OwnAsterisk, set[str]],
) -> None:
    has_all(loaded[0])


def test_the_keys_and_the_account_are_there(loaded: tuple[OwnAsterisk, set[str]]) -> None:
    own, _ = loaded
    features = own.says("features show")
    for name, key in re.findall(r"^(hushtape-[a-z-]+) => (\*\d+),", KEYS, re.MULTILINE):
        assert re.search(rf"^{name} +no def +\{key}\s*$", features, re.MULTILINE)
    account = own.says("manager show user hushtape")
    assert re.search(r"read perm: call,agent,user$", account, re.MULTILINE)
    assert re.search(r"write perm: system,call$", account, re.MULTILINE)
    assert re.search(r"Timestamp events:\s+Yes", own.says("manager show settings"))


# Logs in from an address of the machine's own, to the same address.
LOG_IN = """
import socket, sys
address = sys.argv[1]
family = socket.AF_INET6 if ":" in address else socket.AF_INET
with socket.socket(family) as link:
    link.bind((address, 0))
    link.connect((address, 5038))
    lines = ("Action: Login", "Username: hushtape", "Secret: of-the-test", "Events: off")
    link.sendall("".join(f"{line}\\r\\n" for line in (*lines, "")).encode())
    said = b""
    while b"Authentication" not in said:
        said += link.recv(4096) or sys.exit("the link is gone")
print("let in" if b"Authentication accepted" in said else "refused")
"""


@only_plain
def test_only_this_machine_is_let_in_whatever_the_port_listens_on(
    loaded: tuple[OwnAsterisk, set[str]],
) -> None:
    own, _ = loaded
    text = own.there.here("/etc/asterisk/manager.conf").read_text(encoding="utf-8")
    everywhere = re.sub("bindaddr = .*", "bindaddr = ::", text)
    own.there.here("/root/log_in.py").write_text(LOG_IN, encoding="utf-8")
    own.there.run("ip link set lo up; ip address add 192.0.2.9/32 dev lo")
    own.there.run("ip address add 2001:db8::9/128 dev lo nodad")
    with own.rewritten("manager.conf", everywhere, own.restart):
        said = {
            address: own.there.run(f"python3 /root/log_in.py {address}").strip()
            for address in ("127.0.0.1", "::1", "192.0.2.9", "2001:db8::9")
        }
        assert said == {
            "127.0.0.1": "let in",
            "::1": "let in",
            "192.0.2.9": "refused",
            "2001:db8::9": "refused",
        }


def test_a_queue_takes_what_hushtape_needs_of_it(loaded: tuple[OwnAsterisk, set[str]]) -> None:
    own, _ = loaded
    shown = own.says("queue show")
    assert re.search(r"^help-line has .*\n +Members: \n +PJSIP/201 ", shown, re.MULTILINE)
    assert "hushtape-queue" not in shown, "the template is a queue"


def features_with_own_key(own: OwnAsterisk) -> str:
    """What it says of its features, with the administrator's own key among them."""
    own.reload_features()
    features = own.says("features show")
    assert re.search(r"^Blind Transfer +# +#9 *$", features, re.MULTILINE)
    return features


@only_plain
def test_without_an_applicationmap_nothing_is_broken(
    loaded: tuple[OwnAsterisk, set[str]],
) -> None:
    own, _ = loaded
    none = "[general]\n[featuremap]\nblindxfer => #9\n"
    with own.rewritten("features.conf", none, own.reload_features) as path:
        typed = [each.command for each in recipe.read(QUICKSTART) if each.section.startswith("4.")]
        for command in typed:
            if "features.conf" in command:
                own.there.run(command)
        features = features_with_own_key(own)
        assert "hushtape" not in features
        with path.open("a", encoding="utf-8") as file:  # as the page says then
            file.write("[applicationmap]\n#include hushtape-features.conf\n")
        features = features_with_own_key(own)
        assert "hushtape-payment-began" in features


@only_plain
def test_no_other_modules_are_needed_than_the_file_names(
    loaded: tuple[OwnAsterisk, set[str]],
) -> None:
    own, _ = loaded
    head = COMMENT_MARK.sub("", DIALPLAN.partition("\n[")[0])
    named = re.findall(r"\b(?:app|func)_[a-z]+", head.partition("What it is made of:")[2])
    modules = [*MODULES, *named]
    lines = ["[modules]", "autoload = no", *(f"load = {name}.so" for name in modules)]
    with own.rewritten("modules.conf", "\n".join(lines) + "\n", own.restart):
        has_all(own)


@pytest.mark.parametrize("loaded", [FREEPBX], ids=["freepbx"], indirect=True)
def test_freepbx_s_queue_is_entered_with_the_keys(loaded: tuple[OwnAsterisk, set[str]]) -> None:
    own, _ = loaded
    own.says("channel originate Local/600@hushtape-queue application Wait 1")
    until(
        "the queue is entered",
        lambda: "SEEN=tb(hushtape-agent-keys^s^1)rn\n" in own.says("dialplan show globals"),
        TIMEOUT_S,
    )
