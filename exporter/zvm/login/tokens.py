"""What Keycloak's token endpoint answers: tokens and how long they live, or why there are none."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, field
from typing import Any, Final, TypeGuard

import msgspec

from exporter.zvm.answer import QUOTED, Answer
from exporter.zvm.errors import DecodeError
from exporter.zvm.login.secrets import Scrubber

SHORTEST: Final = 5.0  # seconds; a token of less would be one login after the other
LONGEST: Final = 86_400.0  # seconds; one that ends earlier than it said is met by a 401
_UNKNOWN: Final = 60.0  # seconds; what Keycloak grants by default


@dataclass(frozen=True)
class Tokens:
    """What was granted; `lifetime` of the access token in seconds."""

    access: str = field(repr=False)
    refresh: str | None = field(repr=False)
    lifetime: float


class Refusal(msgspec.Struct):
    """Keycloak's error: ErrorResult in the ZVM's OpenAPI document."""

    error: str = ""
    error_description: str = ""

    @property
    def no_realm(self) -> bool:
        """Whether Keycloak lacks the realm that was asked for."""
        return "realm" in self.error.casefold()

    def told(self, scrubber: Scrubber) -> str:
        """Return ` ('...')` with what was said, in one line and without secrets; "" where nothing was."""
        quote = ": ".join(part for part in (self.error, self.error_description) if part)
        return f" ({scrubber.beginning(quote, QUOTED)!r})" if quote else ""


def refusal(answer: Answer) -> Refusal:
    """Return the error in *answer*, an empty one where it holds none of Keycloak's."""
    try:
        return msgspec.json.decode(answer.body, type=Refusal)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return Refusal()


def read_tokens(answer: Answer, what: str) -> Tokens:
    """Return the tokens in *answer*; *what* was asked for.

    Raises:
        DecodeError: there is no access token that a header can carry; quotes nothing.
    """
    try:
        # Not msgspec: a lifetime of any shape, even a bare NaN, is no reason to do without the token.
        quote = json.loads(bytes(answer.body), parse_int=float)
    except (ValueError, RecursionError) as error:
        raise DecodeError(f"{what}: no token in the answer: it is not JSON") from error
    access = quote.get("access_token") if isinstance(quote, dict) else None
    if not _carried(access):
        raise DecodeError(f"{what}: no token in the answer: expected a JSON object with access_token")
    refresh = quote.get("refresh_token")
    return Tokens(access, refresh if _carried(refresh) else None, lifetime(quote.get("expires_in")))


def lifetime(expires_in: Any) -> float:
    """Return the seconds that a token lives: at least SHORTEST and at most LONGEST, whatever the answer says."""
    if isinstance(expires_in, bool) or not isinstance(expires_in, float | int | str):
        return _UNKNOWN
    try:
        seconds = float(expires_in)
    except OverflowError:
        return LONGEST
    except ValueError:
        return _UNKNOWN
    return min(max(seconds, SHORTEST), LONGEST) if not math.isnan(seconds) else _UNKNOWN


def _carried(token: Any) -> TypeGuard[str]:
    return isinstance(token, str) and token != "" and token.isascii() and token.isprintable()
