"""What becomes of an actor that has ended, and of those beside it: the decisions, without anything that runs."""

import math
import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors import Completed, Failed, GaveUp, Ignored, Killed, Lost, Restart, Stopped, one_for_all, one_for_one, rest_for_one
from actors.errors import ActorGaveUp, InvalidOption
from actors.supervision import Affected, GiveUp, RestartIn, StayDown, is_fatal, is_too_often, leaves_of

ENDS = {
    "completed": Completed(1),
    "stopped": Stopped("itself"),
    "failed": Failed(ValueError("boom")),
    "killed": Killed("its supervisor"),
    "lost": Lost("its process exited with 9"),
    "gave up": GaveUp("too many restarts"),
}
RESTARTED = {
    "permanent": set(ENDS),
    "transient": {"failed", "killed", "lost", "gave up"},
    "temporary": set(),
}
KINDS = {"permanent": Restart.permanent, "transient": Restart.transient, "temporary": Restart.temporary}
FAILED = Failed(ValueError("boom"))


def steady(**options):
    """Return a policy whose waits are exact."""
    return Restart.transient(**{"backoff": 1, "jitter": 0, **options})


@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_restarts_after_exactly_the_ends_of_the_table(kind, end):
    verdict = KINDS[kind]().decide(ENDS[end], [0.0], 0)
    assert isinstance(verdict, RestartIn if end in RESTARTED[kind] else StayDown)


@pytest.mark.parametrize("end", ENDS)
def test_ends_that_nobody_wanted_are_those_a_transient_actor_is_restarted_from(end):
    assert ENDS[end].is_abnormal == (end in RESTARTED["transient"])


def test_one_that_declined_to_begin_has_not_failed():
    assert not Ignored("nothing to do").is_abnormal
    assert Restart.transient().decide(Ignored(), [0.0], 0) == StayDown()


def test_the_last_of_three_restarts_within_the_window_is_one_too_many_of_two():
    restart = steady(limit=2, window=10)
    assert restart.decide(FAILED, [0.0], 0) == RestartIn(1.0)
    assert restart.decide(FAILED, [0.0, 3.0], 0) == RestartIn(1.0)
    assert restart.decide(FAILED, [0.0, 3.0, 6.0], 0) == GiveUp(
        "more than 2 restarts within 10 s, at last since it failed: ValueError: boom"
    )


def test_the_window_has_both_of_its_ends():
    assert is_too_often([0.0, 3.0, 10.0], 2, 10.0)
    assert not is_too_often([0.0, 3.0, 10.001], 2, 10.0)


def test_restarts_before_the_window_do_not_count():
    assert not is_too_often([0.0, 1.0, 2.0, 100.0, 101.0], 2, 10.0)


def test_a_window_without_end_counts_all():
    assert is_too_often([0.0, 1e6, 2e6], 2, math.inf)


def test_with_a_limit_of_none_at_all_the_first_failure_is_given_up():
    assert isinstance(steady(limit=0).decide(FAILED, [5.0], 0), GiveUp)


def test_with_a_limit_of_none_at_all_an_end_that_was_wanted_is_none_too_many():
    assert steady(limit=0).decide(Completed(), [5.0], 0) == StayDown()


def test_without_a_limit_it_is_for_the_supervisor_to_give_up():
    assert steady().decide(FAILED, [0.0] * 1000, 0) == RestartIn(1.0)


def test_what_is_given_up_may_just_stay_down():
    verdict = steady(limit=0, then="stop").decide(FAILED, [0.0], 0)
    assert isinstance(verdict, GiveUp)
    assert not verdict.escalates


def test_the_wait_doubles_up_to_the_longest():
    restart = steady(max_backoff=10)
    assert [restart.delay(failures) for failures in range(6)] == [1, 2, 4, 8, 10, 10]


def test_the_wait_may_grow_by_another_factor_or_not_at_all():
    assert [steady(factor=3, max_backoff=100).delay(failures) for failures in range(4)] == [1, 3, 9, 27]
    assert [steady(factor=1).delay(failures) for failures in range(4)] == [1, 1, 1, 1]


def test_the_wait_is_longer_or_shorter_by_a_share_of_it():
    restart = steady(backoff=10, jitter=0.1)
    assert [restart.delay(0, chance) for chance in (0.0, 0.5, 1.0)] == pytest.approx([9, 10, 11])


