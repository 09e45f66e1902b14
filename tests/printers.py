"""Functions that print and log in all ways; worker processes import them from here."""

import asyncio
import logging
import os
import signal
import sys
import threading
import time

import trio

from actors.args import TaskLogger

LOGGER = logging.getLogger("of.the.user")


def speaks(word="spoken"):
    print(word)
    print("to stderr", file=sys.stderr, flush=True)
    LOGGER.warning("%s and logged", word)


async def speaks_async(word="spoken"):
    await trio.sleep(0)
    speaks(word)


async def speaks_on_asyncio():
    await asyncio.sleep(0)
    speaks()
    await asyncio.to_thread(print, "in a thread of asyncio")


async def speaks_in_a_thread_of_trio():
    await trio.to_thread.run_sync(print, "in a thread of trio")


async def speaks_out_of_a_generator():
    async def words():
        yield "one"
        await trio.sleep(0)
        yield "two"

    async for word in words():
        print(word)


async def speaks_in_a_nursery():
    async with trio.open_nursery() as nursery:
        nursery.start_soon(speaks_async)


def speaks_and_fails(lines=30):
    for number in range(lines):
        print("line", number)
    raise ValueError("after all that")


async def speaks_and_fails_async(lines=30):
    speaks_and_fails(lines)


def logs_to_its_logger(logger=TaskLogger()):
    logger.warning("told the logger")


async def logs_to_its_logger_async(logger=TaskLogger()):
    logger.warning("told the logger")


def logs_where_nobody_listens():
    logger = logging.getLogger("quiet")
    logger.addHandler(logging.NullHandler())
    logger.error("told nobody")
    logger.info("too low")
    try:
        {}["lost"]
    except KeyError:
        logger.exception("with its traceback")


def logs_to_stderr_itself():
    logger = logging.getLogger("loud")
    logger.addHandler(logging.StreamHandler())
    logger.error("told once")


def logs_to_stderr_behind_the_back():
    logger = logging.getLogger("alone")
    logger.propagate = False
    logger.addHandler(logging.NullHandler())
    logger.error("told alone")


def logs_what_cannot_be_formatted():
    logger = logging.getLogger("broken")
    logger.addHandler(logging.NullHandler())
    logger.error("%d words", "three")


def closes_what_it_has_not_opened():
    os.closerange(3, 100)
    logs_where_nobody_listens()


def speaks_and_dies():
    print("last words on stdout", flush=True)
    LOGGER.error("last words of a logger")
    sys.stderr.write("last words, and no end")
    sys.stderr.flush()
    os.kill(os.getpid(), signal.SIGKILL)


def speaks_in_bytes():
    sys.stdout.flush()
    os.write(1, b"caf\xc3\xa9 \xff\xfe\r\n50%\r100%\r\n" + "é".encode() * 50_000 + b"\nno end")


def leaves_a_thread_that_speaks(begun, until):
    def speaks_later():
        while not until.exists():
            time.sleep(0.005)
        print("late", flush=True)

    threading.Thread(target=speaks_later, daemon=True).start()
    begun.touch()


def has_it_speak(until):
    """Have the thread speak that another run has left behind in this process, and wait until it has."""
    until.touch()
    for thread in threading.enumerate():
        if thread is not threading.main_thread() and thread.daemon:
            thread.join(5)
    print("mine")
