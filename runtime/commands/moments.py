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
    from actors.errors import InvalidTimeSpan
    from actors.timespans import to_seconds
    from runtime.machine import local_zone

    try:
        moment = datetime.fromisoformat(text)
        return (moment if moment.tzinfo else moment.replace(tzinfo=app.session.config.timezone or local_zone())).timestamp()
    except ValueError:
        pass
    except OverflowError as exc:
        raise click.BadParameter(f"{text!r} is too far away", param_hint=option) from exc
    try:
        if after is not None:
            return after + to_seconds(text)
    except InvalidTimeSpan as exc:
        raise click.BadParameter(f"neither a date nor a length of time: {exc}", param_hint=option) from exc
    raise click.BadParameter(f"{text!r} is no date as 2026-01-31 or 2026-01-31T12:00", param_hint=option)


def past_moment(text: str, option: str) -> float:
    """Return the time that `text` names, on the clocks of this machine; a length of time is that long ago."""
    from time import time

    from actors.errors import InvalidTimeSpan
    from actors.timespans import to_seconds

    try:
        return datetime.fromisoformat(text).timestamp()
    except ValueError:
        pass
    except OverflowError as exc:
        raise click.BadParameter(f"{text!r} is too far away", param_hint=option) from exc
    try:
        return time() - to_seconds(text)
    except InvalidTimeSpan as exc:
        raise click.BadParameter(f"neither a date nor a length of time: {exc}", param_hint=option) from exc
