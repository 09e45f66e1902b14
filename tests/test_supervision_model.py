"""The core of supervision does what a model of it says, whatever happens in whatever order: and the model is right."""

import pytest
import trio
from hypothesis import given, settings
from hypothesis import strategies as st
from trio.testing import MockClock

from actors import App, Completed, GaveUp, Restart, one_for_all, one_for_one, rest_for_one
from actors.errors import ActorError
from helpers import running_virtually
from supervision_model import Child, Model
from troupe import LAST, Complete, Diary, Fail, Quit, declare, player, pool, settled

STRATEGIES = {strategy.__name__: strategy for strategy in (one_for_one, one_for_all, rest_for_one)}
ENDS = {
    "completed": Complete,
    "stopped": Quit,
    "failed": lambda: Fail(ValueError("oops")),
    "at once": lambda: Fail(KeyError("oops")),
    "for good": lambda: Fail(IndexError("oops")),
    "escalated": lambda: Fail(OSError("oops")),
}
RULES = {KeyError: "restart", IndexError: "stop", OSError: "escalate"}


def lives(model):
    """Return what became of the children, without when."""
    return " ".join(f"{sign}{name}" for _, sign, name in model.lives)


def states(model):
    return {child.name: (child.state, child.incarnation) for child in model.children}


class TestModel:
    """It is itself held against the scenarios that a trusted supervisor must pass."""

    def test_three_failures_are_too_many_for_two_restarts_and_the_last_is_stopped_first(self):
        model = Model([Child("a"), Child("b"), Child("c")], limit=2, window=10)
        for name in "bab":
            model.end(name, "failed")
            model.wait(3)
        assert model.outcome == "gave up"
        assert lives(model) == "+a +b +c -b +b -a +a -b -c -a"

    @pytest.mark.parametrize(("third", "outcome"), [(10.0, "gave up"), (10.001, None)])
    def test_the_window_has_both_of_its_ends(self, third, outcome):
        model = Model([Child("a")], limit=2, window=10)
        model.end("a", "failed")
        model.wait(3)
        model.end("a", "failed")
        model.wait(third - 3)
        model.end("a", "failed")
        assert model.outcome == outcome

    def test_without_a_restart_allowed_only_ends_that_nobody_wanted_are_given_up(self):
        model = Model([Child("a"), Child("b")], limit=0)
        model.end("a", "completed")
        assert model.outcome is None
        model.end("b", "failed")
        assert model.outcome == "gave up"

    def test_one_for_all_stops_the_others_in_reverse_and_is_one_restart(self):
        model = Model([Child("a"), Child("b"), Child("c")], "one_for_all", limit=1)
        model.end("b", "failed")
        assert lives(model) == "+a +b +c -b -c -a +a +b +c"
        assert model.outcome is None

    def test_rest_for_one_leaves_those_before_alone(self):
        model = Model([Child("a"), Child("b"), Child("c")], "rest_for_one")
        model.end("b", "failed")
        assert lives(model) == "+a +b +c -b -c +b +c"

    def test_one_for_all_in_which_one_does_not_start_is_done_again_as_a_whole(self):
        model = Model([Child("a"), Child("b"), Child("c")], "one_for_all")
        model["c"].broken = 1
        model.end("b", "failed")
        assert lives(model) == "+a +b +c -b -c -a +a +b !c -b -a +a +b +c"
        assert len(model.restarts) == 2

    def test_rest_for_one_in_which_one_does_not_start_goes_on_from_that(self):
        model = Model([Child("a"), Child("b"), Child("c")], "rest_for_one")
        model["c"].broken = 1
        model.end("b", "failed")
        assert lives(model) == "+a +b +c -b -c +b !c +c"

    def test_a_temporary_bystander_is_gone(self):
        model = Model([Child("a", "temporary"), Child("b")], "one_for_all")
        model.end("b", "failed")
        assert lives(model) == "+a +b -b -a +b"
        assert model["a"].state == "gone"

    def test_the_wait_doubles_up_to_the_longest_and_begins_anew_after_a_while(self):
        model = Model([Child("a", backoff=1, longest=4, reset_after=50)], limit=100)
        waits = []
        for healthy in (0, 0, 0, 0, 50):
            model.wait(healthy)
            before = model.now
            model.end("a", "failed")
            model.wait(model["a"].due - model.now)
            waits.append(model.now - before)
        assert waits == [1, 2, 4, 4, 1]

    def test_while_one_waits_the_others_are_restarted_and_a_stop_ends_the_wait(self):
        model = Model([Child("a", backoff=60), Child("b")])
        model.end("a", "failed")
        model.end("b", "failed")
        model.stop("a")
        model.wait(100)
        assert states(model) == {"a": ("down", 1), "b": ("running", 2)}
        model.start("a")
        assert model["a"].state == "running"

    def test_a_wait_further_down_does_not_hold_up_those_before(self):
        model = Model([Child("a", backoff=1), Child("b", backoff=10)], "rest_for_one")
        model.end("b", "failed")
        model.end("a", "failed")
        model.wait(20)
        assert model.lives[-2:] == [(1.0, "+", "a"), (10.0, "+", "b")]

    def test_only_the_end_of_a_significant_child_by_itself_ends_the_group(self):
        model = Model([Child("a", significant=True), Child("b", significant=True), Child("c")], auto_shutdown="all")
        model.end("b", "completed")
        model.end("c", "completed")
        model.stop("a")
        assert model.outcome is None
        model.start("a")
        model.end("a", "completed")
        assert model.outcome == "completed"


