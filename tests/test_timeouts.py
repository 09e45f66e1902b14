"""The timeouts of many runs: who is ended when, and what is looked at for that."""

from types import SimpleNamespace

import pytest

from runtime.timeouts import Timeouts


class Actor:
    """Remembers which of its launches it was told to end."""

    def __init__(self, ended):
        self.ended = ended
        self.mailbox = SimpleNamespace(put=lambda message: ended.append(message.number))


class TestTimeouts:
    @pytest.fixture(autouse=True)
    def at_the_beginning(self):
        self.now = 0.0
        self.ended = []
        self.timeouts = Timeouts(lambda: self.now)
        self.actor = Actor(self.ended)

    def begin(self, number, timeout):
        return self.timeouts.set(number, self.actor, timeout)

    def at(self, moment):
        self.now = moment
        return self.timeouts.enforce()

    def test_a_run_is_ended_once_when_its_time_is_over(self):
        assert self.begin(1, 10.0) == 10.0
        assert self.at(9.9) == 10.0
        assert self.ended == []
        self.at(10.0)
        self.at(30.0)
        assert self.ended == [1]

    def test_one_that_has_ended_is_left_alone(self):
        self.begin(1, 10.0)
        self.timeouts.drop(1)
        self.at(10.0)
        assert self.ended == []

    def test_of_those_that_may_take_equally_long_each_has_its_own_time(self):
        for number in range(3):
            self.now = number
            self.begin(number, 10.0)
        self.timeouts.drop(0)
        assert self.at(10.0) == 11.0
        assert self.ended == []
        assert self.at(11.0) == 12.0
        assert self.ended == [1]
        assert self.at(12.0) == float("inf")
        assert self.ended == [1, 2]

    def test_a_shorter_one_that_comes_later_is_ended_first(self):
        self.begin(1, 10.0)
        self.now = 1.0
        assert self.begin(2, 5.0) == 6.0
        assert self.at(6.0) == 10.0
        assert self.ended == [2]
        self.at(10.0)
        assert self.ended == [2, 1]

    def test_one_that_begins_as_another_is_ended_for_taking_too_long_has_its_time_too(self):
        self.actor.mailbox.put = lambda message: (self.ended.append(message.number), message.number == 1 and self.begin(2, 10.0))
        self.begin(1, 10.0)
        assert self.at(10.0) == 20.0
        self.at(20.0)
        assert self.ended == [1, 2]

    def test_one_that_ends_as_another_is_ended_is_told_at_most_in_vain(self):
        self.actor.mailbox.put = lambda message: (self.ended.append(message.number), self.timeouts.drop(2))
        self.begin(1, 10.0)
        self.begin(2, 10.0)
        self.at(10.0)
        assert self.at(20.0) == float("inf")
        assert self.ended[0] == 1

    def test_timeouts_that_are_all_different_leave_nothing_behind(self):
        for number in range(100):
            self.begin(number, 1.0 + number / 100)
            self.timeouts.drop(number)
        assert self.at(10.0) == float("inf")
        assert not self.timeouts._queues
        assert not self.timeouts._agenda._ranks
