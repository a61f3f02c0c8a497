"""The names that bridge and workers agree on. They share these, and import nothing of each other.

The bridge rings: it puts a job with ``ARCHIVE_JOB`` and the hand-off's JSON text as its only
argument into ``spool_queue(pbx)``, and may forget its own copy once ``taken_key(id)`` exists and
doesn't hold ``TAKEN_ADOPTED``.
Where something else recorded during a payment it puts a job with ``DESTROY_FOREIGN_JOB`` into the
same queue; its only argument is the JSON text of a ``hushtape.recordings.foreign.Order``.
"""

from __future__ import annotations

ARCHIVE_JOB = "workers.tasks.archive"
DESTROY_FOREIGN_JOB = "workers.tasks.destroy_foreign"
EXPIRE_JOB = "workers.tasks.expire"
RECONCILE_JOB = "workers.tasks.reconcile"
UPKEEP_JOB = "workers.tasks.upkeep"
ASSURE_JOB = "workers.tasks.assure"

UPKEEP_QUEUE = "upkeep"

ARCHIVE_RETRIES_MAX = 1  # for a worker that was killed; what failed is tried again later
RESULT_TTL_S = 0  # a finished job leaves nothing behind: it held names and numbers
FAILURE_TTL_S = 86_400
TAKEN_TTL_S = 7 * 86_400

EXPECTED = "hushtape:expected"  # what should become a recording: see hushtape.recordings.ledger
TAKEN = "hushtape:taken:"
TAKEN_FROM_BRIDGE = b"1"
TAKEN_ADOPTED = b"adopted"  # a worker made that hand-off itself: the bridge's own still counts


def spool_queue(pbx: str) -> str:
    """The queue of the workers that stand beside this PBX's spool."""
    return f"spool-{pbx}"


def archive_job_id(recording_id: str) -> str:
    """One job for each recording: ringing twice is one ring."""
    return f"archive-{recording_id}"


def destroy_foreign_job_id(call_id: str, since_s: float, until_s: float) -> str:
    """One job for each time in which something else recorded during a payment of a call.

    Args:
        since_s: the time's beginning, in seconds since 1970.
        until_s: its end; two that begin together are two jobs, or the later would pass for done.
    """
    return f"destroy-foreign-{call_id}-{round(since_s * 1000)}-{round(until_s * 1000)}"


def archive_description(recording_id: str) -> str:
    """What RQ shows of the job. Without it RQ would show the arguments: names and numbers."""
    return f"recording {recording_id}"


def taken_key(recording_id: str) -> str:
    """This Redis key says that a worker has a hand-off safely on its disk, and whose."""
    return f"{TAKEN}{recording_id}"
