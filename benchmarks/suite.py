"""The suite: its sections, and the report that they make together."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence

from benchmarks import anatomy, lateness, machine, messages, modes, payload, runlog, scaling, simulation, startup, termination
from benchmarks.figures import Absent, Figure, Report
from benchmarks.peers import section as peers
from benchmarks.section import Section, Settings, pace
from benchmarks.targets import with_targets

SECTIONS: tuple[Section, ...] = (
    modes.SECTION,
    anatomy.SECTION,
    messages.SECTION,
    termination.SECTION,
    payload.SECTION,
    startup.SECTION,
    lateness.SECTION,
    scaling.SECTION,
    runlog.SECTION,
    simulation.SECTION,
    peers.SECTION,
)


def chosen(only: Sequence[str], *, with_peers: bool = False) -> list[Section]:
    """Return the sections that are named; all if none is, that of the peers only if it is asked for."""
    names = set(only) or {section.name for section in SECTIONS if section is not peers.SECTION}
    return [section for section in SECTIONS if section.name in names or (with_peers and section is peers.SECTION)]


def measure(sections: Sequence[Section], settings: Settings) -> Iterator[tuple[Section, list[Figure | Absent], Report]]:
    """Measure some sections, one after the other, and yield each with what it has found, and the report of all up to there."""
    began, load_before = time.perf_counter(), machine.load()
    found: list[Figure | Absent] = []
    with pace() as progress:
        for section in sections:
            progress.begin(section)
            own = list(section.measure(settings, progress))
            found += own
            report = Report(
                machine.machine(load_before, progress.calibrations),
                tuple(with_targets([each for each in found if isinstance(each, Figure)])),
                tuple(each for each in found if isinstance(each, Absent)),
                time.perf_counter() - began,
                settings.quick,
            )
            yield section, own, report
