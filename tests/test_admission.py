"""Which waiting launches may start: the rules of admission one by one, then all at once on random histories."""

import math
from collections import deque
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from actors import limit, rate
from actors.limits import Rate
from actors.messages import Launch
from runtime.admission import Admission
from runtime.terms import Terms


class Desk:
    """An admission with its terms and limits, and what it takes to offer launches in the order of their numbers."""

    def __init__(self, limits=None, **terms):
        self.terms, self.limits = dict(terms), dict(limits or {})
        self.admission = Admission(self.terms, self.limits)
        self.numbers = 0
        self.now = 0.0

    def offer(self, task, **params):
        self.numbers += 1
        launch = Launch(task, self.numbers, 0.0, params)
        self.admission.offer(launch, self.now)
        return launch

    def admit(self):
        """Admit what may start, and return the launches in their order."""
        return [launch for launch, _ in self.admission.admit(self.now)]

    def start(self):
        """Admit what may start, have it begin, and go on until nothing more may."""
        begun = []
        while admitted := self.admit():
            for launch in admitted:
                self.admission.started(launch)
            begun += admitted
        return begun

    def start_all(self, *launches):
        """Return whether just these start now."""
        return self.start() == list(launches)

    def end(self, launch):
        self.admission.ended(launch)
        return self.start()

    def at(self, moment):
        """Look again at a moment, and start what may."""
        self.now = moment
        self.admission.offer_due(moment)
        return self.start()

    def change(self, task, terms):
        self.terms[task] = terms
        self.admission.reconsider(task)


def test_a_launch_is_admitted_in_the_mode_of_its_task():
    desk = Desk(a=Terms("thread"))
    launch = desk.offer("a")
    assert desk.admission.admit(0.0) == [(launch, "thread")]


def test_a_launch_is_admitted_once():
    desk = Desk(a=Terms())
    desk.offer("a")
    desk.admit()
    assert desk.admit() == []


def test_launches_of_equal_priority_start_in_their_order():
    desk = Desk(a=Terms(), b=Terms(), c=Terms())
    offered = [desk.offer(task) for task in "cab"]
    assert desk.admit() == offered


def test_the_higher_priority_starts_first():
    desk = Desk(low=Terms(priority=-1), middle=Terms(), high=Terms(priority=5))
    low, middle, high = desk.offer("low"), desk.offer("middle"), desk.offer("high")
    assert desk.admit() == [high, middle, low]


class TestOverlap:
    def test_a_task_runs_once_at_a_time(self):
        desk = Desk(a=Terms())
        first, second = desk.offer("a"), desk.offer("a")
        assert desk.start() == [first]
        assert desk.admission.waiting("a")
        assert desk.end(first) == [second]
        assert not desk.admission.waiting("a")

    def test_the_launches_of_a_task_start_in_their_order(self):
        desk = Desk(a=Terms())
        first, second, third = (desk.offer("a") for _ in range(3))
        assert [desk.start(), desk.end(first), desk.end(second)] == [[first], [second], [third]]

    def test_a_task_that_waits_does_not_hold_up_another(self):
        desk = Desk(a=Terms(), b=Terms())
        first, _, other = desk.offer("a"), desk.offer("a"), desk.offer("b")
        assert desk.admit() == [first, other]

    def test_a_multilaunch_task_runs_as_often_as_it_is_launched(self):
        desk = Desk(a=Terms(multilaunch=True))
        offered = [desk.offer("a") for _ in range(3)]
        assert desk.start() == offered
        assert not desk.admission.waiting("a")

    def test_a_task_that_becomes_multilaunch_starts_what_waited(self):
        desk = Desk(a=Terms())
        first, second, third = (desk.offer("a") for _ in range(3))
        assert desk.start() == [first]
        desk.terms["a"] = Terms(multilaunch=True)
        desk.admission.reconsider("a")
        assert desk.start() == [second, third]

    def test_a_task_that_is_multilaunch_no_longer_waits_for_all_of_its_runs(self):
        desk = Desk(a=Terms(multilaunch=True))
        first, second = desk.offer("a"), desk.offer("a")
        desk.start()
        desk.terms["a"] = Terms()
        desk.admission.reconsider("a")
        third = desk.offer("a")
        assert desk.start() == []
        assert desk.end(second) == []
        assert desk.end(first) == [third]


