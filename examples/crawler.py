"""Crawl a site with actors that crash now and then, no faster than the site allows, and miss nothing.

    python cli.py run -q examples/crawler.py

What happens: ``crawl`` opens a site on this machine and asks the ``frontier`` to have all of it read. That hands out one page at
a time to each worker of the ``crew``, and follows the links that come back. A worker asks the ``limiter`` before it sends a
request, and is answered when it may. One fetch in ten crashes the worker, on purpose: stderr says so. Its supervisor makes it
anew, the frontier hears that the page was not read, and hands it out again.

    app
    ├ limiter        has a bucket of tokens; a timer puts in one after the other
    ├ crew           restarts the worker that has crashed, and no other
    │ ├ worker-1     fetches one page at a time, and keeps nothing that could get lost
    │ └ ...
    └ frontier       knows what was seen, what is left, and who is free; it lives on while workers come and go

``python cli.py tree`` in a second terminal shows the same while it runs, with the restarts so far.
"""

import re
import time
from collections import deque
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from http import HTTPStatus
from random import Random
from urllib.parse import urlsplit

import trio

from actors import Actor, ActorRef, ActorSpec, App, Message, Ref, Restart, Supervisor, handler

PAGES, DEAD_LINKS, SLOW = 80, 5, 8  # of the site
WORKERS = 8
RATE, BURST = 40, 5  # requests a second, and how many at once after a pause
CRASHES, ATTEMPTS = 0.1, 5  # the share of fetches that crash, and how often a page is tried
SEED = 6


@dataclass(frozen=True)
class Page:
    """What a worker has found."""

    links: tuple[str, ...] = ()
    is_broken: bool = False


@dataclass(frozen=True)
class Token(Message[None]):
    """Is answered when one request may be sent."""


@dataclass(frozen=True)
class Refill(Message[None]):
    """Puts one more token into the bucket."""


@dataclass(frozen=True)
class Fetch(Message[Page]):
    """Is answered with the page at that address."""

    url: str
    attempt: int = 1


@dataclass(frozen=True)
class Crawl(Message[dict[str, Page]]):
    """Is answered with all pages by their addresses, once there are no others."""

    url: str


@dataclass(frozen=True)
class Fetched(Message[None]):
    """Tells what has become of a page that was handed out."""

    worker: ActorRef
    fetch: Fetch
    page: Page | None
    """None if the worker has crashed over it."""


class Limiter(Actor):
    """A bucket of tokens. Who finds it empty waits, while the limiter itself goes on: it puts off the answer."""

    def __init__(self):
        self.tokens, self.waiting = BURST, deque()

    async def on_start(self):
        self.ctx.set_timer("refill", Refill(), every=1 / RATE, mode="fixed_rate")

    @handler()
    async def take(self, message: Token):
        self.waiting.append(self.ctx.later())
        self.give()

    @handler()
    async def refill(self, message: Refill):
        self.tokens = min(self.tokens + 1, BURST)
        self.give()

    def give(self):
        while self.tokens and self.waiting:
            self.tokens -= 1
            self.waiting.popleft().give(None)


class Worker(Actor):
    """Fetches one page after the other; made anew when it crashes."""

    async def on_start(self):
        self.limiter = self.ctx.lookup("limiter")  # which has started before, as it was declared before

    async def receive(self, message: Fetch) -> Page:
        await self.limiter.ask(Token())
        status, text = await get(message.url)
        if Random(f"{SEED} {urlsplit(message.url).path} {message.attempt}").random() < CRASHES:
            raise RuntimeError(f"made up, over {message}")
        return Page(tuple(re.findall(r'href="(.*?)"', text)), is_broken=status != HTTPStatus.OK)


