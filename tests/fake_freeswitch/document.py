"""The configuration of the fake FreeSWITCH: one XML document, as the real one reads it."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from pathlib import Path

_TAG = re.compile(r'<X-PRE-PROCESS\s+cmd="(\w+)"\s+data="([^"]*)"\s*/>')
_GLOBAL = re.compile(r"\$\$\{([^}]*)\}")
MOST_INCLUDES = 20


class Document:
    """What stands in freeswitch.xml, with all that it includes."""

    def __init__(self, conf: Path) -> None:
        file = conf if conf.is_file() else conf / "freeswitch.xml"
        self.globals: dict[str, str] = {}
        self._folder = file.parent
        text = self._processed(file.read_text(encoding="utf-8"))
        self.root = ET.fromstring(re.sub(r"</?include>", "", text))  # noqa: S314 - our own files

    def _processed(self, text: str, depth: int = 0) -> str:
        if depth > MOST_INCLUDES:
            raise ValueError("files of the configuration include each other")
        lines = []
        for line in text.split("\n"):
            line = _GLOBAL.sub(lambda found: self.globals.get(found[1], ""), line)
            tag = _TAG.search(line)
            if tag is None:
                lines.append(line)
            elif tag[1] == "set":
                name, _, value = tag[2].partition("=")
                self.globals[name] = value
            elif tag[1] == "include":
                found = sorted(self._folder.glob(tag[2]))
                texts = (each.read_text(encoding="utf-8") for each in found)
                lines += [self._processed(each, depth + 1) for each in texts]
        return "\n".join(lines)

    def configuration(self, name: str) -> ET.Element | None:
        """A module's configuration."""
        return self.root.find(f"section[@name='configuration']/configuration[@name='{name}']")

    def setting(self, configuration: str, name: str) -> str:
        """A parameter of a module; "" if it isn't set."""
        found = self.configuration(configuration)
        each = found.find(f"settings/param[@name='{name}']") if found is not None else None
        return each.get("value", "") if each is not None else ""

    def profile_setting(self, name: str) -> str:
        """A parameter of the SIP profile; "" if it isn't set."""
        sofia = self.configuration("sofia.conf")
        each = sofia.find(f".//settings/param[@name='{name}']") if sofia is not None else None
        return each.get("value", "") if each is not None else ""

    def context(self, name: str) -> ET.Element | None:
        """A context of the dialplan."""
        return self.root.find(f"section[@name='dialplan']/context[@name='{name}']")

    def dial_string(self, domain: str) -> str:
        """How the users of a domain are dialled; "" if it isn't there."""
        found = self._domain(domain)
        each = found.find("params/param[@name='dial-string']") if found is not None else None
        return each.get("value", "") if each is not None else ""

    def user(self, name: str, domain: str) -> dict[str, str] | None:
        """The variables of a user; None: there is no such user."""
        found = self._domain(domain)
        user = found.find(f".//user[@id='{name}']") if found is not None else None
        if user is None:
            return None
        variables = user.iterfind("variables/variable")
        return {each.get("name", ""): each.get("value", "") for each in variables}

    def locate(self, words: list[str]) -> str:
        """The answer to xml_locate: SECTION TAG KEY VALUE."""
        section = self.root.find(f"section[@name='{words[0]}']") if words else None
        if section is None or len(words) < 4:
            return "can't find anything\n"
        found = section.find(f".//{words[1]}[@{words[2]}='{words[3]}']")
        return "can't find anything\n" if found is None else ET.tostring(found, "unicode")

    def _domain(self, name: str) -> ET.Element | None:
        return self.root.find(f"section[@name='directory']/domain[@name='{name}']")
