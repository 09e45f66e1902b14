"""The benchmarks: that the suite runs, and what is made of what it measures. Nothing here asserts how fast something is."""

import json
import math
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner
from rich.console import Console

from actors import App
from benchmarks import command, compare, contest, noise, runlog, scaling, suite, tables
from benchmarks.apart import apart
from benchmarks.compare import Change
from benchmarks.contest import RATE, Contender, Took
from benchmarks.figures import Absent, Figure, Machine, Report, UnreadableReport, latencies, load, save
from benchmarks.launches import one_by_one
from benchmarks.section import Section, Settings
from benchmarks.targets import TARGETS, Target, verdicts, with_targets
from benchmarks.work import nothing_async
from commands import ROOT, cli
from runtime import open_runtime
from runtime.commands import bench
from runtime.runlog.statistics import percentile

MACHINE = Machine("a processor", 2, "Linux 6", "CPython 3.11", {"trio": "0.31"}, 0.1, 0.2, (1.0, 1.0, 1.01, 1.02))
STEADY = (10.0, 10.1, 10.2, 9.9, 10.0)
BARE = Figure("modes", "bare", "µs", tuple(value / 2 for value in STEADY))
OURS = Figure("modes", "ours", "µs", STEADY, "bare", 2.0, p50=10.0, p99=30.0)
CURVE = [Figure("runlog", "insert: run log", "µs", (size / 10,) * 3, size=size, size_unit="records") for size in (10, 1000)]


def report(*figures, absent=(), machine=MACHINE):
    return Report(machine, figures or (BARE, OURS, *CURVE), tuple(absent), 1.0)


def printed(what):
    console = Console(width=140)
    with console.capture() as capture:
        console.print(what)
    return capture.get()


class Steps:
    """Counts how far it is."""

    def __init__(self):
        self.expected = self.done = 0

    def expect(self, steps):
        self.expected += steps

    def step(self):
        self.done += 1


@pytest.fixture(scope="module")
def quick(tmp_path_factory):
    """Return what the quick form of the suite has printed, and the file in which it has kept its figures."""
    file = tmp_path_factory.mktemp("benchmarks") / "quick.json"
    command = [sys.executable, "-m", "benchmarks", "--quick", "--json", str(file)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, timeout=600, check=False)
    assert done.returncode == 0, done.stderr  # on a busy machine the runtime may say there that it had to wait
    return done.stdout, file


def test_the_quick_form_measures_all_sections_but_the_peers(quick):
    text, file = quick
    found = load(file)
    assert found.sections == [section.name for section in suite.SECTIONS if section.name != "peers"]
    assert all(math.isfinite(value) for figure in found.figures for value in figure.samples)
    assert all(f"{section.name}: {section.about}" in text for section in suite.SECTIONS if section.name != "peers")
    assert "single round" in text


def test_each_figure_is_there_once_and_its_baseline_beside_it(quick):
    figures = load(quick[1]).figures
    keys = [figure.key for figure in figures]
    assert len(set(keys)) == len(keys)
    names = {(figure.section, figure.name) for figure in figures}
    compared = [figure for figure in figures if figure.baseline is not None]
    assert len(compared) > 30
    assert [figure for figure in compared if (figure.section, figure.baseline) not in names or figure.ratio is None] == []


def test_each_target_is_about_something_that_is_measured(quick):
    names = {(figure.section, figure.name) for figure in load(quick[1]).figures}
    sizes = {"scaling": scaling.TASKS, "runlog": runlog.SIZES}
    ours = [target for target in TARGETS if target.section != "peers"]
    assert [target for target in ours if (target.section, target.figure) not in names] == []
    assert [target for target in ours if target.size is not None and target.size not in sizes[target.section]] == []


def test_latencies_are_told_of_each_mode(quick):
    modes = {figure.name: figure for figure in load(quick[1]).of("modes")}
    for mode in ("async", "thread", "process"):
        figure = modes[f"{mode}, one after the other"]
        assert 0 < figure.p50 <= figure.p99


