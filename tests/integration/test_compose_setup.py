"""The certificate of the lab in Docker Compose, as openssl sees it."""

from __future__ import annotations

from pathlib import Path

import pytest

from lab import asterisk_tree
from lab.compose import setup
from lab.compose.setup import DAYS


@pytest.mark.parametrize(("days", "soon"), [(DAYS, False), (20, True)])
def test_a_certificate_is_known_to_end_soon(tmp_path: Path, days: int, *, soon: bool) -> None:
    certificate = tmp_path / "certificate.pem"
    asterisk_tree.write_certificate(certificate, tmp_path / "key.pem", "asterisk", (), days)
    assert setup._ends_soon(certificate) is soon
