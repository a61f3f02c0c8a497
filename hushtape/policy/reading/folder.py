"""The folder of policies: read as a whole, or not at all; and whether it has changed since."""

from __future__ import annotations

from pathlib import Path

from hushtape.config import Config
from hushtape.errors import PolicyError
from hushtape.policy import parse, storage
from hushtape.policy.schema import Policy

Fingerprint = tuple[tuple[str, int, int], ...]  # of each file: name, time in ns, size in bytes


def load(config: Config) -> tuple[Policy, ...]:
    """Read every version of every policy, as each program does at its start.

    Raises:
        PolicyError: one of them can't be carried out, or not with this configuration.
    """
    policies = parse.load_folder(Path(config.policies.folder))
    storage.check(policies, config)
    return policies


def fingerprint(config: Config) -> Fingerprint:
    """What tells that a file was added, taken away or written; nothing is read.

    Raises:
        PolicyError: the folder can't be looked at.
    """
    folder = Path(config.policies.folder)
    found = []
    try:
        for path in parse.policy_files(folder):
            status = path.stat()
            found.append((path.name, status.st_mtime_ns, status.st_size))
    except OSError as error:
        raise PolicyError(str(folder), f"can't be looked at: {error.strerror}") from None
    return tuple(found)
