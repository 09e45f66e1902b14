"""The section: what peers take for the same work as Callsheet, in rounds, each in turn."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median

from benchmarks.environments import Unavailable, python_with
from benchmarks.figures import Absent, Figure
from benchmarks.peers.answering import Value
from benchmarks.peers.asking import Asking
from benchmarks.peers.works import WORKS, Reading, Work
from benchmarks.section import Progress, Section, Settings

NAME = "peers"


@dataclass(frozen=True, slots=True)
class Peer:
    """Who is asked."""

    name: str
    script: str
    requirements: tuple[str, ...] = ()
    """What must be installed for it, in an environment of its own."""


OURS = Peer("Callsheet", "callsheet_peer")
PEERS = (
    OURS,
    Peer("Rocketry", "rocketry_peer", ("rocketry==2.5.1", "pydantic<2")),
    Peer("APScheduler", "apscheduler_peer", ("apscheduler>=3.11,<4",)),
    Peer("trio-parallel", "trio_parallel_peer", ("trio-parallel>=1.3,<2",)),
    Peer("concurrent.futures", "futures_peer"),
    Peer("Pykka", "pykka_peer", ("pykka>=4.2,<5",)),
)


def measure(
    settings: Settings, progress: Progress, peers: Sequence[Peer] = PEERS, works: Sequence[Work] = WORKS
) -> Iterator[Figure | Absent]:
    """Have all do all that they offer, a round of each in turn, so that a slow moment of the machine meets all of them.

    Yields:
      What each took, beside Callsheet; and who could not be asked, or did not answer, with the reason.
    """
    with ExitStack() as stack:
        asked: dict[Peer, Asking] = {}
        for peer in peers:
            try:
                asked[peer] = stack.enter_context(Asking(_python(peer, settings.peers), peer.script))
            except Unavailable as exc:
                yield Absent(NAME, peer.name, str(exc))
        for work in works:
            yield from _done(work, asked, settings, progress)


def _python(peer: Peer, folder: Path | None) -> Path:
    if not peer.requirements:
        return Path(sys.executable)
    if folder is None:
        raise Unavailable("only with --peers, which installs it")
    return python_with(peer.name.lower(), peer.requirements, folder)


def _done(work: Work, asked: Mapping[Peer, Asking], settings: Settings, progress: Progress) -> Iterator[Figure | Absent]:
    there = {peer: asking for peer, asking in asked.items() if work.deed in asking.offers}
    if there.keys() <= {OURS}:
        return  # other sections say what Callsheet takes by itself
    numbers = work.quick if settings.quick else work.numbers
    rounds = [work.quick] * work.warms_up + [numbers] * min(settings.rounds, work.most_rounds or settings.rounds)
    progress.expect(len(there) * len(rounds))
    values: dict[Peer, list[Value]] = {peer: [] for peer in there}
    for each in rounds:
        for peer, asking in list(there.items()):
            try:
                values[peer].append(_answer(asking, work, each))
            except Unavailable as exc:
                del there[peer]
                yield Absent(NAME, f"{work.readings[0].name}: {peer.name}", str(exc))
            progress.step()
    counted = {peer: values[peer][work.warms_up :] for peer in there}
    for reading in work.readings:
        for peer, figure in _figures(reading, numbers[0], counted):
            size = numbers[0] if work.size_unit else None
            yield replace(figure, size=size, size_unit=work.size_unit, package=asked[peer].package)


def _answer(asking: Asking, work: Work, numbers: Sequence[int]) -> Value:
    if work.begins_anew:
        asking.begin_anew()
    return asking.ask(work.deed, *numbers, within=work.within)


def _figures(reading: Reading, count: int, values: Mapping[Peer, Sequence[Value]]) -> Iterator[tuple[Peer, Figure]]:
    read = {peer: tuple(reading.read(value, count) for value in own) for peer, own in values.items()}
    baseline, ours = f"{reading.name}: {OURS.name}", read.get(OURS, ())
    for peer, samples in read.items():
        figure = Figure(NAME, f"{reading.name}: {peer.name}", reading.unit, samples)
        if peer is not OURS and reading.has_ratio and ours and all(ours):
            ratio = median(theirs / mine for theirs, mine in zip(samples, ours, strict=True))
            figure = replace(figure, baseline=baseline, ratio=ratio)
        yield peer, figure


SECTION = Section(NAME, "what others take for the same work", measure)
