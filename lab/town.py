"""The cast: five councils, their numbers, queues and people, and the tone each of them sings.

Data only. Every council has phones of its own, so that five scenes can be played at once. The
dialplan in `pbx/extensions.conf` holds the same numbers in plain sight for human readers.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

# Hz. Far enough apart that 20 ms tell them from each other, no one the harmonic of a neighbour.
CALLER_HZ = 440
AGENT_HZ = 880
OTHER_AGENT_HZ = 1320
PAYMENT_HZ = 2000
BACK_OFFICE_HZ = 2600
OUTSIDE_HZ = 3100
CARD_HZ = 2300  # what a caller sings while he reads out his card
# Not 350: that is too near the caller's tone for 20 ms when one of them begins within the frame.
MUSIC_HZ = 250
ANNOUNCEMENT_HZ = 1660

CROWD_LIMIT = 50
CROWD_DID = "03456000000"
CROWD_QUEUE = "crowd"
CROWD_POLICY = "surrey"
CROWD_STEP_HZ = 28
CROWD_CALLER_HZ = 400
CROWD_AGENT_HZ = 1900

WARM_UP_NUMBER = "800"

# Stands in the name of everybody from outside, and nowhere else.
OUTSIDERS_NAME = "Zephyrine Quill"


@dataclass(frozen=True)
class Person:
    """One phone: PJSIP endpoint, number, role, tone in Hz, and how it behaves."""

    endpoint: str
    number: str
    role: str
    tone_hz: int
    context: str
    answers: bool
    staff: bool

    @property
    def name(self) -> str:
        """The name of the phone in the lab: its endpoint."""
        return self.endpoint

    @property
    def called(self) -> str:
        """What the PBX shows as the caller's name. An outsider's is found wherever it leaks to."""
        return self.role if self.staff else f"{OUTSIDERS_NAME} {self.endpoint}"


@dataclass(frozen=True)
class Queue:
    """A queue: its name, the internal number that leads to it, its agents.

    A member is the endpoint of a phone, or an interface such as `Local/231@internal/n`.
    """

    name: str
    number: str
    members: tuple[str, ...]
    strategy: str = "ringall"


@dataclass(frozen=True)
class Council:
    """A council `p`, with the policy of the same name."""

    p: int
    policy: str
    did: str
    main_queue: Queue
    other_queue: Queue
    caller: Person
    agent: Person
    back_office: Person
    other_agent: Person
    outside: Person
    payment_number: str
    outside_number: str

    @property
    def people(self) -> tuple[Person, ...]:
        """Everybody who has a real phone."""
        return (self.caller, self.agent, self.back_office, self.other_agent, self.outside)

    @property
    def forgiving_number(self) -> str:
        """The back office's number from which a call that nobody takes goes back to the queue."""
        return f"2{self.p}4"

    @property
    def prompt_number(self) -> str:
        """The dialplan's own card prompt: afterwards the caller is in the main queue again."""
        return f"8{self.p}0"

    @property
    def dial_outside(self) -> str:
        """What staff dial to reach the outside party."""
        return "9" + self.outside_number

    @property
    def tones(self) -> dict[str, int]:
        """Role -> Hz, for the ear: everything that can be heard in a call of this council."""
        return dict(TONES)


TONES: dict[str, int] = {
    "caller": CALLER_HZ,
    "agent": AGENT_HZ,
    "other_agent": OTHER_AGENT_HZ,
    "payment": PAYMENT_HZ,
    "back_office": BACK_OFFICE_HZ,
    "outside": OUTSIDE_HZ,
    "music": MUSIC_HZ,
    "announcement": ANNOUNCEMENT_HZ,
    "card": CARD_HZ,
}


