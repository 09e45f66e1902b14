"""Conditions in words: what each form says, what conditions say of themselves, where errors are shown, and custom conditions."""

import operator
import re
from contextlib import suppress
from dataclasses import FrozenInstanceError, fields
from datetime import UTC, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from actors import App
from actors.conds import (
    After,
    All,
    Any,
    At,
    Condition,
    Custom,
    Delay,
    Env,
    Every,
    Once,
    Param,
    SchedulerCycles,
    after_all_fail,
    after_all_finish,
    after_all_success,
    after_any_fail,
    after_any_finish,
    after_any_success,
    after_fail,
    after_finish,
    after_success,
    after_terminate,
    always,
    condition,
    crashed,
    cron,
    crontime,
    daily,
    every,
    failed,
    finished,
    hourly,
    inacted,
    minutely,
    monthly,
    never,
    option,
    parse,
    retry,
    running,
    scheduler_cycles,
    scheduler_running,
    secondly,
    started,
    succeeded,
    terminated,
    time_of_day,
    time_of_hour,
    time_of_minute,
    time_of_month,
    time_of_second,
    time_of_week,
    time_of_year,
    weekly,
    yearly,
)
from actors.conds.base import leaves
from actors.conds.custom import CustomConditions, Unanswered, custom
from actors.conds.status import COMPARISONS
from actors.conds.texts import QUOTED, quoted, unquoted
from actors.errors import CallsheetError, ConditionSyntaxError, InvalidTimeSpan
from actors.facts import ACTIONS, Answer, Facts, TaskFacts, World
from actors.periods.cycles import CYCLES

NOW = 1_700_000_000.0
quick = settings(max_examples=60)
many = settings(max_examples=300)


spans = (
    st.integers(1, 10**7)
    | st.integers(1, 10**7).map(lambda n: n / 100)
    | st.timedeltas(timedelta(milliseconds=10), timedelta(days=999))
    | st.builds("{} {}".format, st.integers(1, 99), st.sampled_from(["s", "min", "hours", "days", "weeks"]))
)
names = st.text(max_size=10) | st.sampled_from(
    ["it's", 'say "hi"', "back\\slash\\", "two  spaces", "a & (b | ~c)", "größer\n", "'", ""]
)
tasks = st.none() | names
counts = st.integers(0, 20)
clocks = st.one_of(
    st.integers(0, 24 * 60).map(lambda n: f"{n // 60:02}:{n % 60:02}"),
    st.integers(0, 24 * 3600 - 1).map(lambda n: f"{n // 3600}:{n // 60 % 60:02}:{n % 60:02}"),
    st.integers(0, 600).map(lambda n: f"23:59:{n / 10:04}" if n < 600 else "24:00"),
)
weekdays = st.sampled_from(["Mon", "tuesday", "Wed", "THU", "Friday", "sat", "Sunday"])
months = st.sampled_from(["Jan", "february", "Mar", "APRIL", "May", "jun", "July", "Aug", "sep", "Oct", "November", "DEC"])


def maybe_at(places):
    """Return those places, some with a time of the day."""
    return places | st.builds("{} {}".format, places, clocks)


anchors = {
    "second": st.integers(0, 1000) | st.integers(0, 9999).map(lambda n: f"{n / 10}"),
    "minute": st.integers(0, 60) | st.integers(0, 6000).map(lambda n: n / 100) | st.integers(0, 60).map(str),
    "hour": st.one_of(
        st.integers(0, 59),
        st.builds("{:02}:{:02}".format, st.integers(0, 59), st.integers(0, 59)),
        st.builds("{} quarters".format, st.integers(0, 4)),
    ),
    "day": st.integers(0, 23) | clocks,
    "week": st.integers(1, 7) | maybe_at(weekdays),
    "month": st.integers(1, 31) | maybe_at(st.integers(1, 31).map("{}.".format) | st.just("last")),
    "year": st.integers(1, 12) | months | maybe_at(st.builds("{} {}".format, months, st.integers(1, 28))),
}


@st.composite
def parts(draw, *wholes):
    """Choose one of `wholes`, or any part of it that its methods give."""
    whole = draw(st.sampled_from(wholes))
    method = draw(st.sampled_from([None, "before", "after", "between", "starting", "on", "at"]))
    anchor = anchors[whole.period.unit]
    if method is None:
        return whole
    return getattr(whole, method)(*(draw(anchor) for _ in range(1 + (method == "between"))))


@st.composite
def statuses(draw):
    status = draw(st.sampled_from([started, succeeded, failed, finished, terminated, inacted, crashed]))(draw(tasks))
    when = draw(st.sampled_from(["ever", "past", "this"]))
    if when == "ever":
        return status
    if when == "past":
        return status.past(draw(spans))
    wholes = status.this_minute, status.this_hour, status.today, status.this_week, status.this_month
    return draw(parts(*wholes, status.within(CYCLES["year"]()), status.within(CYCLES["second"]())))


@st.composite
def runs(draw):
    found = running(draw(tasks))
    if compare := draw(st.sampled_from([None, *(operator.gt, operator.lt, operator.ge, operator.le, operator.eq, operator.ne)])):
        found = compare(found, draw(counts))
    lasting = draw(st.sampled_from([None, "more_than", "less_than", "between"]))
    return getattr(found, lasting)(*(draw(spans) for _ in range(1 + (lasting == "between")))) if lasting else found


def expressions(*cron_fields):
    return st.tuples(*map(st.sampled_from, cron_fields)).map(" ".join)


five = (
    ("*", "0", "*/5", "1-30/7", "5,35"),
    ("*", "2", "*/6"),
    ("*", "1", "L", "1-7"),
    ("*", "jan", "2"),
    ("*", "mon-fri", "1#2", "5L"),
)
crons = st.one_of(
    expressions(*five),
    expressions(("0", "*/15"), *five),
    st.sampled_from(["@hourly", "@daily", "@midnight", "@Weekly", "@monthly", "@yearly", "@ANNUALLY"]),
)
followed = [after_all_success, after_all_fail, after_all_finish, after_any_success, after_any_fail, after_any_finish]
leaf_kinds = {
    "constants": st.sampled_from([always, never]),
    "every": st.builds(every, spans, st.sampled_from(["run", "finish", "success", "fail"])),
    "cron": crons.map(cron) | crons.map(crontime),
    "cron by fields": st.builds(lambda minute, hour: cron(minute=minute, hour=hour), st.integers(0, 59), st.integers(0, 23)),
    "once": parts(secondly, minutely, hourly, daily, weekly, monthly, yearly),
    "time of": parts(time_of_second, time_of_minute, time_of_hour, time_of_day, time_of_week, time_of_month, time_of_year),
    "status": statuses(),
    "running": runs(),
    "after one": st.builds(
        lambda make, name: make(name), st.sampled_from([after_success, after_fail, after_finish, after_terminate]), names
    ),
    "after several": st.builds(
        lambda make, several: make(*several), st.sampled_from(followed), st.lists(names, min_size=1, max_size=3)
    ),
    "retry": st.just(retry) | st.integers(-1, 9).map(retry),
    "scheduler": st.one_of(
        st.builds(scheduler_running, st.none() | spans, st.none() | spans),
        st.builds(scheduler_cycles, st.none() | counts, st.none() | counts),
        st.builds(SchedulerCycles, st.sampled_from(list(COMPARISONS)), counts),
    ),
    "env and param": names.map(Env) | st.builds(Param, names, st.none() | names),
}
statements = st.one_of(*leaf_kinds.values())
conditions = st.recursive(
    statements,
    lambda parts: (
        parts.map(lambda a: ~a) | st.builds(lambda a, b: a & b, parts, parts) | st.builds(lambda a, b: a | b, parts, parts)
    ),
    max_leaves=6,
)

moments = st.integers(-(10**7), 10**7).map(lambda n: NOW + n / 4)
before_now = st.integers(0, 10**6).map(lambda n: NOW - n / 4)


