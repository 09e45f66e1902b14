"""Machine: what only the machine itself knows."""

from __future__ import annotations

import os
import platform
import struct
from datetime import tzinfo
from io import BytesIO
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from actors.errors import InvalidOption

_ONE_TYPE = struct.pack(">4sc15x6L", b"TZif", b"2", 0, 0, 0, 0, 1, 4) + struct.pack(">lBB", 0, 0, 0) + b"UTC\0"
"""A time zone file without transitions, of version 2: what follows it is the rule for all times."""


def local_zone() -> tzinfo:
    """Return the time zone of the machine, as its settings name it, or the ``TZ`` of the environment.

    Raises:
      InvalidOption: they name none that is known.
    """
    from tzlocal import get_localzone

    name = os.environ.get("TZ", "").removeprefix(":")
    try:
        return _named(name) if name else get_localzone()
    except (ZoneInfoNotFoundError, ValueError, OSError) as exc:
        told = f"it names no time zone that is known here ({exc}); set TZ, or timezone='Europe/Berlin' or the like"
        raise InvalidOption("the environment", "TZ", repr(name), told) from exc


def machine_name() -> str:
    """Return what tells this machine from others: its name in the network."""
    return platform.node()


def _named(name: str) -> ZoneInfo:
    """Return the zone that ``TZ`` names: an IANA name, a file, or a rule such as ``CET-1CEST,M3.5.0,M10.5.0/3``."""
    if name.startswith("/"):
        with open(name, "rb") as file:  # noqa: PTH123  # zoneinfo wants an open file
            return ZoneInfo.from_file(file, key=name)
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        rule = name.encode("ascii", "strict")
        return ZoneInfo.from_file(BytesIO(_ONE_TYPE * 2 + b"\n" + rule + b"\n"), key=name)