class TestLimits:
    def test_one_that_is_withdrawn_after_it_was_let_step_up_leaves_its_place_to_the_next(self):
        desk = Desk({"thread": 1}, a=Terms("thread"), b=Terms("thread"), c=Terms("thread"), m=Terms("main"))
        first, _, third = (desk.offer(name) for name in "abc")
        assert desk.start() == [first]
        held_up = desk.offer("m")
        assert desk.start() == [held_up]
        assert desk.end(first) == []
        desk.admission.withdraw("b")
        assert desk.end(held_up) == [third]

    def test_more_than_the_limit_of_a_mode_wait(self):
        desk = Desk({"process": 2}, a=Terms("process"), b=Terms("process"), c=Terms("process"))
        first, second, third = desk.offer("a"), desk.offer("b"), desk.offer("c")
        assert desk.start() == [first, second]
        assert desk.end(second) == [third]

    def test_a_mode_without_a_limit_takes_all(self):
        desk = Desk({"process": 1}, a=Terms("async", multilaunch=True))
        offered = [desk.offer("a") for _ in range(100)]
        assert desk.admit() == offered

    def test_a_full_mode_does_not_hold_up_another(self):
        desk = Desk({"process": 1}, a=Terms("process", multilaunch=True, priority=9), b=Terms("thread"))
        first, _, other = desk.offer("a"), desk.offer("a"), desk.offer("b")
        assert desk.start() == [first, other]

    def test_a_raised_limit_lets_those_that_wait_start(self):
        desk = Desk({"thread": 1}, a=Terms("thread", multilaunch=True))
        first, second, third = (desk.offer("a") for _ in range(3))
        assert desk.start() == [first]
        desk.limits["thread"] = 3
        desk.admission.relax()
        assert desk.start() == [second, third]

    def test_a_lowered_limit_is_kept_once_enough_have_ended(self):
        desk = Desk({"thread": 2}, a=Terms("thread", multilaunch=True))
        first, second, third = (desk.offer("a") for _ in range(3))
        desk.start()
        desk.limits["thread"] = 1
        desk.admission.relax()
        assert desk.start() == []
        assert desk.end(first) == []
        assert desk.end(second) == [third]

    def test_those_that_wait_for_a_lowered_limit_keep_their_order(self):
        desk = Desk({"thread": 2}, a=Terms("thread", multilaunch=True))
        first, second, third, fourth = (desk.offer("a") for _ in range(4))
        desk.start()
        desk.limits["thread"] = 1
        desk.admission.relax()
        desk.start()
        assert [desk.end(first), desk.end(second), desk.end(third)] == [[], [third], [fourth]]

    def test_the_higher_priority_goes_first_also_when_it_came_later_to_a_full_mode(self):
        desk = Desk({"process": 1}, a=Terms("process"), low=Terms("process"), high=Terms("process", priority=1))
        first, low = desk.offer("a"), desk.offer("low")
        assert desk.start() == [first]
        high = desk.offer("high")
        assert desk.start() == []
        assert [desk.end(first), desk.end(high)] == [[high], [low]]

    def test_one_that_finds_its_place_taken_keeps_its_turn(self):
        desk = Desk({"thread": 1}, a=Terms("thread", multilaunch=True), urgent=Terms("thread", priority=1))
        first, second, third = (desk.offer("a") for _ in range(3))
        assert desk.start() == [first]
        desk.admission.ended(first)
        urgent = desk.offer("urgent")
        assert desk.start() == [urgent]
        assert [desk.end(urgent), desk.end(second)] == [[second], [third]]

    def test_a_mode_that_changed_frees_the_place_it_took(self):
        desk = Desk({"process": 1}, a=Terms("process"), b=Terms("process"))
        first, second = desk.offer("a"), desk.offer("b")
        assert desk.start() == [first]
        desk.terms["a"] = Terms("async")
        desk.admission.reconsider("a")
        assert desk.end(first) == [second]


class TestMain:
    def test_nothing_starts_while_a_main_run_goes_on(self):
        desk = Desk(main=Terms("main", priority=1), other=Terms())
        main, other = desk.offer("main"), desk.offer("other")
        assert desk.start() == [main]
        assert desk.end(main) == [other]

    def test_a_main_run_does_not_start_while_another_is_about_to(self):
        desk = Desk(main=Terms("main"), other=Terms(priority=1))
        other, main = desk.offer("other"), desk.offer("main")
        assert desk.admit() == [other]
        assert desk.admit() == []
        desk.admission.started(other)
        assert desk.admit() == [main]

    def test_a_main_run_starts_beside_one_that_goes_on(self):
        desk = Desk(main=Terms("main"), other=Terms())
        other = desk.offer("other")
        assert desk.start() == [other]
        assert desk.start() == []
        main = desk.offer("main")
        assert desk.start() == [main]

    def test_a_launch_that_ends_before_it_has_started_is_no_longer_about_to(self):
        desk = Desk(main=Terms("main"), other=Terms())
        other, main = desk.offer("other"), desk.offer("main")
        assert desk.admit() == [other]
        desk.admission.ended(other)
        assert desk.admit() == [main]

    def test_one_main_run_follows_the_other(self):
        desk = Desk(first=Terms("main"), second=Terms("main"))
        first, second = desk.offer("first"), desk.offer("second")
        assert desk.start() == [first]
        assert desk.end(first) == [second]


class TestWithdraw:
    def test_what_waits_of_a_task_is_taken_out_wherever_it_waits(self):
        desk = Desk({"process": 1}, a=Terms("process", multilaunch=True), b=Terms("process"))
        first, second = desk.offer("a"), desk.offer("a")
        assert desk.start() == [first]
        third = desk.offer("a")
        other = desk.offer("b")
        assert desk.admission.withdraw("a") == [second, third]
        assert desk.end(first) == [other]

    def test_what_waits_of_all_is_taken_out_in_its_order(self):
        desk = Desk(a=Terms(), b=Terms(priority=1))
        first = desk.offer("a")
        assert desk.start() == [first]
        waiting = [desk.offer(task) for task in "abab"]
        assert desk.admission.withdraw() == waiting
        assert desk.start() == []

    def test_what_runs_is_left_running(self):
        desk = Desk(a=Terms())
        first = desk.offer("a")
        desk.start()
        assert desk.admission.withdraw() == []
        assert desk.admission.running == 1
        assert desk.end(first) == []

    def test_after_a_withdrawal_the_next_launch_starts_as_ever(self):
        desk = Desk(a=Terms())
        desk.offer("a")
        desk.offer("a")
        desk.admission.withdraw("a")
        assert desk.admission.idle
        again = desk.offer("a")
        assert desk.start() == [again]

    def test_a_task_of_which_nothing_waits_has_nothing_to_withdraw(self):
        assert Desk(a=Terms()).admission.withdraw("a") == []


