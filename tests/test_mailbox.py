"""How a message reaches an actor: in order, one at a time, and without harm to who sent it."""

from contextvars import ContextVar, copy_context

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runtime.mailbox import Mailbox

place = ContextVar("place", default="nowhere")


class Owner:
    """Keeps what it handles, and what failed."""

    def __init__(self, handle=None):
        self.handled, self.failures = [], []
        self._handle = handle
        self.mailbox = Mailbox(self.handle, self.failures.append)

    def handle(self, message):
        self.handled.append(message)
        if self._handle is not None:
            self._handle(self, message)


def opened(handle=None):
    owner = Owner(handle)
    owner.mailbox.open()
    return owner


def test_a_message_is_handled_when_put_returns():
    owner = opened()
    owner.mailbox.put(1)
    assert owner.handled == [1]


def test_messages_are_handled_in_their_order():
    owner = opened()
    for message in "cab":
        owner.mailbox.put(message)
    assert owner.handled == ["c", "a", "b"]


def test_messages_wait_until_it_is_opened():
    owner = Owner()
    owner.mailbox.put(1)
    owner.mailbox.put(2)
    assert (owner.handled, len(owner.mailbox)) == ([], 2)
    owner.mailbox.open()
    assert (owner.handled, len(owner.mailbox)) == ([1, 2], 0)


def test_an_empty_mailbox_may_be_opened():
    owner = opened()
    assert owner.handled == []


def test_a_message_put_in_while_another_is_handled_is_handled_after_it():
    steps = []

    def handle(owner, message):
        steps.append(f"begin {message}")
        if message < 3:
            owner.mailbox.put(message + 1)
        steps.append(f"end {message}")

    opened(handle).mailbox.put(1)
    assert steps == ["begin 1", "end 1", "begin 2", "end 2", "begin 3", "end 3"]


def test_a_message_put_in_while_it_is_opened_is_handled_after_those_that_wait():
    owner = Owner(lambda owner, message: owner.mailbox.put("last") if message == "first" else None)
    owner.mailbox.put("first")
    owner.mailbox.put("second")
    owner.mailbox.open()
    assert owner.handled == ["first", "second", "last"]


def test_two_actors_may_answer_each_other():
    log = []

    def first(owner, message):
        log.append(("first", message))
        if message < 4:
            other.mailbox.put(message + 1)

    def second(owner, message):
        log.append(("second", message))
        one.mailbox.put(message + 1)

    one, other = opened(first), opened(second)
    one.mailbox.put(0)
    assert log == [("first", 0), ("second", 1), ("first", 2), ("second", 3), ("first", 4)]


def test_a_long_chain_of_messages_needs_no_deep_stack():
    owner = opened(lambda owner, message: owner.mailbox.put(message + 1) if message < 10_000 else None)
    owner.mailbox.put(0)
    assert len(owner.handled) == 10_001


class TestFailures:
    def fail(self, owner, message):
        if message == "bad":
            raise ValueError(message)

    def test_they_do_not_reach_the_sender(self):
        owner = opened(self.fail)
        owner.mailbox.put("bad")
        assert [repr(error) for error in owner.failures] == ["ValueError('bad')"]

    def test_what_comes_after_is_handled_as_ever(self):
        owner = opened(self.fail)
        for message in ("one", "bad", "two"):
            owner.mailbox.put(message)
        assert owner.handled == ["one", "bad", "two"]

    def test_what_waited_behind_is_handled_too(self):
        owner = Owner(self.fail)
        for message in ("bad", "one", "bad", "two"):
            owner.mailbox.put(message)
        owner.mailbox.open()
        assert owner.handled == ["bad", "one", "bad", "two"]
        assert len(owner.failures) == 2

    def test_who_is_told_may_send_a_message(self):
        handled = []

        def handle(message):
            handled.append(message)
            if message == "bad":
                raise ValueError

        mailbox = Mailbox(handle, lambda _: mailbox.put("told"))
        mailbox.open()
        mailbox.put("bad")
        assert handled == ["bad", "told"]

    def test_what_must_reach_the_root_does(self):
        def interrupt(owner, message):
            raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            opened(interrupt).mailbox.put(1)

    def test_after_an_interruption_messages_are_handled_as_ever(self):
        def interrupt(owner, message):
            if message == "bad":
                raise KeyboardInterrupt

        owner = opened(interrupt)
        with pytest.raises(KeyboardInterrupt):
            owner.mailbox.put("bad")
        owner.mailbox.put("good")
        assert owner.handled == ["bad", "good"]


class TestContext:
    def owner_of(self, name):
        """Make an owner in a context of its own that keeps in which context it handles."""

        def make():
            place.set(name)
            return Owner(lambda owner, _: owner.handled.append(place.get()))

        return copy_context().run(make)

    def test_messages_are_handled_in_the_context_of_the_maker(self):
        owner = self.owner_of("maker")
        owner.mailbox.put(1)
        owner.mailbox.open()
        copy_context().run(lambda: (place.set("sender"), owner.mailbox.put(2)))
        assert owner.handled == [1, "maker", 2, "maker"]

    def test_the_context_of_the_sender_stays_as_it_is(self):
        owner = opened(lambda *_: place.set("changed"))
        owner.mailbox.put(1)
        assert place.get() == "nowhere"

    def test_each_of_two_actors_has_its_own(self):
        one, other = self.owner_of("one"), self.owner_of("other")
        one._handle, keep = (lambda owner, message: (keep(owner, message), other.mailbox.put(message))), one._handle
        one.mailbox.open()
        other.mailbox.open()
        one.mailbox.put(1)
        assert [one.handled, other.handled] == [[1, "one"], [1, "other"]]


@given(st.recursive(st.just([]), lambda trees: st.lists(trees, max_size=4), max_leaves=30))
@settings(max_examples=60)
def test_whatever_messages_lead_to_each_is_handled_once_and_in_the_order_in_which_it_came(tree):
    """A message is a list of the messages that handling it puts in."""
    put, handled, handling = [], [], []

    def send(message):
        put.append(len(put))
        mailbox.put((put[-1], message))

    def handle(numbered):
        assert not handling, "one at a time"
        number, message = numbered
        handling.append(number)
        handled.append(number)
        for following in message:
            send(following)
        handling.remove(number)

    mailbox = Mailbox(handle, pytest.fail)
    mailbox.open()
    send(tree)
    assert handled == put
    assert len(handled) == size(tree)
    assert len(mailbox) == 0


def size(tree):
    return 1 + sum(map(size, tree))
