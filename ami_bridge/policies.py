"""The policies that are in force while the bridge runs: read at its start, and again when told.

A call goes on to its end under the version with which it began, whatever is read later.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

import structlog

from hushtape.alarms import Kind, raise_alarm
from hushtape.config import Config
from hushtape.errors import ConfigError
from hushtape.policy.reading import folder
from hushtape.policy.schema import Policy

LOOK_EVERY_S = 10.0

log = structlog.get_logger()


class Policies:
    """What was read of the folder, and whether the folder still says the same.

    Raises:
        ConfigError: a policy can't be carried out.
    """

    def __init__(self, config: Config) -> None:
        self._config = config
        self.again = asyncio.Event()  # set it to have the folder read again
        self._told: folder.Fingerprint | None = None  # of a change that was told already
        self._read = folder.fingerprint(config)
        self.current = folder.load(config)

    def reload(self) -> bool:
        """Read the folder again: all of it is in force from now on, or all stays as it was.

        Returns:
            Whether it was read.
        """
        try:
            found = folder.fingerprint(self._config)
            policies = folder.load(self._config)
        except (ConfigError, OSError) as error:
            raise_alarm(Kind.POLICY, f"the policies stay as they were: {error}")
            return False
        self._read, self._told, self.current = found, None, policies
        return True

    def look(self) -> None:
        """Say once that the folder has changed, and nobody told us to read it."""
        try:
            found = folder.fingerprint(self._config)
        except ConfigError:
            found = ()
        if found in (self._read, self._told):
            return
        self._told = found
        log.warning(
            "policies have changed on disk, and the old ones are in force: reload with SIGHUP",
            folder=self._config.policies.folder,
        )

    async def watch(self, use: Callable[[Sequence[Policy]], None]) -> None:
        """Read the folder when told, and look at it again and again, until cancelled.

        Args:
            use: takes what was read.
        """
        while True:
            try:
                async with asyncio.timeout(LOOK_EVERY_S):
                    await self.again.wait()
            except TimeoutError:
                await asyncio.to_thread(self.look)
                continue
            self.again.clear()
            if await asyncio.to_thread(self.reload):
                use(self.current)
                log.info("policies read again", versions=len(self.current))
