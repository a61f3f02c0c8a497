"""What a policy says of people and recordings, in English: told, stored, listened to."""

from __future__ import annotations

from collections.abc import Iterator

from hushtape.policy.duties import Act, Colleagues, Right, Told, TrainingUse
from hushtape.policy.schema import Asker, Permission, Policy, SoFar
from hushtape.policy.showing.regions import region
from hushtape.policy.showing.wording import counted, listing, quoted, the, tidy
from hushtape.recordings.manifest import AudioFormat

# In the order in which a person meets them. What each act is called in every sentence.
ACTS = {
    "find": "look for recordings",
    "listen": "listen to a recording",
    "export": "save a copy outside the system",
    "hold": "have a recording kept beyond its time",
    "release": "release it from that",
    "delete": "delete a recording before its time",
}
_ALONE = {"release": "release a recording that is kept beyond its time"}
_FORMATS = {
    AudioFormat.OPUS: "Opus",
    AudioFormat.MP3: "MP3",
    AudioFormat.FLAC: "FLAC",
    AudioFormat.WAV: "WAV",
}
_RIGHTS = {Right.COPY: "a copy of a recording", Right.DELETION: "its deletion"}
_ASKERS = {
    Asker.CALLER: "by a key that the caller presses during the announcement",
    Asker.AGENT: "through the adviser who presses a key for it",
}


def told(policy: Policy) -> Iterator[str]:
    """Say how people know that they are recorded, and how they can say no."""
    announcement, opt_out = policy.announcement, policy.opt_out
    yield {
        Told.WELCOME_MESSAGE: "The welcome message tells callers that calls are recorded",
        Told.BEFORE_ADVISER: (
            "A message tells callers that calls are recorded, before they reach an adviser"
        ),
        Told.NOT_PLAYED: "No message about recording is played to callers",
        None: "This policy does not say whether callers hear a message about recording",
    }[announcement.played]
    if announcement.says:
        yield f"Callers are told: {quoted(announcement.says)}"
    if announcement.outbound and policy.outbound.permission is not Permission.ANNOUNCEMENT:
        yield f"When staff call out, they say: {quoted(announcement.outbound)}"
    if announcement.notices:
        yield f"It can also be read here: {listing(announcement.notices)}"
    yield from _permission(policy)
    if not opt_out.by:
        yield "This policy has no way to end the recording of a call at the caller's wish"
    else:
        ways = listing((_ASKERS[by] for by in opt_out.by), "or")
        yield f"Somebody who does not want to be recorded can say so {ways}"
        so_far = {
            SoFar.DISCARD: "what was recorded until then is discarded",
            SoFar.KEEP: "what was recorded until then is kept",
        }[opt_out.recorded_so_far]
        yield f"Nothing more of the call is recorded then, and {so_far}"
    if opt_out.pointed_to:
        yield (
            "Somebody who does not want to be recorded is pointed to another way:"
            f" {tidy(opt_out.pointed_to)}"
        )


def stored(policy: Policy) -> Iterator[str]:
    """Say where recordings lie, in whose hands, and as what."""
    storage, audio = policy.storage, policy.audio
    if storage.regions:
        regions = listing((region(each) for each in storage.regions), "or")
        yield f"Recordings are stored inside {regions} only"
    else:
        yield "This policy sets no limit to where recordings are stored"
    if storage.processed_by:
        yield f"They are processed by {listing(storage.processed_by)}, and by no other organisation"
    else:
        yield "This policy does not name the organisations that may process them"
    yield f"The sound is stored as {_FORMATS[audio.format]}"
    if audio.number_in_tags:
        yield "The caller's number is written into the sound file"
    else:
        yield "The caller's number is not written into the sound file"


def used(policy: Policy) -> Iterator[str]:
    """Say what recordings are for, and who may do what with them."""
    use, access, exports = policy.use, policy.access, policy.exports
    if use.purposes:
        yield f"Recordings are used for {listing(use.purposes)}"
    else:
        yield "This policy does not say what recordings are used for"
    if use.statistics:
        yield f"Statistics that are made from them are {tidy(use.statistics)}"
    groups: dict[Act, list[str]] = {}
    for name in ACTS:
        groups.setdefault(getattr(access, name), []).append(name)
    for act, names in groups.items():
        yield from _access(act, names)
    if access.reasons:
        yield f"{_reasons(access.reasons)}{', unless others are named above' * _own(groups)}"
    elif any(act.roles and not act.reasons for act in groups):
        yield "Each time, the reason is written down"
    if exports.tracked_until_deleted:
        yield (
            "Each copy that is saved outside the system is tracked until somebody confirms that it"
            " is deleted"
        )
    else:
        yield "Copies that are saved outside the system are not tracked"
    yield f"Responsible for such a copy, and for deleting it: {tidy(exports.responsible)}"


