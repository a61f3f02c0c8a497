"""Asterisk, by its manager interface (AMI)."""

from __future__ import annotations
