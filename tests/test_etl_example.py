"""The example of a pipeline, run as its first lines say."""

import json
import os
import re
import sys
import sysconfig
from pathlib import Path

from commands import CLI, ROOT, Started, cli

EXAMPLE = ROOT / "examples" / "etl.py"
REASON = "json is busy, once and on purpose"
ONE_RETRY = (
    r"..:..:.. task 'etl\.extract' run etl\.extract:json: retry \(SourceBusy: json is busy, once and on purpose\): "
    r"attempt 1 of 3, again in 0\.\d s\n"
)


def test_it_loads_what_it_has_counted_and_the_log_tells_how():
    done = cli("run", "-q", EXAMPLE)
    assert done.returncode == 0
    assert re.fullmatch(ONE_RETRY, done.stderr), done.stderr
    sizes = sizes_of_the_sources()
    assert f"{len(sizes):,} files, {sum(sizes):,} bytes loaded, as counted" in done.stdout

    rows = [json.loads(line) for line in cli("runs", "--json", "-n", "1000").stdout.splitlines()]
    assert {row["execution"] for row in rows} == {"async", "main", "process", "thread"}
    assert [(row["run_id"], row["status"]) for row in rows if row["status"] != "success"] == [("etl.extract:json", "retry")]
    assert [(row["run_id"], row["status"]) for row in rows if row.get("attempt") == 2] == [("etl.extract:json", "success")]
    for stage in ("etl.extract", "etl.transform", "etl.load"):
        files = [row["progress"]["done"] for row in rows if row["task_name"] == stage and row["status"] == "success"]
        assert sum(files) == len(sizes), stage
    on_disk = [row for row in rows if row["task_name"] in ("etl.extract", "etl.load")]
    assert max(sum(other["start"] <= row["start"] < other["end"] for other in on_disk) for row in on_disk) <= 2


def test_it_can_be_run_again_after_it_was_killed():
    with Started(CLI, "run", "-q", EXAMPLE) as started:
        started.wait_for(REASON)
        started.process.kill()
    done = cli("run", "-q", EXAMPLE)
    assert done.returncode == 0
    assert "as counted" in done.stdout
    assert "fail" not in done.stderr, done.stderr


def sizes_of_the_sources():
    """Return the sizes of the files that it is to read, found in another way than it does."""
    library = Path(sysconfig.get_paths()["stdlib"])
    packages = [library / name for name in sys.stdlib_module_names if (library / name / "__init__.py").is_file()]
    folders = [found for package in packages for found in os.walk(package) if "test" not in found[0].removeprefix(str(package))]
    return [Path(folder, name).stat().st_size for folder, _, names in folders for name in names if name.endswith(".py")]
