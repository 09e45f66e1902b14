"""Lines with something in them, found without looking at the others."""

from hypothesis import given
from hypothesis import strategies as st

from runtime.runlog.lines import complete_lines, fragment, lines_with, lines_with_backwards


@given(data=st.text("abx\n").map(str.encode), part=st.sampled_from([b"a", b"ab", b"aa", b"ba"]), skipped=st.integers(0, 3))
def test_they_are_those_among_all_complete_lines_that_have_it(data, part, skipped):
    start = sum(map(len, list(complete_lines(data))[:skipped]))
    expected = [line for line in complete_lines(data, start) if part in line]
    assert list(lines_with(part, data, start)) == expected
    assert list(lines_with_backwards(part, data, start)) == expected[::-1]


def test_a_fragment_is_a_column_as_it_is_written():
    assert fragment("task_name", 'a "b"') == rb'"task_name":"a \"b\""'
    assert fragment("run_id", "3f", goes_on=True) == b'"run_id":"3f'
    assert fragment("run_id", "\ud800") is None
