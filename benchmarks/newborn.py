"""An app that is started for one run: ``python -m benchmarks.newborn MODE FOLDER``. Prints when that had ended."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import cast

import trio

from actors import App
from actors.config import Execution
from benchmarks.work import nothing
from runtime import open_runtime


async def main(mode: Execution, folder: Path) -> None:
    """Run a task once, and print the time of the system's clock that goes on steadily when a listener has heard of its end."""
    app = App(log=folder / "runs.jsonl", execution=mode)
    app.task(func=nothing, name="nothing")
    ended = trio.Event()

    def hear(_: object) -> None:
        print(json.dumps(time.monotonic()))
        ended.set()

    async with open_runtime(app) as system:
        system.on_run_ended(hear)
        app.session["nothing"].run()
        await ended.wait()


if __name__ == "__main__":
    trio.run(main, cast("Execution", sys.argv[1]), Path(sys.argv[2]))
