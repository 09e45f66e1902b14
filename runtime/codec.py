"""The one cattrs converter: between the run log's documents and the record models."""

from __future__ import annotations

from cattrs import Converter


def make_codec() -> Converter:
    """Return a new converter. Columns that a model does not have are left out; missing ones take the model's default."""
    return Converter()
