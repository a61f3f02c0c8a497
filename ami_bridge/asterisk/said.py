"""What our dialplan says on an Asterisk. Pure."""

from __future__ import annotations

OWN_EVENT = "Hushtape"  # the name of the dialplan's events for us
