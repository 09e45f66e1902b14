"""Conditions in words.

    condition = term { "|" term }        term = factor { "&" factor }        factor = "~" factor | "(" condition ")" | statement

A statement is words; what stands in quotes is a name. Letter case and white space say nothing, except in names.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import NoReturn, TypeVar, cast, get_args

from actors.conds.after import OUTCOMES, After
from actors.conds.base import Condition, always, never
from actors.conds.custom import CustomConditions
from actors.conds.cycles import During, Once, crontime
from actors.conds.runtime import Env, Param, SchedulerCycles, SchedulerRunning
from actors.conds.slots import ADVERBS, At, Base, cron, every
from actors.conds.status import COMPARISONS, HAPPENINGS, Comparison, Happening, Retrying, Running, Status
from actors.conds.texts import QUOTED, unquoted
from actors.errors import ConditionSyntaxError, nearest
from actors.periods.anchors import EXAMPLES, Unit, to_anchor
from actors.periods.base import Past
from actors.periods.cycles import CYCLES, TimeOf
from actors.timespans import to_finite

_SPACE = re.compile(rf"({QUOTED.pattern})|\s+", re.DOTALL)
_WORD = re.compile(rf"{QUOTED.pattern}|[,'\"]|[^\s,'\"]+", re.DOTALL)
_PLAIN = re.compile(r"[^()&|~'\"]+")
"""What neither ends a statement nor hides its end."""
_UNITS: dict[str, Unit] = {adverb: cast(Unit, unit) for unit, adverb in ADVERBS.items()}
_PARTS = ("before", "after", "between", "starting", "on", "at")
LONGEST_NUMBER = 9
"""Digits."""
_SIGNS = {"and": "&", "or": "|", "not": "~"}
SPAN = "a length of time, such as 10 seconds,"
Made = TypeVar("Made")


def parse(text: str, customs: CustomConditions | None = None) -> Condition:
    """Return the condition that `text` says.

    Args:
      customs: the app's own conditions, which the text may name.

    Raises:
      ConditionSyntaxError: it says none; shows where, and what is expected there.
    """
    line = _SPACE.sub(lambda match: match[1] or " ", text).strip()
    try:
        return _Reader(line, customs or CustomConditions()).condition()
    except RecursionError:
        raise ConditionSyntaxError(line[:100], 0, "it is nested too deeply") from None


class _Reader:
    """Reads a line from left to right."""

    def __init__(self, line: str, customs: CustomConditions) -> None:
        self._line, self._customs, self._at = line, customs, 0

    def condition(self) -> Condition:
        found = self._any()
        if self._at < len(self._line):
            raise ConditionSyntaxError(
                self._line, self._at, "&, | or the end is expected here: nothing is open that ) could close"
            )
        return found

    def _any(self) -> Condition:
        found = self._all()
        while self._took("|"):
            found |= self._all()
        return found

    def _all(self) -> Condition:
        found = self._factor()
        while self._took("&"):
            found &= self._factor()
        return found

    def _factor(self) -> Condition:
        if self._took("~"):
            return ~self._factor()
        begin = self._at
        if self._took("("):
            found = self._any()
            if not self._took(")"):
                raise ConditionSyntaxError(self._line, self._at, f"&, | or the ) for the ( at {begin + 1} is expected here")
            return found
        return self._statement()

    def _took(self, sign: str) -> bool:
        self._skip_space()
        if not self._line.startswith(sign, self._at):
            return False
        self._at += len(sign)
        self._skip_space()
        return True

    def _skip_space(self) -> None:
        while self._line.startswith(" ", self._at):
            self._at += 1

    def _statement(self) -> Condition:
        """Read up to the next operator; one in quotes, or in parentheses right behind a word, is none."""
        begin = end = self._at
        depth = 0
        while end < len(self._line):
            if inside := _PLAIN.match(self._line, end) or QUOTED.match(self._line, end):
                end = inside.end()
                continue
            sign = self._line[end]
            if sign == "(":
                depth += 1
            if not depth and sign in "&|~)":
                break
            if sign == ")":
                depth -= 1
            end += 1
        self._at = end
        return _Statement(self._line, begin, end, self._customs).condition()


class _Statement:
    """One statement, from `begin` to `end` of the line, word by word."""

    def __init__(self, line: str, begin: int, end: int, customs: CustomConditions) -> None:
        self._line, self._customs = line, customs
        self._text = line[begin:end].rstrip()
        self._words = [(match[0], begin + match.start()) for match in _WORD.finditer(self._text)]
        self._end = begin + len(self._text)
        self._next = 0
        self._told = begin  # where the text stands that was read last
        self._passed: tuple[int, list[str]] = (0, [])  # at which word, and what it might have been

    def condition(self) -> Condition:
        """Return what the statement says, all of it."""
        begin = self._place()
        try:
            own = self._customs.find(self._text)
        except (ValueError, TypeError) as exc:
            raise ConditionSyntaxError(self._line, begin, str(exc)) from exc
        if own is not None:
            return own
        found = self._read()
        if self._next < len(self._words):
            self._fail(["the end", "&", "|"])
        return found

    def _read(self) -> Condition:
        readers: dict[str, Callable[[], Condition]] = {
            "true": lambda: always,
            "false": lambda: never,
            "never": lambda: never,
            "always": self._always,
            "every": self._every,
            "cron": lambda: self._made(cron, self._until("a cron expression, such as 0 2 * * *,")),
            "crontime": lambda: self._made(crontime, self._until("a cron expression, such as 0 2 * * *,")),
            "time": self._time_of,
            "while": self._while,
            "is": self._is,
            "running": self._running,
            "task": self._of_task,
            "has": lambda: self._status(None),
            "after": self._after,
            "scheduler": self._scheduler,
            "env": lambda: Env(self._name()),
            "param": self._param,
            "retry": self._retry,
            **dict.fromkeys(_UNITS, self._cycle),
        }
        word = self._may(*readers)
        if word is None:
            hint = self._hint(self._peek(), [*readers, *self._customs.words()])
            expected = f"a condition is expected here, such as: daily, every 10 seconds, after task 'fetch'.{hint}"
            raise ConditionSyntaxError(self._line, self._place(), expected)
        return readers[word]()

    def _always(self) -> Condition:
        return never if self._may("true", "false") == "false" else always

    def _every(self) -> Condition:
        span = self._until(SPAN, "based")
        base = "run"
        if self._may("based"):
            self._take("on")
            base = self._take(*get_args(Base))
        return self._made(every, span, base)

    def _cycle(self) -> Condition:
        unit = _UNITS[self._words[self._next - 1][0].lower()]
        part = self._may(*_PARTS)
        if part is None:
            return Once(CYCLES[unit]())
        if part == "at":
            return At(self._part(unit, "after"))
        if part == "on" and unit not in ("week", "month", "year"):
            return At(self._part(unit, "after"))
        return Once(self._part(unit, part))

    def _time_of(self) -> Condition:
        self._take("of")
        unit = cast(Unit, self._take(*CYCLES))
        part = self._may(*_PARTS)
        return During(CYCLES[unit]() if part is None else self._part(unit, part))

    def _part(self, unit: Unit, part: str) -> TimeOf:
        make: Callable[..., TimeOf] = getattr(CYCLES[unit], part)
        if part != "between":
            return self._made(make, self._until(EXAMPLES[unit]))
        start = self._until(EXAMPLES[unit], "and")
        self._made(to_anchor, unit, start)
        self._take("and")
        return self._made(make, start, self._until(EXAMPLES[unit]))

    def _while(self) -> Condition:
        if self._take("running", "task") == "running":
            return self._running()
        name = self._name()
        self._take("is")
        return self._is(name)

    def _is(self, task: str | None = None) -> Condition:
        self._take("running")
        return self._running(task)

    def _of_task(self) -> Condition:
        name = self._name() if self._is_name() else None
        if name is None and self._peek() not in ("has", "is"):
            self._fail(["a name in quotes", "has", "is"])
        return self._status(name) if self._take("has", "is") == "has" else self._is(name)

    def _running(self, task: str | None = None) -> Condition:
        found = Running(task)
        if self._peek() in {comparison.split()[0] for comparison in COMPARISONS}:
            found = self._counted(found)
        if self._may("for"):
            found = self._lasting(found)
        return found

    def _counted(self, found: Running) -> Running:
        comparison = self._comparison()
        count = self._count()
        self._take("times", "time")
        return found._compared(comparison, count)

    def _comparison(self) -> Comparison:
        first = self._take(*(comparison.split()[0] for comparison in COMPARISONS))
        seconds = [comparison.split()[1] for comparison in COMPARISONS if comparison.startswith(f"{first} ")]
        return cast(Comparison, f"{first} {self._take(*seconds)}" if seconds else first)

    def _lasting(self, found: Running) -> Running:
        how = self._take("more", "less", "between")
        if how == "between":
            shortest = self._until(SPAN, "and")
            self._made(to_finite, shortest)
            self._take("and")
            return self._made(found.between, shortest, self._until(SPAN))
        self._take("than")
        return self._made(found.more_than if how == "more" else found.less_than, self._until(SPAN))

    def _status(self, task: str | None) -> Condition:
        found = Status(task, cast(Happening, self._take(*HAPPENINGS)))
        what = self._may("this", "today", "past", "in")
        if what is None:
            return found
        if what in ("past", "in"):
            if what == "in":
                self._take("past")
            return found.within(Past(self._made(to_finite, self._until(SPAN))))
        unit = cast(Unit, "day" if what == "today" else self._take("second", "minute", "hour", "day", "week", "month", "year"))
        part = self._may(*_PARTS)
        return found.within(CYCLES[unit]() if part is None else self._part(unit, part))

    def _after(self) -> Condition:
        which = self._take("task", "tasks", "any")
        if which == "any":
            self._take("tasks")
        names = [self._name()]
        while which != "task" and self._may(","):
            names.append(self._name())
        if which == "task" and self._peek() == ",":
            raise ConditionSyntaxError(self._line, self._place(), "several tasks are written: after tasks 'a', 'b'")
        outcome = self._may(*OUTCOMES) or "succeeded"
        return After(tuple(names), outcome, any=which == "any" and len(names) > 1)  # type: ignore[arg-type]  # it is one of them

    def _scheduler(self) -> Condition:
        what = self._take("has", "started", "is")
        if what == "is":
            self._take("running")
            return SchedulerRunning()
        if what == "started":
            span = self._until(SPAN, "ago")
            self._take("ago")
            return SchedulerRunning(shorter=self._made(to_finite, span))
        if self._may("run"):
            if self._take("over", "between") == "over":
                return SchedulerRunning(longer=self._made(to_finite, self._until(SPAN)))
            longer = self._made(to_finite, self._until(SPAN, "and"))
            self._take("and")
            return SchedulerRunning(longer, self._made(to_finite, self._until(SPAN)))
        exactly = self._peek().isdecimal()
        comparison: Comparison = "exactly" if exactly else self._comparison_or("run")
        count = self._count()
        self._take("cycles", "cycle")
        return SchedulerCycles(comparison, count)

    def _comparison_or(self, other: str) -> Comparison:
        if self._peek() not in {comparison.split()[0] for comparison in COMPARISONS}:
            self._fail([other, "a number", *COMPARISONS])
        return self._comparison()

    def _param(self) -> Condition:
        name = self._name()
        return Param(name) if self._take("exists", "is") == "exists" else Param(name, self._name())

    def _retry(self) -> Condition:
        if self._next == len(self._words):
            return Retrying()
        count = self._count()
        self._take("times", "time")
        return Retrying(count)

    def _made(self, make: Callable[..., Made], *args: object) -> Made:
        """Return what `make` makes of the texts just read; what it says against them is told where the last one stands."""
        try:
            return make(*args)
        except (ValueError, TypeError, ArithmeticError) as exc:
            raise ConditionSyntaxError(self._line, self._told, str(exc)) from exc

    def _until(self, what: str, *words: str) -> str:
        """Take the words up to one of `words`, or all that are left: `what` is expected, and at least one."""
        begin = self._next
        self._told = self._place()
        while self._next < len(self._words) and self._peek() not in words:
            self._next += 1
        if begin == self._next:
            self._fail([what])
        start = self._words[begin][1]
        word, last = self._words[self._next - 1]
        return self._line[start : last + len(word)]

    def _count(self) -> int:
        if not self._peek().isdecimal() or len(self._peek()) > LONGEST_NUMBER:
            self._fail(["a number"])
        self._next += 1
        return int(self._words[self._next - 1][0])

    def _name(self) -> str:
        if not self._is_name():
            self._fail(["a name in quotes"])
        self._next += 1
        return unquoted(self._words[self._next - 1][0])

    def _is_name(self) -> bool:
        return self._next < len(self._words) and QUOTED.fullmatch(self._words[self._next][0]) is not None

    def _may(self, *words: str) -> str | None:
        """Take the next word if it is one of `words`."""
        word = self._peek()
        if word not in words:
            self._passed = (self._next, [*(self._passed[1] if self._passed[0] == self._next else ()), *words])
            return None
        self._next += 1
        return word

    def _take(self, *words: str) -> str:
        """Take the next word, which must be one of `words`."""
        word = self._may(*words)
        if word is None:
            self._fail([])
        return word

    def _peek(self) -> str:
        return self._words[self._next][0].lower() if self._next < len(self._words) else ""

    def _place(self) -> int:
        return self._words[self._next][1] if self._next < len(self._words) else self._end

    def _fail(self, expected: list[str]) -> NoReturn:
        found = self._peek()
        expected = [*(self._passed[1] if self._passed[0] == self._next else ()), *expected]
        *most, last = ["a comma" if word == "," else word for word in dict.fromkeys(expected)]
        choices = f"{', '.join(most)} or {last}" if most else last
        raise ConditionSyntaxError(self._line, self._place(), f"{choices} is expected here.{self._hint(found, expected)}")

    def _hint(self, found: str, expected: list[str]) -> str:
        """Return what may have been meant by the word `found`, or by the whole statement."""
        if found in _SIGNS:
            return f" Did you mean {_SIGNS[found]!r}?"
        hint = nearest(found, expected) if found else ""
        return hint or (nearest(self._text.partition("(")[0], self._customs.words()) if self._text else "")
