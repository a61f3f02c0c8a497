"""A policy as sentences and as a picture, for people."""

from __future__ import annotations
