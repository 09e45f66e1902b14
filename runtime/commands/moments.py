"""Times and zones, as one writes them on the command line."""

from __future__ import annotations

from datetime import datetime, tzinfo
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from actors import App


def zone_of(name: str | None) -> tzinfo | None:
    """Return the zone that is called `name`; None is none in particular."""
    from actors.zones import to_zone

    try:
        return to_zone(name)
    except ValueError as exc:
        raise click.BadParameter(str(exc), param_hint="--tz") from exc


def moment_of(text: str, app: App, option: str, after: float | None = None) -> float:
    """Return the time that `text` names, on the clocks of the app; a length of time counts from `after`."""
    from runtime.machine import local_zone

    if (moment := _date(text, option, app.session.config.timezone or local_zone())) is not None:
        return moment
    if after is None:
        raise click.BadParameter(f"{text!r} is no date as 2026-01-31 or 2026-01-31T12:00", param_hint=option)
    return after + _length(text, option)


def past_moment(text: str, option: str) -> float:
    """Return the time that `text` names, on the clocks of this machine; a length of time is that long ago."""
    from time import time

    moment = _date(text, option, None)
    return time() - _length(text, option) if moment is None else moment


def _date(text: str, option: str, zone: tzinfo | None) -> float | None:
    """Return the time that a date names, on the clocks of `zone` where it does not say on which; None if it is no date."""
    try:
        date = datetime.fromisoformat(text)
        return (date if date.tzinfo else date.replace(tzinfo=zone)).timestamp()
    except ValueError:
        return None
    except OverflowError as exc:
        raise click.BadParameter(f"{text!r} is too far away", param_hint=option) from exc


def _length(text: str, option: str) -> float:
    """Return a length of time in seconds."""
    from actors.errors import InvalidTimeSpan
    from actors.timespans import to_seconds

    try:
        return to_seconds(text)
    except InvalidTimeSpan as exc:
        raise click.BadParameter(f"neither a date nor a length of time: {exc}", param_hint=option) from exc
