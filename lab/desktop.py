"""An agent's desktop: it tells Hushtape by its API that a payment begins, and that it is over."""

from __future__ import annotations

import json
import time
from contextlib import closing
from dataclasses import dataclass
from http.client import HTTPConnection
from typing import Any

from lab.product import Product

TIMEOUT_S = 15.0


@dataclass(frozen=True)
class Told:
    """What the API answered: HTTP status, JSON, and when it was asked and answered (epoch, s)."""

    status: int
    said: dict[str, Any]
    asked_s: float
    answered_s: float

    @property
    def states(self) -> list[str]:
        """How the calls stand that were meant: "silent", "recorded", "not recorded"."""
        return [str(each["state"]) for each in self.said.get("calls", [])]


def begin(product: Product, extension: str) -> Told:
    """Begin a payment in the call of an agent."""
    return _ask(product, "POST", "/v1/payments", {"extension": extension})


def end(product: Product, extension: str) -> Told:
    """End it."""
    return _ask(product, "POST", "/v1/payments/end", {"extension": extension})


def look(product: Product, extension: str) -> Told:
    """Ask how an agent's call stands."""
    return _ask(product, "GET", f"/v1/calls?extension={extension}", None)


def _ask(product: Product, method: str, path: str, body: dict[str, str] | None) -> Told:
    if not product.api_token:
        raise RuntimeError("this Hushtape has no API")
    headers = {"Authorization": f"Bearer {product.api_token}", "Content-Type": "application/json"}
    asked_s = time.time()
    with closing(HTTPConnection("127.0.0.1", product.api_port, timeout=TIMEOUT_S)) as link:
        link.request(method, path, None if body is None else json.dumps(body), headers)
        answer = link.getresponse()
        status, said = answer.status, answer.read()
    read: dict[str, Any] = json.loads(said) if said else {}
    return Told(status, read, asked_s, time.time())
