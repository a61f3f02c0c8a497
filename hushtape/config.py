"""The one configuration file, TOML. Every error names the file, the key, and what was expected.

Secrets are never written in it: each is read from a file (``password_file``) or an environment
variable (``password_env``; with ``_FILE`` appended, the variable names a file).
"""

from __future__ import annotations

import math
import os
import re
from collections.abc import Iterable, Mapping
from itertools import chain
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from hushtape import config_file, schema
from hushtape.config_doors import PORT_MAX, Alarms, Api, Problem, alarms_problems, api_problems
from hushtape.config_file import ConfigFile
from hushtape.config_pbx import QUEUE as QUEUE
from hushtape.config_pbx import Pbx as Pbx
from hushtape.config_pbx import of_its_kind, pbx_problems
from hushtape.errors import ConfigError

SECRET_LIMIT_BYTES = 4096
DEFAULT_CONFIG = Path("/etc/hushtape/hushtape.toml")
MOST_PROCESSES = 256
TIMEOUT_S_MAX = 60  # whoever waits longer for silence has recorded the card number
MARGIN_MS_MAX = 1000  # more would let a word of a payment pass for its edge
PERCENT_MAX = 90  # more would be an alarm that is always on
REDIS_URL = re.compile(r"rediss?://[^/?#]*(/\d*)?(\?.*)?|unix://.*")
REGION = re.compile(r"([A-Za-z]{2})?")

T = TypeVar("T", bound=msgspec.Struct)


