"""The test lab in Docker Compose: the same town, phones and scenes, on services that others run."""

from __future__ import annotations