@st.composite
def task_facts(draw):
    told = TaskFacts(
        due=draw(st.none() | before_now),
        seen=draw(st.none() | before_now),
        freed=draw(before_now),
        going=draw(st.dictionaries(st.integers(0, 5), before_now, max_size=3)),
    )
    for number, moment in enumerate(sorted(draw(st.lists(before_now, max_size=6)))):
        told.note(draw(st.sampled_from(ACTIONS)), moment, number)
    return told


facts = st.builds(
    Facts,
    own=task_facts(),
    world=st.builds(
        World,
        tasks=st.dictionaries(st.sampled_from(["", "it's", "'"]), task_facts()),
        env=st.sampled_from([None, "", "it's"]),
        started=st.none() | before_now,
        awake=before_now,
        cycles=counts,
    ),
    zone=st.sampled_from([UTC, ZoneInfo("Europe/Berlin")]),
    params=st.dictionaries(st.sampled_from(["", "it's"]), st.sampled_from(["", "it's", 1])),
)


def says(*table):
    """Parametrize by text and the condition it says."""
    return pytest.mark.parametrize(("text", "said"), table, ids=[text for text, _ in table])


class TestConstants:
    @pytest.mark.parametrize("text", ["true", "True", "always", "always true"])
    def test_what_always_holds(self, text):
        assert parse(text) == always

    @pytest.mark.parametrize("text", ["false", "False", "never", "always false"])
    def test_what_never_holds(self, text):
        assert parse(text) == never


class TestEvery:
    @says(
        ("every 10 seconds", every("10 seconds")),
        ("every 1 h 30 min", every(5400)),
        ("every 1 hour, 30 minutes", every(5400)),
        ("every 00:01:30", every(90)),
        ("every 0.5s", every(0.5)),
        ("every 2 weeks", every("14 days")),
        ("every 1 week 1 d", every(timedelta(days=8))),
        ("every 10 ms", every("10 milliseconds")),
    )
    def test_a_length_of_time(self, text, said):
        assert parse(text) == said

    @pytest.mark.parametrize("base", ["run", "finish", "success", "fail"])
    def test_what_it_is_based_on(self, base):
        assert parse(f"every 10 seconds based on {base}") == every("10 seconds", based=base)

    def test_based_on_the_run_is_what_it_is_without(self):
        assert parse("every 10 seconds based on run") == parse("every 10 seconds") == Every(10.0)
        assert parse("every 10 seconds based on finish") == Delay(10.0, "finish")


class TestCycles:
    @says(
        ("secondly", secondly),
        ("minutely", minutely),
        ("hourly", hourly),
        ("daily", daily),
        ("weekly", weekly),
        ("monthly", monthly),
        ("yearly", yearly),
    )
    def test_whole_ones(self, text, said):
        assert parse(text) == said

    @says(
        ("secondly before 500", secondly.before("500")),
        ("minutely before 45", minutely.before("45")),
        ("hourly before 30:00", hourly.before("30:00")),
        ("daily before 10:00", daily.before("10:00")),
        ("weekly before Fri", weekly.before("Fri")),
        ("monthly before 5th", monthly.before("5th")),
        ("yearly before Feb", yearly.before("Feb")),
        ("secondly after 500", secondly.after("500")),
        ("minutely after 45.5", minutely.after("45.5")),
        ("hourly after 1 quarter", hourly.after("15:00")),
        ("daily after 10:00:30", daily.after("10:00:30")),
        ("weekly after Monday 10:00", weekly.after("Mon 10:00")),
        ("monthly after 3rd 12:30", monthly.after("3rd 12:30")),
        ("yearly after Feb 3rd", yearly.after("February 3rd")),
        ("secondly between 100 and 300", secondly.between("100", "300")),
        ("minutely between 10 and 50", minutely.between("10", "50")),
        ("hourly between 10:00 and 50:00", hourly.between("10:00", "50:00")),
        ("daily between 10:00 and 12:00", daily.between("10:00", "12:00")),
        ("daily between 22:00 and 04:00", daily.between("22:00", "04:00")),
        ("weekly between Mon and Fri", weekly.between("Mon", "Fri")),
        ("weekly between Fri 18:00 and Mon 06:00", weekly.between("Fri 18:00", "Mon 06:00")),
        ("monthly between 1st and 5th", monthly.between("1st", "5th")),
        ("yearly between Nov and Feb", yearly.between("Nov", "Feb")),
        ("secondly starting 500", secondly.starting("500")),
        ("hourly starting 15:00", hourly.starting("15:00")),
        ("daily starting 10:00", daily.starting("10:00")),
        ("weekly starting Wed", weekly.starting("Wed")),
        ("monthly starting 3rd", monthly.starting("3rd")),
        ("yearly starting Apr", yearly.starting("Apr")),
    )
    def test_parts_of_them(self, text, said):
        assert parse(text) == said
        assert isinstance(said, Once)

    @says(
        ("weekly on Mon", weekly.on("Mon")),
        ("weekly on Mon 10:00", weekly.on("Mon 10:00")),
        ("monthly on 5th", monthly.on("5th")),
        ("monthly on last", monthly.on("last")),
        ("monthly on last day", monthly.on("last")),
        ("yearly on Feb", yearly.on("Feb")),
        ("yearly on Feb 3rd", yearly.on("Feb 3rd")),
    )
    def test_on_a_day_it_is_once_in_that_day(self, text, said):
        assert parse(text) == said
        assert isinstance(said, Once)

    @says(
        ("secondly at 500", secondly.at("500")),
        ("minutely at 45", minutely.at("45")),
        ("hourly at 30:00", hourly.at("30:00")),
        ("daily at 10:00", daily.at("10:00")),
        ("weekly at Mon 10:00", weekly.at("Mon 10:00")),
        ("monthly at 5th 10:00", monthly.at("5th 10:00")),
        ("yearly at Feb 3rd", yearly.at("Feb 3rd")),
        ("minutely on 45", minutely.on("45")),
        ("hourly on 30:00", hourly.on("30:00")),
        ("daily on 10:00", daily.on("10:00")),
    )
    def test_at_a_moment_it_is_once_from_then_on(self, text, said):
        assert parse(text) == said
        assert isinstance(said, At)

    @says(
        ("time of second", time_of_second),
        ("time of second after 500", time_of_second.after("500")),
        ("time of minute before 45", time_of_minute.before("45")),
        ("time of minute between 10 and 20", time_of_minute.between("10", "20")),
        ("time of hour after 2 quarters", time_of_hour.after("30:00")),
        ("time of hour between 10:00 and 20:00", time_of_hour.between("10:00", "20:00")),
        ("time of day", time_of_day),
        ("time of day before 10:00", time_of_day.before("10:00")),
        ("time of day after 10:00", time_of_day.after("10:00")),
        ("time of day between 10:00 and 12:00", time_of_day.between("10:00", "12:00")),
        ("time of day starting 10:00", time_of_day.starting("10:00")),
        ("time of day on 10:00", time_of_day.on("10:00")),
        ("time of day at 10:00", time_of_day.at("10:00")),
        ("time of week before Fri", time_of_week.before("Fri")),
        ("time of week after Mon 10:00", time_of_week.after("Mon 10:00")),
        ("time of week between Mon and Fri", time_of_week.between("Mon", "Fri")),
        ("time of week on Mon", time_of_week.on("Mon")),
        ("time of month before 5th", time_of_month.before("5th")),
        ("time of month between 1st and last", time_of_month.between("1st", "last")),
        ("time of month on 5th", time_of_month.on("5th")),
        ("time of year on Feb", time_of_year.on("Feb")),
    )
    def test_all_the_while(self, text, said):
        assert parse(text) == said


class TestCron:
    @says(
        ("cron 0 2 * * *", cron("0 2 * * *")),
        ("cron 0 2 * * *", cron(minute=0, hour=2)),
        ("cron */5 9-17 * * mon-fri", cron("*/5 9-17 * * MON-FRI")),
        ("cron 0,30 0 1,15 jan *", cron("0,30 0 1,15 JAN *")),
        ("cron 0 0 L * *", cron("0 0 L * *")),
        ("cron 0 0 * * 1#2", cron("0 0 * * 1#2")),
        ("cron */10 * * * * *", cron("*/10 * * * * *")),
        ("cron @daily", cron("0 0 * * *")),
        ("cron @HOURLY", cron("@hourly")),
        ("crontime * 9-16 * * *", crontime("* 9-16 * * *")),
        ("crontime * 9-16 * * *", crontime(hour="9-16")),
        ("crontime @monthly", crontime("0 0 1 * *")),
    )
    def test_an_expression(self, text, said):
        assert parse(text) == said

    def test_minutes_to_start_at_are_not_minutes_to_be_in(self):
        assert parse("cron 0 2 * * *") != parse("crontime 0 2 * * *")


