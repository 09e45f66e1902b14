"""Started by the process runner as a script, with ``-P``: nothing of the user's folders can stand in for our modules."""

import os
import sys

sys.path.insert(0, os.path.realpath(f"{__file__}/../../.."))  # pathlib would cost each worker 5 ms

from runtime.worker.child import serve  # the line above is what makes it importable

if __name__ == "__main__":  # multiprocessing executes it again in what a function spawns
    serve(*map(int, sys.argv[1:]))
