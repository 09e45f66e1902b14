"""The command that measures what Callsheet costs: bench. It gives way to ``benchmarks``, which is in the repository only."""

from __future__ import annotations

import os
import sys

import click

ROOT = os.path.realpath(f"{__file__}/../../..")


@click.command(add_help_option=False, context_settings={"ignore_unknown_options": True})
@click.argument("words", nargs=-1, type=click.UNPROCESSED, metavar="[OPTIONS]")
def bench(words: tuple[str, ...]) -> None:
    """Measure what Callsheet costs on this machine, in a clone of the repository; bench --help tells the options."""
    from pathlib import Path  # listing the commands needs none, and it takes 5 ms to import

    if not Path(ROOT, "benchmarks", "suite.py").is_file():
        click.echo(
            "callsheet: the benchmarks are not part of what is installed. Clone the repository, and in it: "
            "python -m pip install -e '.[bench]' && python -m benchmarks",
            err=True,
        )
        sys.exit(2)
    folders = [str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
    os.environ["PYTHONPATH"] = os.pathsep.join(folders)  # the processes that it starts find it too
    os.execv(sys.executable, [sys.executable, "-m", "benchmarks", *words])  # noqa: S606  # nothing of this process is measured