class TestStatus:
    @says(
        ("has started", started),
        ("has succeeded", succeeded),
        ("has failed", failed),
        ("has finished", finished),
        ("has terminated", terminated),
        ("has inacted", inacted),
        ("has crashed", crashed),
        ("task 'a' has started", started("a")),
        ("task 'a' has succeeded", succeeded("a")),
        ('task "a" has failed', failed("a")),
        ("task 'a' has finished", finished("a")),
        ("task 'a' has terminated", terminated("a")),
        ("task 'a' has inacted", inacted("a")),
        ("task 'a' has crashed", crashed("a")),
    )
    def test_ever(self, text, said):
        assert parse(text) == said

    @says(
        ("has succeeded this minute", succeeded.this_minute),
        ("has succeeded this hour", succeeded.this_hour),
        ("has succeeded this day", succeeded.this_day),
        ("has succeeded today", succeeded.today),
        ("has succeeded this week", succeeded.this_week),
        ("has succeeded this month", succeeded.this_month),
        ("has succeeded this year", succeeded.within(CYCLES["year"]())),
        ("has succeeded this second", succeeded.within(CYCLES["second"]())),
        ("task 'a' has failed today", failed("a").today),
        ("task 'a' has started this month", started("a").this_month),
    )
    def test_in_this_cycle(self, text, said):
        assert parse(text) == said

    @says(
        ("task 'a' has succeeded this week on Mon", succeeded("a").this_week.on("Mon")),
        ("has succeeded this week starting Tue", succeeded.this_week.starting("Tue")),
        ("has failed today between 10:00 and 12:00", failed.today.between("10:00", "12:00")),
        ("has failed today after 10:00", failed.today.after("10:00")),
        ("has failed today before 10:00", failed.today.before("10:00")),
        ("has failed today on 10:00", failed.today.on("10:00")),
        ("has failed today at 10:00", failed.today.at("10:00")),
        ("has finished this hour before 30:00", finished.this_hour.before("30:00")),
        ("has finished this minute after 45", finished.this_minute.after("45")),
        ("task 'a' has inacted this month between 1st and last", inacted("a").this_month.between("1st", "last")),
    )
    def test_in_a_part_of_it(self, text, said):
        assert parse(text) == said

    @says(
        ("has failed past 1 hour", failed.past("1 hour")),
        ("has failed in past 1 hour", failed.past("1 hour")),
        ("task 'a' has succeeded past 2 weeks", succeeded("a").past("14 days")),
        ("task 'a' has terminated in past 00:01:30", terminated("a").past(90)),
    )
    def test_in_the_time_before_now(self, text, said):
        assert parse(text) == said

    @says(
        ("retry", retry),
        ("retry 3 times", retry(3)),
        ("retry 1 time", retry(1)),
        ("retry 0 times", retry(0)),
        ("retry", retry(-1)),
        ("retry", retry(None)),
    )
    def test_retries(self, text, said):
        assert parse(text) == said


class TestRunning:
    @says(
        ("is running", running),
        ("running", running),
        ("while running", running),
        ("task 'a' is running", running("a")),
        ("while task 'a' is running", running("a")),
        ("is running more than 2 times", running > 2),
        ("is running less than 2 times", running < 2),
        ("is running at least 2 times", running >= 2),
        ("is running at most 2 times", running <= 2),
        ("is running exactly 2 times", running == 2),
        ("is running not exactly 2 times", running != 2),
        ("task 'a' is running more than 2 times", running("a") > 2),
        ("is running for more than 1 hour", running.more_than("1 hour")),
        ("is running for less than 1 hour", running.less_than("1 hour")),
        ("is running for between 1 min and 1 hour", running.between("1 min", "1 hour")),
        ("while task 'a' is running for more than 1 week", running("a").more_than("7 days")),
        ("is running at least 2 times for more than 5 s", (running >= 2).more_than(5)),
    )
    def test_the_forms(self, text, said):
        assert parse(text) == said

    @pytest.mark.parametrize(
        "compare",
        [
            lambda c: c > 2,
            lambda c: c < 2,
            lambda c: c >= 2,
            lambda c: c <= 2,
            lambda c: c == 2,
            lambda c: c != 2,
            lambda c: c.more_than(5),
            lambda c: c.less_than(5),
            lambda c: c.between(1, 5),
            lambda c: c("b"),
        ],
    )
    def test_what_is_made_of_one_leaves_it_as_it_was(self, compare):
        original = running("a")
        made = compare(original)
        assert isinstance(made, Condition)
        assert made is not original
        assert made != original
        assert original == running("a")
        assert str(original) == "task 'a' is running"

    def test_compared_with_a_condition_it_is_a_value(self):
        assert (running("a") == running("a")) is True
        assert (running("a") != running("a")) is False
        assert (running("a") == running("b")) is False
        assert (running("a") != running("b")) is True
        assert (running == daily) is False
        assert (daily == running) is False
        assert hash(running("a")) == hash(running("a"))

    def test_at_least_one_run_is_what_it_says_by_itself(self):
        assert (running >= 1) == running

    @pytest.mark.parametrize("wrong", [1.5, "2", None, True])
    def test_only_whole_numbers_are_runs(self, wrong):
        with pytest.raises(TypeError):
            running > wrong  # noqa: B015  # what is not returned is raised

    @pytest.mark.parametrize("count", [-1, -5])
    def test_a_number_below_zero_is_refused_or_can_be_said(self, count):
        with suppress(ValueError):
            made = running > count
            assert parse(str(made)) == made


class TestAfter:
    @says(
        ("after task 'a'", after_success("a")),
        ("after task 'a' succeeded", after_success("a")),
        ("after task 'a' failed", after_fail("a")),
        ("after task 'a' finished", after_finish("a")),
        ("after task 'a' terminated", after_terminate("a")),
        ("after tasks 'a', 'b'", after_all_success("a", "b")),
        ("after tasks 'a', 'b' succeeded", after_all_success("a", "b")),
        ("after tasks 'a', 'b' failed", after_all_fail("a", "b")),
        ("after tasks 'a', 'b' finished", after_all_finish("a", "b")),
        ("after tasks 'a', 'b' terminated", After(("a", "b"), "terminated")),
        ("after any tasks 'a', 'b'", after_any_success("a", "b")),
        ("after any tasks 'a', 'b' succeeded", after_any_success("a", "b")),
        ("after any tasks 'a', 'b' failed", after_any_fail("a", "b")),
        ("after any tasks 'a', 'b' finished", after_any_finish("a", "b")),
        ("after tasks 'a','b'  ,\"c\"", after_all_success("a", "b", "c")),
        ("after tasks 'a'", after_success("a")),
        ("after any tasks 'a' failed", after_fail("a")),
    )
    def test_the_forms(self, text, said):
        assert parse(text) == said

    def test_all_of_one_and_any_of_one_are_that_one(self):
        assert after_all_success("a") == after_any_success("a") == after_success("a")

    def test_the_order_of_the_tasks_is_kept(self):
        assert parse("after tasks 'b', 'a'") != parse("after tasks 'a', 'b'")

    @pytest.mark.parametrize("make", followed)
    def test_it_is_after_at_least_one_task(self, make):
        with pytest.raises(ValueError, match="Name at least one"):
            make()

    @pytest.mark.parametrize("make", [after_success, after_fail, after_finish, after_terminate])
    def test_it_is_not_after_itself(self, make):
        with pytest.raises(ValueError, match="after which task"):
            make(None)