@given(st.integers(0, 5000), st.floats(0, 1), st.floats(0, 1))
def test_no_wait_is_negative_or_much_longer_than_the_longest(failures, jitter, chance):
    assert 0 <= steady(jitter=jitter).delay(failures, chance) <= 30 * (1 + jitter)


@given(st.integers(0, 4999))
def test_a_wait_is_never_shorter_than_the_one_before(failures):
    restart = steady(factor=1.7)
    assert restart.delay(failures) <= restart.delay(failures + 1)


def test_no_wait_stays_none_however_often_it_fails():
    assert steady(backoff=0).delay(5000) == 0


@pytest.mark.parametrize(("given", "seconds"), [(None, 5.5), ("2 minutes", 120), (0, 0), (math.inf, math.inf)])
def test_after_how_long_the_wait_begins_anew_is_the_mean_of_the_shortest_and_the_longest_where_nobody_says(given, seconds):
    assert steady(max_backoff=10, reset_after=given).reset_after == seconds


@pytest.mark.parametrize(
    ("directive", "verdict"),
    [
        ("restart", RestartIn(0.0)),
        ("stop", StayDown()),
        ("escalate", GiveUp("failed: KeyError: 'x', which is to be escalated")),
    ],
)
def test_a_rule_comes_before_the_kind_of_restart(directive, verdict):
    restart = steady(rules={LookupError: directive})
    assert restart.decide(Failed(KeyError("x")), [0.0], 3) == verdict
    assert restart.decide(FAILED, [0.0], 3) == RestartIn(8.0)


def test_a_failure_in_which_nothing_can_be_resumed_is_one_to_restart_from():
    assert steady(rules={ValueError: "resume"}).decide(FAILED, [0.0], 0) == RestartIn(1.0)


def test_a_rule_to_restart_counts_as_a_restart():
    assert isinstance(steady(limit=1, rules={ValueError: "restart"}).decide(FAILED, [0.0, 1.0], 0), GiveUp)


def test_the_first_rule_that_fits_counts():
    restart = steady(rules={KeyError: "stop", LookupError: "resume", Exception: "escalate"})
    assert [restart.directive(error) for error in (KeyError(), IndexError(), OSError())] == ["stop", "resume", "escalate"]


def test_where_no_rule_fits_nothing_is_said():
    assert steady(rules={LookupError: "stop"}).directive(OSError()) is None
    assert steady().directive(OSError()) is None


def test_a_rule_fits_a_group_if_it_fits_all_that_is_in_it():
    restart = steady(rules={KeyError: "resume", LookupError: "stop"})
    nested = ExceptionGroup("", [KeyError(), ExceptionGroup("", [IndexError()])])
    assert restart.directive(nested) == "stop"
    assert restart.directive(ExceptionGroup("", [KeyError(), OSError()])) is None


def test_rules_are_about_what_was_raised_only():
    restart = steady(rules={Exception: "stop"})
    assert restart.decide(Lost("its process exited"), [0.0], 0) == RestartIn(1.0)


def test_a_temporary_actor_stays_down():
    assert Restart.temporary().decide(FAILED, [0.0], 0) == StayDown()


def test_the_leaves_of_an_error_that_is_no_group_are_itself():
    error = ValueError()
    assert list(leaves_of(error)) == [error]


@pytest.mark.parametrize("error", [KeyboardInterrupt(), SystemExit(1), MemoryError(), GeneratorExit()])
def test_errors_for_the_whole_program_are_fatal_also_in_a_group(error):
    assert is_fatal(error)
    assert is_fatal(BaseExceptionGroup("", [ValueError(), BaseExceptionGroup("", [error])]))


@pytest.mark.parametrize("error", [ValueError(), RecursionError(), ExceptionGroup("", [OSError(), KeyError()])])
def test_other_errors_are_not(error):
    assert not is_fatal(error)


@pytest.mark.parametrize(
    ("strategy", "stop", "start"),
    [
        (one_for_one, (), ("b",)),
        (one_for_all, ("d", "c", "a"), ("a", "b", "c", "d")),
        (rest_for_one, ("d", "c"), ("b", "c", "d")),
    ],
)
def test_each_strategy_stops_the_last_first_and_starts_in_order(strategy, stop, start):
    assert strategy(["a", "b", "c", "d"], "b") == Affected(stop, start)


def reference(strategy, children, failed):
    """Return which children a strategy starts, found in the slow way."""
    last = children.index(failed)
    return [
        child
        for position, child in enumerate(children)
        if child == failed or strategy is one_for_all or (strategy is rest_for_one and position > last)
    ]


