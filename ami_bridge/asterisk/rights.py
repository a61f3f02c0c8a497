"""What the manager account may not read. Pure.

Asterisk says nowhere what an account may read, and what it may not is simply not told. But
``Status`` lists what lives, whatever the account may read: who came since the login, and of whom
nothing was told, came untold. One event of a class shows that the account may read it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from ami_bridge.asterisk.living import variables_of
from ami_bridge.variables import OPT_OUT_VARIABLE, PAYMENT_VARIABLE
from hushtape.policy.schema import PaymentWay

Event = Mapping[str, str]

LACKING = {
    "call": "no new call is seen, and nothing is recorded",
    "agent": "nobody is seen in a queue, and calls of queues aren't recorded",
    "user": "payments and opt-outs by key and dialplan aren't heard",
}
"""The rights to read that Hushtape needs, and what it is without each."""
# Asterisk's own channels: it lists them, but tells of none.
_INTERNAL = ("Announcer/", "CBAnn/", "CBRec/", "Recorder/", "Surrogate/")


class Rights:
    """The rights of one login that have shown themselves.

    Args:
        living: the ``Status`` events of what lived then. In all here, with the bridge's variables.
    """

    def __init__(self, living: Iterable[Event]) -> None:
        self._before = _signs(living)
        self._shown: set[str] = set()

    @property
    def tells_calls(self) -> bool:
        """Whether a call was told of: until then it may be that none ever is."""
        return "call" in self._shown

    @property
    def whole(self) -> bool:
        """Whether all that is needed has shown itself."""
        return self._shown.issuperset(LACKING)

    def hear(self, event: Event) -> None:
        """Take in an event. One that belongs to several classes may be told for any of them."""
        right, _, rest = event.get("Privilege", "").partition(",")
        if rest == "all":
            self._shown.add(right)

    def lacking(self, living: Iterable[Event]) -> tuple[str, ...]:
        """Name the rights without which this could be, and that nothing has shown yet."""
        untold = {right for right, _ in _signs(living) - self._before} - self._shown
        return tuple(right for right in LACKING if right in untold)


def _signs(living: Iterable[Event]) -> set[tuple[str, str]]:
    """Name what is told of by some event: the right that this takes, and the channel."""
    signs = set()
    for each in living:
        if each.get("Channel", "").startswith(_INTERNAL):
            continue
        uniqueid = each.get("Uniqueid", "")
        signs.add(("call", uniqueid))
        if each.get("Application") == "Queue":
            signs.add(("agent", uniqueid))
        noted = variables_of(each)
        way = noted.get(PAYMENT_VARIABLE, "").rpartition(":")[2]
        if way not in ("", PaymentWay.API) or noted.get(OPT_OUT_VARIABLE):
            signs.add(("user", uniqueid))
    return signs
