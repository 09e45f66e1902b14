"""The same with Pykka, whose actors are threads. Only what is called imports it, as it need not be installed."""

from __future__ import annotations

from time import perf_counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pykka


def tell(count: int) -> float:
    """Tell, and leave it to the actor to deal with it later."""
    return _tell(count)[0]


def tell_and_wait(count: int) -> float:
    """Tell, until all is dealt with."""
    return _tell(count)[1]


def ask(count: int) -> float:
    """Ask, one after the other."""
    counter = _counter().start()
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


def started(count: int) -> list[pykka.ActorRef[pykka.ThreadingActor]]:
    """Return so many actors that have started."""
    counter = _counter()
    return [counter.start() for _ in range(count)]


def stop_all() -> None:
    """Stop all actors, and wait until they have ended."""
    import pykka

    pykka.ActorRegistry.stop_all()


def _tell(count: int) -> tuple[float, float]:
    counter = _counter().start()
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
    counters = started(count)
    middle = perf_counter()
    for counter in counters:
        counter.stop()
    return middle - began, perf_counter() - middle


def _counter() -> type[pykka.ThreadingActor]:
    import pykka

    class Counter(pykka.ThreadingActor):
        def __init__(self) -> None:
            super().__init__()
            self.total = 0

        def on_receive(self, message: int) -> int:
            self.total += message
            return self.total

    return Counter