@given(st.sampled_from([one_for_one, one_for_all, rest_for_one]), st.lists(st.text(), min_size=1, unique=True), st.data())
def test_a_strategy_stops_what_it_starts_in_reverse_but_for_the_one_that_failed(strategy, children, data):
    failed = data.draw(st.sampled_from(children))
    affected = strategy(children, failed)
    assert list(affected.start) == reference(strategy, children, failed)
    assert list(affected.stop) == [child for child in reversed(affected.start) if child != failed]


WRONG = [
    ({"limit": -1}, "Restart cannot have limit=-1: a whole number from 0 on, or None, is expected"),
    ({"limit": 2.5}, "Restart cannot have limit=2.5: a whole number from 0 on, or None, is expected"),
    ({"limit": True}, "Restart cannot have limit=True: a whole number from 0 on, or None, is expected"),
    ({"window": "soon"}, "Restart cannot have window='soon': 'soon' is not a length of time: a number and a unit are expected"),
    ({"backoff": -1}, "Restart cannot have backoff=-1: '-1' is not a length of time: it must not be negative"),
    ({"backoff": "1 minute"}, "Restart cannot have backoff='1 minute': at most max_backoff is expected, which is 30 seconds"),
    ({"max_backoff": None}, "Restart cannot have max_backoff=None: 'None' is not a length of time: it is a NoneType"),
    ({"reset_after": []}, "Restart cannot have reset_after=[]: '[]' is not a length of time: it is a list"),
    ({"factor": 0.5}, "Restart cannot have factor=0.5: a number from 1 on is expected"),
    ({"factor": math.inf}, "Restart cannot have factor=inf: a number from 1 on is expected"),
    ({"factor": "2"}, "Restart cannot have factor='2': a number from 1 on is expected"),
    ({"jitter": 1.5}, "Restart cannot have jitter=1.5: a number from 0 to 1 is expected"),
    ({"jitter": math.nan}, "Restart cannot have jitter=nan: a number from 0 to 1 is expected"),
    ({"then": "wait"}, "Restart cannot have then='wait': 'escalate' or 'stop' is expected"),
    ({"rules": [ValueError]}, "a mapping is expected, {class of exceptions: what to do}"),
    ({"rules": {"ValueError": "stop"}}, "Restart cannot have rules='ValueError': classes of exceptions are expected"),
    ({"rules": {KeyboardInterrupt: "stop"}}, "classes of exceptions are expected"),
    ({"rules": {ValueError: "ignore"}}, "Restart cannot have rules='ignore': one of restart, resume, stop, escalate is expected"),
]


@pytest.mark.parametrize(("options", "words"), WRONG, ids=str)
@pytest.mark.parametrize("make", [Restart.permanent, Restart.transient])
def test_an_impossible_value_is_refused_and_named(make, options, words):
    with pytest.raises(InvalidOption) as caught:
        make(**options)
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("outcome", "words"),
    [
        (Completed(5), "completed"),
        (Failed(OSError("no\nroom")), "failed: OSError: no"),
        (Failed(OSError(), during_stop=True), "failed while it was stopped: OSError"),
        (Stopped("itself"), "stopped by itself"),
        (Stopped("the program", "enough"), "stopped by the program: enough"),
        (Killed("its supervisor"), "killed by its supervisor"),
        (Killed("its supervisor", stuck=True), "killed by its supervisor; it goes on, as it ignores its cancellation"),
        (Lost("its process exited with 9"), "lost: its process exited with 9"),
        (GaveUp("more than 3 restarts"), "gave up: more than 3 restarts"),
        (Ignored(), "declined to begin"),
        (Ignored("no config"), "declined to begin: no config"),
    ],
    ids=str,
)
def test_an_outcome_says_in_words_what_it_is_and_survives_pickle(outcome, words):
    assert str(outcome) == words
    assert str(pickle.loads(pickle.dumps(outcome))) == words


class Mute(Exception):
    def __str__(self):
        raise RuntimeError


def test_an_outcome_is_told_also_where_the_error_cannot_be():
    assert str(Failed(Mute())) == "failed: Mute: (its text cannot be shown)"


def test_a_supervisor_that_gave_up_knows_what_its_children_raised():
    first, second = ValueError("1"), OSError("2")
    assert GaveUp("", (Failed(first), Lost("gone"), Failed(second))).errors == (first, second)


def test_that_an_app_gave_up_says_who_and_why():
    assert str(ActorGaveUp("the top", "more than 3 restarts")) == "the top gave up: more than 3 restarts"