class TestApp:
    @says(
        ("scheduler is running", scheduler_running()),
        ("scheduler has run over 5 minutes", scheduler_running(more_than="5 minutes")),
        ("scheduler has run over 1 week", scheduler_running(more_than="7 days")),
        ("scheduler started 5 minutes ago", scheduler_running(less_than="5 minutes")),
        ("scheduler has run between 1 min and 1 hour", scheduler_running("1 min", "1 hour")),
        ("scheduler has 3 cycles", SchedulerCycles("exactly", 3)),
        ("scheduler has exactly 3 cycles", SchedulerCycles("exactly", 3)),
        ("scheduler has more than 3 cycles", scheduler_cycles(more_than=3)),
        ("scheduler has less than 3 cycles", scheduler_cycles(less_than=3)),
        ("scheduler has at least 1 cycle", scheduler_cycles()),
        ("scheduler has at most 3 cycles", SchedulerCycles("at most", 3)),
        ("scheduler has not exactly 3 cycles", SchedulerCycles("not exactly", 3)),
        ("scheduler has more than 1 cycles & scheduler has less than 9 cycles", scheduler_cycles(1, 9)),
    )
    def test_of_the_scheduler(self, text, said):
        assert parse(text) == said

    @says(
        ("env 'test'", Env("test")),
        ('env "test"', Env("test")),
        ("param 'x' exists", Param("x")),
        ("param 'x' is '5'", Param("x", "5")),
        ("param 'x' is ''", Param("x", "")),
    )
    def test_of_its_environment_and_parameters(self, text, said):
        assert parse(text) == said


formulas = st.recursive(
    st.sampled_from(["true", "false"]),
    lambda inner: st.one_of(
        inner.map("~{}".format),
        inner.map("({})".format),
        st.builds("{} & {}".format, inner, inner),
        st.builds("{}|{}".format, inner, inner),
    ),
    max_leaves=8,
)


class TestOperators:
    a, b, c = daily, weekly, every("10 s")

    @says(
        ("daily & weekly", a & b),
        ("daily | weekly", a | b),
        ("~daily", ~a),
        ("daily | weekly & every 10 s", a | (b & c)),
        ("daily & weekly | every 10 s", (a & b) | c),
        ("~daily & weekly", (~a) & b),
        ("~daily | weekly", (~a) | b),
        ("daily & ~weekly | ~every 10 s", (a & ~b) | ~c),
        ("(daily | weekly) & every 10 s", (a | b) & c),
        ("daily & (weekly | every 10 s)", a & (b | c)),
        ("~(daily & weekly)", ~(a & b)),
        ("~(daily | weekly) & every 10 s", ~(a | b) & c),
        ("((daily))", a),
        ("((daily) & (weekly))", a & b),
    )
    def test_not_binds_stronger_than_and_and_that_stronger_than_or(self, text, said):
        assert parse(text) == said

    @says(
        ("daily & weekly & every 10 s", All((a, b, c))),
        ("(daily & weekly) & every 10 s", All((a, b, c))),
        ("daily & (weekly & every 10 s)", All((a, b, c))),
        ("daily | (weekly | every 10 s)", Any((a, b, c))),
        ("~~daily", a),
        ("~ ~ ~daily", ~a),
    )
    def test_equal_operators_are_grouped_like_by_the_operators_themselves(self, text, said):
        assert parse(text) == said

    @pytest.mark.parametrize(
        "text",
        [
            "daily&~weekly|every 10 s",
            "daily &~weekly| every 10 s",
            "daily\n  & ~ weekly\n  | every 10 s\n",
            "(daily&(~(weekly)))|(every 10 s)",
            "\t( daily & ( ~ weekly ) | every\t10\ns )",
        ],
    )
    def test_spaces_around_them_say_nothing(self, text):
        assert parse(text) == self.a & ~self.b | self.c

    @pytest.mark.parametrize("sign", ["&", "|", "~", "(", ")", "((", "a & b | ~(c", ",", " and "])
    def test_in_names_they_are_none(self, sign):
        assert parse(f"after task '{sign}'&env \"{sign}\"|~task '{sign}' has failed") == (
            (after_success(sign) & Env(sign)) | ~failed(sign)
        )

    @given(formulas)
    @many
    def test_they_mean_what_and_or_and_not_mean(self, text):
        python = text.title().replace("~", " not ").replace("&", " and ").replace("|", " or ")
        assert parse(text).holds(NOW, Facts()) == eval(python.strip())


class TestNames:
    @pytest.mark.parametrize(
        "name",
        [
            "a",
            "A",
            "it's",
            'say "hi"',
            "'\"",
            "\\",
            "\\'",
            "a\\",
            "two  spaces",
            " edges ",
            "tab\tand\nline",
            "größer",
            "任务 🎬",
            "",
        ],
    )
    def test_any_name_can_be_quoted(self, name):
        assert unquoted(quoted(name)) == name
        assert parse(f"task {quoted(name)} has succeeded") == succeeded(name)
        assert parse(f"after any tasks {quoted(name)}, 'b' failed") == after_any_fail(name, "b")
        assert parse(f"param {quoted(name)} is {quoted(name)}") == Param(name, name)

    @given(st.text(max_size=30))
    @many
    def test_what_is_quoted_is_read_back(self, name):
        assert QUOTED.fullmatch(quoted(name))
        assert unquoted(quoted(name)) == name
        assert parse(f" env  {quoted(name)} ") == Env(name)

    @pytest.mark.parametrize(
        ("text", "name"),
        [
            ("'it\\'s'", "it's"),
            ('"it\'s"', "it's"),
            ('"say \\"hi\\""', 'say "hi"'),
            ("'say \"hi\"'", 'say "hi"'),
            ("'a\\\\b'", "a\\b"),
            ("'a\\b'", "ab"),
        ],
    )
    def test_a_backslash_takes_the_next_sign_as_it_is(self, text, name):
        assert parse(f"env {text}") == Env(name)

    def test_letter_case_counts_in_them(self):
        assert parse("ENV 'Test'") == Env("Test")
        assert parse("env 'Test'") != parse("env 'test'")

    def test_a_function_goes_by_its_own_name(self):
        def fetch():
            pass

        assert quoted(fetch) == "'fetch'"
        assert str(after_success(fetch)) == "after task 'fetch'"


OUTSIDE_NAMES = re.compile(rf"({QUOTED.pattern})|([^'\"]+)", re.DOTALL)


class TestLetterCaseAndWhiteSpace:
    @pytest.mark.parametrize(
        "text",
        [
            "TASK 'a' HAS SUCCEEDED THIS WEEK ON MON",
            "Task 'a' Has Succeeded This Week On Mon",
            "  task\n'a'\thas \r\n succeeded this  week\n\n on mon  ",
            "task'a'has succeeded this week on Monday",
            "task\u00a0'a' has\u2003succeeded this week on mon",
        ],
    )
    def test_they_say_nothing(self, text):
        assert parse(text) == succeeded("a").this_week.on("Mon")

    def test_white_space_counts_in_names(self):
        assert parse("task  'a  b\n'  has failed") == failed("a  b\n")

    @given(conditions, st.data())
    @quick
    def test_they_say_nothing_in_whatever_is_not_a_name(self, condition, data):
        cases = st.sampled_from([str.lower, str.upper, str.title])
        spaces = st.text(" \t\r\n", min_size=1, max_size=3)
        text = OUTSIDE_NAMES.sub(
            lambda match: match[1] or data.draw(cases)(match[2]).replace(" ", data.draw(spaces)), str(condition)
        )
        assert parse(text) == condition

    @given(conditions)
    @quick
    def test_operators_need_no_spaces(self, condition):
        text = OUTSIDE_NAMES.sub(lambda match: match[1] or re.sub(r" ?([&|~()]) ?", r"\1", match[2]), str(condition))
        assert parse(text) == condition

    @given(conditions)
    @quick
    def test_parentheses_around_it_all_say_nothing(self, condition):
        assert parse(f"( ({condition}) )") == condition


