"""Calls tried against a policy without a PBX: ``policy explain`` and ``policy test``."""
