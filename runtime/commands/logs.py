"""The command that shows what runs have printed: logs."""

from __future__ import annotations

import click

from runtime.commands.runs import no_run, runs_called
from runtime.commands.shared import existing, is_written, log_option, opened, reports_errors


@click.command()
@click.argument("run_id")
@click.option("-f", "--follow", is_flag=True, help="Show what it prints as it comes, until it has ended.")
@log_option
@click.option("--json", "as_json", is_flag=True, help="Print JSON, one run a line, or with -f one piece of output a line.")
@reports_errors
def logs(run_id: str, follow: bool, log: str, as_json: bool) -> int:
    """Show what the run RUN_ID has printed and logged, or the runs whose id begins so.

    Of long output the first 256 KiB and the last 768 KiB are kept. Where a run was tried again, each attempt has its own.
    """
    from runtime.output.showing import Showing

    opened_log = opened(log)
    if not runs_called(run_id, opened_log):
        return no_run(run_id, log)
    path = existing(log)
    showing = Showing(
        path,
        lambda: runs_called(run_id, opened_log),
        lambda: is_written(path),
        as_json=as_json,
        show=lambda text: click.echo(text, nl=False),
        note=lambda text: click.echo(f"callsheet: {text}", err=True),
    )
    try:
        showing.follow() if follow else showing.all()
    except KeyboardInterrupt:  # that is how one stops to look
        click.echo()
    except PermissionError as exc:
        click.echo(f"callsheet: {exc.filename} cannot be read: {exc.strerror}", err=True)
        return 1
    return 0