def quality(policy: Policy) -> Iterator[str]:
    """Say how calls are listened to for quality, and what serves as an example."""
    monitoring, training = policy.monitoring, policy.training
    if monitoring.calls_a_week:
        calls = counted(monitoring.calls_a_week, "call", "calls")
        is_are = "is" if monitoring.calls_a_week == 1 else "are"
        yield f"To check quality, {calls} a week {is_are} listened to"
    else:
        yield "This policy plans no regular listening to check quality"
    if monitoring.scored_on:
        yield f"Such calls are scored on {the(monitoring.scored_on)}"
    yield {
        Colleagues.NEVER: "A call is never played to the colleagues of the adviser in it",
        Colleagues.WITH_PERMISSION: (
            "A call is played to the colleagues of the adviser in it only with the adviser's"
            " permission"
        ),
        Colleagues.FREELY: "A call may be played to the colleagues of the adviser in it",
    }[monitoring.played_to_colleagues]
    yield {
        TrainingUse.NONE: "Recordings are not used as examples for training",
        TrainingUse.ANONYMOUS: (
            "A recording may be used as an example for training only if it is edited so that the"
            " caller can't be known"
        ),
        TrainingUse.AS_RECORDED: "A recording may be used as an example for training",
    }[training.use]
    if training.use is not TrainingUse.NONE:
        if training.agents_consent:
            yield "The member of staff who is heard in it must agree to that"
        else:
            yield "The member of staff who is heard in it is not asked"


def rights(policy: Policy) -> Iterator[str]:
    """Say what a person who was recorded may ask for, and of whom."""
    asked = policy.rights
    if asked.may_ask_for:
        what = listing(_RIGHTS[right] for right in asked.may_ask_for)
        if asked.may_ask_for == (Right.DELETION,):
            what = "the deletion of a recording"
        yield f"A person who was recorded may ask for {what}, for as long as the recording exists"
    else:
        yield "This policy says nothing about what a person who was recorded may ask for"
    if asked.requests_to:
        yield f"Requests go to {the(asked.requests_to)}"
    if asked.in_writing:
        yield "A request must be made in writing"


def _permission(policy: Policy) -> Iterator[str]:
    terms, words = policy.outbound, policy.announcement.outbound
    if terms.permission is Permission.NONE:
        return
    yield {
        Permission.KEY: (
            "When staff call out, they ask for permission to record, and confirm with a key that"
            " they have it"
        ),
        Permission.ANNOUNCEMENT: (
            "When staff call out, a message tells the person they call that the call is recorded"
            f"{f': {quoted(words)}' * bool(words)}"
        ),
    }[terms.permission]
    yield (
        f"If that does not happen within {tidy(terms.permission_within)}, recording ends, and what"
        " was recorded until then is discarded"
    )


def _access(act: Act, names: list[str]) -> Iterator[str]:
    doing = [_ALONE.get(name, ACTS[name]) if "hold" not in names else ACTS[name] for name in names]
    permitted = tidy(act.others_with_permission_of)
    if not act.roles and not permitted:
        yield f"Nobody may {listing(doing, 'or')}"
        return
    if act.roles:
        yield f"Only {listing(the(role) for role in act.roles)} may {listing(doing)}"
        others = "Anybody else may do so only"
    else:
        others = f"Anybody may {listing(doing)} only"
    if permitted:
        yield f"{others} with the permission of {the(permitted)}"
    if act.people > 1:
        yield f"To {listing(doing, 'or')}, {counted(act.people, 'person', 'people')} must agree"
    if act.reasons:
        yield f"To {listing(doing, 'or')}, a reason must be given: {listing(act.reasons, 'or')}"


def _reasons(reasons: tuple[str, ...]) -> str:
    if len(reasons) == 1:
        return f"Each time, the reason must be this: {tidy(reasons[0])}"
    return f"Each time, one of these reasons must be given: {listing(reasons, 'or')}"


def _own(groups: dict[Act, list[str]]) -> bool:
    return any(act.reasons for act in groups)
