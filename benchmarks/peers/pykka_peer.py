"""What Pykka takes, whose actors are threads: to tell them, to ask them, to start and to stop them, and memory.

Measured is one actor that adds, and the one caller; or many that do nothing.
"""

from __future__ import annotations

import gc
from importlib.metadata import version
from time import perf_counter

import pykka

from benchmarks.memory import resident
from benchmarks.peers.answering import answer


class Counter(pykka.ThreadingActor):
    """Adds, which is as little as can be said to be work."""

    def __init__(self) -> None:
        super().__init__()
        self.total = 0

    def on_receive(self, message: int) -> int:
        self.total += message
        return self.total


def tell(count: int) -> float:
    """Tell, and leave it to the actor to deal with it later."""
    return _tell(count)[0]


def tell_and_wait(count: int) -> float:
    """Tell, until all is dealt with."""
    return _tell(count)[1]


def ask(count: int) -> float:
    """Ask, one after the other."""
    counter = Counter.start()
    counter.ask(1)
    began = perf_counter()
    for _ in range(count):
        counter.ask(1)
    took = perf_counter() - began
    counter.stop()
    return took


def start(count: int) -> float:
    """Start actors, each when the one before has started."""
    return _start_and_stop(count)[0]


def stop(count: int) -> float:
    """Stop actors, each when the one before has ended."""
    return _start_and_stop(count)[1]


def memory(count: int) -> float:
    """Return how many bytes each of so many idle actors takes."""
    gc.collect()
    before = resident()
    counters = [Counter.start() for _ in range(count)]
    gc.collect()
    grown = resident() - before
    for counter in counters:
        counter.stop()
    return grown / count


def _tell(count: int) -> tuple[float, float]:
    counter = Counter.start()
    counter.ask(1)
    began = perf_counter()
    for _ in range(count):
        counter.tell(1)
    told = perf_counter() - began
    counter.ask(1)
    took = perf_counter() - began
    counter.stop()
    return told, took


def _start_and_stop(count: int) -> tuple[float, float]:
    began = perf_counter()
    counters = [Counter.start() for _ in range(count)]
    middle = perf_counter()
    for counter in counters:
        counter.stop()
    return middle - began, perf_counter() - middle


if __name__ == "__main__":
    answer(
        f"Pykka {version('pykka')}",
        {"tell": tell, "tell_and_wait": tell_and_wait, "ask": ask, "start": start, "stop": stop, "memory": memory},
    )
