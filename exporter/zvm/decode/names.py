"""Answers that are a list of names, such as those of the states."""

from __future__ import annotations

from typing import Final

import msgspec

from exporter.zvm.decode.json_array import Buffer
from exporter.zvm.decode.layout import LIST
from exporter.zvm.decode.odd import UNREADABLE
from exporter.zvm.decode.terms import Terms
from exporter.zvm.decode.xml import is_xml, parse_xml
from exporter.zvm.errors import DecodeError

_LONGEST: Final = 2**14  # bytes; the API's lists of names have a thousand


def decode_names(body: Buffer, content_type: str, quote: str) -> tuple[str, ...]:
    """Decode an answer that is an array of strings, such as `GET /v1/vpgs/statuses`.

    Raises:
        DecodeError: it is not.
    """
    if len(body) > _LONGEST:
        raise DecodeError(f"expected an array of strings of at most {_LONGEST} bytes, got {quote}")
    try:
        if is_xml(body, content_type):
            return tuple(msgspec.convert(list(parse_xml(body, quote, Terms(), LIST)), list[str]))
        return tuple(msgspec.json.decode(body, type=list[str]))
    except UNREADABLE as error:
        raise DecodeError(f"expected an array of strings, got {quote}") from error
