"""What scheduler and workers say to each other arrives as it was said."""

import pytest

from actors.pickled import Pickled
from actors.progress import Progress
from runtime.worker import protocol
from runtime.worker.parcels import unframed
from runtime.worker.protocol import (
    Broken,
    Hello,
    Job,
    PlainMessage,
    Program,
    Raised,
    Ready,
    Reply,
    Request,
    Returned,
    Source,
    Withdraw,
    frame_of,
    opened,
)

MESSAGES = [
    Hello(Program(["/a"], ["b.py"], Source("c", "c.py"), "app")),
    Ready(),
    Broken("ValueError: no", "Traceback"),
    Job("it", "run 1", "does", b"pickle", ("a", "b"), "trio", 5.0, ("other",)),
    Request("tell", ("an actor", 3, None), 7),
    Withdraw((1, 2)),
    Reply({"a": 1}, number=7),
    Returned(Progress(3, 10), spent=True),
    Raised("ValueError", "no", "Traceback", b"pickle", ("builtins.ValueError",), Progress(1), spent=True),
]


@pytest.mark.parametrize("message", MESSAGES, ids=lambda message: type(message).__name__)
def test_each_kind_of_message_arrives_as_it_was_said_with_its_values(message):
    values = [1, "two", None]
    (frame,) = frame_of(message, *map(Pickled, values))
    said, found = unframed(frame)
    assert (opened(said), type(opened(said))) == (message, type(message))
    assert [value.open() for value in found] == values


def test_there_is_no_kind_of_message_that_is_not_said_here():
    classes = {kind for kind in vars(protocol).values() if isinstance(kind, type) and kind.__module__ == protocol.__name__}
    assert classes - {Source, Program, PlainMessage} == set(map(type, MESSAGES))