class TestAnyCondition:
    @pytest.mark.parametrize("kind", leaf_kinds)
    def test_its_text_parses_back_to_an_equal_one(self, kind):
        @given(leaf_kinds[kind])
        @many
        def check(condition):
            again = parse(str(condition))
            assert again == condition
            assert hash(again) == hash(condition)
            assert str(again) == str(condition)

        check()

    @given(conditions)
    @many
    def test_so_does_the_text_of_any_combination(self, condition):
        again = parse(str(condition))
        assert again == condition
        assert hash(again) == hash(condition)
        assert str(again) == str(condition)

    @pytest.mark.parametrize(
        "condition",
        [
            daily.between("10:00", "11:00"),
            daily.between(10, 10),
            hourly.between("30:00", "31:00"),
            minutely.between("10", "11"),
            secondly.between("500", "501"),
            time_of_day.between("10:00", "11:00"),
            weekly.between("Mon", "Mon"),
            monthly.between("5th", "5th"),
            yearly.between("Feb", "Feb"),
        ],
        ids=lambda condition: f"{condition.period}",
    )
    def test_a_part_as_long_as_a_moment_of_it_is_written_so_that_it_is_read_back(self, condition):
        assert parse(str(condition)) == condition

    @pytest.mark.parametrize(
        "condition",
        [
            daily.before("24:00"),
            daily.before("00:00"),
            daily.at("24:00"),
            weekly.before("Sun 24:00"),
            weekly.after("Sun 24:00"),
            weekly.at("Mon 24:00"),
            weekly.before("Mon 00:00"),
            monthly.after("5th 24:00"),
            monthly.before("5th 00:00"),
            monthly.before("last 24:00"),
            yearly.after("Feb 3rd 24:00"),
            yearly.before("Feb 3rd 00:00"),
            yearly.before("Dec"),
        ],
        ids=lambda condition: f"{condition.period.start} {condition.period.end}",
    )
    def test_midnight_is_written_so_that_it_is_read_back(self, condition):
        assert parse(str(condition)) == condition

    @given(st.integers(0, 1000))
    @many
    def test_a_number_of_milliseconds_is_what_its_digits_say(self, number):
        assert secondly.at(number) == secondly.at(str(number)) == parse(f"secondly at {number}")

    @pytest.mark.parametrize("whole", [secondly, minutely, time_of_minute, succeeded.this_minute], ids=str)
    def test_an_end_of_zero_is_the_end_of_the_cycle_however_it_is_given(self, whole):
        assert whole.before(0.0) == whole.before("0")

    @pytest.mark.parametrize(
        "condition",
        [
            minutely.at("59.9999999999"),
            minutely.at("1.12345678901"),
            hourly.at("10:59.9999999999"),
            daily.after("10:00:59.9999999999"),
        ],
        ids=lambda condition: f"{condition.period.start}",
    )
    def test_the_finest_fractions_of_a_second_are_read_back(self, condition):
        assert parse(str(condition)) == condition

    @pytest.mark.parametrize(
        "make",
        [
            lambda: failed.past(float("inf")),
            lambda: parse(f"has failed past {'9' * 400} s"),
            lambda: running.more_than(float("inf")),
            lambda: running.less_than(float("inf")),
            lambda: scheduler_running(more_than=float("inf")),
            lambda: scheduler_running(less_than=float("inf")),
            lambda: scheduler_cycles(more_than=-1),
        ],
        ids=["past", "past in words", "more than", "less than", "scheduler more than", "scheduler less than", "cycles"],
    )
    def test_what_cannot_be_written_is_refused(self, make):
        with suppress(ValueError):
            assert parse(str(make())) == make()

    @given(conditions, conditions, moments, facts)
    @many
    def test_not_of_and_is_or_of_nots(self, a, b, now, facts):
        assert (~(a & b)).holds(now, facts) is (~a | ~b).holds(now, facts)
        assert (~(a | b)).holds(now, facts) is (~a & ~b).holds(now, facts)

    @given(conditions, conditions, moments, facts)
    @quick
    def test_and_or_and_not_mean_what_they_say(self, a, b, now, facts):
        here, there = a.holds(now, facts), b.holds(now, facts)
        assert (a & b).holds(now, facts) is (here and there)
        assert (a | b).holds(now, facts) is (here or there)
        assert (~a).holds(now, facts) is (not here)
        assert (~~a) == a

    @given(conditions, conditions)
    @quick
    def test_operators_give_new_values_and_leave_their_operands_as_they_were(self, a, b):
        before = repr(a), repr(b)
        made = (a & b, a | b, ~a)
        assert all(isinstance(each, Condition) and each != a for each in made)
        assert (repr(a), repr(b)) == before

    @given(conditions)
    @quick
    def test_it_cannot_be_changed(self, condition):
        for part in (condition, *leaves(condition)):
            for field in fields(part):
                with pytest.raises(FrozenInstanceError):
                    setattr(part, field.name, None)
                with pytest.raises(FrozenInstanceError):
                    delattr(part, field.name)
            with pytest.raises((AttributeError, TypeError)):
                part.anything = 1

    @given(conditions)
    @quick
    def test_it_is_neither_true_nor_false_by_itself(self, condition):
        with pytest.raises(TypeError, match=r"combine with & \| ~ instead of and, or, not"):
            bool(condition)

    @pytest.mark.parametrize("wrong", [True, None, 1, "daily", [], object()])
    @pytest.mark.parametrize("one", [always, daily, running, succeeded("a"), daily & weekly, daily | weekly, ~daily], ids=str)
    def test_it_combines_with_conditions_only(self, one, wrong):
        with pytest.raises(TypeError):
            one & wrong
        with pytest.raises(TypeError):
            one | wrong
        with pytest.raises(TypeError):
            wrong & one
        with pytest.raises(TypeError):
            wrong | one

    @given(conditions)
    @quick
    def test_it_says_itself_by_name_of_the_tasks_it_watches(self, condition):
        assert all(quoted(name) in str(condition) for name in condition.watched())


def error(text, customs=None):
    with pytest.raises(ConditionSyntaxError) as caught:
        parse(text, customs)
    return caught.value


def shown(text, expected):
    """Return how a message shows `text` with a caret below the sign that is marked by a ^ before it, which is no part of it."""
    before, _, after = text.partition("^")
    return before + after, len(before), expected


