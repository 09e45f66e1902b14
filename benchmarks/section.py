"""Section: a part of the suite, and what it is given: how thorough it is to be, and whom it tells how far it is."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bar

from benchmarks.figures import Absent, Figure
from benchmarks.machine import calibration

_QUICK = 0.05


@dataclass(frozen=True, slots=True)
class Settings:
    """How thorough it is to be."""

    quick: bool = False
    """Whether the aim is only to see that it works."""
    rounds: int = 5
    """How often each thing is measured."""
    peers: Path | None = None
    """The folder of the environments of those that Callsheet is compared with."""

    @property
    def scale(self) -> float:
        """What part of the usual number of times a thing is done."""
        return _QUICK if self.quick else 1.0


class Progress(Protocol):
    """Who is told how far a section is."""

    def expect(self, steps: int) -> None:
        """Say that so many steps are to come, beyond those that were told."""

    def step(self) -> None:
        """Say that one is done. Nothing is being measured now."""


@dataclass(frozen=True, slots=True)
class Section:
    """A part of the suite, which can be measured by itself."""

    name: str
    about: str
    """What it measures, in a few words."""
    measure: Callable[[Settings, Progress], Iterator[Figure | Absent]]


@dataclass
class Pace:
    """Shows a bar of how far it is, and looks between two steps how fast the machine is now.

    Args:
      bar: what draws it.
    """

    bar: Bar
    calibrations: list[float] = field(default_factory=list)
    """What the loop took each time, in ms."""

    def begin(self, section: Section) -> None:
        """Begin the bar of a section."""
        for task in self.bar.task_ids:
            self.bar.remove_task(task)
        self._task = self.bar.add_task(section.name, total=0)
        self._steps = 0

    def expect(self, steps: int) -> None:
        self._steps += steps
        self.bar.update(self._task, total=self._steps)

    def step(self) -> None:
        self.calibrations.append(calibration())
        self.bar.advance(self._task)


@contextmanager
def pace() -> Iterator[Pace]:
    """Draw a bar on stderr while the block lasts, where that is a terminal."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    bar = Bar(*columns, console=Console(stderr=True), transient=True, disable=not sys.stderr.isatty())
    with bar:
        yield Pace(bar)
