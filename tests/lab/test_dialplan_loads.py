"""What Hushtape ships for an Asterisk, loaded as an administrator would into one that is his own.

Its configuration is Debian's, with somebody's own telephones and queues, or laid out as FreePBX
does. Nothing may be said in its log that it doesn't say without Hushtape's files.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
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

# FreePBX's way: it writes *_additional.conf, the administrator *_custom.conf.
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
exten => 600,1,Set(GLOBAL(SEEN)=${VQ_OPTIONS})
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
        """Start it anew, with an empty log."""
        self.there.run(
            "systemctl stop asterisk; rm -f /var/log/asterisk/*; systemctl start asterisk"
        )
        self.there.run(
            "until asterisk -rx 'core waitfullybooted' >/dev/null 2>&1; do sleep .1; done"
        )

    def says(self, command: str) -> str:
        """What its console says."""
        return self.there.run(f"asterisk -rx '{command}'")


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


def test_a_queue_takes_what_hushtape_needs_of_it(loaded: tuple[OwnAsterisk, set[str]]) -> None:
    own, _ = loaded
    shown = own.says("queue show")
    assert re.search(r"^help-line has .*\n +Members: \n +PJSIP/201 ", shown, re.MULTILINE)
    assert "hushtape-queue" not in shown, "the template is a queue"


@pytest.mark.parametrize("loaded", [INCLUDED], ids=["plain"], indirect=True)
def test_without_an_applicationmap_nothing_is_broken(
    loaded: tuple[OwnAsterisk, set[str]],
) -> None:
    own, _ = loaded
    path = own.there.here("/etc/asterisk/features.conf")
    before = path.read_text(encoding="utf-8")
    try:
        path.write_text("[general]\n[featuremap]\nblindxfer => #9\n", encoding="utf-8")
        typed = [each.command for each in recipe.read(QUICKSTART) if each.section.startswith("4.")]
        for command in typed:
            if "features.conf" in command:
                own.there.run(command)
        assert own.says("module reload features") == "Module 'features' reloaded successfully.\n"
        features = own.says("features show")
        assert re.search(r"^Blind Transfer +# +#9 *$", features, re.MULTILINE)
        assert "hushtape" not in features
        with path.open("a", encoding="utf-8") as file:  # as the page says then
            file.write("[applicationmap]\n#include hushtape-features.conf\n")
        assert own.says("module reload features") == "Module 'features' reloaded successfully.\n"
        features = own.says("features show")
        assert re.search(r"^Blind Transfer +# +#9 *$", features, re.MULTILINE)
        assert "hushtape-payment-began" in features
    finally:
        path.write_text(before, encoding="utf-8")
        own.says("module reload features")


@pytest.mark.parametrize("loaded", [INCLUDED], ids=["plain"], indirect=True)
def test_no_other_modules_are_needed_than_the_file_names(
    loaded: tuple[OwnAsterisk, set[str]],
) -> None:
    own, _ = loaded
    head = COMMENT_MARK.sub("", DIALPLAN.partition("\n[")[0])
    named = re.findall(r"\b(?:app|func)_[a-z]+", head.partition("What it is made of:")[2])
    modules = [*MODULES, *named]
    lines = ["[modules]", "autoload = no", *(f"load = {name}.so" for name in modules)]
    path = own.there.here("/etc/asterisk/modules.conf")
    before = path.read_text(encoding="utf-8")
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    try:
        own.restart()
        has_all(own)
    finally:
        path.write_text(before, encoding="utf-8")
        own.restart()


@pytest.mark.parametrize("loaded", [FREEPBX], ids=["freepbx"], indirect=True)
def test_freepbx_s_queue_is_entered_with_the_keys(loaded: tuple[OwnAsterisk, set[str]]) -> None:
    own, _ = loaded
    own.says("channel originate Local/600@hushtape-queue application Wait 1")
    until(
        "the queue is entered",
        lambda: "SEEN=tb(hushtape-agent-keys^s^1)" in own.says("dialplan show globals"),
        TIMEOUT_S,
    )
