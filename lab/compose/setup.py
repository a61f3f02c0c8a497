"""The service `setup`: makes the secrets at the first start, each readable by its reader only."""

from __future__ import annotations

import os
import secrets
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from lab import asterisk_tree
from lab.asterisk_tree import OPENSSL_TIMEOUT_S
from lab.compose import places
from lab.compose.places import HUSHTAPE, PBX, REDIS, SECRETS, VISITOR

SECRET_BYTES = 24
SPOKEN_BYTES = 6  # of what somebody types into a telephone; it is reached from this machine only
FOLDER_MODE = 0o750
FILE_MODE = 0o440
CERTIFICATE, KEY = "ami-cert.pem", "ami-key.pem"
DAYS = 3650
RENEWED_BEFORE_S = 30 * 86400  # its end, if somebody says `up` by then

# What each secret is called, and who reads it.
READERS: dict[str, tuple[str, ...]] = {
    "asterisk": (PBX, HUSHTAPE),
    "observer": (PBX, VISITOR),
    "visitor": (PBX, VISITOR),
    "redis": (REDIS, HUSHTAPE),
    "freeswitch": (PBX, HUSHTAPE, VISITOR),
    "freeswitch-phones": (PBX, VISITOR),
}


def make(root: Path = SECRETS) -> list[str]:
    """Make what is missing; return the names of what was made."""
    made = []
    for name, readers in READERS.items():
        if all((root / reader / name).exists() for reader in readers):
            continue
        text = secrets.token_urlsafe(SPOKEN_BYTES if name == "visitor" else SECRET_BYTES)
        for reader in readers:
            _keep(root, reader, name, f"{text}\n".encode("ascii"))
        made.append(name)
    if not (root / PBX / KEY).exists() or _ends_soon(root / PBX / CERTIFICATE):
        with tempfile.TemporaryDirectory() as folder:
            certificate, key = Path(folder) / CERTIFICATE, Path(folder) / KEY
            asterisk_tree.write_certificate(certificate, key, places.NAME, [places.NAME], DAYS)
            # The key first: without its certificate both are made once more.
            _keep(root, PBX, KEY, key.read_bytes())
            _keep(root, PBX, CERTIFICATE, certificate.read_bytes())
            _keep(root, HUSHTAPE, CERTIFICATE, certificate.read_bytes())
        made.append(CERTIFICATE)
    return made


def _ends_soon(certificate: Path) -> bool:
    look = [
        "openssl",
        "x509",
        "-checkend",
        str(RENEWED_BEFORE_S),
        "-noout",
        "-in",
        str(certificate),
    ]
    return subprocess.run(look, capture_output=True, timeout=OPENSSL_TIMEOUT_S).returncode != 0


def _keep(root: Path, reader: str, name: str, data: bytes) -> None:
    """Write a file that its reader's group may read; it is there whole, or not at all."""
    folder = root / reader
    if not folder.exists():
        folder.mkdir()
        shutil.chown(folder, group=reader)
        folder.chmod(FOLDER_MODE)
    part = folder / f".{name}.part"
    part.unlink(missing_ok=True)
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
    shutil.chown(part, group=reader)
    part.chmod(FILE_MODE)
    part.rename(folder / name)


def main() -> None:
    """Make what is missing, and say what was made."""
    try:
        made = make()
    except OSError as error:
        sys.exit(
            f"error: the volume `secrets` isn't as it was made: {error}\n"
            "Take it down with all the others (`docker-compose down -v`), and bring all up again."
        )
    print(f"made: {', '.join(made)}" if made else "the secrets are there")
    if made == [CERTIFICATE]:
        print("the certificate is a new one: restart asterisk and bridge")


if __name__ == "__main__":
    main()
