"""The page that tells what Callsheet costs: its tables and pictures are those of the report that is kept beside it."""

import re
from dataclasses import replace

import pytest
from click.testing import CliRunner

from benchmarks import command
from benchmarks.figures import Figure, Machine, Report, load, save
from benchmarks.page import UnknownTable, filled
from benchmarks.targets import TARGETS
from commands import ROOT

PAGE = ROOT / "docs" / "performance.md"
KEPT = ROOT / "docs" / "performance" / "report.json"
BARE = Figure("modes", "nursery.start_soon", "µs", (4.0, 5.0, 6.0))
OURS = Figure("modes", "main", "µs", (20.0, 20.5, 21.0), "nursery.start_soon", 4.1)
CURVE = [Figure("runlog", "insert: run log", "µs", (size / 1000,) * 3, size=size, size_unit="records") for size in (1000, 9000)]
REPORT = Report(
    Machine("a processor", 2, "Linux 6", "CPython 3.11", {"trio": "0.31"}, 0.1, 0.2, (1.0,)), (BARE, OURS, *CURVE), (), 1.0
)


def part(name, old=""):
    return f"before\n<!-- {name} -->\n{old}<!-- end -->\nafter\n"


class TestFilling:
    def test_a_section_has_a_row_for_each_figure(self):
        lines = filled(part("modes", "| old |\n"), REPORT).splitlines()
        assert lines[:2] == ["before", "<!-- modes -->"]
        assert lines[-2:] == ["<!-- end -->", "after"]
        assert "| main | 20.5 µs | 20.0 to 21.0 | 4.10 × | 3.50 to 5.00 | nursery.start_soon |" in lines
        assert not any("old" in line for line in lines)

    def test_curves_have_a_column_for_each_size(self):
        assert "| records | Unit | 1,000 | 9,000 | Beside |" in filled(part("runlog by records"), REPORT)
        assert "| insert: run log | µs | 1.00 | 9.00 |  |" in filled(part("runlog by records"), REPORT)

    def test_ratios_are_told_at_each_size(self):
        curve = replace(CURVE[0], baseline="a write", ratio=2.5)
        page = filled(part("runlog by records"), replace(REPORT, figures=(curve,)))
        assert "| insert: run log | µs | 1.00 (2.50 ×) | a write |" in page

    def test_single_latencies_are_told_where_they_were_measured(self):
        page = filled(part("modes"), replace(REPORT, figures=(BARE, replace(OURS, p50=19.0, p99=40.0))))
        assert "| main | 20.5 µs | 20.0 to 21.0 | 19.0 | 40.0 | 48,780 | 4.10 × |" in page
        assert "| nursery.start_soon | 5.00 µs | 4.00 to 6.00 |  |  | 200,000 |" in page

    def test_whose_figures_are_beside_ours_is_told_with_their_versions(self):
        peer = replace(OURS, package="rocketry 2.5.1")
        page = filled(part("machine"), replace(REPORT, figures=(BARE, replace(OURS, package="callsheet 0.1.0"), peer)))
        assert "- beside it: rocketry 2.5.1" in page

    def test_targets_are_met_missed_or_not_measured(self):
        page = filled(part("targets"), REPORT)
        assert "| modes: main | ≤ 30 µs | 20.5 µs | 20.5 µs | met |" in page
        assert "| messages: tell |  |  |  | not measured |" in page

    def test_a_verdict_on_what_varied_too_much_is_marked_and_a_quick_run_has_none(self):
        scattered = replace(REPORT, figures=(replace(OURS, samples=(5.0, 20.0, 60.0)),))
        assert "| modes: main | ≤ 30 µs | 20.0 µs | ~20.0 µs | met ~ |" in filled(part("targets"), scattered)
        assert "| modes: main | ≤ 30 µs | 20.5 µs | 20.5 µs |  |" in filled(part("targets"), replace(REPORT, quick=True))

    def test_what_it_was_measured_with_is_a_list(self):
        assert "- a processor, 2 processors, Linux 6, CPython 3.11" in filled(part("machine"), REPORT)

    def test_what_varied_too_much_is_marked(self):
        scattered = Figure("modes", "main", "µs", (5.0, 20.0, 60.0))
        page = filled(part("modes"), Report(REPORT.machine, (scattered,), (), 1.0))
        assert "| main | ~20.0 µs |" in page

    def test_filled_again_it_is_the_same(self):
        once = filled(part("modes") + part("targets"), REPORT)
        assert filled(once, REPORT) == once

    @pytest.mark.parametrize("name", ["nothing", "modes by records", "runlog"])
    def test_a_table_that_there_is_nothing_for_is_an_error(self, name):
        with pytest.raises(UnknownTable, match=name):
            filled(part(name), REPORT)


class TestTheCommand:
    @pytest.fixture(autouse=True)
    def kept(self, tmp_path):
        self.page, self.report = tmp_path / "page.md", tmp_path / "kept.json"
        save(REPORT, self.report)

    def renewed(self):
        return CliRunner().invoke(command.main, ["--load", str(self.report), "--page", str(self.page)])

    def test_it_renews_a_page(self):
        self.page.write_text(part("modes"), "utf-8")
        assert self.renewed().exit_code == 0
        assert "| main |" in self.page.read_text("utf-8")

    def test_one_that_names_an_unknown_table_is_left_as_it_is(self):
        self.page.write_text(part("modes") + part("nothing"), "utf-8")
        done = self.renewed()
        assert done.exit_code == 1
        assert "'nothing'" in done.output
        assert self.page.read_text("utf-8") == part("modes") + part("nothing")


class TestOurs:
    def test_its_tables_are_those_of_the_report_that_is_kept(self):
        page = PAGE.read_text("utf-8")
        assert filled(page, load(KEPT)) == page

    def test_its_pictures_are_there(self):
        pictures = re.findall(r"\]\((performance/[^)]+\.svg)\)", PAGE.read_text("utf-8"))
        assert len(pictures) > 4
        assert [name for name in pictures if not (PAGE.parent / name).is_file()] == []

    def test_all_targets_were_measured(self):
        assert PAGE.read_text("utf-8").count("not measured |") == 0
        assert [target for target in TARGETS if not any(map(target.concerns, load(KEPT).figures))] == []
