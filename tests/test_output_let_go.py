"""What runs have written goes with them."""

from pathlib import Path

from actors import App
from runtime.output.paths import output_folder
from runtime.runlog.file_log import FileLog
from runtime.runlog.retention import Keep

LOG = Path("runs.jsonl")


def kept_outputs():
    return {path.read_text() for path in output_folder(LOG).rglob("*.log")}


def tidied(keep, now=0.0):
    log = FileLog(LOG)
    log.open()
    log.seal()
    log.tidy(keep, now)
    log.close()


def test_the_output_of_runs_that_are_let_go_of_is_deleted_and_that_of_others_stays():
    app = App(log=LOG)

    def says(words):
        print(words)

    app.task(func=says, execution="main")
    for words in ("first", "second", "third"):
        app.session["says"].run(words=words)
        app.session.run()
    assert kept_outputs() == {"first\n", "second\n", "third\n"}
    tidied(Keep(runs=1))
    assert kept_outputs() == {"third\n"}


def test_the_output_of_the_last_failure_stays_however_old_it_is():
    app = App(log=LOG)

    def fails():
        print("its last words")
        raise ValueError

    app.task(func=fails, execution="main")
    app.session["fails"].run()
    app.session.run()
    tidied(Keep(seconds=1.0), now=4e9)
    assert kept_outputs() == {"its last words\n"}
