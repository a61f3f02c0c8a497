"""What follows from a policy for a call: which calls, which transfers, how long.

``hushtape.policy.decide`` is the door.
"""

from __future__ import annotations
