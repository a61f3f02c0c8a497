from __future__ import annotations

from hushtape.policy.comparing import diff, diff_text
from tests.councils import POLICIES
from tests.policy_changes import changed

SURREY = POLICIES["surrey"]


def test_each_sort_of_difference_has_its_heading() -> None:
    new = changed(("retention", "keep"), "90 days", SURREY)
    new = changed(("transfer", "otherwise"), "stop", new)
    new = changed(("calls", "direct_dial"), True, new)
    new = changed(("rights", "in_writing"), not SURREY.rights.in_writing, new)
    said = list(diff_text.lines(SURREY, new, diff.compare(SURREY, new)))
    assert said[0] == "surrey of 25 May 2018 \u2192 surrey of 25 May 2018"
    assert said[1] == "Compared are calls from 25 May 2018 on."
    assert [each for each in said[2:] if each and not each.startswith(" ")] == [
        "Calls",
        "Transfers, consultations and queues",
        "Recordings",
        "Rights of the people who are recorded",
    ]
    direct = "  Inbound calls through no queue: not recorded; now recorded from the answer on"
    assert f"{direct}, kept 90 days." in said
    assert f"  {diff_text.EARLIER}" in said
    assert "kept 62 days; now kept 90 days. For example, a call of" in "\n".join(said)


def test_nothing_different_is_said_in_one_line() -> None:
    said = list(diff_text.lines(SURREY, SURREY, diff.compare(SURREY, SURREY)))
    assert said[2:] == ["No call and no recording is treated differently."]