class TestReconsider:
    def test_a_changed_priority_counts_for_what_waits(self):
        desk = Desk(a=Terms(), b=Terms())
        first, second = desk.offer("a"), desk.offer("b")
        desk.terms["b"] = Terms(priority=1)
        desk.admission.reconsider("b")
        assert desk.start() == [second, first]

    def test_a_changed_mode_counts_for_what_waits(self):
        desk = Desk({"process": 1}, a=Terms("process"), b=Terms("process"))
        first, second = desk.offer("a"), desk.offer("b")
        assert desk.start() == [first]
        desk.terms["b"] = Terms("async")
        desk.admission.reconsider("b")
        assert desk.admission.admit(0.0) == [(second, "async")]

    def test_the_launches_keep_their_order_among_those_of_other_tasks(self):
        desk = Desk(a=Terms(multilaunch=True), b=Terms(multilaunch=True))
        offered = [desk.offer(task) for task in "abab"]
        desk.admission.reconsider("a")
        assert desk.start() == offered


class TestState:
    def test_it_is_idle_until_a_launch_comes_and_again_when_the_last_has_ended(self):
        desk = Desk(a=Terms())
        assert desk.admission.idle
        first, second = desk.offer("a"), desk.offer("a")
        assert not desk.admission.idle
        desk.start()
        desk.end(first)
        assert not desk.admission.idle
        desk.end(second)
        assert desk.admission.idle

    def test_a_task_is_engaged_while_a_launch_of_it_waits_or_runs(self):
        desk = Desk(a=Terms())
        assert not desk.admission.is_engaged("a")
        launch = desk.offer("a")
        assert desk.admission.is_engaged("a")
        desk.start()
        assert desk.admission.is_engaged("a")
        desk.end(launch)
        assert not desk.admission.is_engaged("a")

    def test_it_counts_what_was_admitted_and_has_not_ended(self):
        desk = Desk(a=Terms(multilaunch=True))
        launch, _ = desk.offer("a"), desk.offer("a")
        assert desk.admission.running == 0
        desk.start()
        assert desk.admission.running == 2
        desk.end(launch)
        assert desk.admission.running == 1

    def test_what_was_not_admitted_cannot_end(self):
        desk = Desk(a=Terms())
        launch = desk.offer("a")
        with pytest.raises(KeyError):
            desk.admission.ended(launch)


TASKS = ["a", "b", "c", "d", "e"]
LIMITED = ("thread", "process")
terms = st.builds(
    Terms,
    execution=st.sampled_from(["main", "async", "thread", "process"]),
    priority=st.integers(-1, 1),
    multilaunch=st.booleans(),
)


class Office(RuleBasedStateMachine):
    """Any sequence of what a supervisor does with an admission keeps to the rules."""

    def __init__(self):
        super().__init__()
        self.desk = Desk({"thread": 2, "process": 1}, **{task: Terms() for task in TASKS})
        self.waiting = {task: deque() for task in TASKS}  # {task: launches in their order}
        self.running = {}  # {number: (launch, mode)}
        self.about_to = set()

    @rule(task=st.sampled_from(TASKS), terms=terms)
    def change(self, task, terms):
        self.desk.terms[task] = terms
        self.desk.admission.reconsider(task)

    @rule(mode=st.sampled_from(LIMITED), limit=st.integers(1, 3))
    def limit(self, mode, limit):
        self.desk.limits[mode] = limit
        self.desk.admission.relax()

    @rule(task=st.sampled_from(TASKS))
    def offer(self, task):
        self.waiting[task].append(self.desk.offer(task))

    @rule()
    def admit(self):
        for launch, mode in self.desk.admission.admit(0.0):
            task = launch.task
            modes = [mode for _, mode in self.running.values()]
            assert launch == self.waiting[task].popleft(), "launches of a task start in their order"
            assert mode == self.desk.terms[task].execution
            assert "main" not in modes, "a main run is alone"
            assert mode != "main" or not self.about_to, "a main run waits for those about to start"
            assert modes.count(mode) < self.desk.limits.get(mode, len(modes) + 1), "no more than the limit"
            if not self.desk.terms[task].multilaunch:
                assert task not in {launch.task for launch, _ in self.running.values()}, "a task runs once at a time"
            self.running[launch.number] = launch, mode
            self.about_to.add(launch.number)
        self.nothing_waits_that_might_start()

    def nothing_waits_that_might_start(self):
        modes = [mode for _, mode in self.running.values()]
        running = {launch.task for launch, _ in self.running.values()}
        heads = [
            self.desk.terms[task]
            for task, launches in self.waiting.items()
            if launches and (self.desk.terms[task].multilaunch or task not in running)
        ]
        if "main" in modes or any(terms.execution == "main" for terms in heads):
            return
        for terms in heads:
            assert modes.count(terms.execution) >= self.desk.limits.get(terms.execution, len(modes) + 1)

    @precondition(lambda self: self.about_to)
    @rule(data=st.data())
    def start(self, data):
        number = data.draw(st.sampled_from(sorted(self.about_to)))
        self.about_to.remove(number)
        self.desk.admission.started(self.running[number][0])

    @precondition(lambda self: self.running)
    @rule(data=st.data())
    def end(self, data):
        number = data.draw(st.sampled_from(sorted(self.running)))
        launch, _ = self.running.pop(number)
        self.about_to.discard(number)
        self.desk.admission.ended(launch)

    @rule(task=st.sampled_from([*TASKS, None]))
    def withdraw(self, task):
        expected = [launch for name, launches in self.waiting.items() if task in (None, name) for launch in launches]
        assert self.desk.admission.withdraw(task) == sorted(expected, key=lambda launch: launch.number)
        for name, launches in self.waiting.items():
            if task in (None, name):
                launches.clear()

    @invariant()
    def counts_are_right(self):
        admission = self.desk.admission
        waiting = {task for task, launches in self.waiting.items() if launches}
        assert admission.running == len(self.running)
        assert admission.idle == (not waiting and not self.running)
        for task in TASKS:
            assert admission.is_engaged(task) == (task in waiting or task in {launch.task for launch, _ in self.running.values()})

    def teardown(self):
        """Whatever was done, all that waits starts in the end: nothing is lost."""
        while self.running or any(self.waiting.values()):
            self.admit()
            assert self.running
            for launch, _ in self.running.values():
                self.desk.admission.ended(launch)
            self.running.clear()
            self.about_to.clear()
        assert self.desk.admission.idle