class TestErrors:
    @pytest.mark.parametrize(
        ("text", "position", "gist"),
        [
            # no condition
            shown("^", "a condition is expected here"),
            shown("^sometimes", "a condition is expected here"),
            shown("^evrey 10 seconds", "Did you mean 'every'?"),
            shown("^dayly", "Did you mean 'daily'?"),
            shown("^shceduler has 3 cycles", "Did you mean 'scheduler'?"),
            shown("^10 seconds", "a condition is expected here"),
            shown("daily & ^wekly", "Did you mean 'weekly'?"),
            shown("~(daily | ^wekly)", "Did you mean 'weekly'?"),
            # operators
            shown("daily &^", "a condition is expected here"),
            shown("daily | weekly |^", "a condition is expected here"),
            shown("~^", "a condition is expected here"),
            shown("^& daily", "a condition is expected here"),
            shown("daily & ^| weekly", "a condition is expected here"),
            shown("daily &^& weekly", "a condition is expected here"),
            shown("(^)", "a condition is expected here"),
            shown("(daily &^)", "a condition is expected here"),
            shown("daily ^weekly", "& or | is expected here"),
            shown("daily ^and weekly", "& or | is expected here"),
            shown("daily ^(weekly)", "& or | is expected here"),
            shown("(daily) ^weekly", "the end is expected here"),
            # parentheses
            shown("(daily^", "the ) for the ( at 1 is expected here"),
            shown("daily & (weekly | (monthly)^", "the ) for the ( at 9 is expected here"),
            shown("daily^)", "nothing is open that ) could close"),
            shown("(daily | weekly)^) & monthly", "nothing is open that ) could close"),
            shown("^)", "a condition is expected here"),
            # times
            shown("every^", "a length of time, such as 10 seconds, is expected here"),
            shown("every^ & daily", "a length of time"),
            shown("every ^soon", "'soon' is not a length of time"),
            shown("every ^10 secnds", "Did you mean 'second'?"),
            shown("every ^10 secnds based on finish", "Did you mean 'second'?"),
            shown("every ^0 seconds", "a period is at least 0.01 s"),
            shown("daily | every ^10 | weekly", "a number and a unit are expected"),
            shown("every 10 s based^", "on is expected here"),
            shown("every 10 s based on ^finsih", "Did you mean 'finish'?"),
            shown("daily before^", "a time of day, such as 10:00 is expected here"),
            shown("daily at^ & weekly", "a time of day, such as 10:00 is expected here"),
            shown("daily at ^noon", "a time of day, such as 10:00 is expected, not 'noon'"),
            shown("daily after ^25:00", "a time of day"),
            shown("daily between^", "a time of day"),
            shown("daily between 10:00^", "and is expected here"),
            shown("daily between 10:00 and^", "a time of day"),
            shown("daily between 10:00 and ^25:00", "not '25:00'"),
            shown("daily between ^25:00 and 10:00", "not '25:00'"),
            shown("daily between ^25:00 and 26:00", "not '25:00'"),
            shown("weekly on ^Mnday", "Did you mean 'Monday'?"),
            shown("weekly between ^Mnday and Fri", "Did you mean 'Monday'?"),
            shown("monthly on ^32nd", "a day of the month"),
            shown("yearly on ^Febuary", "Did you mean 'February'?"),
            shown("hourly at ^61:00", "minutes and seconds, such as 30:00"),
            shown("minutely after ^61", "seconds from 0 to 60"),
            shown("secondly after ^1001", "milliseconds from 0 to 1000"),
            shown("time^", "of is expected here"),
            shown("time of^", "second, minute, hour, day, week, month or year is expected here"),
            shown("time of ^dya", "Did you mean 'day'?"),
            shown("time of day between ^x and 10:00", "not 'x'"),
            shown("has failed this ^wek", "Did you mean 'week'?"),
            shown("has failed this week on ^Mnday", "Did you mean 'Monday'?"),
            shown("has failed today between ^10 and 12:00", "not '10'"),
            shown("has failed past^", "a length of time"),
            shown("has failed past ^yesterday", "'yesterday' is not a length of time"),
            shown("is running for more than ^5", "a number and a unit"),
            shown("is running for between ^x and 5 s", "'x' is not a length of time"),
            shown("is running for between 5 s and ^x", "'x' is not a length of time"),
            shown("scheduler has run over ^x", "'x' is not a length of time"),
            shown("scheduler has run between ^x and 5 s", "'x' is not a length of time"),
            shown("scheduler started 5 minutes^", "ago is expected here"),
            shown("scheduler started ^x ago", "'x' is not a length of time"),
            # cron
            shown("cron^", "a cron expression, such as 0 2 * * *, is expected here"),
            shown("cron ^0 0 * *", "4 fields, where 5 are expected"),
            shown("cron ^61 * * * *", "bad minute"),
            shown("cron ^0 0 30 2 *", "bad day-of-month"),
            shown("cron ^@dayly", "'@dayly' is no name of an expression"),
            shown("cron ^@reboot", "on_startup=True"),
            shown("daily & crontime ^* 25 * * * | weekly", "bad hour"),
            # names
            shown("after task ^fetch", "a name in quotes is expected here"),
            shown("after task^", "a name in quotes is expected here"),
            shown("after tasks 'a', ^b", "a name in quotes is expected here"),
            shown("after tasks 'a',^", "a name in quotes is expected here"),
            shown("task ^fetch has succeeded", "a name in quotes"),
            shown("while task ^fetch is running", "a name in quotes is expected here"),
            shown("env ^test", "a name in quotes is expected here"),
            shown("param ^x exists", "a name in quotes is expected here"),
            shown("param 'x' is ^5", "a name in quotes is expected here"),
            shown("after task ^'fetch", "a name in quotes is expected here"),
            shown("task ^'fetch has succeeded", "a name in quotes"),
            shown("env ^\"test'", "a name in quotes is expected here"),
            shown("env 'it'^s'", "& or | is expected here"),
            shown("after task 'a'^, 'b'", "several tasks are written: after tasks 'a', 'b'"),
            shown("after any ^task 'a', 'b'", "Did you mean 'tasks'?"),
            # what became of a task
            shown("task 'a' has ^succeded", "Did you mean 'succeeded'?"),
            shown("has ^faild past 1 hour", "Did you mean 'failed'?"),
            shown("task 'a' has^", "started, succeeded, failed, finished, terminated, inacted or crashed is expected here"),
            shown("task 'a'^", "has or is is expected here"),
            shown("task 'a' ^had succeeded", "has or is is expected here"),
            shown("task 'a' has succeeded ^yesterday", "this, today, past, in, the end, & or | is expected here"),
            shown("after task 'a' ^finnished", "Did you mean 'finished'?"),
            shown("after task 'a' ^succeded", "Did you mean 'succeeded'?"),
            shown("after tasks 'a', 'b' ^faild", "Did you mean 'failed'?"),
            shown("while task 'a'^", "is is expected here"),
            shown("is ^runing", "Did you mean 'running'?"),
            shown("is running more than ^many times", "a number is expected here"),
            shown("is running more than 2^", "times or time is expected here"),
            shown("is running for^", "more, less or between is expected here"),
            shown("param 'x'^", "exists or is is expected here"),
            shown("scheduler has^", "a number"),
            shown("scheduler has 3^", "cycles or cycle is expected here"),
            shown("scheduler has ^about 3 cycles", "run, a number, more than, less than"),
            # retry
            shown("retry ^times", "a number is expected here"),
            shown("retry 3^", "times or time is expected here"),
            shown("retry ^-1 times", "a number is expected here"),
            shown("retry ^often", "a number is expected here"),
            # what is too much
            shown("daily ^please", "the end, & or | is expected here"),
            shown("true ^false", "the end, & or | is expected here"),
            shown("daily ^10:00", "before, after, between, starting, on, at, the end, & or | is expected here"),
            shown("every 10 s based on run ^daily", "the end, & or | is expected here"),
            shown("retry 3 times ^more", "the end, & or | is expected here"),
            shown("env 'a' ^'b'", "the end, & or | is expected here"),
            shown("after task 'a' failed ^today", "the end, & or | is expected here"),
        ],
    )
    def test_the_place_is_shown_with_what_is_expected_there(self, text, position, gist):
        wrong = error(text)
        assert (wrong.position, wrong.text) == (position, text)
        assert gist in wrong.expected

    def test_the_message_shows_the_text_and_a_caret(self):
        assert str(error("task 'a' has succeded")) == (
            "this is not a condition\n"
            "  task 'a' has succeded\n"
            "               ^ started, succeeded, failed, finished, terminated, inacted or crashed is expected here. "
            "Did you mean 'succeeded'?"
        )

    def test_the_line_is_shown_without_the_white_space_that_says_nothing(self):
        wrong = error("  daily \n\n & \t wekly ")
        assert (wrong.text, wrong.position) == ("daily & wekly", len("daily & "))

    def test_white_space_in_names_is_shown(self):
        wrong = error("task  'a  b'  hsa failed")
        assert (wrong.text, wrong.position) == ("task 'a  b' hsa failed", len("task 'a  b' "))

    def test_the_caret_is_below_its_place_where_a_name_has_a_line_break(self):
        lines = str(error("env 'a\nb' x")).splitlines()
        caret = next(i for i, line in enumerate(lines) if line.lstrip().startswith("^"))
        assert lines[caret - 1][lines[caret].index("^")] == "x"

    @pytest.mark.parametrize("text", ["", " ", "\n\t ", "~", "()"])
    def test_no_words_say_no_condition(self, text):
        assert "a condition is expected here" in error(text).expected

    def test_it_is_a_value_error_and_one_of_ours(self):
        assert isinstance(error("sometimes"), ValueError)
        assert isinstance(error("sometimes"), CallsheetError)


def read(text, customs):
    try:
        return parse(text, customs)
    except ConditionSyntaxError as exc:
        return exc


def parses_or_says_where(text, customs=None):
    found = read(text, customs)
    if isinstance(found, ConditionSyntaxError):
        assert 0 <= found.position <= len(found.text)
        assert found.expected
        assert found.expected in str(found)
    else:
        assert isinstance(found, Condition)


