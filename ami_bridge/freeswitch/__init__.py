"""FreeSWITCH, by its event socket (ESL)."""

from __future__ import annotations
