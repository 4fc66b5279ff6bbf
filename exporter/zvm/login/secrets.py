"""Secrets of one ZVM: where they are read, and how they are kept out of every text that we write."""

from __future__ import annotations

import re
from base64 import b64encode
from html.entities import codepoint2name
from itertools import chain, groupby
from pathlib import Path
from typing import Final

from exporter.zvm.errors import SecretError

MASK: Final = "<secret>"
_TOKENS: Final = 16  # the newest, of eight logins
_LONGEST: Final = 2**14  # characters; no secret that fits into a header is longer


def read_secret(key: str, value: str | None, file: Path | None) -> str:
    """Return the secret *value*, or what *file* holds now without its line end and byte order mark.

    Raises:
        SecretError: neither is given, or the file cannot be read or is empty; the text names *key*.
    """
    if value is not None:
        return value
    if file is None:
        raise SecretError(f"auth.{key}: not set")
    try:
        return secret_in(file, repr(str(file)))
    except SecretError as error:
        raise SecretError(f"auth.{key}_file: {error}") from error


def secret_in(file: Path, shown: str) -> str:
    """Return what *file* holds now, as `read_secret` does; *shown* is how an error names it.

    Raises:
        SecretError: it cannot be read, or is empty.
    """
    try:
        secret = trimmed(file.read_text(encoding="utf-8"))
    except UnicodeDecodeError as error:
        raise SecretError(f"{shown} is not UTF-8") from error
    except OSError as error:
        raise SecretError(f"cannot read {shown}: {error.strerror}") from error
    if not secret:  # half-way through a rotation; a login without a password would only be refused
        raise SecretError(f"{shown} is empty")
    return secret


def trimmed(text: str) -> str:
    """Return *text* without what editors and shells put around a secret: a byte order mark before it, line ends after.

    Nobody can type them, so they are no part of it.
    """
    return text.removeprefix("\ufeff").rstrip("\r\n")


def basic(username: str, password: str) -> str:
    """Return the value of the header `Authorization` for HTTP Basic (RFC 7617, UTF-8)."""
    return "Basic " + b64encode(f"{username}:{password}".encode()).decode()


class Scrubber:
    """Replaces every secret that it was told of, in any spelling in which a server could echo it."""

    def __init__(self) -> None:
        # Each with what every spelling of it has in it: a pattern takes up to 100 kB and 10 ms, a search nothing.
        self._lasting: dict[str, list[str]] = {}
        self._passing: dict[str, list[str]] = {}

    def learn(self, *secrets: str | None) -> None:
        """Remember *secrets* for good; None and the empty string are no secrets."""
        self._lasting |= {secret: _constants(secret) for secret in secrets if secret}

    def learn_token(self, *tokens: str | None) -> None:
        """Remember *tokens* until many others came after them."""
        self._passing |= {token: _constants(token) for token in tokens if token}
        for old in list(self._passing)[:-_TOKENS]:
            del self._passing[old]

    def scrub(self, text: str) -> str:
        """Return *text* with each secret replaced by `<secret>`."""
        return self.beginning(text, len(text))

    def beginning(self, text: str, length: int) -> str:
        """Return the first *length* characters of *text*, each secret that begins there replaced whole."""
        window = text[: length + _LONGEST]
        secrets = chain(self._lasting.items(), self._passing.items())
        patterns = [_spellings(secret) for secret, parts in secrets if all(part in window for part in parts)]
        kept, end = [], 0
        for start, stop in sorted(match.span() for pattern in patterns for match in pattern.finditer(window)):
            if start >= length:
                break
            if start >= end:
                kept += [window[end:start], MASK]
            end = max(end, stop)
        return "".join([*kept, window[end:length]])


def _constants(secret: str) -> list[str]:
    """Return the parts of *secret* that are the same in every spelling; the longest may be that of all tokens."""
    return re.findall("[0-9A-Za-z]+", secret)


def _spellings(secret: str) -> re.Pattern[str]:
    """Return what matches *secret* as it is and as JSON, HTML, a URL or a debugger's dump spell it, mixed or twice.

    Every repetition is bounded, and no two of backslashes stand side by side: an answer full of backslashes must not
    cost more than any other of its length.
    """
    parts: list[str] = []
    for slashes, run in groupby(secret, "\\".__eq__):
        characters = list(run)
        if slashes:
            one = rf"(?:\\|(?i:{_percent(characters[0])}|\\{{1,8}}u005c|&#(?:0{{0,9}}92|x0{{0,9}}5c);))"
            parts.append(f"{one}{{{len(characters)},{8 * len(characters)}}}")
        else:
            parts.append(_spelling(characters[0], after_backslash=bool(parts)))
            parts += [_spelling(character, after_backslash=False) for character in characters[1:]]
    return re.compile("".join(parts))


def _spelling(character: str, *, after_backslash: bool) -> str:
    if character.isascii() and character.isalnum():
        return character
    units = character.encode("utf-16-be", "surrogatepass").hex()
    escapes = "".join(rf"\\{{1,8}}u{units[start : start + 4]}" for start in range(0, len(units), 4))
    code = ord(character)
    entities = [
        f"#0{{0,9}}{code}",
        f"#x0{{0,9}}{code:x}",
        codepoint2name.get(code, f"#{code}"),
        *(["apos"] if code == 0x27 else []),
    ]
    backslashes = "" if after_backslash else r"\\{0,8}"  # that run takes those of the escape too
    raw = backslashes + re.escape(character) + (r"|\+" if character == " " else "")
    return f"(?:{raw}|(?i:{_percent(character)}|{escapes}|&(?:{'|'.join(entities)});))"


def _percent(character: str) -> str:
    return "".join(f"%(?:25){{0,4}}{byte:02x}" for byte in character.encode("utf-8", "surrogatepass"))
