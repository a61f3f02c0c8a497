"""Things of the lab that are started, and certainly ended."""

from __future__ import annotations

from types import TracebackType
from typing import Self


class Lifetime:
    """Used in a `with`: `start` at its beginning, `remove` at its end and if the start fails."""

    def start(self) -> None:
        """Begin."""
        raise NotImplementedError

    def remove(self) -> None:
        """End, and leave nothing behind."""
        raise NotImplementedError

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.remove()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.remove()
