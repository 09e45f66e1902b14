"""Tasks of code and of files, in place of functions."""

from pathlib import Path

import pytest

import samples
from actors import after_success
from actors.args import Arg
from actors.errors import InvalidOption
from helpers import records, running


async def outcome(app, name, count=1, **params):
    async with running(app) as run:
        app.session[name].run(**params)
        await run.wait_ended(count)
    end = records(app, name)[-1]
    return app.session.returns[name] if end.action == "success" else end.reason


class TestCode:
    async def test_it_is_executed_with_parameters_and_returns_its_return_value(self, app, mode):
        app.task(
            code="import math\nreturn_value = math.sqrt(x) + y", name="it", execution=mode, parameters={"x": 16, "y": Arg("y")}
        )
        app.params(y=1)
        assert await outcome(app, "it", x=25) == 6.0

    async def test_each_run_begins_anew(self, app, mode):
        app.task(code="try: x\nexcept NameError: x = 1; return_value = 'new'", name="it", execution=mode)
        async with running(app) as run:
            app.session["it"].run()
            app.session["it"].run()
            assert await run.wait_ended(2) == ["success", "success"]
        assert app.session.returns["it"] == "new"

    async def test_without_a_return_value_it_returns_nothing(self, app, mode):
        app.task(code="pass", name="it", execution=mode)
        assert await outcome(app, "it") is None

    async def test_what_it_raises_fails_the_run_and_names_the_line(self, app, mode):
        app.task(code="x = 1\n1 / 0\n", name="it", execution=mode)
        assert await outcome(app, "it") == "ZeroDivisionError: division by zero"
        assert 'File "<code>", line 2' in records(app, "it")[-1].exc_text

    @pytest.mark.parametrize(
        ("options", "said"),
        [
            ({"code": "x =", "name": "it"}, "it is not Python: SyntaxError: invalid syntax (<code>, line 1) in line 1"),
            ({"code": 5, "name": "it"}, "a text of Python is expected"),
            ({"code": "pass"}, "a task with code=... needs one"),
            ({"code": "pass", "name": "it", "func_name": "main"}, "it is for a task with path=..., not code"),
            (
                {"code": "pass", "name": "it", "path": __file__},
                "a task has one of func, command, code, path; it has code",
            ),
        ],
    )
    def test_what_is_none_is_an_error_at_once(self, app, options, said):
        with pytest.raises(InvalidOption) as caught:
            app.task(**options)
        assert said in str(caught.value)


class TestFile:
    @pytest.fixture
    def report(self):
        Path("jobs").mkdir()
        Path("jobs/beside.py").write_text("WORD = 'from beside'\n")
        file = Path("jobs/report.py")
        file.write_text(
            "from actors.args import Return, Arg\nimport beside\n"
            "def main(day=1, shared='not shared', given=Return('giver', default=None)):\n"
            "    return day, shared, beside.WORD, given\n"
            "async def later():\n    import asyncio\n    await asyncio.sleep(0)\n    return 'awaited'\n"
            "async def on_trio():\n    import trio\n    await trio.sleep(0)\n    return 'awaited'\n"
        )
        return file

    async def test_its_function_is_found_when_it_runs_with_arguments_of_all_levels(self, app, mode, report):
        app.params(shared="shared", unused=1)
        app.task(func=samples.returns, name="giver")
        app.task(path=report, execution=mode)
        assert await outcome(app, "jobs.report:main", day=3) == (3, "shared", "from beside", None)

    async def test_it_gets_what_the_run_returned_that_started_it(self, app, mode, report):
        app.task(func=samples.returns, name="giver")
        app.task(after_success("giver"), path=report, name="it", execution=mode)
        async with running(app) as run:
            app.session["giver"].run()
            await run.wait_ended(2)
        assert app.session.returns["it"][-1] == "result"

    @pytest.mark.parametrize("function", ["later", "on_trio"])
    async def test_it_may_be_async(self, app, mode, report, function):
        app.task(path=str(report), func_name=function, execution=mode)
        assert await outcome(app, f"jobs.report:{function}") == "awaited"

    async def test_a_changed_file_counts_from_the_next_run_on(self, app, mode, report):
        app.task(path=report, name="it", execution=mode)
        app.task(func=samples.returns, name="giver")
        async with running(app) as run:
            app.session["it"].run()
            await run.wait_ended()
            report.write_text("def main(): return 'changed, and longer than before'\n")
            app.session["it"].run()
            await run.wait_ended(2)
        assert app.session.returns["it"] == "changed, and longer than before"

    @pytest.mark.parametrize(
        ("text", "said"),
        [
            ("def min(): ...", "has no function 'main'"),
            ("1 / 0", "ZeroDivisionError: division by zero"),
            ("def main(x): ...", "task 'it' needs the argument 'x'"),
        ],
    )
    async def test_what_is_wrong_with_it_fails_the_run_and_the_next_one_works(self, app, mode, report, text, said):
        app.task(path=report, name="it", execution=mode)
        app.task(func=samples.returns, name="giver")
        good = report.read_text()
        async with running(app) as run:
            report.write_text(text)
            app.session["it"].run()
            await run.wait_ended()
            report.write_text(good)
            app.session["it"].run()
            assert await run.wait_ended(2) == ["fail", "success"]
        assert said in records(app, "it")[1].reason

    def test_a_file_that_is_not_there_is_an_error_at_once(self, app):
        with pytest.raises(InvalidOption, match="there is no file"):
            app.task(path="jobs/missing.py")
