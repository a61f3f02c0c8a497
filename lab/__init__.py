"""The test lab: a real PBX, phones that sing, and an ear that measures what was recorded.

Nothing here belongs to the product; the product never imports it.
"""

from __future__ import annotations