def test_what_was_kept_is_shown_again_and_compared_without_measuring(quick):
    _, file = quick
    done = cli("bench", "--load", file, "--compare", file)
    assert (done.returncode, done.stderr) == (0, "")
    assert "async, one after the other" in done.stdout
    assert compare.RULE in " ".join(done.stdout.split())


def test_a_report_is_the_same_after_it_was_kept(tmp_path):
    whole = report(BARE, OURS, *CURVE, absent=[Absent("modes", "other", "pip install other")])
    save(whole, tmp_path / "kept.json")
    assert load(tmp_path / "kept.json") == whole


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"format": 1}', '{"format": 2}', '{"format": 2, "machine": 3}'])
def test_what_is_no_report_is_not_read(text, tmp_path):
    (tmp_path / "other.json").write_text(text)
    with pytest.raises(UnreadableReport, match=r"other\.json"):
        load(tmp_path / "other.json")


def test_a_report_that_cannot_be_read_is_told_before_anything_is_measured(tmp_path):
    done = cli("bench", "--compare", tmp_path / "none.json")
    assert done.returncode == 2
    assert "none.json" in done.stderr


@pytest.mark.parametrize(
    ("old", "new", "unit", "said"),
    [
        (STEADY, [value * 1.3 for value in STEADY], "µs", "worse"),
        (STEADY, [value * 0.7 for value in STEADY], "µs", "better"),
        (STEADY, [value * 1.3 for value in STEADY], "MB/s", "better"),
        (STEADY, [value * 0.7 for value in STEADY], "MB/s", "worse"),
        (STEADY, [value * 1.04 for value in STEADY], "µs", "same"),  # too small a change
        (STEADY, STEADY, "µs", "same"),
        ((8, 10, 12), (9, 11, 13), "µs", "unknown"),  # the middle halves overlap
        ((10,), (20,), "µs", "unknown"),
        (STEADY, (20, 21), "µs", "unknown"),
        ((0, 0, 0), (0, 0, 0), "%", "same"),
    ],
)
def test_a_change_counts_only_beyond_the_noise(old, new, unit, said):
    was, is_now = (Figure("modes", "ours", unit, tuple(samples)) for samples in (old, new))
    assert Change(was, is_now).said == said


def test_a_comparison_tells_what_came_what_went_and_how_the_machines_differ():
    new = replace(OURS, name="newer")
    other = replace(MACHINE, cpu="another", versions={"anyio": "4"}, calibration=(2.0, 2.0, 2.0))
    compared = compare.compare(report(BARE, OURS, *CURVE), report(BARE, new, machine=other))
    assert compared.changes == ()  # a bare primitive is not judged
    assert (compared.come, compared.gone) == ((new,), (OURS,))  # the other section was left out
    text = printed(tables.comparison(compared))
    for said in ("cpu: a processor, now another", "anyio: not installed, now 4", "trio: 0.31, now not installed", "takes +99%"):
        assert said in text


def test_what_has_a_primitive_beside_it_is_compared_by_its_ratio_whatever_the_machine_does():
    slower = [replace(figure, samples=tuple(value * 2 for value in figure.samples)) for figure in (BARE, OURS)]
    (change,) = compare.compare(report(BARE, OURS), report(*slower)).changes
    assert (change.new.name, change.new.unit, change.said) == ("ours", "×", "same")
    (change,) = compare.compare(report(BARE, OURS), report(BARE, slower[1])).changes
    assert (change.said, change.share) == ("worse", pytest.approx(1.0))


def test_a_ratio_of_rates_is_one_of_times():
    bare, ours = (replace(figure, unit="MB/s") for figure in (BARE, OURS))
    (change,) = compare.compare(report(bare, ours), report(bare, replace(ours, samples=BARE.samples))).changes
    assert (change.new.median, change.said) == (1.0, "worse")


