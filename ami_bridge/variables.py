"""The channel variables by which dialplans and bridges know of each other, on any PBX. Pure."""

from __future__ import annotations

CALL_VARIABLE = "HUSHTAPE_CALL"  # what stands of a call: call/noted.py
OPT_OUT_VARIABLE = "HUSHTAPE_OPT_OUT"  # by whom
PAYMENT_VARIABLE = "HUSHTAPE_PAYMENT"
PAID_VARIABLE = "HUSHTAPE_PAID"  # the last that is over, as it was noted, and when it ended
SILENCE_VARIABLE = "HUSHTAPE_SILENCE"  # where a dialplan waits for the answer to its question

VARIABLES = (CALL_VARIABLE, OPT_OUT_VARIABLE, PAYMENT_VARIABLE, PAID_VARIABLE)
"""Those that a bridge reads of whatever lives."""
