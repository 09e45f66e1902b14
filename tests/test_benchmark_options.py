"""The options of the benchmarks: those that make no sense together are refused at once, and none is passed over."""

import signal
import subprocess
import sys

import pytest
from click.testing import CliRunner

from benchmarks import command, suite
from benchmarks.figures import Figure, Machine, Report, save
from benchmarks.section import Section
from commands import ROOT

FIGURE = Figure("first", "ours", "µs", (1.0, 1.0, 1.0))
REPORT = Report(Machine("a processor", 2, "Linux 6", "CPython 3.11", {}, 0.1, 0.2, (1.0,)), (FIGURE,), (), 1.0)


def asked_for(*words):
    return CliRunner().invoke(command.main, [str(word) for word in words])


@pytest.fixture
def measured(monkeypatch):
    """Return the settings with which a section is measured, which takes no time."""
    settings = []
    first = Section("first", "it", lambda given, _: settings.append(given) or iter([FIGURE]))
    monkeypatch.setattr(suite, "SECTIONS", (first,))
    return settings


@pytest.fixture
def looks(monkeypatch):
    """Return how many launches and kills there are, none of which is made."""
    numbers = []
    monkeypatch.setattr(command, "look_at_soak", lambda _, launches, seed: numbers.append(launches) or False)
    monkeypatch.setattr(command, "look_at_kills", lambda _, times, seed: numbers.append(times) or True)
    return numbers


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("--only kills --json k.json", "--only kills measures nothing: leave out --json"),
        ("--only soak --rounds 2 --page README.md", "--only soak measures nothing: leave out --rounds, --page"),
        ("--only soak --only modes", "soak is no section, and measures nothing: run it without --only modes"),
        ("--kills 5", "--kills needs --only kills"),
        ("--launches 5", "--launches needs --only soak"),
        ("--seed 3", "--seed needs --only soak or --only kills"),
        ("--only soak --kills 5", "--kills needs --only kills"),
        ("--load docs/performance/report.json --rounds 3", "--load measures nothing: leave out --rounds"),
    ],
)
def test_what_makes_no_sense_together_is_refused_with_what_to_do_instead(words, said, measured, looks, monkeypatch):
    monkeypatch.chdir(ROOT)
    done = asked_for(*words.split())
    assert done.exit_code == 2
    assert said in " ".join(done.output.replace("│", " ").split())
    assert measured == looks == []


@pytest.mark.parametrize(("words", "rounds"), [("", 5), ("--quick", 1), ("--quick --rounds 3", 3), ("--rounds 2", 2)])
def test_rounds_that_are_asked_for_are_made_also_if_it_is_to_be_quick(words, rounds, measured):
    assert asked_for(*words.split()).exit_code == 0
    assert [settings.rounds for settings in measured] == [rounds]


@pytest.mark.parametrize(
    ("words", "number"),
    [
        ("--only soak", 10_000),
        ("--only soak --quick", 500),
        ("--only soak --quick --launches 7", 7),
        ("--only kills", 200),
        ("--only kills --quick", 5),
        ("--only kills --kills 7", 7),
    ],
)
def test_what_only_looks_is_quick_too(words, number, looks):
    asked_for(*words.split())
    assert looks == [number]


def test_both_looks_are_taken_even_if_something_is_off_in_the_first(looks):
    assert asked_for("--only", "kills", "--only", "soak", "--quick").exit_code == 1
    assert looks == [500, 5]


@pytest.mark.parametrize(
    ("text", "said"),
    [("no table", "it has no table"), ("<!-- modes -->\n<!-- end -->", "nothing is measured for the table 'modes'")],
)
def test_a_page_that_cannot_be_filled_is_told_before_anything_is_measured(text, said, measured, tmp_path):
    page, kept = tmp_path / "page.md", tmp_path / "kept.json"
    page.write_text(text)
    save(REPORT, kept)
    for words in (["--page", page], ["--load", kept, "--page", page]):
        done = asked_for(*words)
        assert done.exit_code == 1
        assert said in done.output
    assert (measured, page.read_text()) == ([], text)


@pytest.mark.parametrize("look", ["soak", "kills"])
def test_an_interruption_of_a_look_is_told_as_such_and_leaves_no_process(look):
    heeds = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)"  # which a shell may have had ignored
    process = subprocess.Popen(
        [sys.executable, "-uc", f"{heeds}; from benchmarks.command import main; main()", "--only", look],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert "seed" in process.stdout.readline()
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=60)  # ends once nobody has its pipes any more
    assert (process.returncode, said.strip()) == (130, "Interrupted.")
