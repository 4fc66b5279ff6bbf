"""GET /v1/serverDateTime/...: what the clock of the ZVM says, and how the ZVM reads a date."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Final

from exporter.simulator.api.links import iso
from exporter.simulator.api.localsite import utc_offset
from exporter.simulator.api.routes import ApiError, Asked, Route


def _utc(asked: Asked) -> str:
    return _written(datetime.fromtimestamp(asked.site.told_time, UTC)) + "Z"


def _local(asked: Asked) -> str:
    here = timezone(timedelta(minutes=utc_offset(asked)))
    moment = datetime.fromtimestamp(asked.site.told_time, here)
    return _written(moment) + moment.isoformat()[-6:]


def _written(moment: datetime) -> str:
    """With seven digits behind the point, as .NET has them."""
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%f0")


def _argument(asked: Asked) -> str:
    """ISO 8601, local time without a zone; or milliseconds since the epoch."""
    text = asked.query.get("datetime", "")
    try:
        if text.isdecimal():
            return str(iso(int(text) / 1000))
        moment = datetime.fromisoformat(text)
        here = timezone(timedelta(minutes=utc_offset(asked)))
        return str(iso((moment if moment.tzinfo else moment.replace(tzinfo=here)).timestamp()))
    except (ValueError, OverflowError, OSError) as problem:
        raise ApiError(400, f"Exception occurred in API: '{text}' is no date.") from problem


ROUTES: Final = (
    Route("/v1/serverDateTime/serverDateTimeUtc", "dateTime", _utc, passing=True),
    Route("/v1/serverDateTime/serverDateTimeLocal", "dateTime", _local, passing=True),
    Route("/v1/serverDateTime/dateTimeArgument", "dateTime", _argument),
)