class Frontier(Actor):
    """Knows what was seen, what is left and who is free. It never waits for a worker, so it can always listen to all of them."""

    async def on_start(self):
        self.free = [self.ctx.lookup(f"crew/{spec.name}") for spec in crew]
        self.seen, self.left, self.pages = set(), deque(), {}

    @handler()
    async def begin(self, message: Crawl) -> dict[str, Page]:
        self.answer = self.ctx.later()
        self.add(message.url)
        self.go_on()

    @handler()
    async def take_in(self, message: Fetched):
        fetch, page = message.fetch, message.page
        if page is None and fetch.attempt < ATTEMPTS:
            self.left.append(Fetch(fetch.url, fetch.attempt + 1))
        else:
            self.pages[fetch.url] = page or Page(is_broken=True)
            for url in self.pages[fetch.url].links:
                self.add(url)
        self.free.append(message.worker)  # also one that is being restarted takes messages
        self.go_on()

    def add(self, url):
        if url not in self.seen:
            self.seen.add(url)
            self.left.append(Fetch(url))

    def go_on(self):
        while self.free and self.left:
            self.hand_out(self.free.pop(0), self.left.popleft())
        if len(self.pages) == len(self.seen):
            self.answer.give(self.pages)

    def hand_out(self, worker, fetch):
        fetched = partial(Fetched, worker, fetch)
        self.ctx.pipe_to_self(worker.ask, fetch, then=fetched, failed=lambda _: fetched(None))


app = App(stop_when_idle=True)
app.actor(Limiter, "limiter", capacity=WORKERS)
crew = [
    ActorSpec(Worker, f"worker-{number}", capacity=1, restart=Restart.transient(backoff=0.05)) for number in range(1, WORKERS + 1)
]
app.actor(Supervisor(crew, limit=PAGES, window="10 seconds"), "crew")  # one_for_one, which is the default
app.actor(Frontier, "frontier", capacity=WORKERS)


@app.task(on_startup=True)
async def crawl(frontier=Ref("frontier")):
    """Have the site read, and print what was found."""
    from rich.console import Console
    from rich.table import Table

    async with site() as (start, requests):
        began = time.monotonic()
        pages = await frontier.ask(Crawl(start), within="30 seconds")
        seconds = time.monotonic() - began
    links = sum(len(page.links) for page in pages.values())
    broken = sum(page.is_broken for page in pages.values())
    crashes = sum(letter.reason == "poison" for letter in app.session.dead_letters)
    restarts = sum(worker.restarts for worker in app.session.tree()["crew"].children)
    table = Table("pages", "links", "broken", "crashes", "restarts", "requests", "seconds", "a second", "limit")
    counts = (len(pages) - broken, links, broken, crashes, restarts, len(requests))
    table.add_row(*map(str, counts), f"{seconds:.2f}", f"{len(requests) / seconds:.1f}", f"{RATE}, after {BURST} at once")
    Console(width=110).print(table)


async def get(url):
    """Return the status and the text of a page."""
    address = urlsplit(url)
    async with await trio.open_tcp_stream(address.hostname, address.port) as stream:
        await stream.send_all(f"GET {address.path} HTTP/1.0\r\n\r\n".encode())
        head, _, text = b"".join([chunk async for chunk in stream]).decode().partition("\r\n\r\n")
    return int(head.split()[1]), text


@asynccontextmanager
async def site():
    """Serve pages that link to each other, some of them slowly; yields the address of the first, and the requests so far."""
    random, requests = Random(SEED), []
    links = {page: (2 * page + 1, 2 * page + 2, *random.sample(range(PAGES), 3)) for page in range(PAGES)}
    slow = random.sample(range(PAGES), SLOW)

    async def answer(stream):
        async with stream:
            page = int((await stream.receive_some()).split()[1][1:])
            requests.append(page)
            await trio.sleep(0.3 if page in slow else 0.01)
            text = "".join(f'<a href="{address}/{other}">' for other in links.get(page, ()) if other < PAGES + DEAD_LINKS)
            status = HTTPStatus.OK if page in links else HTTPStatus.NOT_FOUND
            await stream.send_all(f"HTTP/1.0 {status} {status.phrase}\r\n\r\n{text}".encode())

    async with trio.open_nursery() as nursery:
        listeners = await nursery.start(partial(trio.serve_tcp, answer, 0, host="127.0.0.1"))
        address = f"http://127.0.0.1:{listeners[0].socket.getsockname()[1]}"
        yield f"{address}/0", requests
        nursery.cancel_scope.cancel()


if __name__ == "__main__":
    app.run()
