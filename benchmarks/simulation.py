"""How long it takes to find out what starts in a month, without running anything."""

from __future__ import annotations

import time
from collections.abc import Iterator

from actors import App
from actors.conds import after_success, cron, daily, every
from benchmarks.figures import Figure
from benchmarks.section import Progress, Section, Settings
from benchmarks.work import nothing
from runtime.machine import local_zone
from runtime.simulation import Simulation, players_of

MONTH = 30 * 86400.0
_BEGIN = 1_774_000_000.0  # with a day on which the clocks change


def measure(settings: Settings, progress: Progress) -> Iterator[Figure]:
    """Yield how long the simulation of a month takes of tasks of all kinds, and of one of their starts."""
    rounds = min(settings.rounds, 3)
    progress.expect(rounds)
    took, starts = [], 0
    for _ in range(rounds):
        began = time.perf_counter()
        players = players_of(_app().session.tasks, _BEGIN, local_zone())
        starts = sum(1 for _ in Simulation(players, _BEGIN).starts(_BEGIN + MONTH))
        took.append(time.perf_counter() - began)
        progress.step()
    yield Figure("simulation", "a month of six tasks", "s", tuple(took))
    yield Figure("simulation", "a start of them", "µs", tuple(seconds / starts * 1e6 for seconds in took))


def _app() -> App:
    app = App(log=None, timezone="Europe/Berlin")
    app.task(daily.at("02:30"), name="backup", func=nothing)
    app.task(daily.between("08:00", "18:00"), name="work", func=nothing)
    app.task(cron("*/15 * * * *"), name="poll", func=nothing)
    app.task(every("10 minutes"), name="sync", func=nothing)
    app.task(after_success("backup"), name="report", func=nothing)
    app.task(after_success("sync"), name="index", func=nothing)
    return app


SECTION = Section("simulation", "which tasks would start when, as the command simulate finds out", measure)
