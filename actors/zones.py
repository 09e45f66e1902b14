"""Zones: wall time in a place, and which instant it names.

Twice a year local time jumps. What has to be decided then is decided here, for all of Callsheet: a time that the gap leaves
out means the end of the gap; one that the fold repeats means its first occurrence, or its last where a window closes.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, tzinfo

from actors.errors import nearest

DAY = 86400.0


def to_zone(given: str | tzinfo | None) -> tzinfo | None:
    """Return `given`, or the zone of that IANA name, as a zone; None stays None, and is the zone of the machine.

    Raises:
      TypeError: it is neither.
      ValueError: there is no data for such a zone; says what resembles it, and how to get the data.
    """
    if given is None or isinstance(given, tzinfo):
        return given
    if not isinstance(given, str):
        raise TypeError("the name of a time zone is expected, such as 'Europe/Berlin'")
    import zoneinfo  # takes longer to import than most of what else a worker needs

    try:
        return zoneinfo.ZoneInfo(given)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        known = sorted(zoneinfo.available_timezones())
    hint = nearest(given, known) or f" {len(known)} zones are known here; pip install tzdata brings all of them."
    raise ValueError(f"there is no time zone {given!r}.{hint}")


def zone_name(zone: tzinfo) -> str:
    """Return the name of `zone`, as people know it."""
    return getattr(zone, "key", None) or str(zone)


def local(moment: float, zone: tzinfo) -> datetime:
    """Return what clocks in `zone` show at `moment`, without the zone."""
    return datetime.fromtimestamp(moment, zone).replace(tzinfo=None, fold=0)


def offset(moment: float, zone: tzinfo) -> float:
    """Return how many seconds `zone` is ahead of UTC at `moment`."""
    ahead = datetime.fromtimestamp(moment, zone).utcoffset()
    return 0.0 if ahead is None else ahead.total_seconds()


def instant(wall: datetime, zone: tzinfo, *, last: bool = False) -> float:
    """Return the moment at which clocks in `zone` show `wall`: the first such moment, or the last one.

    Where the clocks leave `wall` out, it is the moment at which they jump over it.
    """
    aware = wall.replace(tzinfo=zone, fold=int(last))
    moment = aware.timestamp()
    other = wall.replace(tzinfo=zone, fold=int(not last))
    if aware.utcoffset() == other.utcoffset():
        return moment
    early, late = sorted((moment, other.timestamp()))
    if local(early, zone) == wall:  # shown twice
        return late if last else early
    return transition(early, late, zone)


def transition(start: float, end: float, zone: tzinfo) -> float:
    """Return the first moment in (`start`, `end`], in whole seconds, at which `zone` is as far from UTC as at `end`."""
    wanted = offset(end, zone)
    low, high = int(start // 1), int(-(-end // 1))
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if offset(middle, zone) == wanted else (middle, high)
    return float(high)


def mark(moment: float, zone: tzinfo) -> str:
    """Return what is special about `moment` on the clocks of `zone`: ``gap``, ``fold``, or nothing.

    ``gap``: the clocks have just jumped forward to it. ``fold``: they show its time twice that day.
    """
    if offset(moment, zone) > offset(moment - 1, zone):
        return "gap"
    aware = datetime.fromtimestamp(moment, zone)
    both = {aware.replace(fold=fold).utcoffset() for fold in (0, 1)}
    return "fold" if len(both) > 1 else ""


def changes(zone: tzinfo, start: float, end: float) -> Iterator[float]:
    """Yield the moments after `start`, up to `end`, at which the clocks of `zone` jump."""
    ahead = offset(start, zone)
    while start < end:
        stop = min(start + DAY, end)
        if (then := offset(stop, zone)) != ahead:
            yield transition(start, stop, zone)
        start, ahead = stop, then
