"""A fake FreeSWITCH as docs/freeswitch.md asks for one, for the contract tests."""

from __future__ import annotations

from pathlib import Path

from tests.fake_freeswitch.switch import FakeFreeSwitch

PASSWORD = "for-contract-tests"
DIALPLAN = Path(__file__).parents[2] / "dialplan" / "freeswitch"
_CONF = f"""<document type="freeswitch/xml">
  <section name="configuration">
    <configuration name="event_socket.conf"><settings>
      <param name="listen-port" value="0"/>
      <param name="password" value="{PASSWORD}"/>
    </settings></configuration>
  </section>
  <section name="directory"/>
  <section name="dialplan">
    <X-PRE-PROCESS cmd="include" data="dialplan/*.xml"/>
  </section>
</document>
"""


def make(folder: Path) -> FakeFreeSwitch:
    """Make one, with the dialplan that Hushtape ships."""
    (folder / "dialplan").mkdir(parents=True)
    (folder / "recordings").mkdir()
    (folder / "freeswitch.xml").write_text(_CONF, encoding="utf-8")
    for shipped in DIALPLAN.glob("*.xml"):
        text = shipped.read_text(encoding="utf-8")
        (folder / "dialplan" / shipped.name).write_text(text, encoding="utf-8")
    return FakeFreeSwitch(folder, folder / "recordings", "contract")