class Redis(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The index and the door-bell. Left out of the file: ``hushtape run`` starts its own."""

    url: str = ""
    password_file: str = ""
    password_env: str = ""
    region: str = ""  # the country in which it runs, two letters: "GB"
    owner: str = ""  # the organisation that runs it


class Archive(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where finished recordings are kept."""

    folder: str = ""  # default: ``archive`` in the data folder
    number_key_file: str = ""  # default: ``number.key`` in the data folder, made when missing
    region: str = ""  # the country in which it lies, two letters: "GB"
    owner: str = ""  # the organisation in whose hands it is


class Policies(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which policies apply."""

    folder: str  # every *.toml in it is one version of one policy


class Workers(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How many recordings are worked on at a time on this machine."""

    processes: int = 0  # 0: one for each processor


class Disk(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """From when on a disk counts as nearly full: below either of the two."""

    low_percent: float = 10.0  # of its size
    low_gigabytes: float = 1.0  # 10^9 bytes


class Proof(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How exactly a payment's silence is proved."""

    margin_ms: float = 60.0  # so much at its edges is cut without being called a failure

    @property
    def margin_s(self) -> float:
        """The same in seconds."""
        return self.margin_ms / 1000


class Payments(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How long the PBX may take to show that a payment is silent."""

    stop_timeout_s: float = 5.0  # for each of the tries to stop a recorder
    confirmed_within_s: float = 2.0  # from a payment's beginning; then there is an alarm


class Metrics(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where numbers about the programs can be fetched; 0: nowhere."""

    listen: str = "127.0.0.1"
    bridge_port: int = 0
    workers_port: int = 0


class Config(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The whole file. Relative paths in it are relative to the file."""

    data: str  # a folder of our own: outbox, keys, embedded Redis
    policies: Policies
    pbx: dict[str, Pbx]
    redis: Redis = Redis()
    archive: Archive = Archive()
    workers: Workers = Workers()
    disk: Disk = Disk()
    proof: Proof = Proof()
    payments: Payments = Payments()
    metrics: Metrics = Metrics()
    api: Api = Api()
    alarms: Alarms = Alarms()

    @property
    def data_path(self) -> Path:
        """The folder of Hushtape's own state."""
        return Path(self.data)

    @property
    def outbox_path(self) -> Path:
        """Where the bridge keeps recordings until the workers have taken them."""
        return self.data_path / "outbox"

    @property
    def orders_path(self) -> Path:
        """Where the bridge keeps orders to destroy what something else recorded."""
        return self.data_path / "orders"

    @property
    def live_path(self) -> Path:
        """Where the bridge keeps what it knows of live calls."""
        return self.data_path / "live"

    @property
    def redis_socket_path(self) -> Path:
        """Where the Redis-compatible server that ``hushtape run`` starts listens."""
        return self.data_path / "redis" / "redis.sock"

    @property
    def redis_url(self) -> str:
        """The Redis to use: the one configured, else our own."""
        return self.redis.url or f"unix://{self.redis_socket_path}"

    @property
    def archive_path(self) -> Path:
        """The archive's root folder."""
        return Path(self.archive.folder) if self.archive.folder else self.data_path / "archive"

    @property
    def number_key_path(self) -> Path:
        """The key with which numbers are hashed for searching."""
        key_file = self.archive.number_key_file
        return Path(key_file) if key_file else self.data_path / "number.key"


def load(path: Path) -> Config:
    """Read and check the configuration file.

    Raises:
        ConfigError: the file can't be read, or a key in it is wrong.
    """
    return of_file(config_file.read(path))


def of_file(file: ConfigFile) -> Config:
    """Check a configuration file that was read.

    Raises:
        ConfigError: a key in it is wrong; it says in which line.
    """
    where = str(file.path)
    try:
        config = convert(of_its_kind(file.document, where), Config, where)
        config = _with_absolute_paths(config, file.path.resolve().parent)
        _check(config, where)
    except ConfigError as error:
        raise file.located(error) from None
    return config


def convert(
    document: Mapping[str, Any],
    kind: type[T],
    where: str,
    error_type: type[ConfigError] = ConfigError,
) -> T:
    """Turn a TOML document into its structure, or say in one line what is wrong with it."""
    try:
        return schema.convert(document, kind)
    except schema.Mismatch as mismatch:
        place = f"{where}: {mismatch.key}" if mismatch.key else where
        raise error_type(place, mismatch.what) from None


def secret(
    where: str,
    file: str,
    env: str,
    environ: Mapping[str, str] = os.environ,
    key: str = "password",
) -> str:
    """Read a secret from a file or from the environment.

    Args:
        where: the key that is being read, for errors: ``pbx.town-hall``.
        file: the value of ``password_file``; wins over the environment.
        env: the value of ``password_env``: a variable's name. ``NAME_FILE`` is honoured.
        key: how the two begin, for errors.

    Returns:
        The secret without its trailing line break; ``""`` if neither is given.

    Raises:
        ConfigError: the file or the variable that was named isn't there or is empty.
    """
    if not file and env:
        if env in environ:
            if not environ[env]:
                raise ConfigError(f"{where}.{key}_env", f"the variable {env} is empty")
            return environ[env]
        file = environ.get(f"{env}_FILE", "")
        if not file:
            raise ConfigError(
                f"{where}.{key}_env", f"neither {env} nor {env}_FILE is set in the environment"
            )
    if not file:
        return ""
    try:
        with Path(file).open(encoding="utf-8") as stream:
            text = stream.read(SECRET_LIMIT_BYTES).rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{where}.{key}_file", f"{file} can't be read: {error}") from None
    if not text:
        raise ConfigError(f"{where}.{key}_file", f"{file} is empty")
    return text


def passwords(
    config: Config, where: str, environ: Mapping[str, str] = os.environ
) -> dict[str, str]:
    """Read every PBX's password.

    Raises:
        ConfigError: one of them isn't where the configuration says.
    """
    return {
        name: secret(f"{where}: pbx.{name}", pbx.password_file, pbx.password_env, environ)
        for name, pbx in config.pbx.items()
    }


def _with_absolute_paths(config: Config, base: Path) -> Config:
    def absolute(value: str) -> str:
        return str(base / value) if value else ""

    return msgspec.structs.replace(
        config,
        data=absolute(config.data),
        policies=Policies(folder=absolute(config.policies.folder)),
        redis=msgspec.structs.replace(
            config.redis, password_file=absolute(config.redis.password_file)
        ),
        archive=msgspec.structs.replace(
            config.archive,
            folder=absolute(config.archive.folder),
            number_key_file=absolute(config.archive.number_key_file),
        ),
        pbx={
            name: msgspec.structs.replace(
                pbx,
                password_file=absolute(pbx.password_file),
                tls_ca=absolute(pbx.tls_ca),
                spool_here=absolute(pbx.spool_here),
            )
            for name, pbx in config.pbx.items()
        },
        api=msgspec.structs.replace(
            config.api,
            tls_cert=absolute(config.api.tls_cert),
            tls_key=absolute(config.api.tls_key),
            tokens={
                name: msgspec.structs.replace(token, token_file=absolute(token.token_file))
                for name, token in config.api.tokens.items()
            },
        ),
        alarms=msgspec.structs.replace(
            config.alarms, secret_file=absolute(config.alarms.secret_file)
        ),
    )


def _check(config: Config, where: str) -> None:
    if not config.pbx:
        raise ConfigError(f"{where}: pbx", "at least one PBX is needed, such as [pbx.town-hall]")
    for key, value in (("data", config.data), ("policies.folder", config.policies.folder)):
        if not value:
            raise ConfigError(f"{where}: {key}", "is empty: expected a folder")
    for name, pbx in config.pbx.items():
        _refuse(pbx_problems(name, pbx), f"{where}: pbx.{name}")
    if not 0 <= config.workers.processes <= MOST_PROCESSES:
        raise ConfigError(
            f"{where}: workers.processes",
            f"expected 0 to {MOST_PROCESSES}, not {config.workers.processes}",
        )
    _check_numbers(config, where)
    if config.redis.url and not REDIS_URL.fullmatch(config.redis.url):
        raise ConfigError(
            f"{where}: redis.url",
            "expected redis://host:port/number, rediss:// (TLS) or unix:///path",
        )
    for table, region in (("archive", config.archive.region), ("redis", config.redis.region)):
        if not REGION.fullmatch(region):
            raise ConfigError(
                f"{where}: {table}.region",
                f'expected the two letters of a country, such as "GB", not "{region}"',
            )


def _check_numbers(config: Config, where: str) -> None:
    disk, metrics = config.disk, config.metrics
    wrong = [
        (
            not 0 <= disk.low_percent <= PERCENT_MAX,
            "disk.low_percent",
            f"expected 0 to {PERCENT_MAX}, not {disk.low_percent}",
        ),
        (
            not 0 <= disk.low_gigabytes < math.inf,
            "disk.low_gigabytes",
            f"expected a number from 0 on, not {disk.low_gigabytes}",
        ),
        (
            not 0.1 <= config.payments.stop_timeout_s <= TIMEOUT_S_MAX,
            "payments.stop_timeout_s",
            f"expected 0.1 to {TIMEOUT_S_MAX}, not {config.payments.stop_timeout_s}",
        ),
        (
            not 0.1 <= config.payments.confirmed_within_s <= TIMEOUT_S_MAX,
            "payments.confirmed_within_s",
            f"expected 0.1 to {TIMEOUT_S_MAX}, not {config.payments.confirmed_within_s}",
        ),
        (
            not 0 <= config.proof.margin_ms <= MARGIN_MS_MAX,
            "proof.margin_ms",
            f"expected 0 to {MARGIN_MS_MAX}, not {config.proof.margin_ms}",
        ),
        (not metrics.listen, "metrics.listen", "is empty: expected an address such as 127.0.0.1"),
        (
            0 != metrics.bridge_port == metrics.workers_port,
            "metrics.workers_port",
            f"is the bridge's port, too: {metrics.workers_port}",
        ),
    ]
    wrong += [
        (not 0 <= port <= PORT_MAX, f"metrics.{key}", f"expected 0 to {PORT_MAX}, not {port}")
        for key, port in (
            ("bridge_port", metrics.bridge_port),
            ("workers_port", metrics.workers_port),
        )
    ]
    taken = config.api.port and config.api.port in (metrics.bridge_port, metrics.workers_port)
    wrong.append((bool(taken), "api.port", f"is a port of the metrics, too: {config.api.port}"))
    problems = chain(wrong, api_problems(config.api), alarms_problems(config.alarms))
    _refuse(problems, f"{where}: ")


def _refuse(problems: Iterable[Problem], where: str) -> None:
    for is_wrong, key, what in problems:
        if is_wrong:
            raise ConfigError(where + key, what)
