"""What somebody may claim to be called who means harm: names and numbers of bytes. Data only.

Each holds a mark, so that whatever becomes of it can be found again; where it would do something,
that is to make a file whose name holds the mark.
"""

from __future__ import annotations

from dataclasses import dataclass

LONG = 4096
PBX_LIMIT_BYTES = 79  # Asterisk 22 cuts names and numbers to so many


@dataclass(frozen=True)
class Hostile:
    """Something hostile, for a name or a number: what it is, and its bytes."""

    kind: str
    raw: bytes

    @property
    def breaks_lines(self) -> bool:
        """Whether SIP allows it in no name: not even escaped."""
        return b"\n" in self.raw or b"\0" in self.raw


def hostile_names(mark: str) -> tuple[Hostile, ...]:
    """All of them, with this mark: some letters and digits."""
    made = f"touch /tmp/{mark}"
    texts: tuple[tuple[str, str | bytes], ...] = (
        (
            "a second action",
            f"{mark}\r\n\r\nAction: Originate\r\nApplication: System\r\nData: {made}",
        ),
        ("an event of its own", f"{mark}\r\n\r\nEvent: Hangup\r\nUniqueid: 1.1\r\nX: "),
        ("the end of a list", f"{mark}\r\n\r\nEvent: StatusComplete\r\nEventList: Complete\r\nX: "),
        ("another queue", f"{mark}\r\nQueue: payments\r\nContext: internal\r\nExten: 7"),
        (
            "the lines that must follow",
            f"{mark}\r\nPriority: 1\r\nUniqueid: 1.1\r\nLinkedid: 1.1\r\n\r\nEvent: Hangup",
        ),
        (
            "a whole event",
            f"{mark}\r\n\r\nEvent: Hangup\r\nPrivilege: call,all\r\nUniqueid: 1.1\r\n",
        ),
        ("an answer", f"{mark}\r\n\r\nResponse: Success\r\nActionID: hushtape-1\r\nX: "),
        ("a line feed", f"{mark}\nAction: Logoff"),
        ("a carriage return", f"{mark}\rAction: Logoff"),
        ("an action in one line", f"Action: Originate {mark}"),
        ("commas", f"{mark},Playback(beep),r(/tmp/{mark})"),
        ("a way up", f"../../../../../tmp/{mark}"),
        ("a path", f"/tmp/{mark}/x"),
        ("a shell's command", f"$({made})"),
        ("another shell's", f"`{made}`;{made}|{made}&"),
        ("a dialplan's function", f"${{SHELL({made})}}${{CHANNEL}}"),
        ("quotes", f"{mark}'\"\\' OR 1=1;--"),
        ("placeholders", f"{mark}%s%n{{0}}{{mark}}%(name)s"),
        ("JSON", f'{mark}"}}, {{"id": "{mark}'),
        ("HTML", f"<script>alert('{mark}')</script>"),
        ("4 KB", f"{mark}{'7' * LONG}{mark}"),
        ("a terminal's orders", f"\x1b[2J\x1b]0;{mark}\x07\x1b[31m"),
        ("orders in one character", f"{mark}\x9b2J\x9d0;{mark}\x9c"),
        ("the other direction", f"{mark}\u202e3pm.exe\u2066\u200b\u200d\ufeff"),
        ("many bytes to a character", f"{mark} Zoë Šimůnek 北京 \U0001f469\u200d\U0001f692"),
        ("no characters", mark.encode() + b"\xff\xfe\x80\x9b2J"),
        ("half of a character", mark.encode() + b"\xe2\x82"),
        ("overlong characters", mark.encode() + b"\xc0\xaf\xe0\x80\x8a\xc0\x80"),
        ("half of a pair", mark.encode() + b"\xed\xa0\x80"),
        ("NUL", f"{mark}\0{mark}"),
    )
    return tuple(
        Hostile(kind, text if isinstance(text, bytes) else text.encode()) for kind, text in texts
    )
