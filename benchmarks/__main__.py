"""``python -m benchmarks``. Nothing is imported but to run it: pools of processes load this file in each of their workers."""

if __name__ == "__main__":
    from benchmarks.command import main

    main(prog_name="python -m benchmarks")
