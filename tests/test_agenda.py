"""When what has to be looked at again: one moment a key, the earliest first."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from runtime.agenda import Agenda


def agenda_of(**moments):
    agenda = Agenda()
    for key, moment in moments.items():
        agenda.set(key, moment)
    return agenda


def test_an_empty_agenda_has_no_next_moment_and_nothing_due():
    agenda = Agenda()
    assert agenda.next_moment() == math.inf
    assert agenda.take_due(1e18) == []


def test_the_next_moment_is_the_earliest():
    assert agenda_of(a=3.0, b=1.0, c=2.0).next_moment() == 1.0


def test_what_is_due_is_taken_off_earliest_first():
    agenda = agenda_of(a=3.0, b=1.0, c=2.0, d=4.0)
    assert agenda.take_due(3.0) == ["b", "c", "a"]
    assert agenda.take_due(3.0) == []
    assert agenda.next_moment() == 4.0


def test_what_is_not_due_stays():
    agenda = agenda_of(a=3.0)
    assert agenda.take_due(2.999) == []
    assert agenda.next_moment() == 3.0


def test_keys_of_one_moment_come_in_the_order_in_which_they_first_came():
    agenda = agenda_of(c=1.0, a=2.0, b=2.0)
    agenda.set("a", 1.0)
    agenda.set("b", 1.0)
    assert agenda.take_due(1.0) == ["c", "a", "b"]
    for key in "bac":
        agenda.set(key, 5.0)
    assert agenda.take_due(5.0) == ["c", "a", "b"]


@pytest.mark.parametrize("moment", [1.0, 9.0])
def test_a_key_has_the_moment_it_was_given_last(moment):
    agenda = agenda_of(a=5.0)
    agenda.set("a", moment)
    assert agenda.next_moment() == moment
    assert agenda.take_due(10.0) == ["a"]


def test_a_key_that_went_back_to_its_moment_is_due_once():
    agenda = agenda_of(a=5.0)
    agenda.set("a", 7.0)
    agenda.set("a", 5.0)
    assert agenda.take_due(10.0) == ["a"]
    assert agenda.take_due(10.0) == []


def test_infinity_plans_nothing():
    agenda = agenda_of(a=5.0, b=math.inf)
    agenda.set("a", math.inf)
    assert agenda.next_moment() == math.inf
    assert agenda.take_due(1e18) == []


def test_a_key_that_was_dropped_is_not_due():
    agenda = agenda_of(a=1.0, b=2.0)
    agenda.drop("a")
    assert agenda.next_moment() == 2.0
    assert agenda.take_due(9.0) == ["b"]


def test_what_is_not_on_it_can_be_dropped():
    agenda = agenda_of(a=1.0)
    agenda.drop("b")
    assert agenda.take_due(1.0) == ["a"]


def test_a_key_that_was_dropped_and_comes_again_comes_after_the_others():
    agenda = agenda_of(a=1.0, b=1.0)
    agenda.drop("a")
    agenda.set("a", 1.0)
    assert agenda.take_due(1.0) == ["b", "a"]


def test_keys_need_not_be_comparable():
    agenda = Agenda()
    first, second = object(), object()
    for moment in (1.0, 2.0, 1.0):
        agenda.set(first, moment)
        agenda.set(second, moment)
    assert agenda.take_due(1.0) == [first, second]


def test_it_does_not_grow_with_how_often_a_key_is_planned_anew():
    agenda = agenda_of(a=0.0)
    for moment in range(1, 10_000):
        agenda.set("a", float(moment))
    assert len(agenda._heap) < 100


def test_it_does_not_grow_with_the_keys_that_came_and_went():
    agenda = Agenda()
    for number in range(10_000):
        agenda.set(number, 1e9 + number)
        agenda.drop(number)
    assert len(agenda._heap) < 100
    assert agenda._ranks == {}


@pytest.mark.parametrize(
    "take_off", [lambda agenda: agenda.set("a", math.inf), lambda agenda: agenda.drop("a")], ids=["inf", "drop"]
)
def test_it_does_not_grow_with_how_often_a_key_goes_and_comes_back_to_its_moment(take_off):
    agenda = Agenda()
    for _ in range(1000):
        agenda.set("a", 5.0)
        take_off(agenda)
    assert len(agenda._heap) < 100


keys = st.integers(0, 5)
moments = st.integers(0, 8).map(float)


class AnyHistory(RuleBasedStateMachine):
    """Beside a plain dictionary, an agenda says the same."""

    def __init__(self):
        super().__init__()
        self.agenda, self.model = Agenda(), {}

    @rule(key=keys, moment=moments | st.just(math.inf))
    def set(self, key, moment):
        self.agenda.set(key, moment)
        self.model[key] = moment

    @rule(key=keys)
    def drop(self, key):
        self.agenda.drop(key)
        self.model.pop(key, None)

    @rule(now=moments)
    def take_due(self, now):
        due = {key: moment for key, moment in self.model.items() if moment <= now}
        taken = self.agenda.take_due(now)
        assert sorted(taken) == sorted(due)
        assert [due[key] for key in taken] == sorted(due.values())
        for key in due:
            del self.model[key]

    @invariant()
    def the_next_moment_is_the_earliest(self):
        assert self.agenda.next_moment() == min(self.model.values(), default=math.inf)


TestAnyHistory = AnyHistory.TestCase
TestAnyHistory.settings = settings(max_examples=60, stateful_step_count=30)


@given(st.lists(st.tuples(keys, moments), max_size=300))
@settings(max_examples=60)
def test_what_was_set_is_due_at_its_last_moment_ties_in_the_order_of_first_coming(plans):
    agenda, model = Agenda(), {}
    for key, moment in plans:
        agenda.set(key, moment)
        model[key] = moment  # keeps the place of a key that is there
    assert agenda.take_due(100.0) == sorted(model, key=lambda key: model[key])
