"""Secrets of one ZVM: where they are read, and how they are kept out of every text that we write."""

from __future__ import annotations

import json
from base64 import b64encode
from collections import deque
from pathlib import Path
from urllib.parse import quote, quote_plus

from exporter.zvm.errors import AuthError

MASK = "<secret>"
_REMEMBERED = 64  # a secret and its spellings; tokens of long ago cannot be in an answer of today


def read_secret(key: str, value: str | None, file: Path | None) -> str:
    """Return the secret *value*, or what *file* holds now without its last line end.

    Raises:
        AuthError: neither is given, or the file cannot be read; the text names *key*.
    """
    if value is not None:
        return value
    if file is None:
        raise AuthError(f"auth.{key}: not set")
    try:
        return file.read_text(encoding="utf-8").rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not UTF-8"
        raise AuthError(f"auth.{key}_file: cannot read {file}: {reason}") from error


def basic(username: str, password: str) -> str:
    """Return the value of the header `Authorization` for HTTP Basic (RFC 7617, UTF-8)."""
    return "Basic " + b64encode(f"{username}:{password}".encode()).decode()


class Scrubber:
    """Replaces every secret that it was told of, in any spelling in which a server could echo it."""

    def __init__(self) -> None:
        self._spellings: deque[str] = deque(maxlen=_REMEMBERED)

    def learn(self, *secrets: str | None) -> None:
        """Remember *secrets*; None and the empty string are no secrets."""
        for secret in secrets:
            if not secret:
                continue
            for spelling in {secret, quote(secret, safe=""), quote_plus(secret), json.dumps(secret)[1:-1]}:
                if spelling not in self._spellings:
                    self._spellings.append(spelling)

    def scrub(self, text: str) -> str:
        """Return *text* with each secret replaced by `<secret>`, the longest first."""
        for spelling in sorted(self._spellings, key=len, reverse=True):
            text = text.replace(spelling, MASK)
        return text
