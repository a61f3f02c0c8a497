"""``hushtape recordings``: find recordings and tell their story. It plays nothing."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import click
import msgspec

from hushtape import config as configuration
from hushtape import redis_link
from hushtape.cli import config_option
from hushtape.errors import ConfigError, Damaged
from hushtape.ids import is_call_id
from hushtape.printable import say
from hushtape.recordings import layout, number_key
from hushtape.recordings.archive import LocalArchive
from hushtape.recordings.catalogue import Catalogue, Trouble, read_entry
from hushtape.recordings.findings_commands import findings
from hushtape.recordings.found import Found, Wanted
from hushtape.recordings.manifest import Leg, Manifest, SpanKind
from hushtape.recordings.moments import length, local, parse_moment
from hushtape.recordings.proof import sentence
from hushtape.recordings.retention import Entry, rule

TROUBLES_SHOWN = 20

_QUARANTINED = "  QUARANTINED: a payment was not silent; what is left of it is not for hearing"
_BESIDE = {Leg.OUTSIDE: "", Leg.CONSULTATION: ", on the right: what agent and colleague said"}
_SOUND = dict.fromkeys(SpanKind, "without sound") | {SpanKind.CONSULTATION: "beside the wait"}


@click.group()
def recordings() -> None:
    """Find recordings, and see why they are as they are.

    \b
      hushtape recordings list --since 2026-11-21 --queue payments
      hushtape recordings show 20261121-171502-k3f9x2m7
      hushtape recordings findings
    """


recordings.add_command(findings)


@recordings.command("list")
@config_option
@click.option("--pbx", default="", help="Only calls of this PBX.")
@click.option("--queue", default="", help="Only calls of this queue.")
@click.option("--tag", default="", help="Only recordings that carry this tag of a policy.")
@click.option("--policy", default="", help="Only calls under this policy.")
@click.option("--since", default="", help="Only calls from this time on: 2026-11-21.")
@click.option("--before", default="", help="Only calls before this time.")
@click.option("--number", default="", help="Only calls with this outside number.")
@click.option("--agent", default="", help="Only calls of this agent.")
@click.option("--quarantined", is_flag=True, help="Those that are set aside; else none of them.")
@click.option("--limit", type=click.IntRange(1, 100_000), default=20, show_default=True)
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
def list_command(
    config_path: Path,
    pbx: str,
    queue: str,
    tag: str,
    policy: str,
    since: str,
    before: str,
    number: str,
    agent: str,
    quarantined: bool,
    limit: int,
    as_json: bool,
) -> None:
    """List recordings, newest first. A number is only ever looked for by its hash.

    \b
      hushtape recordings list --number "020 7946 0123" --limit 5
      hushtape recordings list --tag complaint
    """
    config = configuration.load(config_path)
    key = number_key.load(config.number_key_path) if number or agent else b""
    wanted = Wanted(
        pbx=pbx,
        queue=queue,
        tag=tag,
        policy=policy,
        since=parse_moment(since) if since else None,
        before=parse_moment(before) if before else None,
        number_hash=number_key.number_hash(number, key),
        agent_hash=number_key.agent_hash(agent, key),
        quarantined=quarantined,
    )
    client = redis_link.connect(config)
    with redis_link.reaching(config):
        catalogue = Catalogue(client)
        unseen: list[datetime] = []
        found = catalogue.search(wanted, limit, unseen)
        troubles = catalogue.troubles(TROUBLES_SHOWN)
        complete = catalogue.is_complete()
        unread = catalogue.unread()
    for at in unseen:
        words = f"calls before {local(at)} were not looked at: too many came after them"
        say(f"{words}; --before and --since look there", err=True)
    if as_json:
        for each in found:
            say(msgspec.json.encode(each).decode())
    else:
        for line in table(found):
            say(line)
    if len(found) == limit:
        say(f"(the newest {limit}; --limit shows more, if there are)", err=as_json)
    if as_json:
        return
    for line in _notes(troubles, complete, unread):
        say(line, err=True)


@recordings.command("show")
@config_option
@click.argument("recording_id", metavar="ID")
@click.option("--json", "as_json", is_flag=True, help="The manifest and the later acts as JSON.")
def show_command(config_path: Path, recording_id: str, as_json: bool) -> None:
    """Tell a recording's story: what was recorded, what wasn't, and why; nobody is named.

    \b
      hushtape recordings show 20261121-171502-k3f9x2m7
    """
    config = configuration.load(config_path)
    if not is_call_id(recording_id):
        raise ConfigError("ID", "expected the shape 20261121-171502-k3f9x2m7")
    archive = LocalArchive(config.archive_path)
    archive.check()
    proofs = (layout.discard_proof(recording_id), layout.deletion_proof(recording_id))
    name = next((each for each in proofs if archive.exists(each)), "")
    if name:
        proof = archive.get(name)
        gone = _gone(proof, recording_id)
        for line in proof.decode().split("\n") if as_json else [gone]:
            say(line)
        return
    entry = read_entry(archive, recording_id)
    if as_json:
        say(msgspec.json.encode({"manifest": entry.manifest, "acts": entry.acts}).decode())
        return
    path = config.archive_path / layout.audio(recording_id, entry.manifest.audio.format)
    for line in story(entry, path, datetime.now(UTC)):
        say(line)


def table(found: tuple[Found, ...]) -> list[str]:
    """The recordings as lines of columns; times are local to each call's policy."""
    if not found:
        return ["no recording matches"]
    rows = [("start", "length", "queue", "policy", "kept until", "id", "")]
    for each in found:
        zone = _zone(each.time_zone)
        rows.append(
            (
                local(each.started_at, zone),
                length(each.duration_s),
                each.queues or "-",
                each.policy,
                local(each.keep_until, zone),
                each.id,
                each.fault,
            )
        )
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return [
        "  ".join(f"{text:<{width}}" for text, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]


def story(entry: Entry, path: Path, now: datetime) -> list[str]:
    """One recording in plain words."""
    manifest = entry.manifest
    zone = _zone(manifest.keep.time_zone)
    call, audio = manifest.call, manifest.audio
    queues = f" for {', '.join(call.queues)}" if call.queues else ""
    times = f"began {local(call.started_at, zone)}, ended {local(call.ended_at, zone)}"
    lines = [
        f"{manifest.id}: a call {_way(manifest)} at {call.pbx}{queues}",
        f"  {times} ({manifest.keep.time_zone}); {length(audio.duration_s)} of sound",
        f"  {path} ({audio.size_bytes} bytes, SHA-256 {audio.sha256})",
        f"  left: {audio.channels[0]}; right: {audio.channels[1]}",
        *([f"  tagged {', '.join(manifest.tags)}"] if manifest.tags else []),
        *([_QUARANTINED] if manifest.quarantined else []),
        "",
        "What happened",
    ]
    for happening in manifest.story:
        why = f": {happening.reason.words} ({happening.reason.policy})" if happening.reason else ""
        lines.append(f"  {_clock(happening.at, zone)}  {happening.what}{why}")
    lines += ["", "What was recorded"]
    for segment in manifest.segments:
        cut = f", its last {segment.cut_s * 1000:.0f} ms cut away" if segment.cut_s else ""
        lines.append(
            f"  {_clock(segment.started_at, zone)}  {length(segment.duration_s)} at"
            f" {length(segment.offset_s)} of the file, ended by {segment.ended_by.value}"
            f" ({segment.stop.value}){cut}{_BESIDE[segment.leg]}"
        )
    for span in manifest.spans:
        seconds = (span.ended_at - span.started_at).total_seconds()
        lines.append(
            f"  {_clock(span.started_at, zone)}  {length(seconds)} {_SOUND[span.kind]}:"
            f" {span.kind.value}: {span.reason.words}"
        )
        if span.proof is not None:
            lines.append(f"            its silence is {sentence(span.proof)}")
    lines += ["", "How long it is kept", f"  {rule(entry, now).why}"]
    reason = manifest.keep.reason
    lines.append(f"  by {reason.policy}, in force from {reason.version}: {reason.words}")
    if entry.acts:
        lines += ["", "What was done later"]
        lines += [f"  {local(act.at, zone)}  {act.kind}: {act.words}" for act in entry.acts]
    if manifest.remarks:
        lines += ["", "Remarks", *(f"  {remark}" for remark in manifest.remarks)]
    return lines


def _notes(troubles: tuple[Trouble, ...], complete: bool, unread: tuple[str, ...]) -> list[str]:
    lines = []
    if unread:
        lines.append(
            f"{len(unread)} in the archive can't be read and are not deleted until that is mended,"
            f" the first is {unread[0]}: see `hushtape recordings show {unread[0]}`"
        )
    if not complete:
        lines.append(
            "the catalogue is not complete: it is being rebuilt from the archive by the workers;"
            " nothing is deleted meanwhile"
        )
    if troubles:
        lines.append("waiting to be archived:")
        lines += [f"  {each.id}  tried {each.tries} times: {each.words}" for each in troubles]
    return lines


def _gone(proof: bytes, recording_id: str) -> str:
    try:
        facts = msgspec.json.decode(proof, type=dict[str, object])
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise Damaged(
            f"{recording_id} is gone, but the proof of that can't be read: {error}"
        ) from None
    if "discarded_at" in facts:
        done = f"discarded, files and all, and verified at {facts['discarded_at']}"
    else:
        done = f"deleted and verified at {facts.get('deleted_at')}"
    return f"{recording_id} is gone: {done}. {facts.get('why')} ({facts.get('policy')})"


def _way(manifest: Manifest) -> str:
    return {"inbound": "from outside", "outbound": "to the outside"}.get(
        manifest.call.direction.value, "inside the house"
    )


def _clock(at: datetime, zone: ZoneInfo) -> str:
    return f"{at.astimezone(zone):%H:%M:%S}"


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        return ZoneInfo("UTC")
