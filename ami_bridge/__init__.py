"""Listens to PBXes and commands them: facts in, commands out."""

from __future__ import annotations
