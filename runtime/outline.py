"""Outline: a tree of nodes as rows, in the order in which it is read."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from actors.nodes import Node


def outline(root: Node, depth: int = 0) -> Iterator[dict[str, Any]]:
    """Yield one row for `root` and each node below it, each before what is below it; ``depth`` says how far below it is."""
    yield {
        "depth": depth,
        "name": root.name,
        "kind": root.kind,
        "state": root.state,
        "restarts": root.restarts,
        "waiting": root.waiting,
        "waits_for": root.waits_for,
        "handled": root.handled,
        "lost": root.lost,
        "current": root.current,
        "age": root.age,
        "outcome": root.outcome,
    }
    for child in root.children:
        yield from outline(child, depth + 1)


def branches(root: Node) -> Iterator[str]:
    """Yield what `root` and the nodes below it are called, in the order of ``outline``, with lines that draw the tree.

    Of a name only what the one above it does not say already; of tasks and parts, that they are.
    """
    yield root.name
    yield from _below(root, "")


def _below(node: Node, indent: str) -> Iterator[str]:
    for child in node.children:
        is_last = child is node.children[-1]
        kind = f"{child.kind} " if child.kind in ("task", "part") else ""
        yield f"{indent}{'└ ' if is_last else '├ '}{kind}{child.name.removeprefix(f'{node.name}/')}"
        yield from _below(child, indent + ("  " if is_last else "│ "))