TestAnyHistory = Office.TestCase
TestAnyHistory.settings = settings(max_examples=60, stateful_step_count=30)


@given(
    st.lists(st.tuples(st.integers(-2, 2), st.sampled_from(["async", "thread"])), min_size=1, max_size=12, unique=False),
)
@settings(max_examples=60)
def test_what_waits_starts_by_priority_then_by_order_one_after_the_other(tasks):
    """With one place for all of a mode, launches of a mode start exactly as sorted."""
    desk = Desk(
        {"async": 1, "thread": 1}, **{str(number): Terms(mode, priority) for number, (priority, mode) in enumerate(tasks)}
    )
    offered = [desk.offer(str(number)) for number in range(len(tasks))]
    order = desk.start()
    for launch in order:  # grows while it is gone through
        order += desk.end(launch)
    assert sorted(order, key=lambda launch: launch.number) == offered
    for mode in ("async", "thread"):
        of_mode = [launch for launch in order if desk.terms[launch.task].execution == mode]
        assert of_mode == sorted(of_mode, key=lambda launch: (-desk.terms[launch.task].priority, launch.number))


DB = limit("db", 2)
API = rate("api", 20, per=60)  # one in three seconds
TENANT = limit("tenant", 1, key=lambda params: params["tenant"])


class TestLimitsOfTasks:
    def test_at_most_so_many_runs_go_on_of_all_tasks_that_name_a_limit_in_whatever_mode(self):
        desk = Desk(a=Terms("async", limits=(DB,)), b=Terms("thread", limits=(DB,)), c=Terms("process", limits=(DB,)))
        first, second, third = desk.offer("a"), desk.offer("b"), desk.offer("c")
        assert desk.start() == [first, second]
        assert desk.end(second) == [third]

    def test_a_main_run_counts_too(self):
        desk = Desk(a=Terms(limits=(limit("db", 1),)), m=Terms("main", limits=(limit("db", 1),)), b=Terms())
        first, main = desk.offer("a"), desk.offer("m")
        assert desk.start() == [first]
        other = desk.offer("b")
        assert desk.start() == [other], "a main launch that lacks something else than its turn holds up nothing"
        assert desk.end(first) == [main]

    def test_who_lacks_something_does_not_hold_up_those_that_need_something_else(self):
        desk = Desk(
            a=Terms(limits=(limit("db", 1),), multilaunch=True, priority=9), b=Terms(limits=(limit("disk", 1),)), c=Terms()
        )
        first, _, other, free = desk.offer("a"), desk.offer("a"), desk.offer("b"), desk.offer("c")
        assert desk.start() == [first, other, free]

    def test_a_limit_by_a_key_counts_each_value(self):
        desk = Desk(a=Terms(limits=(TENANT,), multilaunch=True, parameters={"tenant": "x"}))
        first, second, third = desk.offer("a"), desk.offer("a", tenant="y"), desk.offer("a", tenant="x")
        assert desk.start() == [first, second]
        assert desk.end(second) == []
        assert desk.end(first) == [third]

    def test_a_limit_with_a_key_and_one_without_are_counted_apart(self):
        desk = Desk(a=Terms(limits=(limit("tenant", 1),)), b=Terms(limits=(TENANT,)))
        assert desk.start_all(desk.offer("a"), desk.offer("b", tenant="x"))

    def test_the_smallest_count_of_a_name_counts(self):
        desk = Desk(a=Terms(limits=(limit("db", 3),), multilaunch=True), b=Terms(limits=(limit("db", 1),)))
        first, second = desk.offer("a"), desk.offer("a")
        assert desk.start() == [first]
        assert desk.end(first) == [second]

    def test_when_the_task_with_the_smallest_count_has_left_the_others_count(self):
        desk = Desk(a=Terms(limits=(limit("db", 3),), multilaunch=True), b=Terms(limits=(limit("db", 1),)))
        offered = [desk.offer("a") for _ in range(4)]
        assert desk.start() == offered[:1]
        del desk.terms["b"]
        desk.admission.relax()
        assert desk.start() == offered[1:3]

    def test_a_task_that_names_a_limit_twice_needs_one(self):
        desk = Desk(a=Terms(limits=(limit("db", 1), limit("db", 2)), multilaunch=True))
        first, second = desk.offer("a"), desk.offer("a")
        assert desk.start() == [first]
        assert desk.end(first) == [second]

    def test_all_that_a_launch_needs_is_taken_at_once_or_not_at_all(self):
        both = (limit("db", 1), limit("disk", 1))
        desk = Desk(a=Terms(limits=both), b=Terms(limits=both[::-1]), db=Terms(limits=both[:1]), disk=Terms(limits=both[1:]))
        db, first, second = desk.offer("db"), desk.offer("a"), desk.offer("b")
        assert desk.start() == [db]
        disk = desk.offer("disk")
        assert desk.start() == [disk], "nobody holds it while he waits for the other"
        assert desk.end(db) == []
        assert desk.end(disk) == [first]
        assert desk.end(first) == [second]

    def test_what_is_free_goes_on_to_the_next_if_the_first_lacks_something_else(self):
        desk = Desk(
            a=Terms(limits=(limit("db", 1),)),
            b=Terms(limits=(limit("disk", 1),)),
            both=Terms(limits=(limit("db", 1), limit("disk", 1)), priority=5),
            c=Terms(limits=(limit("db", 1),)),
        )
        first, second, both, last = desk.offer("a"), desk.offer("b"), desk.offer("both"), desk.offer("c")
        assert desk.start() == [both]
        again = desk.offer("both")
        assert desk.end(both) == [again]
        assert desk.end(again) == [first, second]
        waiting = desk.offer("both")
        assert desk.start() == []
        assert desk.end(first) == [last]
        assert desk.end(second) == []
        assert desk.end(last) == [waiting]

    def test_a_place_of_a_mode_goes_on_too(self):
        desk = Desk({"process": 1}, a=Terms("process"), b=Terms(limits=(limit("db", 1),)), c=Terms("process"))
        desk.terms["both"] = Terms("process", limits=(limit("db", 1),), priority=5)
        first, second = desk.offer("a"), desk.offer("b")
        assert desk.start() == [first, second]
        both, last = desk.offer("both"), desk.offer("c")
        assert desk.start() == []
        assert desk.end(first) == [last]
        assert desk.end(second) == []
        assert desk.end(last) == [both]

    def test_one_that_comes_later_with_a_higher_priority_gets_what_became_free_meanwhile(self):
        desk = Desk(a=Terms(limits=(limit("db", 1),)), b=Terms(limits=(limit("db", 1),), multilaunch=True), m=Terms("main"))
        desk.terms["c"] = Terms(limits=(limit("db", 1),), priority=1)
        first, second = desk.offer("a"), desk.offer("b")
        assert desk.start() == [first]
        main = desk.offer("m")
        assert desk.start() == [main]
        assert desk.end(first) == []
        urgent = desk.offer("c")
        assert desk.end(main) == [urgent]
        assert desk.end(urgent) == [second]

    def test_what_is_withdrawn_holds_nothing(self):
        desk = Desk(a=Terms(limits=(limit("db", 1),), multilaunch=True), b=Terms(limits=(limit("db", 1),)))
        first, second, other = desk.offer("a"), desk.offer("a"), desk.offer("b")
        assert desk.start() == [first]
        assert desk.admission.withdraw("a") == [second]
        assert desk.end(first) == [other]

    def test_an_admitted_launch_that_never_starts_gives_back_what_it_took(self):
        desk = Desk(a=Terms(limits=(limit("db", 1),), multilaunch=True))
        first, second = desk.offer("a"), desk.offer("a")
        assert desk.admit() == [first]
        desk.admission.ended(first)
        assert desk.admit() == [second]

    def test_changed_limits_count_for_what_waits_and_runs_keep_what_they_hold(self):
        desk = Desk(a=Terms(limits=(limit("db", 1),), multilaunch=True), b=Terms(limits=(limit("db", 1),)))
        first, second, other = desk.offer("a"), desk.offer("a"), desk.offer("b")
        assert desk.start() == [first]
        desk.change("a", Terms(multilaunch=True))
        assert desk.start() == [second]
        assert desk.end(second) == [], "the first run holds the limit that its task names no longer"
        assert desk.end(first) == [other]

    @pytest.mark.parametrize(
        ("key", "problem"),
        [
            (lambda params: params["tenant"], "KeyError: 'tenant'"),
            (lambda _: [], "TypeError: a key is a text, a number, a date, a path, or a tuple of these, not a list"),
        ],
    )
    def test_a_launch_whose_key_cannot_be_had_is_admitted_without_limits_and_refused(self, key, problem):
        desk = Desk(a=Terms(limits=(limit("db", 1), limit("tenant", 1, key=key)), multilaunch=True))
        first, second = desk.offer("a"), desk.offer("a")
        assert desk.admit() == [first, second]
        assert str(desk.admission.refused[first.number]) == (
            f"the key of limit 'tenant' of task 'a' cannot be used: {problem}; "
            "it gets the parameters of the task and the launch, "
            "and must return a text, a number, a date, a path, or a tuple of these"
        )
        desk.admission.started(first)
        desk.admission.ended(second)
        assert desk.admission.refused == {}

    def test_a_refused_launch_is_admitted_by_limits_once_its_key_can_be_had(self):
        desk = Desk({"async": 1}, a=Terms(limits=(TENANT,), multilaunch=True), b=Terms())
        blocker = desk.offer("b")
        desk.start()
        launch = desk.offer("a")
        assert desk.start() == []
        desk.change("a", Terms(limits=(limit("tenant", 1),)))
        assert desk.admission.refused == {}
        assert desk.end(blocker) == [launch]

    def test_ten_thousand_launches_over_two_limits_start_by_priority_without_a_search(self):
        """Held up to how much is done, not how long it takes: each launch is looked at a few times."""
        needs = ((DB,), (limit("disk", 3),), (DB, limit("disk", 3)))
        desk = Desk(**{str(number): Terms(limits=needs[number % 3], priority=number % 7) for number in range(10_000)})
        looks = 0
        lacking = desk.admission._lacking

        def counted(line, now):
            nonlocal looks
            looks += 1
            return lacking(line, now)

        desk.admission._lacking = counted
        offered = [desk.offer(str(number)) for number in range(10_000)]
        order = desk.start()
        for launch in order:  # grows while it is gone through
            order += desk.end(launch)
        assert sorted(order, key=lambda launch: launch.number) == offered
        assert looks < 6 * len(offered)
        for need in range(3):
            of_need = [launch for launch in order if int(launch.task) % 3 == need]
            assert of_need == sorted(of_need, key=lambda launch: (-(int(launch.task) % 7), launch.number))

    def test_ten_thousand_values_of_a_key_that_wait_for_the_same_are_no_search_either(self):
        desk = Desk(a=Terms(limits=(DB, TENANT), multilaunch=True))
        looks = 0
        lacking = desk.admission._lacking

        def counted(line, now):
            nonlocal looks
            looks += 1
            return lacking(line, now)

        desk.admission._lacking = counted
        offered = [desk.offer("a", tenant=number // 2) for number in range(10_000)]
        order = desk.start()
        for launch in order:
            order += desk.end(launch)
        assert sorted(order, key=lambda launch: launch.number) == offered
        assert looks < 6 * len(offered)


class TestRates:
    def test_the_bucket_is_empty_at_the_start_and_then_gets_a_token_at_a_time(self):
        desk = Desk(a=Terms(limits=(API,), multilaunch=True))
        first, second = desk.offer("a"), desk.offer("a")
        assert desk.start() == []
        assert desk.admission.next_moment == 3.0
        assert desk.at(3.0) == [first]
        assert desk.admission.next_moment == 6.0
        assert desk.at(6.0) == [second]
        assert desk.admission.next_moment == math.inf

    def test_after_a_pause_as_many_start_at_once_as_the_burst_says(self):
        desk = Desk(a=Terms(limits=(rate("api", 20, per=60, burst=3),), multilaunch=True))
        desk.now = 1000.0
        offered = [desk.offer("a") for _ in range(5)]
        assert desk.start() == offered[:3]
        assert desk.at(1003.0) == offered[3:4]
        assert desk.at(1006.0) == offered[4:]

    def test_a_run_that_ends_gives_nothing_back(self):
        desk = Desk(a=Terms(limits=(API,), multilaunch=True))
        desk.now = 100.0
        first, second = desk.offer("a"), desk.offer("a")
        assert desk.start() == [first]
        assert desk.end(first) == []
        assert desk.at(103.0) == [second]

    def test_a_launch_that_never_starts_does(self):
        desk = Desk(a=Terms(limits=(API,), multilaunch=True))
        desk.now = 100.0
        first, second = desk.offer("a"), desk.offer("a")
        assert desk.admit() == [first]
        assert desk.admit() == []
        desk.admission.ended(first)
        assert desk.admit() == [second]

    def test_the_slowest_rate_of_a_name_counts(self):
        desk = Desk(a=Terms(limits=(API,)), b=Terms(limits=(rate("api", 1, per=60),)))
        launch = desk.offer("a")
        assert desk.start() == []
        assert desk.at(59.0) == []
        assert desk.at(60.0) == [launch]

    def test_a_rate_by_a_key_has_a_bucket_for_each_value(self):
        desk = Desk(a=Terms(limits=(rate("api", 20, per=60, key=lambda params: params["host"]),), multilaunch=True))
        desk.now = 100.0
        first, second, third = desk.offer("a", host="x"), desk.offer("a", host="y"), desk.offer("a", host="x")
        assert desk.start() == [first, second]
        assert desk.at(103.0) == [third]

    def test_buckets_that_are_full_again_take_no_memory_and_are_as_new(self):
        by_host = rate("api", 20, per=60, key=lambda params: params["host"])
        desk = Desk(a=Terms(limits=(by_host,), multilaunch=True))
        desk.now = 100.0
        for number in range(1000):
            launch = desk.offer("a", host=number)
            assert desk.start() == [launch]
            desk.end(launch)
            desk.now += 0.1
        assert len(desk.admission._tokens._taken) < 200
        again = [desk.offer("a", host=host) for host in (999, 0)]
        assert desk.start() == again[1:]

    def test_a_faster_rate_counts_at_once(self):
        desk = Desk(a=Terms(limits=(rate("api", 1, per="1 hour"),), multilaunch=True))
        desk.now = 3600.0
        first, second = desk.offer("a"), desk.offer("a")
        assert desk.start() == [first]
        desk.change("a", Terms(limits=(API,), multilaunch=True))
        assert desk.start() == []
        assert desk.at(3603.0) == [second]

    def test_who_waits_for_a_token_holds_up_nobody_and_nothing_else(self):
        desk = Desk(a=Terms(limits=(API, limit("db", 1)), priority=9), b=Terms(limits=(limit("db", 1),)))
        first, second = desk.offer("a"), desk.offer("b")
        assert desk.start() == [second]
        assert desk.at(3.0) == []
        assert desk.end(second) == [first]

    def test_a_token_that_the_first_cannot_use_goes_on_to_the_next(self):
        desk = Desk(
            a=Terms(limits=(limit("db", 1),)), both=Terms(limits=(limit("db", 1), API), priority=9), b=Terms(limits=(API,))
        )
        desk.terms["c"] = Terms(limits=(API,))
        holder = desk.offer("a")
        assert desk.start() == [holder]
        both, second, third = desk.offer("both"), desk.offer("b"), desk.offer("c")
        assert desk.start() == []
        assert desk.at(3.0) == [second]
        assert desk.end(holder) == []
        assert desk.at(6.0) == [both]
        assert desk.at(9.0) == [third]

    def test_nothing_is_planned_for_what_was_withdrawn(self):
        desk = Desk(a=Terms(limits=(API,)))
        launch = desk.offer("a")
        desk.start()
        assert desk.admission.withdraw() == [launch]
        assert (desk.admission.next_moment, desk.admission.idle) == (math.inf, True)

    def test_the_next_moment_is_the_sooner_of_a_delay_and_a_token(self):
        desk = Desk(a=Terms(limits=(API,)), b=Terms())
        desk.offer("a")
        desk.start()
        desk.admission.delay(Launch("b", 99, 0.0, {}), 2.0)
        assert desk.admission.next_moment == 2.0
        desk.at(2.0)
        assert desk.admission.next_moment == 3.0


class TestAging:
    def test_a_minute_of_waiting_counts_as_much_as_one_more_in_priority(self):
        desk = Desk(a=Terms(limits=(limit("db", 1),)), low=Terms(limits=(limit("db", 1),)))
        desk.terms["high"] = Terms(limits=(limit("db", 1),), priority=2, multilaunch=True)
        first, low = desk.offer("a"), desk.offer("low")
        desk.start()
        desk.now = 119.0
        sooner = desk.offer("high")
        desk.now = 121.0
        later = desk.offer("high")
        assert [desk.end(first), desk.end(sooner), desk.end(low)] == [[sooner], [low], [later]]

    def test_a_launch_that_lines_up_again_keeps_its_age(self):
        desk = Desk({"async": 1}, a=Terms(), low=Terms(), high=Terms(priority=1))
        first, low = desk.offer("a"), desk.offer("low")
        desk.start()
        desk.now = 61.0
        high = desk.offer("high")
        desk.change("low", Terms(limits=(DB,)))
        assert [desk.end(first), desk.end(low)] == [[low], [high]]

    def test_a_launch_ages_also_behind_the_run_of_its_task(self):
        desk = Desk({"async": 1}, a=Terms(), high=Terms(priority=1))
        first, second = desk.offer("a"), desk.offer("a")
        desk.start()
        desk.now = 61.0
        high = desk.offer("high")
        assert [desk.end(first), desk.end(second)] == [[second], [high]]

    def test_a_delayed_launch_ages_from_the_end_of_its_delay(self):
        desk = Desk({"async": 1}, a=Terms(), delayed=Terms(), high=Terms(priority=1))
        delayed = Launch("delayed", 0, 0.0, {})
        desk.admission.delay(delayed, 30.0)
        first = desk.offer("a")
        desk.start()
        desk.at(30.0)
        desk.now = 61.0
        high = desk.offer("high")
        assert [desk.end(first), desk.end(high)] == [[high], [delayed]]

    def test_what_somebody_asked_for_keeps_its_age_when_the_rest_is_withdrawn(self):
        desk = Desk({"async": 1}, a=Terms(), low=Terms(multilaunch=True), high=Terms(priority=1))
        first, low = desk.offer("a"), desk.offer("low")
        desk.start()
        decided = Launch("low", 99, 0.0, {}, asked=False)
        desk.admission.offer(decided, 0.0)
        desk.now = 61.0
        high = desk.offer("high")
        assert desk.admission.withdraw("low", lambda launch: not launch.asked) == [decided]
        assert [desk.end(first), desk.end(low)] == [[low], [high]]


class TestWaitsFor:
    @pytest.mark.parametrize(
        ("terms", "words"),
        [
            (Terms(limits=(DB,)), "limit 'db' (2 of 2 in use)"),
            (Terms(limits=(TENANT,), parameters={"tenant": "x"}), "limit 'tenant' for 'x' (1 of 1 in use)"),
            (Terms(limits=(rate("api", 1, per="1 hour"),)), "rate 'api'"),
            (Terms("process"), "one of 2 process slots, all in use"),
        ],
    )
    def test_it_is_said_in_words_what_a_launch_lacks(self, terms, words):
        desk = Desk({"process": 2}, a=Terms("process", multilaunch=True, limits=(DB,)), b=terms)
        desk.terms["c"] = Terms(limits=(TENANT,))
        running = [desk.offer("a"), desk.offer("a"), desk.offer("c", tenant="x")]
        assert desk.start() == running
        desk.offer("b")
        desk.start()
        assert desk.admission.waits_for("b") == words

    def test_a_launch_may_wait_for_the_run_of_its_task(self):
        desk = Desk(a=Terms())
        desk.offer("a")
        desk.start()
        assert desk.admission.waits_for("a") is None
        desk.offer("a")
        assert desk.admission.waits_for("a") == "its run that goes on"

    def test_a_launch_may_wait_for_a_main_run(self):
        desk = Desk(a=Terms(), m=Terms("main"))
        desk.offer("m")
        desk.start()
        desk.offer("a")
        desk.start()
        assert desk.admission.waits_for("a") == "a main run"

    def test_a_launch_may_wait_for_its_delay(self):
        desk = Desk(a=Terms())
        desk.admission.delay(Launch("a", 1, 0.0, {}), 10.0)
        assert desk.admission.waits_for("a") == "its delay"
        assert desk.at(10.0)
        assert desk.admission.waits_for("a") is None

    def test_a_task_of_which_nothing_waits_waits_for_nothing(self):
        desk = Desk(a=Terms())
        launch = desk.offer("a")
        desk.start()
        desk.end(launch)
        assert desk.admission.waits_for("a") is None


RATE = rate("api", 20, per=60, burst=2)
NEEDS = [
    (),
    (DB,),
    (limit("db", 3),),
    (limit("disk", 1),),
    (DB, limit("disk", 1)),
    (TENANT,),
    (DB, TENANT),
    (RATE,),
    (limit("disk", 1), RATE),
    (rate("host", 1, per=10, key=lambda params: params["tenant"]), DB),
]
limited_terms = st.builds(
    Terms,
    execution=st.sampled_from(["async", "thread", "process"]),
    priority=st.integers(-1, 3),
    multilaunch=st.sampled_from([True, True, False]),
    limits=st.sampled_from(NEEDS),
)


class Bucket:
    """A bucket of tokens as one would describe it."""

    def __init__(self, interval, burst):
        self.interval, self.burst = interval, burst
        self.level, self.at = Fraction(0), 0

    def fill(self, now):
        self.level = min(self.level + Fraction(now - self.at, self.interval), Fraction(self.burst))
        self.at = now
        return self.level


class Counter(RuleBasedStateMachine):
    """Whatever is done, exactly those start that may, the best first, as a search through all that waits finds them."""

    def __init__(self):
        super().__init__()
        self.desk = Desk({"thread": 2, "process": 1}, **{task: Terms() for task in TASKS})
        self.desk.now = 0  # in whole seconds, so that the buckets here are exact
        self.waiting = {}  # {number: (launch, since)}
        self.running = {}  # {number: (launch, mode, names of what it holds)}
        self.about_to = {}  # {number: buckets it has taken from}
        self.buckets = {}

    def names(self, launch):
        """Return what a launch needs: the limits by name and value, the rates likewise."""
        params, limits, rates = {**launch.params}, set(), set()
        for needed in self.desk.terms[launch.task].limits:
            name = (needed.name, needed.key and needed.key(params))
            (rates if isinstance(needed, Rate) else limits).add(name)
        return limits, rates

    def bucket(self, name):
        interval, burst = {"api": (3, 2), "host": (10, 1)}[name[0]]
        return self.buckets.setdefault(name, Bucket(interval, burst))

    def count(self, name):
        named = [entry for terms in self.desk.terms.values() for entry in terms.limits if entry.name == name]
        return min(entry.count for entry in named)

    def may_start(self, launch):
        terms = self.desk.terms[launch.task]
        modes = [mode for _, mode, _ in self.running.values()]
        limits, rates = self.names(launch)
        if not terms.multilaunch:
            first = min(number for number, (other, _) in self.waiting.items() if other.task == launch.task)
            if first != launch.number or any(other.task == launch.task for other, _, _ in self.running.values()):
                return False
        return (
            modes.count(terms.execution) < self.desk.limits.get(terms.execution, len(modes) + 1)
            and all(sum(name in held for _, _, held in self.running.values()) < self.count(name[0]) for name in limits)
            and all(self.bucket(name).fill(self.desk.now) >= 1 for name in rates)
        )

    def best(self):
        def rank(number):
            launch, since = self.waiting[number]
            return since / 60 - self.desk.terms[launch.task].priority, number

        able = [number for number, (launch, _) in self.waiting.items() if self.may_start(launch)]
        return min(able, key=rank, default=None)

    @initialize(data=st.data())
    def begin(self, data):
        for task in TASKS:
            self.desk.change(task, data.draw(limited_terms))

    @invariant()
    def exactly_those_start_that_may(self):
        admitted = self.desk.admission.admit(self.desk.now)
        for launch, mode in admitted:
            assert self.best() == launch.number
            limits, rates = self.names(launch)
            del self.waiting[launch.number]
            self.running[launch.number] = launch, mode, limits
            self.about_to[launch.number] = rates
            for name in rates:
                self.bucket(name).level -= 1
        assert self.best() is None, "something may start and was forgotten"
        for launch, _ in self.waiting.values():
            assert self.desk.admission.waits_for(launch.task)

    @rule(task=st.sampled_from(TASKS), terms=limited_terms)
    def change(self, task, terms):
        self.desk.change(task, terms)

    @rule(mode=st.sampled_from(LIMITED), limit=st.integers(1, 3))
    def limit(self, mode, limit):
        self.desk.limits[mode] = limit
        self.desk.admission.relax()

    @rule(tasks=st.lists(st.tuples(st.sampled_from(TASKS), st.sampled_from("xy")), min_size=1, max_size=6))
    def offer(self, tasks):
        for task, tenant in tasks:
            launch = self.desk.offer(task, tenant=tenant)
            self.waiting[launch.number] = launch, self.desk.now

    @rule(seconds=st.integers(0, 40))
    def wait(self, seconds):
        """Look again when it was said, and at no other time."""
        end = self.desk.now + seconds
        while (moment := self.desk.admission.next_moment) <= end:
            assert moment > self.desk.now
            self.desk.now = round(moment)
            self.desk.admission.offer_due(moment)
            self.exactly_those_start_that_may()
        self.desk.now = end
        assert self.best() is None, "it was not said when to look again"

    @precondition(lambda self: self.about_to)
    @rule(data=st.data())
    def start(self, data):
        number = data.draw(st.sampled_from(sorted(self.about_to)))
        del self.about_to[number]
        self.desk.admission.started(self.running[number][0])

    @precondition(lambda self: self.running)
    @rule(data=st.data())
    def end(self, data):
        number = data.draw(st.sampled_from(sorted(self.running)))
        launch, _, _ = self.running.pop(number)
        for name in self.about_to.pop(number, ()):
            self.bucket(name).fill(self.desk.now)
            self.bucket(name).level += 1
        self.desk.admission.ended(launch)

    @rule(task=st.sampled_from([*TASKS, None]))
    def withdraw(self, task):
        expected = [number for number, (launch, _) in self.waiting.items() if task in (None, launch.task)]
        assert [launch.number for launch in self.desk.admission.withdraw(task)] == expected
        for number in expected:
            del self.waiting[number]

    def teardown(self):
        """Whatever was done, all that waits starts in the end, and nothing is held."""
        while self.running or self.waiting:
            for launch, _, _ in self.running.values():
                self.desk.admission.ended(launch)
            self.running.clear()
            self.about_to.clear()
            self.desk.now += 1000
            self.desk.admission.offer_due(self.desk.now)
            admitted = self.desk.admission.admit(self.desk.now)
            assert admitted or not self.waiting
            for launch, mode in admitted:
                self.desk.admission.started(launch)
                del self.waiting[launch.number]
                self.running[launch.number] = launch, mode, set()
        assert self.desk.admission.idle


TestAnyHistoryWithLimits = Counter.TestCase
TestAnyHistoryWithLimits.settings = settings(max_examples=150, stateful_step_count=40)
