"""From spool files to an archived recording, and in the end to the proof that it is gone."""

from __future__ import annotations