@pytest.mark.parametrize("which", [0, 1])
def test_nothing_is_concluded_from_what_varied_too_much_in_either_report(which):
    alone = Figure("modes", "alone", "µs", STEADY)
    scattered = replace(alone, samples=(20.0, 40.0, 60.0))
    (change,) = compare.compare(report((alone, scattered)[which]), report((scattered, alone)[which])).changes
    assert change.said == "unknown"
    assert "unknown ~" in printed(tables.comparison(compare.compare(report(alone), report(scattered))))


def test_what_others_cost_and_shares_of_a_whole_of_ours_are_not_judged():
    whole = replace(BARE, package="callsheet")
    other = Figure("modes", "other", "µs", STEADY, package="trio")
    compared = compare.compare(report(whole, OURS, other), report(whole, OURS, other))
    assert [change.new.name for change in compared.changes] == ["bare"]


def test_a_comparison_can_be_read_on_a_terminal_of_80_columns():
    console = Console(width=80)
    with console.capture() as capture:
        console.print(tables.comparison(compare.compare(report(BARE, OURS), report(BARE, OURS))))
    assert ["modes:", "ours", "×", "2.00", "2.00", "+0.0%", "same"] in [line.split() for line in capture.get().splitlines()]


def test_a_figure_in_another_unit_is_not_compared():
    compared = compare.compare(report(OURS), report(replace(OURS, unit="ms")))
    assert compared.changes == ()


def test_a_noisy_machine_and_figures_that_vary_are_told():
    scattered = replace(OURS, samples=(5.0, 10.0, 30.0))
    busy = replace(MACHINE, load_before=3.0, calibration=(1.0,) * 8 + (2.0,) * 2)
    said = noise.in_words(busy, [BARE, scattered])
    expected = ("noisy", "busy", "from 1 figure, marked with ~")
    assert [words for words in expected if not any(words in sentence for sentence in said)] == []
    assert noise.in_words(MACHINE, [BARE, OURS]) == []
    assert "~10.0" in printed(tables.section("modes", "", [BARE, scattered]))


@pytest.mark.parametrize(
    ("target", "value", "is_met", "words"),
    [
        (Target("modes", "ours", 11), 10.0, True, "≤ 11 µs"),
        (Target("modes", "ours", 9), 10.0, False, "≤ 9 µs"),
        (Target("modes", "ours", 1.5, "ratio"), 2.0, False, "≤ 1.5 × bare"),
        (Target("modes", "ours", 50, "p99"), 30.0, True, "p99 ≤ 50 µs"),
        (Target("modes", "bare", 1, "ahead", other="ours"), 0.5, True, "ahead of ours"),
        (Target("modes", "ours", 1, "ahead", other="nobody"), None, None, "ahead of nobody"),
        (Target("runlog", "insert: run log", 1.5, "growth", size=1000), 100.0, False, "flat: ≤ 1.5 × the smallest"),
    ],
)
def test_a_target_is_met_or_missed(target, value, is_met, words):
    (verdict,) = verdicts([BARE, OURS, *CURVE], [target])
    assert (verdict.value, verdict.is_met) == (value, is_met)
    assert words in [figure.target for figure in with_targets([BARE, OURS, *CURVE], [target])]


def test_a_target_of_something_that_was_not_measured_is_neither():
    (verdict,) = verdicts([BARE], [Target("modes", "ours", 1)])
    assert (verdict.figure, verdict.is_met) == (None, None)


def test_the_summary_says_which_targets_are_met():
    figures = [Figure("modes", "main", "µs", (20.0,) * 3), Figure("modes", "async, one after the other", "µs", (50.0,) * 3)]
    lines = printed(tables.summary(report(*figures))).splitlines()
    assert any("modes: main" in line and line.rstrip().endswith("met") for line in lines)
    assert any("modes: async, one after the other" in line and line.rstrip().endswith("missed") for line in lines)


def test_a_quick_run_holds_no_figure_to_its_target():
    text = printed(tables.summary(replace(report(Figure("modes", "main", "µs", (50.0,))), quick=True)))
    assert "modes: main" in text
    assert "missed" not in text
    assert "None is held to its target" in text