def _council(p: int, policy: str, did: str, main: str, other: str) -> Council:
    def staff(number: str, role: str, hz: int) -> Person:
        return Person(number, number, role, hz, "internal", answers=True, staff=True)

    outside_number = f"020794600{p}0"
    return Council(
        p=p,
        policy=policy,
        did=did,
        main_queue=Queue(main, f"6{p}1", (f"2{p}1",)),
        other_queue=Queue(other, f"6{p}2", (f"2{p}3",)),
        caller=Person(
            f"caller{p}", f"0790012300{p}", "caller", CALLER_HZ, "from-outside", False, False
        ),
        agent=staff(f"2{p}1", "agent", AGENT_HZ),
        back_office=staff(f"2{p}2", "back_office", BACK_OFFICE_HZ),
        other_agent=staff(f"2{p}3", "other_agent", OTHER_AGENT_HZ),
        outside=Person(
            f"outside{p}", outside_number, "outside", OUTSIDE_HZ, "from-outside", True, False
        ),
        payment_number=f"7{p}0",
        outside_number=outside_number,
    )


COUNCILS: tuple[Council, ...] = (
    _council(1, "surrey", "03456009009", "surrey-contact-centre", "surrey-adult-care"),
    _council(2, "uttlesford", "01799510510", "customer-service", "housing"),
    _council(3, "reigate-banstead", "01737276000", "help-line", "revenues"),
    _council(4, "south-hams", "01803861234", "south-hams-contact", "south-hams-planning"),
    _council(5, "hammersmith-fulham", "02087488588", "hf-council-tax", "hf-parking"),
)


# A queue as FreePBX makes them: its member is a Local channel, behind which a phone rings.
LOCAL_COUNCIL = "reigate-banstead"
LOCAL_DID = "01737276001"
LOCAL_QUEUE = Queue("help-line-local", "633", ("Local/231@internal/n",))


@dataclass(frozen=True)
class Crowd:
    """`size` extra callers and as many agents, each with a tone of its own.

    Several crowds at once, each at a PBX of its own, are told apart by `first`, the number of the
    first pair.
    """

    size: int
    first: int = 0
    callers: tuple[Person, ...] = field(init=False)
    agents: tuple[Person, ...] = field(init=False)

    def __post_init__(self) -> None:
        numbers = range(self.first, self.first + self.size)
        if not 0 <= numbers.start <= numbers.stop <= CROWD_LIMIT:
            raise ValueError(f"A crowd has 0 to {CROWD_LIMIT} pairs, not {numbers}")
        callers = tuple(
            Person(
                f"crowd{i:02d}",
                f"079009990{i:02d}",
                "crowd caller",
                CROWD_CALLER_HZ + CROWD_STEP_HZ * i,
                "from-outside",
                answers=False,
                staff=False,
            )
            for i in numbers
        )
        agents = tuple(
            Person(
                f"30{i:02d}",
                f"30{i:02d}",
                "crowd agent",
                CROWD_AGENT_HZ + CROWD_STEP_HZ * i,
                "internal",
                answers=True,
                staff=True,
            )
            for i in numbers
        )
        object.__setattr__(self, "callers", callers)
        object.__setattr__(self, "agents", agents)

    @property
    def queue(self) -> Queue:
        """The one queue that the crowd's agents serve."""
        members = tuple(a.endpoint for a in self.agents)
        return Queue(CROWD_QUEUE, "690", members, strategy="rrmemory")

    @property
    def tones(self) -> dict[str, int]:
        """Endpoint -> Hz."""
        return {p.endpoint: p.tone_hz for p in (*self.callers, *self.agents)}


# Nobody's phone in the lab: the account for a softphone of one's own (`./run-lab --keep`).
VISITOR = Person("visitor", "07700900123", "visitor", 0, "from-outside", False, False)


def council(policy_or_p: str | int) -> Council:
    """The council with this policy name or number."""
    for one in COUNCILS:
        if policy_or_p in (one.policy, one.p):
            return one
    raise KeyError(policy_or_p)


def everybody(crowd: Crowd) -> Iterator[Person]:
    """Every phone that the PBX must know."""
    for one in COUNCILS:
        yield from one.people
    yield from crowd.callers
    yield from crowd.agents
    yield VISITOR


def queues(crowd: Crowd) -> Iterator[Queue]:
    """Every queue that the PBX must know."""
    for one in COUNCILS:
        yield one.main_queue
        yield one.other_queue
    yield LOCAL_QUEUE
    yield crowd.queue