class Troupe:
    """The same on the runtime: a supervisor with the children of a model."""

    def __init__(self, model):
        self.app, self.diary, self.broken = App(log=None), Diary(), {child.name: [] for child in model.children}
        children = [self._player(child) for child in model.children]
        strategy = STRATEGIES[model.strategy]
        options = {"limit": model.limit, "window": model.window, "auto_shutdown": model.auto_shutdown}
        declare(self.app, pool(*children, strategy=strategy, restart=LAST, **options))

    def _player(self, child):
        restart = Restart.temporary()
        if child.kind != "temporary":
            make = {"permanent": Restart.permanent, "transient": Restart.transient}[child.kind]
            backoff = {"backoff": child.backoff, "max_backoff": child.longest, "reset_after": child.reset_after, "jitter": 0}
            restart = make(limit=child.limit, window=child.window, then=child.then, rules=RULES, **backoff)
        refusals = iter(lambda: self.broken[child.name].pop() if self.broken[child.name] else None, 0)
        return player(self.diary, child.name, refusals=refusals, restart=restart, significant=child.significant)

    async def do(self, what, name, how):
        """Do to it what a model would have done to itself."""
        if what == "wait":
            await trio.sleep(how)
        elif what == "break":
            self.broken[name].extend(ValueError("broken") for _ in range(how))
        else:
            await self._reach(what, name, how)
        await settled()

    async def _reach(self, what, name, how):
        try:
            ref = self.app.session.actor(f"pool/{name}")
            if what != "end":
                await getattr(ref, what)()
            elif self.states[name][0] == "running":  # else it would wait to be read
                ref.tell(ENDS[how]())
        except ActorError:
            """It is gone, runs already, or did not start, as the model knows."""

    @property
    def states(self):
        nodes = self.app.session.tree()["pool"].children
        states = {node.name.removeprefix("pool/"): (node.state, node.incarnation) for node in nodes}
        return {name: (state if state in ("running", "restarting") else "down", count) for name, (state, count) in states.items()}

    @property
    def lives(self):
        """Return its diary as a model has it."""
        lives = []
        for place, (at, name, what) in enumerate(self.diary):
            if what == "starting":
                has_started = next((entry.what for entry in self.diary[place + 1 :] if entry.name == name), None) == "started"
                lives.append((at, "+" if has_started else "!", name.removeprefix("pool/")))
            elif what == "stopping":
                lives.append((at, "-", name.removeprefix("pool/")))
        return lives


def do(model, what, name, how):
    """Do to a model what a step says."""
    if what == "wait":
        model.wait(how)
    elif what == "break":
        model[name].broken += how
    elif what == "end":
        model.end(name, how)
    else:
        getattr(model, what)(name)


NAMES = "abcde"
OFFSETS = {name: 17**place / 2**20 for place, name in enumerate(NAMES)}  # so that no two are ever due at the same moment


@st.composite
def children(draw, name):
    backoff = draw(st.sampled_from([0, 1, 2])) * (1 + OFFSETS[name])
    return Child(
        name,
        kind=draw(st.sampled_from(["transient", "transient", "permanent", "temporary"])),
        backoff=backoff,
        longest=backoff * 8,
        reset_after=draw(st.sampled_from([0, 5, 20])),
        limit=draw(st.sampled_from([None, None, None, 2])),
        window=draw(st.sampled_from([5, 10])),
        then=draw(st.sampled_from(["escalate", "stop"])),
        significant=draw(st.booleans()),
    )


MODELS = st.builds(
    Model,
    st.tuples(*(children(name) for name in NAMES)),
    st.sampled_from(sorted(STRATEGIES)),
    st.sampled_from([0, 1, 3, 10, 10]),
    st.sampled_from([5, 10]),
    st.sampled_from(["never", "never", "never", "any", "all"]),
)
STEPS = st.one_of(
    st.tuples(st.just("end"), st.sampled_from(NAMES), st.sampled_from([*ENDS, *["failed"] * 6])),
    st.tuples(st.just("stop"), st.sampled_from(NAMES), st.none()),
    st.tuples(st.just("start"), st.sampled_from(NAMES), st.none()),
    st.tuples(st.just("break"), st.sampled_from(NAMES), st.integers(1, 2)),
    st.tuples(st.just("wait"), st.none(), st.integers(1, 12)),
)


async def play(model, steps):
    """Do the same to a model and to what it is a model of, and compare them after each step."""
    troupe = Troupe(model)
    async with running_virtually(troupe.app):
        pool = troupe.app.session.actor("pool")
        for step in steps:
            if step[0] == "start" and any(child.state == "restarting" for child in model.children):
                continue  # what comes first of those that wait and one that is started out of turn, nobody promises
            do(model, *step)
            await troupe.do(*step)
            assert troupe.lives == model.lives
            if model.outcome is not None:
                with trio.fail_after(1):
                    assert type(await pool.wait_ended()) is {"gave up": GaveUp, "completed": Completed}[model.outcome]
                return
            expected = {child.name: (child.state, child.incarnation) for child in model.children if child.state != "gone"}
            assert troupe.states == expected


@settings(max_examples=100)
@given(MODELS, st.lists(STEPS, min_size=10, max_size=40))
def test_whatever_happens_becomes_of_the_children_what_becomes_of_those_of_the_model(model, steps):
    trio.run(play, model, steps, clock=MockClock(autojump_threshold=0))


def test_a_group_that_ends_by_itself_in_the_middle_of_a_restart_starts_nobody_any_more():
    children = [Child("a", "temporary"), Child("b", limit=2, window=5, then="stop", significant=True), Child("c")]
    model = Model(children, "rest_for_one", 3, 10, "any")
    trio.run(play, model, [("break", "b", 2), ("end", "b", "failed"), ("wait", None, 12)], clock=MockClock(autojump_threshold=0))
