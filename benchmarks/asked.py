"""What was asked for: options that make no sense together are refused at once, with the way out, and none is passed over."""

from __future__ import annotations

from collections.abc import Collection

import click

SOAK, KILLS = "soak", "kills"
LOOKS = (SOAK, KILLS)
"""What ``--only`` takes beside sections: these measure nothing, but look whether all ends as it should."""

_OF_LOOKS = {"--launches": (SOAK,), "--kills": (KILLS,), "--seed": LOOKS}
"""{option: the looks that it is for}."""
_OF_MEASURING = ("--rounds", "--peers", "--json", "--compare", "--plot", "--page", "--load")
_OF_NO_LOADING = ("--only", "--quick", "--rounds", "--peers")


def given(context: click.Context) -> set[str]:
    """Return the options that were given: those that have not just their defaults."""
    default = click.core.ParameterSource.DEFAULT
    return {each.opts[0] for each in context.command.params if context.get_parameter_source(each.name or "") is not default}


def check(options: Collection[str], only: Collection[str]) -> None:
    """Check that these options can all be obeyed together.

    Args:
      only: the values of ``--only``.

    Raises:
      click.UsageError: they cannot; it says what to do instead.
    """
    looks, sections = [name for name in only if name in LOOKS], [name for name in only if name not in LOOKS]
    if looks and sections:
        raise click.UsageError(f"{looks[0]} is no section, and measures nothing: run it without --only {sections[0]}")
    for option, of in _OF_LOOKS.items():
        if option in options and not set(of) & set(looks):
            raise click.UsageError(
                f"{option} needs {' or '.join(f'--only {look}' for look in of)}: add it, or leave out {option}"
            )
    if looks:
        _refuse(f"--only {looks[0]}", _OF_MEASURING, options)
    if "--load" in options:
        _refuse("--load", _OF_NO_LOADING, options)


def _refuse(what: str, idle: Collection[str], options: Collection[str]) -> None:
    if idle := [option for option in idle if option in options]:
        raise click.UsageError(f"{what} measures nothing: leave out {', '.join(idle)}")
