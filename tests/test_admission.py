"""Which waiting launches may start: the rules of admission one by one, then all at once on random histories."""

from collections import deque

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

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

    def offer(self, task):
        self.numbers += 1
        launch = Launch(task, self.numbers, 0.0, {})
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

    def end(self, launch):
        self.admission.ended(launch)
        return self.start()


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
TestAnyHistory.settings = settings(max_examples=60, stateful_step_count=30, derandomize=True, deadline=None)


@given(
    st.lists(st.tuples(st.integers(-2, 2), st.sampled_from(["async", "thread"])), min_size=1, max_size=12, unique=False),
)
@settings(max_examples=60, derandomize=True, deadline=None)
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
