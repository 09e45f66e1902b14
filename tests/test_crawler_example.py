"""The example of actors, run as its first lines say."""

import re

from commands import ROOT, cli

EXAMPLE = ROOT / "examples" / "crawler.py"
COLUMNS = ["pages", "links", "broken", "crashes", "restarts", "requests", "seconds", "a second", "limit"]


def test_it_reads_every_page_in_spite_of_crashes_and_sends_no_more_requests_than_it_may():
    done = cli("run", "-q", EXAMPLE)
    assert done.returncode == 0, done.stderr
    rows = [[cell.strip() for cell in re.split("[┃│]", line)[1:-1]] for line in done.stdout.splitlines() if line[0] in "┃│"]
    head, found = rows
    assert head == COLUMNS
    pages, _, broken, crashes, restarts, requests = map(int, found[:6])
    assert (pages, broken) == (80, 5)
    assert requests == pages + broken + crashes
    assert 0 < restarts <= crashes == done.stderr.count("; it is restarted in ")
    rate, burst = map(int, re.findall(r"\d+", found[-1]))
    assert requests <= burst + rate * (float(found[6]) + 0.01)
