"""For tests of apps: run one on virtual time, with scripts in place of functions, and with actors that do what the test says.

::

    def test_what_fails_is_tried_again() -> None:
        async def scenario() -> None:
            async with running(app, simulated={"fetch": [Scripted(raises=OSError), Scripted(seconds=3, returns=["a"])]}) as world:
                await world.wait_ended(1, task="fetch")
                assert world.actions("fetch") == ["run", "retry", "run", "success"]

        run(scenario)

See ``docs/how-to/testing.md``. It needs trio and the runtime, which :mod:`actors` itself does not load.
"""

from runtime.testing.probe import Probe
from runtime.testing.scripted import Scripted
from runtime.testing.virtual import run, running
from runtime.testing.world import World

__all__ = ["Probe", "Scripted", "World", "run", "running"]
