"""Children: the actors below one actor, or at the top."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import TYPE_CHECKING

import trio

from actors.callables import name_of
from actors.errors import StartError
from actors.outcomes import GaveUp, Stopped
from actors.spec import ActorSpec, Factory, Supervisor
from runtime.tree.brood import BY_SUPERVISOR, Brood
from runtime.tree.cell import Cell

if TYPE_CHECKING:
    from runtime.tree.life import Life
    from runtime.tree.tree import Tree


class Children(Brood[Cell]):
    """Those that are declared in `plan`, and those that are spawned.

    Args:
      parent: whose children they are; None for those at the top.
      gave_up: is told when it has given up, at the top.
    """

    def __init__(
        self, tree: Tree, parent: Cell | None, plan: Supervisor, gave_up: Callable[[GaveUp], object] = lambda _: None
    ) -> None:
        if parent is None:
            super().__init__(tree, "the app", plan, gave_up)
        else:
            super().__init__(tree, parent.name, plan, parent.give_up, parent.complete_with_children)
        self._parent = parent
        self._numbers = itertools.count(1)

    async def start_all(self) -> None:
        """Start the children that are declared, in their order; raises StartError if one does not start, and none runs then."""
        for spec in self._plan.children:
            if spec.name not in self.members:
                self.add(self._made(spec, is_kept=True))
        try:
            await self.start_first(self.members.values())
        except StartError:
            await self.end_all()
            raise

    async def spawn(self, spec: ActorSpec, spawner: Life | None = None) -> Cell:
        """Start one more child, which is forgotten when it has ended.

        Args:
          spawner: the life whose method waits for that.

        Raises:
          ActorExists: its name is taken.
          StartError: it did not start.
          DeadlockError: it waits itself for who spawns it.
        """
        self.check_free(spec.name)
        cell = self._made(spec, is_kept=False)
        self.add(cell)
        if spawner is not None:
            spawner.begin_wait(cell)
        try:
            await self.start_first([cell])
        except trio.Cancelled:
            if not cell.is_final:
                self.stop(cell, Stopped(BY_SUPERVISOR, "whoever spawned it does not wait for its start any more"))
            raise
        finally:
            if spawner is not None:
                spawner.end_wait(cell)
        return cell

    def free_name(self, factory: Factory) -> str:
        """Return a name for a child that has none: its class, with a number."""
        kind = "supervisor" if isinstance(factory, Supervisor) else name_of(factory)
        while (name := f"{kind}-{next(self._numbers)}") in self.members:
            pass
        return name

    def _made(self, spec: ActorSpec, *, is_kept: bool) -> Cell:
        above = "" if self._parent is None else f"{self._parent.name}/"
        return Cell(self._tree, self._parent, self, above + spec.name, spec, is_kept=is_kept)