def test_signs_and_heads_are_explained_below_the_tables():
    text = printed(tables.summary(report()))
    assert [word for word in ("LOW", "HIGH", "P50", "MEDIAN", "× BARE", "~") if word not in text] == []


def test_contenders_take_turns_and_are_held_against_their_baselines():
    turns, steps = [], Steps()

    def one(name, seconds):
        return lambda count: turns.append((name, count)) or Took(seconds * count, [seconds] * 3)

    contenders = [
        Contender("bare", one("bare", 1e-6), 1000),
        Contender("ours", one("ours", 3e-6), 1000, "bare"),
        Contender("rate", one("rate", 0.5), 4, unit=RATE, size=2_000_000, size_unit="bytes"),
    ]
    bare, ours, rate = contest.run("modes", contenders, Settings(rounds=2), steps)
    assert [name for name, _ in turns] == ["bare", "ours", "rate"] * 3  # once to warm up
    assert turns[0] == ("bare", 100)
    assert turns[3:6] == [("bare", 1000), ("ours", 1000), ("rate", 4)]
    assert (bare.ratio, ours.ratio) == (None, pytest.approx(3.0))
    assert (ours.samples, ours.p50) == (pytest.approx((3.0, 3.0)), pytest.approx(3.0))
    assert rate.samples == pytest.approx((4.0, 4.0))
    assert steps.done == steps.expected == 9


def test_what_is_not_installed_is_absent_and_the_others_are_measured():
    contenders = [Contender("there", lambda _: 1.0, 1), Contender("other", lambda _: 1.0, 1, package="no_such_package")]
    there, absent = contest.run("modes", contenders, Settings(quick=True, rounds=1), Steps())
    assert there.name == "there"
    assert absent == Absent("modes", "other", "pip install no_such_package")
    assert "absent: other (pip install no_such_package)" in printed(tables.section("modes", "", [there, absent]))


def test_the_percentile_is_one_of_the_values():
    assert [percentile(range(1, 101), share) for share in (1, 50, 99, 100)] == [1, 50, 99, 100]
    assert percentile([7], 99) == 7
    assert latencies([], 1e6) == (None, None)


def test_curves_have_a_column_for_each_size():
    text = printed(tables.section("runlog", "", CURVE))
    assert ["BY", "records", "UNIT", "10", "1,000"] in [line.split() for line in text.splitlines()]


def test_what_fails_in_a_process_of_its_own_says_why():
    with pytest.raises(RuntimeError, match="KeyError: 'nothing'"):
        apart("scaled", "nothing", 1, 1)


@pytest.mark.parametrize("only", [(), ("modes", "payload")])
def test_sections_are_chosen_by_name_and_the_peers_only_when_they_are_asked_for(only):
    names = [section.name for section in suite.chosen(only)]
    assert names == (list(only) or [section.name for section in suite.SECTIONS if section.name != "peers"])
    assert [section.name for section in suite.chosen(only, with_peers=True)] == [*names, "peers"]


def test_pictures_are_drawn_of_all_there_is_and_are_the_same_again(tmp_path):
    pytest.importorskip("matplotlib", reason="the bench extra brings it")
    peer = Figure("peers", "work: other", "µs", STEADY, "work: Callsheet", 1.0, package="other 1")
    ours = Figure("peers", "work: Callsheet", "µs", STEADY, package="callsheet 0.1.0")
    save(report(BARE, OURS, *CURVE, ours, peer), tmp_path / "kept.json")
    names = ["modes.svg", "runlog-curves.svg", "peers.svg"]
    for folder in ("new/folder", "again"):
        done = cli("bench", "--load", tmp_path / "kept.json", "--plot", tmp_path / folder)  # fonts stay open where it is drawn
        assert (done.returncode, done.stderr) == (0, "")
        assert all(name in done.stdout for name in names)
    drawn, again = ([(tmp_path / folder / name).read_text() for name in names] for folder in ("new/folder", "again"))
    assert drawn == again
    assert "ours" in drawn[0]
    assert all(figure.name in drawn[2] for figure in (ours, peer))


