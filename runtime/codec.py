"""The one cattrs converter: between the run log's documents and the record models, and between JSON and trees of nodes."""

from __future__ import annotations

from typing import Any

from cattrs import Converter

from actors.nodes import Node


def make_codec() -> Converter:
    """Return a new converter. Columns that a model does not have are left out; missing ones take the model's default."""
    return Converter()


def encode_node(node: Node) -> dict[str, Any]:
    """Return a tree of nodes as what JSON can hold."""
    document: dict[str, Any] = make_codec().unstructure(node)
    return document


def decode_node(document: Any) -> Node:
    """Return the tree of nodes that ``encode_node`` has written down; raises whatever cattrs does where it is none."""
    return make_codec().structure(document, Node)
