"""Records as JSON and CSV, for programs: plain numbers in base units, times in ISO 8601 UTC and in seconds."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence

from exporter.show.rows import Plain, Record
from exporter.show.text import harmless, in_json


def as_json(records: Sequence[Record]) -> str:
    """Return *records* as an array of objects, one a line; null is what the ZVM did not tell."""
    lines = (in_json(json.dumps(record, ensure_ascii=False, allow_nan=False)) for record in records)
    return "[\n" + ",\n".join(lines) + "\n]\n" if records else "[]\n"


def as_csv(keys: Sequence[str], records: Sequence[Record]) -> str:
    """Return *records* as CSV with a line of *keys*; what is null in JSON is empty, and controls are harmless."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(keys)
    writer.writerows([_plain(record[key]) for key in keys] for record in records)
    return text.getvalue()


def _plain(value: Plain) -> Plain:
    if isinstance(value, bool):
        return "true" if value else "false"
    return harmless(value) if isinstance(value, str) else value