def test_what_is_compared_with_a_baseline_is_drawn_beside_it():
    from benchmarks.plots import bar_panels, curve_panels

    alone = Figure("modes", "alone", "KB", (1.0,))
    assert bar_panels([BARE, OURS, alone, *CURVE]) == [(BARE, [OURS]), (None, [alone])]
    assert curve_panels([BARE, *CURVE]) == [("insert", "µs", {"run log": CURVE})]


def test_an_interruption_is_told_as_such_and_what_was_measured_before_is_kept(tmp_path, monkeypatch):
    def interrupted(settings, progress):
        raise BaseExceptionGroup("of nurseries", [BaseExceptionGroup("of nurseries", [KeyboardInterrupt()])])
        yield

    first = Section("first", "one that is done", lambda *_: iter([BARE]))
    second = Section("second", "one that is not", interrupted)
    monkeypatch.setattr(suite, "SECTIONS", (first, second))
    done = CliRunner().invoke(command.main, ["--json", str(tmp_path / "kept.json")])
    assert (done.exit_code, "Traceback" in done.output) == (130, False)
    assert f"Interrupted: {tmp_path / 'kept.json'} has the sections that were done." in done.output
    assert load(tmp_path / "kept.json").figures == (BARE,)


@pytest.mark.parametrize("option", ["--json", "--plot"])
def test_a_place_that_cannot_be_written_is_told_at_once(option, tmp_path, monkeypatch):
    monkeypatch.setattr(suite, "SECTIONS", ())
    monkeypatch.setattr(command, "is_installed", lambda _: True)  # what draws
    (tmp_path / "file").touch()
    done = CliRunner().invoke(command.main, [option, str(tmp_path / "file" / "below")])
    assert done.exit_code == 2
    assert "cannot be written" in done.output


def test_a_file_in_a_folder_that_is_not_there_is_told_at_once(tmp_path):
    done = CliRunner().invoke(command.main, ["--only", "simulation", "--json", str(tmp_path / "none" / "kept.json")])
    assert done.exit_code == 2
    assert "is no folder" in done.output
    assert "simulation" not in done.output


def test_what_is_loaded_is_all_of_it(tmp_path):
    save(report(), tmp_path / "kept.json")
    done = CliRunner().invoke(command.main, ["--load", str(tmp_path / "kept.json"), "--only", "modes"])
    assert done.exit_code == 2
    assert "leave out --only" in done.output


def test_figures_can_be_read_on_a_terminal_of_80_columns():
    console = Console(width=80)
    with console.capture() as capture:
        console.print(tables.section("modes", "", [BARE, replace(OURS, name="a launch of ours, of a long name")], 80))
    assert "a launch of ours, of a long name  µs      10.0  10.0  30.0   100,000    2.00" in capture.get()


def test_who_wants_pictures_hears_at_once_what_draws_them(tmp_path, monkeypatch):
    monkeypatch.setattr(command, "is_installed", lambda _: False)
    done = CliRunner().invoke(command.main, ["--plot", str(tmp_path)])
    assert done.exit_code == 1
    assert "pip install -e '.[bench]'" in done.output


def test_where_the_benchmarks_are_not_installed_the_command_says_where_they_are(tmp_path, monkeypatch):
    monkeypatch.setattr(bench, "ROOT", tmp_path)
    done = CliRunner().invoke(bench.bench, ["--quick"])
    assert done.exit_code == 2
    assert "Clone the repository" in done.output


def test_the_command_gives_way_to_the_benchmarks_from_any_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    done = cli("bench", "--quick", "--only", "simulation", "--json", "kept.json")
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(Path("kept.json").read_text())["figures"][0]["section"] == "simulation"


async def test_who_listens_to_ends_of_runs_can_stop_listening():
    app, heard = App(log=None), []
    app.task(func=nothing_async, name="nothing", execution="async")
    async with open_runtime(app) as system:
        stop = system.on_run_ended(heard.append)
        await one_by_one(system, app.session["nothing"], 1)
        stop()
        await one_by_one(system, app.session["nothing"], 1)
    assert len(heard) == 1
