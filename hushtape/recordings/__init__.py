"""A finished recording: its manifest, its place in the archive, its catalogue entry, its end."""

from __future__ import annotations