WORDS = """
true never always every cron crontime time while is running task has after scheduler env param retry hourly daily weekly yearly
before between starting on at of and this today past in week more than least most exactly not for times cycles run over ago
succeeded failed any tasks exists based finish 'a' "b" 'it\\'s' ' " , & | ~ ( ) 10:00 Mon 5th last 10 1.5 s seconds quarter
* */5 1-5 L # @daily - / : \\ is_free is_free( is_free(1 disk= [ ] { } 1) there
"""
words = st.sampled_from(WORDS.split())


class TestAnyText:
    @given(st.text())
    @many
    def test_it_parses_or_it_is_shown_where_it_does_not(self, text):
        parses_or_says_where(text)

    @given(st.lists(words, max_size=9).map(" ".join) | st.lists(words, max_size=9).map("".join))
    @many
    def test_so_do_words_in_any_order(self, text):
        parses_or_says_where(text)

    @given(conditions, st.data())
    @many
    def test_so_does_a_condition_with_a_part_left_out_or_put_in(self, condition, data):
        text = str(condition)
        begin, end = sorted(data.draw(st.tuples(*[st.integers(0, len(text))] * 2)))
        parses_or_says_where(
            text[:begin] + data.draw(st.sampled_from(["", "'", '"', "(", ")", "&", " ", "x", "\\"])) + text[end:]
        )

    @pytest.mark.parametrize(
        "heads", ["every", "has failed past", "daily at", "weekly at", "hourly at", "cron", "retry", "is running more than"]
    )
    @given(text=st.text("0123456789:.,*/-#LW@ smhdw", max_size=12))
    @quick
    def test_so_does_anything_where_a_time_is_expected(self, heads, text):
        parses_or_says_where(f"{heads} {text}")

    @pytest.mark.parametrize(
        "text",
        [
            "~" * 100_000 + "daily",
            "(" * 100_000 + "daily" + ")" * 100_000,
            "(" * 100_000,
            "daily & " * 5_000 + "daily",
            f"retry {'9' * 5_000} times",
            f"is running more than {'9' * 5_000} times",
            f"scheduler has {'9' * 5_000} cycles",
            f"every {'9' * 400}:00:00",
            f"every {'9' * 400} s",
            f"has failed past {'9' * 400}:00",
            f"cron {'9' * 5_000} * * * *",
            f"weekly on {'9' * 5_000}",
            f"env '{'x' * 100_000}'",
        ],
        ids=lambda text: f"{text[:20]}... ({len(text)})",
    )
    def test_so_does_what_is_enormous(self, text):
        parses_or_says_where(text)


def is_free(disk="/", n=1, **named):
    return True


def is_foo():
    return True


def is_there(what=None, where=None):
    return True


def registry(*known):
    customs = CustomConditions()
    for each in known:
        customs.add(each)
    return customs


def pattern(text):
    return re.compile(text, re.IGNORECASE)


free = custom(is_free)
foo = custom(is_foo, "is foo")
there = custom(is_there, pattern(r"(?P<what>\w+) is there(?: in (?P<where>\w+))?"))
KNOWN = registry(free, foo, there)


class TestCustomConditionsInText:
    @pytest.mark.parametrize("text", ["is foo", "Is Foo", "IS  FOO", " is\nfoo ", "is_foo", "is_foo()"])
    def test_by_their_words_in_any_letter_case_or_by_the_name_of_the_function(self, text):
        assert parse(text, KNOWN) == foo

    @pytest.mark.parametrize("syntax", ["disk  is \n free", "Disk Is Free"])
    def test_white_space_and_letter_case_of_their_words_say_nothing(self, syntax):
        assert parse("disk is FREE", registry(custom(is_free, syntax))) == free

    def test_by_several_words(self):
        several = custom(is_foo, ["is foo", "foo it is", pattern(r"foo (?:now|then)")])
        assert [parse(text, registry(several)) == several for text in ("is foo", "foo it is", "foo THEN")] == [True] * 3

    def test_the_named_groups_of_a_pattern_are_arguments(self):
        assert parse("ship is there in harbour", KNOWN) == there(what="ship", where="harbour")
        assert parse("ship is there", KNOWN) == there(what="ship", where=None)

    def test_a_pattern_must_match_it_all(self):
        assert error("is foo & ship is there at last", KNOWN).position == len("is foo & ")

    @pytest.mark.parametrize(
        ("text", "said"),
        [
            ("is_free", free),
            ("is_free()", free),
            ("is_free ( )", free),
            ('is_free("/tmp")', free("/tmp")),
            ('is_free(disk="/tmp", n=2)', free(disk="/tmp", n=2)),
            ("is_free('/tmp', n = 2)", free("/tmp", n=2)),
            ("is_free(n=-1.5)", free(n=-1.5)),
            ("is_free(n=None, disk=True)", free(n=None, disk=True)),
            ("is_free([1, (2, 3)], n={'a': {4}})", free([1, (2, 3)], n={"a": {4}})),
            ("is_free(\n  disk='/tmp',\n)", free(disk="/tmp")),
            ("is_free('a & (b | ~c')", free("a & (b | ~c")),
            ("is_free('two  spaces')", free("two  spaces")),
            ('is_free("it\'s")', free("it's")),
            ("is_free('it\\'s')", free("it's")),
        ],
    )
    def test_by_a_call(self, text, said):
        assert parse(text, KNOWN) == said

    def test_combined_with_others(self):
        text = "daily&is_free(disk='/tmp')|~(is foo & ship is there)"
        assert parse(text, KNOWN) == (daily & free(disk="/tmp")) | ~(foo & there(what="ship", where=None))

    def test_they_come_before_what_else_the_words_say(self):
        mine = custom(is_foo, "daily")
        assert parse("daily", registry(mine)) == mine
        assert parse("daily after 10:00", registry(mine)) == daily.after("10:00")

    def test_the_latest_of_a_name_counts(self):
        def is_free():
            return False

        latest = custom(is_free)
        assert parse("is_free", registry(free, latest)) == latest

    def test_without_them_their_words_say_nothing(self):
        assert error("is_free").position == 0
        assert error("is foo").position == len("is ")

    def test_what_may_be_given_may_name_them(self):
        session = App().session
        session.conditions = KNOWN
        assert option.read("daily & is foo", session) == daily & foo

    def test_they_are_iterated(self):
        assert list(KNOWN) == [free, foo, there]


