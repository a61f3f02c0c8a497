"""What came of a tour, for people."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from lab import payments
from lab.scene import Take


@dataclass
class Report:
    """What came of a tour."""

    takes: list[Take] = field(default_factory=list)
    began_s: float = field(default_factory=time.monotonic)

    @property
    def ok(self) -> bool:
        """Whether everything was as the policies say. An empty tour shows nothing."""
        played = [take for take in self.takes if not take.lacks]
        return bool(played) and all(take.ok for take in played)

    def latencies_s(self) -> list[float]:
        """Hang-up to archived, of every recording."""
        return sorted(each for take in self.takes for each in take.latencies_s)

    def table(self) -> str:
        """Scenario × policy × result."""
        policies = list(dict.fromkeys(take.policy for take in self.takes))
        scenarios = list(dict.fromkeys(take.scenario for take in self.takes))
        results = {(take.scenario, take.policy): take for take in self.takes}
        width = max(len(name) for name in [*scenarios, "scenario"])
        rows = ["  ".join([f"{'scenario':{width}}", *policies])]
        for name in scenarios:
            cells = []
            for policy in policies:
                take = results.get((name, policy))
                word = "-" if take is None else _word(take)
                cells.append(f"{word:{len(policy)}}")
            rows.append("  ".join([f"{name:{width}}", *cells]))
        return "\n".join(rows)

    def summary(self) -> str:
        """The last lines."""
        lines = [self.table(), ""]
        for take in self.takes:
            if take.scenario == "speed":
                lines += [f"hang-up to archived: {check.what}" for check in take.checks[1::2]]
            if take.scenario == payments.SILENCE:
                lines += [f"a payment's cause to its silence: {x.what}" for x in take.checks[1:]]
            for warning in take.warnings:
                lines.append(f"WARNING: {take.policy}/{take.scenario}: {warning.what}")
        checks = [check for take in self.takes for check in take.checks]
        failed = [take for take in self.takes if not take.ok]
        lacking = {take.scenario: take.lacks for take in self.takes if take.lacks}
        lines += [f"n/a: {scenario}: {why}" for scenario, why in lacking.items()]
        lines.append(
            f"{sum(not take.lacks for take in self.takes)} scenes, {len(checks)} checks,"
            f" {sum(check.hard and not check.ok for check in checks)} failed,"
            f" {sum(len(take.warnings) for take in self.takes)} warnings;"
            f" {time.monotonic() - self.began_s:.0f} s"
        )
        if failed:
            names = ", ".join(f"{take.policy}/{take.scenario}" for take in failed)
            lines.append(f"NOT AS THE POLICY SAYS: {names}")
        else:
            lines.append("Everything is as the policies say.")
        return "\n".join(lines)


def _word(take: Take) -> str:
    return "n/a" if take.lacks else "ok" if take.ok else "NOT OK"
