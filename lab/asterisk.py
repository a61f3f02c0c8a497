"""One Asterisk of the lab: configuration of its own, ports of its own, and a certain end."""

from __future__ import annotations

import secrets
import shutil
from collections.abc import Mapping
from pathlib import Path

from lab import asterisk_tree, machine, town
from lab.asterisk_tree import Settings
from lab.eyes import ObserverError, event
from lab.observer import Observer
from lab.pbxes import OwnPbx


class Asterisk(OwnPbx):
    """An Asterisk on 127.0.0.1 that knows the whole town (and a crowd of `crowd` pairs).

    Where it lives in a chroot, paths have two names. `folder`, if given, becomes a symbolic link
    to the instance's tree. `extra` maps file names to texts that are added to (or replace) the
    configuration; `extensions-extra.conf` is included at the end of the dialplan.
    """

    kind = "asterisk"
    title = "Asterisk"

    def __init__(
        self,
        home: machine.AsteriskHome | None = None,
        folder: Path | None = None,
        name: str = "pbx1",
        *,
        crowd: int | town.Crowd = 0,
        extra: Mapping[str, str] | None = None,
        time_zone: str = "",
        keep: bool = False,
    ) -> None:
        self.home = home or machine.ready()
        super().__init__(name, root=self.home.root, crowd=crowd, time_zone=time_zone, keep=keep)
        self._extra = dict(extra or {})
        self._link: Path | None = None
        if folder is not None:
            folder.parent.mkdir(parents=True, exist_ok=True)
            folder.symlink_to(self.tree_here)
            self._link = folder
        self.tls_port = self._ports[2]
        self.observer_secret = secrets.token_urlsafe(18)
        self.certificate = self.tree_here / asterisk_tree.CERTIFICATE
        self._write_tree()

    # ------------------------------------------------------------------ life

    def _command(self) -> list[str]:
        command = [self.home.binary, "-C", f"{self.tree_inside}/etc/asterisk.conf", "-f"]
        if self.home.root is None:
            return command
        machine.name_known_in_chroot(self.home.root)
        return [_chroot(), str(self.home.root), *command]

    def _is_up(self) -> bool:
        try:
            with self.observer() as eyes:
                eyes.wait_for(event("FullyBooted"), timeout_s=1.0)
        except (OSError, ObserverError):
            return False
        return True

    def remove(self) -> None:
        """Stop, give the ports back, and delete the tree (unless `keep` was asked for)."""
        super().remove()
        if self._link is not None and not self.keep:
            self._link.unlink(missing_ok=True)

    # ------------------------------------------------------------------ asking

    def observer(self, record: Path | None = None, *, tls: bool = False) -> Observer:
        """A session of the lab's own all-seeing account.

        `record` takes the raw bytes received; those sent go beside it, with the suffix `.sent`.
        """
        return self._session("observer", self.observer_secret, record, tls)

    def as_bridge(self, record: Path | None = None, *, tls: bool = False) -> Observer:
        """A session of the account that the bridge uses, with its few rights."""
        return self._session("hushtape", self.hushtape_secret, record, tls)

    def _session(self, account: str, secret: str, record: Path | None, tls: bool) -> Observer:
        port = self.tls_port if tls else self.control_port
        certificate = self.certificate if tls else None
        return Observer(
            port,
            account,
            secret,
            tls_certificate=certificate,
            record=record,
            record_sent=record.with_suffix(".sent") if record else None,
        )

    def here(self, inside: str) -> Path:
        """The path on this machine of a file that Asterisk calls `inside`."""
        return self.home.seen_from_here(inside)

    def tls(self) -> dict[str, str]:
        """What a configuration says of TLS to this Asterisk."""
        return {"port": str(self.tls_port), "tls": "true", "tls_ca": f'"{self.certificate}"'}

    # ------------------------------------------------------------------ configuration

    def _write_tree(self) -> None:
        settings = Settings(
            name=self.name,
            tree=self.tree_inside,
            modules=self.home.modules,
            data=self.home.data,
            sip_port=self.sip_port,
            ami_port=self.control_port,
            ami_tls_port=self.tls_port,
            rtp_ports=self._rtp,
            hushtape_secret=self.hushtape_secret,
            observer_secret=self.observer_secret,
            crowd=self.crowd,
        )
        asterisk_tree.write(self.tree_here, settings, self._extra)
        key = self.tree_here / asterisk_tree.KEY
        asterisk_tree.write_certificate(self.certificate, key, self.name)


def _chroot() -> str:
    return shutil.which("chroot") or shutil.which("chroot", path="/usr/sbin:/sbin") or "chroot"