class TestErrorsOfCustomConditions:
    @pytest.mark.parametrize(
        ("text", "position", "meant"),
        [
            shown("^is_fre", "is_free"),
            shown("daily & ^is_fre", "is_free"),
            shown("^is_fre(1)", "is_free"),
            shown("^is_fre(directory='/tmp', n=2)", "is_free"),
            shown("^IS_FREE", "is_free"),
            shown("daily | ~^serber is up", "server is up"),
        ],
    )
    def test_the_nearest_name_is_told(self, text, position, meant):
        wrong = error(text, registry(free, custom(is_foo, "server is up")))
        assert wrong.position == position
        assert f"Did you mean '{meant}'?" in wrong.expected

    @pytest.mark.parametrize("text", ["is fooo", "is fo"])
    def test_it_is_told_where_a_known_word_is_the_first(self, text):
        assert "is foo" in error(text, KNOWN).expected

    @pytest.mark.parametrize(
        "call",
        [
            "is_free(x)",
            "is_free(disk=home)",
            "is_free(disk=open('/tmp'))",
            "is_free(1 + 1)",
            "is_free(1 if True else 2)",
            "is_free(lambda: 1)",
            "is_free(f'{1}')",
            "is_free([x for x in (1, 2)])",
            "is_free(*[1, 2])",
            "is_free(**{'n': 1})",
            "is_free({[]: 1})",
            "is_free({[1]})",
            "is_free(n=1, n=2)",
            "is_free(n=1, 2)",
            "is_free(1 2)",
            "is_free(n=)",
            "is_free(,)",
            "is_free(\0)",
            "is_free(#)",
            "is_free(1)(2)",
            "is_free(1).n(2)",
            "is_free(1) + is_free(2)",
            "is_free(1) or is_free(2)",
            "is_free(1), is_free(2)",
        ],
    )
    def test_arguments_are_plain_values(self, call):
        wrong = error(f"daily & {call} | weekly", KNOWN)
        assert wrong.text == f"daily & {call} | weekly"
        assert len("daily & ") <= wrong.position <= len(f"daily & {call}")
        assert "is_free" in wrong.expected or "is expected here" in wrong.expected

    @pytest.mark.parametrize("argument", ["x", "disk=home", "1 + 1", "*[1, 2]"])
    def test_what_is_none_is_shown_at_its_condition(self, argument):
        wrong = error(f"daily & is_free({argument})", KNOWN)
        assert wrong.position == len("daily & ")
        assert wrong.expected == "the arguments of is_free must be plain values, such as 1, 'a' or [1, 2]"

    @pytest.mark.parametrize("name", ["self", "args", "kwargs", "function", "text", "disk"])
    def test_an_argument_may_have_any_name(self, name):
        made = parse(f"is_free({name}=1)", KNOWN)
        assert dict(made.kwargs) == {name: 1}
        assert parse(str(made), KNOWN) == made

    @pytest.mark.parametrize(
        "text",
        [
            f"is_free({'-' * 20_000}1)",
            f"is_free({'[' * 150}{']' * 150})",
            f"is_free({'[' * 5_000}{']' * 5_000})",
            f"is_free({'9' * 5_000})",
        ],
        ids=["signs", "nested", "deeply nested", "digits"],
    )
    def test_enormous_arguments_parse_or_are_shown(self, text):
        parses_or_says_where(text, KNOWN)

    @given(
        st.text("is_free()[]{}'\"=,1a :*.+-\\&~", max_size=20).map("is_free({})".format)
        | st.lists(words, max_size=9).map(" ".join)
    )
    @many
    def test_any_text_parses_or_is_shown_where_it_does_not(self, text):
        parses_or_says_where(text, KNOWN)


hashable = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=8)
    | st.binary(max_size=4)
)
values = st.recursive(
    hashable,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.lists(inner, max_size=3).map(tuple)
        | st.dictionaries(hashable, inner, max_size=3)
        | st.sets(hashable, max_size=1)
    ),
    max_leaves=5,
)
customs = st.one_of(
    st.sampled_from([free, foo, there]),
    st.builds(
        lambda args, kwargs: free(*args, **kwargs),
        st.lists(values, max_size=2),
        st.dictionaries(st.sampled_from(["size", "owner"]), values),
    ),
    st.sampled_from(["ship is there", "Crew is there in harbour"]).map(lambda text: parse(text, KNOWN)),
)


class TestCustomConditions:
    def test_with_the_same_function_and_arguments_they_are_equal(self):
        assert custom(is_free) == free == free()
        assert free(disk="/tmp", n=2) == free(n=2, disk="/tmp")
        assert hash(free(disk="/tmp", n=2)) == hash(free(n=2, disk="/tmp"))
        assert custom(is_foo) == foo

    def test_with_other_ones_they_are_not(self):
        different = [free, foo, free(1), free("1"), free(2), free(n=1), free(disk=1), free(1, n=1), custom(is_free, poll=5)]
        assert all((a == b) is (a is b) for a in different for b in different)

    def test_however_they_were_read_they_are_equal(self):
        assert parse("is_free(n = 2)", KNOWN) == parse("is_free( n=2 )", KNOWN)
        assert parse("SHIP is there", registry(there)) != parse("ship is there", registry(there))
        assert parse("ship IS there", KNOWN) == parse("ship is there", KNOWN) == there(what="ship", where=None)

    def test_those_with_arguments_that_cannot_be_hashed_can(self):
        assert {free([1]): "a", free({"b": {2}}): "b"}[free({"b": {2}})] == "b"

    def test_arguments_replace_those_before_and_leave_the_original_as_it_was(self):
        one = free(disk="/tmp")
        assert one(n=2) == free(n=2)
        assert one == free(disk="/tmp")
        assert dict(free.kwargs) == {}

    @pytest.mark.parametrize(
        ("condition", "text"),
        [
            (free, "is_free"),
            (foo, "is foo"),
            (there, "is_there"),
            (free("/tmp", n=2), "is_free('/tmp', n=2)"),
            (custom(is_foo, [pattern("foo!"), "Is Foo", "foo"]), "Is Foo"),
            (there(what="ship"), "is_there(what='ship')"),
            (parse("Ship is  there", KNOWN), "Ship is there"),
            (daily & ~free(n=2) | foo, "daily & ~is_free(n=2) | is foo"),
        ],
    )
    def test_their_text_is_how_they_are_named(self, condition, text):
        assert str(condition) == text
        assert parse(text, KNOWN) == condition

    @given(
        st.recursive(
            customs | statements,
            lambda inner: st.builds(lambda a, b: a & ~b, inner, inner) | st.builds(lambda a, b: a | b, inner, inner),
            max_leaves=4,
        )
    )
    @many
    def test_their_text_parses_back_through_the_same_registry(self, condition):
        again = parse(str(condition), KNOWN)
        assert again == condition
        assert hash(again) == hash(condition)
        assert str(again) == str(condition)

    def test_they_cannot_be_changed(self):
        for field in fields(free):
            with pytest.raises(FrozenInstanceError):
                setattr(free, field.name, None)

    def test_they_are_neither_true_nor_false_by_themselves(self):
        with pytest.raises(TypeError, match="is_free"):
            bool(free)

    def test_a_decorator_makes_one(self):
        @condition("is mine", poll="5 seconds")
        def mine():
            return True

        assert isinstance(mine, Custom)
        assert (mine.name, mine.poll, str(mine)) == ("mine", 5.0, "is mine")
        assert parse("IS MINE", registry(mine)) == parse("mine", registry(mine)) == mine

    def test_a_decorator_needs_no_words(self):
        @condition()
        def mine():
            return True

        assert str(mine) == "mine"

    def test_anything_that_can_be_called_is_a_function(self):
        class Asker:
            def __call__(self):
                return True

        assert parse("asker", registry(custom(Asker(), "asker"))).name == "Asker"

    @pytest.mark.parametrize("wrong", ["is foo", None, 1, daily])
    def test_anything_else_is_none(self, wrong):
        with pytest.raises(TypeError, match="a function is expected"):
            custom(wrong)

    @pytest.mark.parametrize("poll", [0, 0.009, "9 ms", float("inf"), -1, "soon", None])
    def test_it_is_asked_every_ten_milliseconds_at_most_and_not_never(self, poll):
        with pytest.raises(InvalidTimeSpan):
            custom(is_free, poll=poll)

    def test_it_must_be_asked_before_it_holds_or_not(self):
        with pytest.raises(Unanswered) as caught:
            free(n=2).holds(NOW, Facts())
        assert caught.value.condition == free(n=2)

    @pytest.mark.parametrize("answer", [True, False])
    def test_what_its_function_said_counts_until_it_is_asked_again(self, answer):
        facts = Facts(answers={free(n=2): Answer(NOW, answer)})
        asked = free(n=2)
        assert asked.holds(NOW, facts) is asked.holds(NOW + 0.999, facts) is answer
        assert asked.next_change(NOW, facts) == NOW + 1
        for moment in (NOW - 0.001, NOW + 1):
            with pytest.raises(Unanswered):
                asked.holds(moment, facts)

    def test_the_answer_of_one_is_none_of_another(self):
        with pytest.raises(Unanswered):
            free(n=1).holds(NOW, Facts(answers={free(n=2): Answer(NOW, value=True)}))

    def test_an_error_of_its_function_is_raised(self):
        facts = Facts(answers={free: Answer(NOW, value=False, error=OSError("no disk"))})
        with pytest.raises(OSError, match="no disk"):
            free.holds(NOW, facts)

    def test_it_is_asked_only_where_the_conditions_before_it_hold(self):
        assert not (never & free).holds(NOW, Facts())
        assert (always | free).holds(NOW, Facts())
        with pytest.raises(Unanswered):
            (always & free).holds(NOW, Facts())
