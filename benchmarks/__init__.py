"""What Callsheet costs, beside the bare primitives, measured in the same run: ``python -m benchmarks``."""
