"""Secrets are made once, each for its readers."""

from __future__ import annotations

import stat
from collections.abc import Sequence
from pathlib import Path

import pytest

from lab.compose import setup
from lab.compose.setup import CERTIFICATE, KEY, READERS


@pytest.fixture
def groups(monkeypatch: pytest.MonkeyPatch) -> dict[Path, str]:
    """The groups that were given; no account of this machine is needed."""
    given: dict[Path, str] = {}
    monkeypatch.setattr(setup.shutil, "chown", lambda path, group: given.update({path: group}))
    monkeypatch.setattr(setup, "_ends_soon", lambda _certificate: False)

    def certify(
        certificate: Path, key: Path, _name: str, _hosts: Sequence[str], _days: int
    ) -> None:
        certificate.write_bytes(b"certificate")
        key.write_bytes(b"key")

    monkeypatch.setattr(setup.asterisk_tree, "write_certificate", certify)
    return given


def files(root: Path) -> dict[str, bytes]:
    return {str(x.relative_to(root)): x.read_bytes() for x in root.rglob("*") if x.is_file()}


def test_a_secret_is_the_same_for_all_its_readers_and_nobody_elses(
    groups: dict[Path, str], tmp_path: Path
) -> None:
    setup.make(tmp_path)
    found = files(tmp_path)
    wanted = {f"{reader}/{name}" for name, readers in READERS.items() for reader in readers}
    wanted |= {f"pbx/{CERTIFICATE}", f"pbx/{KEY}", f"hushtape/{CERTIFICATE}"}
    assert set(found) == wanted
    texts = [{found[f"{reader}/{name}"] for reader in readers} for name, readers in READERS.items()]
    assert all(len(each) == 1 for each in texts)
    assert len(set.union(*texts)) == len(READERS)


def test_only_the_readers_group_may_read(groups: dict[Path, str], tmp_path: Path) -> None:
    setup.make(tmp_path)
    for path in tmp_path.rglob("*"):
        mode = stat.S_IMODE(path.stat().st_mode)
        assert mode == (0o750 if path.is_dir() else 0o440)
    assert all(path.relative_to(tmp_path).parts[0] == group for path, group in groups.items())


def test_the_next_start_makes_nothing_anew(groups: dict[Path, str], tmp_path: Path) -> None:
    setup.make(tmp_path)
    before = files(tmp_path)
    assert setup.make(tmp_path) == []
    assert files(tmp_path) == before


def test_a_start_that_was_cut_off_is_made_good(groups: dict[Path, str], tmp_path: Path) -> None:
    setup.make(tmp_path)
    (tmp_path / "hushtape" / "redis").unlink()
    assert setup.make(tmp_path) == ["redis"]
    assert (tmp_path / "hushtape/redis").read_bytes() == (tmp_path / "redis/redis").read_bytes()


def test_a_certificate_that_ends_soon_is_made_anew(
    groups: dict[Path, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    setup.make(tmp_path)
    monkeypatch.setattr(setup, "_ends_soon", lambda _certificate: True)
    assert setup.make(tmp_path) == [CERTIFICATE]


def test_a_volume_that_cannot_be_written_is_told_in_words(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse() -> None:
        raise PermissionError(13, "Permission denied", "/secrets/pbx")

    monkeypatch.setattr(setup, "make", refuse)
    with pytest.raises(SystemExit, match=r"`secrets` isn't .*/secrets/pbx.*\n.*compose down -v"):
        setup.main()
