"""Periods: their windows and openings on the clocks of a zone, their algebra, cron, and what jumps of the clocks do to them."""

import math
import pickle
import zoneinfo
from calendar import monthrange
from copy import copy, deepcopy
from dataclasses import FrozenInstanceError
from datetime import UTC, datetime, timedelta, timezone
from functools import cache
from itertools import islice, pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from actors.periods import (
    Between,
    Cron,
    Overlap,
    Past,
    Period,
    TimeOfDay,
    TimeOfHour,
    TimeOfMinute,
    TimeOfMonth,
    TimeOfSecond,
    TimeOfWeek,
    TimeOfYear,
    Union,
    Window,
    always,
    never,
)
from actors.periods.anchors import to_anchor, written
from actors.periods.cron import NICKNAMES
from actors.zones import changes, instant, local, mark, offset, to_zone, transition, zone_name

quick = settings(max_examples=100)
thorough = settings(max_examples=120)

INF = math.inf
MINUTE, HOUR, DAY = 60, 3600, 86_400
BERLIN = ZoneInfo("Europe/Berlin")
SAO_PAULO = ZoneInfo("America/Sao_Paulo")
LORD_HOWE = ZoneInfo("Australia/Lord_Howe")
APIA = ZoneInfo("Pacific/Apia")
CASABLANCA = ZoneInfo("Africa/Casablanca")
HAVANA = ZoneInfo("America/Havana")
ST_JOHNS = ZoneInfo("America/St_Johns")
ODD = [BERLIN, SAO_PAULO, LORD_HOWE, APIA, CASABLANCA, HAVANA, ST_JOHNS, ZoneInfo("Antarctica/Troll")]
ZONES = [ZoneInfo(name) for name in sorted(zoneinfo.available_timezones())]
CYCLES = (TimeOfSecond, TimeOfMinute, TimeOfHour, TimeOfDay, TimeOfWeek, TimeOfMonth, TimeOfYear)
WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
FIRST, LAST = datetime(2000, 1, 1, tzinfo=UTC).timestamp(), datetime(2040, 1, 1, tzinfo=UTC).timestamp()


def moment_of(text, zone=BERLIN):
    """Return the moment that `text` names, in `zone` unless it says how far from UTC it is."""
    stated = datetime.fromisoformat(text)
    return (stated if stated.tzinfo else stated.replace(tzinfo=zone)).timestamp()


NOW = moment_of("2024-05-15 12:34:56")
weekend = TimeOfWeek.between("Sat", "Sun")
nights = TimeOfDay.between("22:00", "04:00")
office = TimeOfDay.between("09:00", "17:00")


def clock(moment, zone):
    return datetime.fromtimestamp(moment, zone).replace(tzinfo=None)


def ahead(moment, zone):
    return datetime.fromtimestamp(moment, zone).utcoffset().total_seconds()


def shown(moment, zone=BERLIN):
    """Return `moment` as clocks show it, as short as it can be said."""
    if math.isinf(moment):
        return str(moment)
    text = str(clock(moment, zone))
    return text.removesuffix(":00").removesuffix(" 00:00") if "." not in text else text.rstrip("0")


def with_offset(moment, zone=BERLIN):
    return datetime.fromtimestamp(moment, zone).isoformat(" ", "minutes")


def opening_moments(period, moment, zone):
    while (following := period.next_opening(moment, zone)) < INF:
        assert following > moment
        yield following
        moment = following


def openings(period, start, end, zone=BERLIN):
    """Return all openings from `start` up to `end`."""
    start, end = moment_of(start, zone), moment_of(end, zone)
    found = []
    for moment in opening_moments(period, math.nextafter(start, -INF), zone):
        if moment >= end:
            break
        found.append(moment)
    return found


def opened(period, start, end, zone=BERLIN):
    return [with_offset(moment, zone) for moment in openings(period, start, end, zone)]


def dates_of(period, start, end, zone=BERLIN):
    return [shown(moment, zone) for moment in openings(period, start, end, zone)]


@cache
def jumps(zone):
    """Return the moments at which the clocks of `zone` jump."""
    found = []
    week = 7 * DAY
    for start in range(int(FIRST) - 8 * week, int(LAST) + 150 * week, week):
        low, high = start, start + week
        if ahead(low, zone) == ahead(high, zone):
            continue
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if ahead(middle, zone) == ahead(low, zone) else (low, middle)
        found.append(float(high))
    return found


def is_calm(moment, zone, around=2 * DAY):
    """Return whether the clocks jump nowhere near."""
    return not any(abs(moment - jump) <= around for jump in jumps(zone))


def shows(wall, zone):
    """Return the first and the last moment at which clocks show `wall`; where they leave it out, when they jump over it."""
    as_utc = wall.replace(tzinfo=UTC).timestamp()
    near = {ahead(as_utc + hours * HOUR, zone) for hours in range(-27, 28, 3)}
    found = sorted({as_utc - seconds for seconds in near if clock(as_utc - seconds, zone) == wall})
    if not found:
        found = [jump for jump in jumps(zone) if clock(jump - 1, zone) < wall < clock(jump, zone)]
    return found[0], found[-1]


def clock_text(minutes):
    return f"{minutes // 60:02}:{minutes % 60:02}"


class TestTheWindowAroundNow:
    """On Wednesday, 2024-05-15 at 12:34:56."""

    def check(self, period, opening, closing, following):
        assert tuple(map(shown, period.window(NOW, BERLIN))) == (opening, closing, following)
        assert period.contains(NOW, BERLIN) is (moment_of(opening) <= NOW < moment_of(closing))
        assert shown(period.previous_opening(NOW, BERLIN)) == opening
        assert shown(period.next_opening(NOW, BERLIN)) == following

    @pytest.mark.parametrize(
        ("period", "opening", "closing", "following"),
        [
            (TimeOfDay(), "2024-05-15", "2024-05-16", "2024-05-16"),
            (TimeOfDay.before("14:00"), "2024-05-15", "2024-05-15 14:00", "2024-05-16"),
            (TimeOfDay.before("24:00"), "2024-05-15", "2024-05-16", "2024-05-16"),
            (TimeOfDay.before("00:00"), "2024-05-15", "2024-05-16", "2024-05-16"),
            (TimeOfDay.after("12:00"), "2024-05-15 12:00", "2024-05-16", "2024-05-16 12:00"),
            (TimeOfDay.after("14:00"), "2024-05-14 14:00", "2024-05-15", "2024-05-15 14:00"),
            (TimeOfDay.between("10:00", "12:00"), "2024-05-15 10:00", "2024-05-15 12:00", "2024-05-16 10:00"),
            (TimeOfDay.between("22:00", "04:00"), "2024-05-14 22:00", "2024-05-15 04:00", "2024-05-15 22:00"),
            (TimeOfDay.between("12:00", "10:00"), "2024-05-15 12:00", "2024-05-16 10:00", "2024-05-16 12:00"),
            (TimeOfDay.between("10:00", "10:00"), "2024-05-15 10:00", "2024-05-16 10:00", "2024-05-16 10:00"),
            (TimeOfDay("10:00", "12:00"), "2024-05-15 10:00", "2024-05-15 12:00", "2024-05-16 10:00"),
            (TimeOfDay.starting("10:00"), "2024-05-15 10:00", "2024-05-16 10:00", "2024-05-16 10:00"),
            (TimeOfDay.starting("20:00"), "2024-05-14 20:00", "2024-05-15 20:00", "2024-05-15 20:00"),
            (TimeOfDay.on("11:00"), "2024-05-15 11:00", "2024-05-15 12:00", "2024-05-16 11:00"),
            (TimeOfDay.at("11:00"), "2024-05-15 11:00", "2024-05-15 12:00", "2024-05-16 11:00"),
            (TimeOfDay.at("23:30"), "2024-05-14 23:30", "2024-05-15 00:30", "2024-05-15 23:30"),
            (TimeOfDay.at("9:05"), "2024-05-15 09:05", "2024-05-15 10:05", "2024-05-16 09:05"),
            (TimeOfDay.at("12:34:56"), "2024-05-15 12:34:56", "2024-05-15 13:34:56", "2024-05-16 12:34:56"),
            (TimeOfDay.at("12:34:56.5"), "2024-05-14 12:34:56.5", "2024-05-14 13:34:56.5", "2024-05-15 12:34:56.5"),
            (TimeOfDay.at(" 12:00 "), "2024-05-15 12:00", "2024-05-15 13:00", "2024-05-16 12:00"),
        ],
        ids=str,
    )
    def test_parts_of_a_day(self, period, opening, closing, following):
        self.check(period, opening, closing, following)

    @pytest.mark.parametrize(
        ("period", "opening", "closing", "following"),
        [
            (TimeOfHour(), "2024-05-15 12:00", "2024-05-15 13:00", "2024-05-15 13:00"),
            (TimeOfHour.before("30:00"), "2024-05-15 12:00", "2024-05-15 12:30", "2024-05-15 13:00"),
            (TimeOfHour.after("30:00"), "2024-05-15 12:30", "2024-05-15 13:00", "2024-05-15 13:30"),
            (TimeOfHour.between("15:00", "45:30"), "2024-05-15 12:15", "2024-05-15 12:45:30", "2024-05-15 13:15"),
            (TimeOfHour.between("45:00", "15:00"), "2024-05-15 11:45", "2024-05-15 12:15", "2024-05-15 12:45"),
            (TimeOfHour.between("30:00", "30:00"), "2024-05-15 12:30", "2024-05-15 13:30", "2024-05-15 13:30"),
            (TimeOfHour.starting("30:00"), "2024-05-15 12:30", "2024-05-15 13:30", "2024-05-15 13:30"),
            (TimeOfHour.starting("40:00"), "2024-05-15 11:40", "2024-05-15 12:40", "2024-05-15 12:40"),
            (TimeOfHour.at("30:00"), "2024-05-15 12:30", "2024-05-15 12:31", "2024-05-15 13:30"),
            (TimeOfHour.on("34:56"), "2024-05-15 12:34:56", "2024-05-15 12:35:56", "2024-05-15 13:34:56"),
            (TimeOfHour.after("1 quarter"), "2024-05-15 12:15", "2024-05-15 13:00", "2024-05-15 13:15"),
            (TimeOfHour.before("3 quarters"), "2024-05-15 12:00", "2024-05-15 12:45", "2024-05-15 13:00"),
            (TimeOfHour.before("3 Q"), "2024-05-15 12:00", "2024-05-15 12:45", "2024-05-15 13:00"),
            (TimeOfHour.between("1q", "2 quarter"), "2024-05-15 12:15", "2024-05-15 12:30", "2024-05-15 13:15"),
            (TimeOfHour.after("0 quarters"), "2024-05-15 12:00", "2024-05-15 13:00", "2024-05-15 13:00"),
            (TimeOfHour.before("4 quarters"), "2024-05-15 12:00", "2024-05-15 13:00", "2024-05-15 13:00"),
            (TimeOfMinute(), "2024-05-15 12:34", "2024-05-15 12:35", "2024-05-15 12:35"),
            (TimeOfMinute.before("30"), "2024-05-15 12:34", "2024-05-15 12:34:30", "2024-05-15 12:35"),
            (TimeOfMinute.after("30"), "2024-05-15 12:34:30", "2024-05-15 12:35", "2024-05-15 12:35:30"),
            (TimeOfMinute.between("50", "10"), "2024-05-15 12:34:50", "2024-05-15 12:35:10", "2024-05-15 12:35:50"),
            (TimeOfMinute.starting("30"), "2024-05-15 12:34:30", "2024-05-15 12:35:30", "2024-05-15 12:35:30"),
            (TimeOfMinute.at("45"), "2024-05-15 12:34:45", "2024-05-15 12:34:46", "2024-05-15 12:35:45"),
            (TimeOfMinute.on("56"), "2024-05-15 12:34:56", "2024-05-15 12:34:57", "2024-05-15 12:35:56"),
            (TimeOfSecond(), "2024-05-15 12:34:56", "2024-05-15 12:34:57", "2024-05-15 12:34:57"),
            (TimeOfSecond.before("250"), "2024-05-15 12:34:56", "2024-05-15 12:34:56.25", "2024-05-15 12:34:57"),
            (TimeOfSecond.after("250"), "2024-05-15 12:34:55.25", "2024-05-15 12:34:56", "2024-05-15 12:34:56.25"),
            (TimeOfSecond.between("750", "250"), "2024-05-15 12:34:55.75", "2024-05-15 12:34:56.25", "2024-05-15 12:34:56.75"),
            (TimeOfSecond.starting("500"), "2024-05-15 12:34:55.5", "2024-05-15 12:34:56.5", "2024-05-15 12:34:56.5"),
            (TimeOfSecond.at(0), "2024-05-15 12:34:56", "2024-05-15 12:34:56.001", "2024-05-15 12:34:57"),
            (TimeOfSecond.at(500), "2024-05-15 12:34:55.5", "2024-05-15 12:34:55.501", "2024-05-15 12:34:56.5"),
        ],
        ids=str,
    )
    def test_parts_of_an_hour_a_minute_and_a_second(self, period, opening, closing, following):
        self.check(period, opening, closing, following)

    @pytest.mark.parametrize(
        ("period", "opening", "closing", "following"),
        [
            (TimeOfWeek(), "2024-05-13", "2024-05-20", "2024-05-20"),
            (TimeOfWeek.before("Fri"), "2024-05-13", "2024-05-18", "2024-05-20"),
            (TimeOfWeek.before("Fri 00:00"), "2024-05-13", "2024-05-17", "2024-05-20"),
            (TimeOfWeek.before("Wed 12:00"), "2024-05-13", "2024-05-15 12:00", "2024-05-20"),
            (TimeOfWeek.before("Sun"), "2024-05-13", "2024-05-20", "2024-05-20"),
            (TimeOfWeek.after("Wed 12:00"), "2024-05-15 12:00", "2024-05-20", "2024-05-22 12:00"),
            (TimeOfWeek.after("Thu"), "2024-05-09", "2024-05-13", "2024-05-16"),
            (TimeOfWeek.between("Tue", "Fri"), "2024-05-14", "2024-05-18", "2024-05-21"),
            (TimeOfWeek.between("Fri", "Mon"), "2024-05-10", "2024-05-14", "2024-05-17"),
            (TimeOfWeek.between("Wed", "Wed"), "2024-05-15", "2024-05-16", "2024-05-22"),
            (TimeOfWeek.between("Sat", "Mon 00:00"), "2024-05-11", "2024-05-13", "2024-05-18"),
            (TimeOfWeek.between("Wed 12:00", "Wed 10:00"), "2024-05-15 12:00", "2024-05-22 10:00", "2024-05-22 12:00"),
            (TimeOfWeek.starting("Wed"), "2024-05-15", "2024-05-22", "2024-05-22"),
            (TimeOfWeek.starting("Thu"), "2024-05-09", "2024-05-16", "2024-05-16"),
            (TimeOfWeek.on("Mon"), "2024-05-13", "2024-05-14", "2024-05-20"),
            (TimeOfWeek.at("Mon 10:00"), "2024-05-13 10:00", "2024-05-14 10:00", "2024-05-20 10:00"),
            (TimeOfWeek.on("Sun"), "2024-05-12", "2024-05-13", "2024-05-19"),
        ],
        ids=str,
    )
    def test_parts_of_a_week(self, period, opening, closing, following):
        self.check(period, opening, closing, following)

    @pytest.mark.parametrize(
        ("period", "opening", "closing", "following"),
        [
            (TimeOfMonth(), "2024-05-01", "2024-06-01", "2024-06-01"),
            (TimeOfMonth.before("15th"), "2024-05-01", "2024-05-16", "2024-06-01"),
            (TimeOfMonth.before("15th 12:00"), "2024-05-01", "2024-05-15 12:00", "2024-06-01"),
            (TimeOfMonth.before("15th 00:00"), "2024-05-01", "2024-05-15", "2024-06-01"),
            (TimeOfMonth.after("15th"), "2024-05-15", "2024-06-01", "2024-06-15"),
            (TimeOfMonth.after("last 12:00"), "2024-04-30 12:00", "2024-05-01", "2024-05-31 12:00"),
            (TimeOfMonth.between("1st", "5th"), "2024-05-01", "2024-05-06", "2024-06-01"),
            (TimeOfMonth.between("25th", "5th"), "2024-04-25", "2024-05-06", "2024-05-25"),
            (TimeOfMonth.between("25th", "1st 00:00"), "2024-04-25", "2024-05-01", "2024-05-25"),
            (TimeOfMonth.between("25th", "last"), "2024-04-25", "2024-05-01", "2024-05-25"),
            (TimeOfMonth.between("last", "5th"), "2024-04-30", "2024-05-06", "2024-05-31"),
            (TimeOfMonth.between("15th", "15th"), "2024-05-15", "2024-05-16", "2024-06-15"),
            (TimeOfMonth.starting("3rd"), "2024-05-03", "2024-06-03", "2024-06-03"),
            (TimeOfMonth.starting("31st"), "2024-04-30", "2024-05-31", "2024-05-31"),
            (TimeOfMonth.starting("last"), "2024-04-30", "2024-05-31", "2024-05-31"),
            (TimeOfMonth.on("5th"), "2024-05-05", "2024-05-06", "2024-06-05"),
            (TimeOfMonth.on("31st"), "2024-03-31", "2024-04-01", "2024-05-31"),
            (TimeOfMonth.on("last"), "2024-04-30", "2024-05-01", "2024-05-31"),
            (TimeOfMonth.on("Last Day"), "2024-04-30", "2024-05-01", "2024-05-31"),
            (TimeOfMonth.at("3rd 12:30"), "2024-05-03 12:30", "2024-05-04 12:30", "2024-06-03 12:30"),
        ],
        ids=str,
    )
    def test_parts_of_a_month(self, period, opening, closing, following):
        self.check(period, opening, closing, following)

    @pytest.mark.parametrize(
        ("period", "opening", "closing", "following"),
        [
            (TimeOfYear(), "2024-01-01", "2025-01-01", "2025-01-01"),
            (TimeOfYear.before("Feb"), "2024-01-01", "2024-03-01", "2025-01-01"),
            (TimeOfYear.before("May 20th"), "2024-01-01", "2024-05-21", "2025-01-01"),
            (TimeOfYear.before("May 15th 12:00"), "2024-01-01", "2024-05-15 12:00", "2025-01-01"),
            (TimeOfYear.before("Dec"), "2024-01-01", "2025-01-01", "2025-01-01"),
            (TimeOfYear.after("Jun"), "2023-06-01", "2024-01-01", "2024-06-01"),
            (TimeOfYear.between("Nov", "Feb"), "2023-11-01", "2024-03-01", "2024-11-01"),
            (TimeOfYear.between("Feb 3rd", "Feb 5th"), "2024-02-03", "2024-02-06", "2025-02-03"),
            (TimeOfYear.between("Dec 24th 18:00", "Jan 6th"), "2023-12-24 18:00", "2024-01-07", "2024-12-24 18:00"),
            (TimeOfYear.between("May", "May"), "2024-05-01", "2024-06-01", "2025-05-01"),
            (TimeOfYear.starting("Apr"), "2024-04-01", "2025-04-01", "2025-04-01"),
            (TimeOfYear.starting("Feb 29th"), "2024-02-29", "2025-02-28", "2025-02-28"),
            (TimeOfYear.on("may"), "2024-05-01", "2024-06-01", "2025-05-01"),
            (TimeOfYear.on("December"), "2023-12-01", "2024-01-01", "2024-12-01"),
            (TimeOfYear.on("Feb 29th"), "2024-02-29", "2024-03-01", "2028-02-29"),
            (TimeOfYear.at("FEB 3rd 10:00"), "2024-02-03 10:00", "2024-02-04 10:00", "2025-02-03 10:00"),
        ],
        ids=str,
    )
    def test_parts_of_a_year(self, period, opening, closing, following):
        self.check(period, opening, closing, following)

    @pytest.mark.parametrize(
        ("period", "opening", "closing", "following"),
        [
            (TimeOfDay.between(10, 12), "2024-05-15 10:00", "2024-05-15 13:00", "2024-05-16 10:00"),
            (TimeOfDay.before(23), "2024-05-15", "2024-05-16", "2024-05-16"),
            (TimeOfDay.on(11), "2024-05-15 11:00", "2024-05-15 12:00", "2024-05-16 11:00"),
            (TimeOfHour.between(15, 44), "2024-05-15 12:15", "2024-05-15 12:45", "2024-05-15 13:15"),
            (TimeOfHour.before(59), "2024-05-15 12:00", "2024-05-15 13:00", "2024-05-15 13:00"),
            (TimeOfMinute.before(30), "2024-05-15 12:34", "2024-05-15 12:34:31", "2024-05-15 12:35"),
            (TimeOfMinute.before(59), "2024-05-15 12:34", "2024-05-15 12:35", "2024-05-15 12:35"),
            (TimeOfMinute.before(60), "2024-05-15 12:34", "2024-05-15 12:35", "2024-05-15 12:35"),
            (TimeOfSecond.before(499), "2024-05-15 12:34:56", "2024-05-15 12:34:56.5", "2024-05-15 12:34:57"),
            (TimeOfSecond.before(1000), "2024-05-15 12:34:56", "2024-05-15 12:34:57", "2024-05-15 12:34:57"),
            (TimeOfWeek.between(1, 3), "2024-05-13", "2024-05-16", "2024-05-20"),
            (TimeOfWeek.on(7), "2024-05-12", "2024-05-13", "2024-05-19"),
            (TimeOfMonth.between(1, 5), "2024-05-01", "2024-05-06", "2024-06-01"),
            (TimeOfMonth.before(31), "2024-05-01", "2024-06-01", "2024-06-01"),
            (TimeOfYear.between(11, 2), "2023-11-01", "2024-03-01", "2024-11-01"),
            (TimeOfYear.on(12), "2023-12-01", "2024-01-01", "2024-12-01"),
        ],
        ids=str,
    )
    def test_a_whole_number_as_end_includes_what_it_counts(self, period, opening, closing, following):
        self.check(period, opening, closing, following)

    @pytest.mark.parametrize(
        ("period", "opening", "closing", "following"),
        [
            (TimeOfMinute.before(30.0), "2024-05-15 12:34", "2024-05-15 12:34:30", "2024-05-15 12:35"),
            (TimeOfMinute.between(50.5, 59.5), "2024-05-15 12:34:50.5", "2024-05-15 12:34:59.5", "2024-05-15 12:35:50.5"),
            (TimeOfMinute.on(2.5), "2024-05-15 12:34:02.5", "2024-05-15 12:34:03.5", "2024-05-15 12:35:02.5"),
            (TimeOfSecond.before(500.0), "2024-05-15 12:34:56", "2024-05-15 12:34:56.5", "2024-05-15 12:34:57"),
            (TimeOfSecond.after(62.5), "2024-05-15 12:34:55.0625", "2024-05-15 12:34:56", "2024-05-15 12:34:56.0625"),
        ],
        ids=str,
    )
    def test_a_fraction_is_a_place_at_either_side(self, period, opening, closing, following):
        self.check(period, opening, closing, following)

    @pytest.mark.parametrize("written", ["Wed", "wed", "WED", "wEd", "Wednesday", "wednesday", "WEDNESDAY", " Wed ", "3", 3])
    def test_a_weekday_is_its_name_in_any_case_or_its_number(self, written):
        assert TimeOfWeek.on(written) == TimeOfWeek.on("Wed")

    @pytest.mark.parametrize("written", ["5th", "5.", "5", "05", "5TH", 5])
    def test_a_date_is_a_number_with_or_without_an_ending(self, written):
        assert TimeOfMonth.on(written) == TimeOfMonth.on("5th")

    @pytest.mark.parametrize("written", ["Feb 3rd", "feb 3.", "February 3", "FEBRUARY  3rd"])
    def test_a_date_of_a_year_is_a_month_and_a_date(self, written):
        assert TimeOfYear.on(written) == TimeOfYear.on("Feb 3rd")


class TestTheEdgesOfAWindow:
    @pytest.mark.parametrize(
        ("moment", "inside"),
        [("09:59:59.999999", False), ("10:00", True), ("11:59:59.999999", True), ("12:00", False), ("12:00:00.000001", False)],
    )
    def test_the_opening_is_inside_and_the_closing_is_not(self, moment, inside):
        assert TimeOfDay.between("10:00", "12:00").contains(moment_of(f"2024-05-15 {moment}"), BERLIN) is inside

    def test_the_latest_window_is_the_one_that_has_just_opened(self):
        opening = moment_of("2024-05-15 10:00")
        period = TimeOfDay.after("10:00")
        assert period.previous_opening(opening, BERLIN) == opening
        assert period.next_opening(opening, BERLIN) == opening + DAY
        assert period.next_opening(math.nextafter(opening, 0), BERLIN) == opening

    def test_the_next_change_is_the_closing_of_an_open_window(self):
        assert shown(TimeOfDay.between("10:00", "14:00").next_change(NOW, BERLIN)) == "2024-05-15 14:00"

    def test_the_next_change_is_the_opening_of_the_next_window_if_none_is_open(self):
        assert shown(TimeOfDay.between("10:00", "12:00").next_change(NOW, BERLIN)) == "2024-05-16 10:00"

    def test_the_next_change_of_the_whole_is_its_next_opening(self):
        assert shown(TimeOfDay().next_change(NOW, BERLIN)) == "2024-05-16"


class TestDaysThatAMonthDoesNotHave:
    def test_the_31st_is_no_day_of_short_months(self):
        assert dates_of(TimeOfMonth.on("31st"), "2024-01-01", "2025-01-01") == [
            f"2024-{month}-31" for month in ("01", "03", "05", "07", "08", "10", "12")
        ]

    def test_no_window_opens_on_the_30th_of_february(self):
        assert [date[5:7] for date in dates_of(TimeOfMonth.after("30th 10:00"), "2023-01-01", "2023-05-01")] == ["01", "03", "04"]

    @pytest.mark.parametrize("day", ["29th", "30th", "31st", 31, "31st 12:00", "last"])
    def test_every_month_has_a_day_to_start_on(self, day):
        months = [date[:7] for date in dates_of(TimeOfMonth.starting(day), "2023-01-01", "2025-01-01")]
        assert months == [f"{year}-{month:02}" for year in (2023, 2024) for month in range(1, 13)]

    @pytest.mark.parametrize(
        ("year", "dates"),
        [("2023", ["01-31", "02-28", "03-31", "04-30", "05-31"]), ("2024", ["01-31", "02-29", "03-31", "04-30", "05-31"])],
    )
    def test_months_without_the_day_start_on_their_last(self, year, dates):
        found = dates_of(TimeOfMonth.starting("31st"), f"{year}-01-01", f"{year}-06-01")
        assert found == [f"{year}-{date}" for date in dates]

    def test_months_that_start_on_the_31st_follow_one_another(self):
        period, moment = TimeOfMonth.starting("31st"), NOW
        for _ in range(30):
            window = period.window(moment, BERLIN)
            assert window.closing == window.following
            moment = window.following

    def test_the_last_day_is_that_of_each_month(self):
        assert dates_of(TimeOfMonth.on("last"), "2024-01-01", "2024-07-01") == [
            "2024-01-31",
            "2024-02-29",
            "2024-03-31",
            "2024-04-30",
            "2024-05-31",
            "2024-06-30",
        ]

    @pytest.mark.parametrize("end", ["31st", "30th", 31, "last", "31st 12:00"])
    def test_an_end_that_february_does_not_have_is_the_end_of_february(self, end):
        window = TimeOfMonth.between("10th", end).window(moment_of("2023-02-15"), BERLIN)
        assert shown(window.closing) == "2023-03-01"

    def test_29_february_comes_in_leap_years(self):
        assert dates_of(TimeOfYear.on("Feb 29th"), "1999-01-01", "2013-01-01") == [
            "2000-02-29",
            "2004-02-29",
            "2008-02-29",
            "2012-02-29",
        ]

    def test_29_february_may_be_eight_years_away(self):
        period = TimeOfYear.on("Feb 29th")
        assert shown(period.next_opening(moment_of("2096-03-01"), BERLIN)) == "2104-02-29"
        assert shown(period.previous_opening(moment_of("2104-02-28"), BERLIN)) == "2096-02-29"

    def test_years_that_start_on_29_february_start_on_the_28th_in_others(self):
        assert dates_of(TimeOfYear.starting("Feb 29th"), "2023-01-01", "2026-01-01") == ["2023-02-28", "2024-02-29", "2025-02-28"]

    def test_a_year_ends_with_february_28_where_the_29th_is_missing(self):
        assert shown(TimeOfYear.before("Feb 29th").window(moment_of("2023-01-15"), BERLIN).closing) == "2023-03-01"


class TestAnchorsThatAreNone:
    @pytest.mark.parametrize(
        ("cycle", "wrong", "expected"),
        [
            (TimeOfDay, "25:00", "a time of day, such as 10:00 is expected, not '25:00'"),
            (TimeOfDay, "24:01", "a time of day"),
            (TimeOfDay, "10:60", "a time of day"),
            (TimeOfDay, "10:00:60", "a time of day"),
            (TimeOfDay, "10", "a time of day"),
            (TimeOfDay, "Mon", "a time of day"),
            (TimeOfDay, 24, "a number from 0 to 23 is expected, not 24"),
            (TimeOfDay, -1, "a number from 0 to 23"),
            (TimeOfDay, 1.5, "a number from 0 to 23"),
            (TimeOfHour, "61:00", "minutes and seconds, such as 30:00, or quarters"),
            (TimeOfHour, "60:01", "minutes and seconds"),
            (TimeOfHour, "30:60", "minutes and seconds"),
            (TimeOfHour, "5 quarters", "quarters, such as 1 quarter"),
            (TimeOfHour, 60, "a number from 0 to 59"),
            (TimeOfMinute, "61", "seconds from 0 to 60"),
            (TimeOfMinute, 61, "a number from 0 to 60"),
            (TimeOfMinute, 60.5, "a number from 0 to 60"),
            (TimeOfMinute, math.nan, "a number from 0 to 60"),
            (TimeOfSecond, 1001, "a number from 0 to 1000"),
            (TimeOfSecond, "1001", "milliseconds from 0 to 1000"),
            (TimeOfWeek, "Mo", "a weekday, such as Mon or Mon 10:00 is expected, not 'Mo'"),
            (TimeOfWeek, "Mon 25:00", "a weekday"),
            (TimeOfWeek, "8", "a weekday"),
            (TimeOfWeek, 0, "a number from 1 to 7 is expected, not 0"),
            (TimeOfWeek, 8, "a number from 1 to 7 is expected, not 8"),
            (TimeOfMonth, "32nd", "a day of the month, such as 5th, last or 3rd 12:30 is expected, not '32nd'"),
            (TimeOfMonth, "0th", "a day of the month"),
            (TimeOfMonth, "5th 24:30", "a day of the month"),
            (TimeOfMonth, "first", "a day of the month"),
            (TimeOfMonth, 0, "a number from 1 to 31"),
            (TimeOfMonth, 32, "a number from 1 to 31"),
            (TimeOfYear, "Feb 30th", "a month, such as Feb or Feb 3rd is expected, not 'Feb 30th'"),
            (TimeOfYear, "Apr 31st", "a month"),
            (TimeOfYear, "5th", "a month"),
            (TimeOfYear, 13, "a number from 1 to 12"),
        ],
    )
    @pytest.mark.parametrize("side", ["before", "after", "on", "at", "starting"])
    def test_the_error_says_what_is_expected(self, cycle, wrong, expected, side):
        with pytest.raises(ValueError) as caught:
            getattr(cycle, side)(wrong)
        assert expected in str(caught.value)

    @pytest.mark.parametrize("cycle", CYCLES)
    @pytest.mark.parametrize("wrong", [True, False, None, b"10:00", ["10:00"], timedelta(hours=10), "", "nonsense", -1, INF])
    def test_nothing_else_is_an_anchor_of_any_cycle(self, cycle, wrong):
        with pytest.raises((TypeError, ValueError), match=" is expected, not "):
            cycle.on(wrong)

    @pytest.mark.parametrize(
        ("cycle", "wrong", "meant"),
        [(TimeOfWeek, "Monnday", "Monday"), (TimeOfWeek, "thrusday", "Thursday"), (TimeOfYear, "Febuary", "February")],
    )
    def test_a_misspelt_name_is_answered_with_the_right_one(self, cycle, wrong, meant):
        with pytest.raises(ValueError, match=f"Did you mean '{meant}'?"):
            cycle.on(wrong)

    @given(st.sampled_from(CYCLES), st.text(max_size=12) | st.integers() | st.floats() | st.none())
    @quick
    def test_any_value_is_an_anchor_or_an_error(self, cycle, anything):
        try:
            period = cycle.between(anything, anything)
        except (TypeError, ValueError):
            return
        assert period.window(NOW, BERLIN).opening <= NOW


times = st.integers(0, 24 * 60 - 1).map(clock_text)
dates = st.integers(1, 31).map(str) | st.just("last")
year_dates = st.builds(lambda month, day: f"{month} {day}", st.sampled_from(MONTHS), st.integers(1, 28)) | st.just("Feb 29th")


def with_times(days):
    return days | st.builds(lambda day, time: f"{day} {time}", days, times)


anchors = {
    TimeOfSecond: st.integers(0, 999) | st.sampled_from([0.5, 12.25, 999.5]),
    TimeOfMinute: st.integers(0, 59) | st.sampled_from([0.5, 59.75]),
    TimeOfHour: st.integers(0, 59) | times.filter(lambda time: time < "60") | st.sampled_from(["1 quarter", "3q"]),
    TimeOfDay: st.integers(0, 23) | times,
    TimeOfWeek: st.integers(1, 7) | with_times(st.sampled_from(WEEKDAYS)),
    TimeOfMonth: st.integers(1, 31) | with_times(dates),
    TimeOfYear: st.integers(1, 12) | st.sampled_from(MONTHS) | with_times(year_dates),
}


class TestWords:
    @pytest.mark.parametrize(
        ("period", "words"),
        [
            (TimeOfDay(), "time of day"),
            (TimeOfDay.before("14:00"), "time of day before 14:00"),
            (TimeOfDay.before(13), "time of day before 14:00"),
            (TimeOfDay.after("9:30"), "time of day after 09:30"),
            (TimeOfDay.between("22:00", "04:00"), "time of day between 22:00 and 04:00"),
            (TimeOfDay.starting("10:00"), "time of day starting 10:00"),
            (TimeOfDay.at("23:30:15.5"), "time of day on 23:30:15.5"),
            (TimeOfHour.after("1 quarter"), "time of hour after 15:00"),
            (TimeOfMinute.on(2.5), "time of minute on 2.5"),
            (TimeOfSecond.on(5), "time of second on 5"),
            (TimeOfWeek.between("tue", 5), "time of week between Tuesday and Friday"),
            (TimeOfWeek.on("mon 10:00"), "time of week on Monday 10:00"),
            (TimeOfMonth.between("1", "last"), "time of month between 1st and last"),
            (TimeOfMonth.between("2.", "3rd 12:30"), "time of month between 2nd and 3rd 12:30"),
            (TimeOfMonth.on("11"), "time of month on 11th"),
            (TimeOfYear.between("nov", 2), "time of year between November and February"),
            (TimeOfYear.on("feb 29."), "time of year on February 29th"),
            (Between(1.0, 0.0), "never"),
            (TimeOfWeek.on("Mon") | TimeOfDay.before("10:00"), "time of week on Monday | time of day before 10:00"),
            (
                (TimeOfWeek.on("Mon") | TimeOfWeek.on("Tue")) & TimeOfDay.before("10:00"),
                "(time of week on Monday | time of week on Tuesday) & time of day before 10:00",
            ),
            (Cron("*/5  9-17 * * mon"), "cron */5 9-17 * * MON"),
        ],
        ids=repr,
    )
    def test_a_period_says_which_part_it_is(self, period, words):
        assert str(period) == words

    @given(
        st.sampled_from(CYCLES).flatmap(lambda cycle: st.tuples(st.just(cycle), anchors[cycle])),
        st.sampled_from(["start", "end"]),
    )
    @example((TimeOfYear, "Feb 3rd 00:00"), "end")
    @thorough
    def test_an_anchor_is_read_back_as_it_was_written(self, cycle_and_anchor, side):
        cycle, given_anchor = cycle_and_anchor
        anchor = to_anchor(cycle.unit, given_anchor, side)
        assert to_anchor(cycle.unit, written(cycle.unit, anchor, side), side) == pytest.approx(anchor)


class TestValues:
    def test_periods_of_one_part_are_equal_and_hash_alike(self):
        assert TimeOfDay.between("10:00", 11) == TimeOfDay("10:00", "12:00")
        assert len({TimeOfDay.on("10:00"), TimeOfDay.at(10), Cron("@daily"), Cron("0 0 * * *")}) == 2

    def test_a_day_is_no_hour(self):
        assert TimeOfDay() != TimeOfHour()

    def test_what_has_been_asked_makes_no_difference_to_equality(self):
        asked = TimeOfDay.on("10:00")
        asked.window(NOW, BERLIN)
        assert asked == TimeOfDay.on("10:00")
        assert hash(asked) == hash(TimeOfDay.on("10:00"))

    @pytest.mark.parametrize(
        ("period", "field"),
        [
            (TimeOfDay(), "start"),
            (Cron("* * * * *"), "expression"),
            (always, "end"),
            (office | nights, "parts"),
            (office & nights, "parts"),
        ],
        ids=str,
    )
    def test_a_period_cannot_be_changed(self, period, field):
        with pytest.raises(FrozenInstanceError):
            setattr(period, field, None)

    @pytest.mark.parametrize(
        "period", [office, Cron("* * * * *"), always, Past(60.0), office | nights, office & weekend], ids=str
    )
    def test_a_period_that_has_been_asked_can_be_copied_and_sent(self, period):
        window = period.window(NOW, BERLIN)
        for twin in (copy(period), deepcopy(period), pickle.loads(pickle.dumps(period))):
            assert twin == period
            assert twin.window(NOW, BERLIN) == window

    @pytest.mark.parametrize("other", [None, 1, "daily"])
    def test_periods_combine_only_with_periods(self, other):
        with pytest.raises(TypeError):
            TimeOfDay() & other
        with pytest.raises(TypeError):
            TimeOfDay() | other


class TestSingleTimes:
    def test_a_single_time_has_not_opened_before_its_start(self):
        assert Between(10.0, 20.0).window(9.9, UTC) == Window(-INF, -INF, 10.0)
        assert not Between(10.0, 20.0).contains(9.9, UTC)

    @pytest.mark.parametrize(("moment", "inside"), [(10.0, True), (19.9, True), (20.0, False), (30.0, False)])
    def test_a_single_time_opens_once(self, moment, inside):
        assert Between(10.0, 20.0).window(moment, UTC) == Window(10.0, 20.0, INF)
        assert Between(10.0, 20.0).contains(moment, UTC) is inside

    def test_either_end_may_be_open(self):
        assert Between(end=20.0).contains(-1e9, UTC)
        assert not Between(end=20.0).contains(20.0, UTC)
        assert Between(start=20.0).contains(1e12, UTC)
        assert Between(start=20.0).next_opening(0.0, UTC) == 20.0

    @pytest.mark.parametrize("moment", [0.0, 10.0, 15.0, 20.0, 30.0])
    def test_an_end_that_is_not_after_the_start_is_never(self, moment):
        for empty in (Between(20.0, 10.0), Between(10.0, 10.0), never):
            assert empty.window(moment, UTC) == Window(-INF, -INF, INF)
            assert empty.next_change(moment, UTC) == INF

    @pytest.mark.parametrize("moment", [-1e9, 0.0, NOW, 1e12])
    def test_always_is_open_and_changes_never(self, moment):
        assert always.contains(moment, UTC)
        assert always.window(moment, UTC) == Window(-INF, INF, INF)
        assert always.next_change(moment, UTC) == INF

    def test_the_next_changes_of_a_single_time_are_its_start_and_its_end(self):
        assert [Between(10.0, 20.0).next_change(moment, UTC) for moment in (5.0, 10.0, 20.0)] == [10.0, 20.0, INF]

    def test_the_past_moves_along(self):
        past = Past(60.0)
        for moment in (NOW, NOW + 30, NOW + 1000, NOW):
            window = past.window(moment, UTC)
            assert window.opening == moment - 60
            assert window.opening <= moment < window.closing
            assert past.contains(moment, UTC)
            assert past.next_opening(moment, UTC) == INF

    def test_the_past_may_leave_out_its_latest_part(self):
        window = Past(60.0, 10.0).window(NOW, UTC)
        assert window.opening == NOW - 60
        assert window.closing == pytest.approx(NOW - 10, abs=1e-6)


moments = st.integers(int(FIRST), int(LAST)).map(float) | st.floats(FIRST, LAST, allow_nan=False)
PARTS = {
    "hour": st.builds(
        lambda start, length: TimeOfHour.between(f"{start:02}:00", f"{(start + length) % 60:02}:00"),
        st.integers(0, 59),
        st.integers(1, 25),
    )
    | st.sampled_from([Cron("*/7 * * * *"), Cron("0 * * * *"), Cron("5-20 * * * *"), Cron("*/20 30 * * * *")]),
    "day": st.builds(
        lambda start, length: TimeOfDay.between(clock_text(start), clock_text((start + length) % 1440)),
        st.integers(0, 1439),
        st.integers(70, 600),
    ),
    "week": st.builds(
        lambda start, length: TimeOfWeek.between(WEEKDAYS[start], WEEKDAYS[(start + length) % 7]),
        st.integers(0, 6),
        st.integers(0, 2),
    ),
    "month": st.sampled_from(
        [TimeOfMonth.on("5th"), TimeOfMonth.between("25th", "5th"), TimeOfMonth.on("31st"), TimeOfMonth.before("9th 12:00")]
    ),
    "once": st.tuples(moments, moments).map(sorted).map(lambda two: Between(*two)) | st.sampled_from([always, never]),
}
different_parts = st.lists(st.sampled_from(sorted(PARTS)), min_size=2, max_size=3, unique=True).flatmap(
    lambda names: st.tuples(*(PARTS[name] for name in names))
)


@st.composite
def anywhen(draw, zones=ZONES):
    """Draw a zone and a moment; half the time one near which the clocks jump."""
    zone = draw(st.sampled_from(ODD) | st.sampled_from(zones)) if zones is ZONES else draw(st.sampled_from(zones))
    if jumps(zone) and draw(st.booleans()):
        jump = draw(st.sampled_from(jumps(zone)))
        near = st.integers(-180, 180).map(lambda minutes: minutes * 60.0) | st.floats(-1.5 * DAY, 1.5 * DAY)
        return zone, jump + draw(near)
    return zone, draw(moments)


class TestBothAndEither:
    def test_the_overlap_of_parts_of_a_week_and_a_day(self):
        assert tuple(map(shown, (weekend & nights).window(NOW, BERLIN))) == ("2024-05-12 22:00", "2024-05-13", "2024-05-18")

    def test_an_overlap_opens_wherever_both_become_open(self):
        assert dates_of(weekend & nights, "2024-05-18", "2024-05-20") == ["2024-05-18", "2024-05-18 22:00", "2024-05-19 22:00"]

    def test_the_union_of_parts_of_a_week_and_a_day(self):
        assert tuple(map(shown, (weekend | nights).window(NOW, BERLIN))) == (
            "2024-05-14 22:00",
            "2024-05-15 04:00",
            "2024-05-15 22:00",
        )

    def test_windows_of_a_union_that_meet_are_one(self):
        window = (weekend | nights).window(moment_of("2024-05-18 12:00"), BERLIN)
        assert tuple(map(shown, window)) == ("2024-05-17 22:00", "2024-05-20 04:00", "2024-05-20 22:00")

    def test_windows_of_a_union_that_touch_are_one(self):
        window = (TimeOfDay.between("08:00", "12:00") | TimeOfDay.between("12:00", "14:00")).window(NOW, BERLIN)
        assert tuple(map(shown, window)) == ("2024-05-15 08:00", "2024-05-15 14:00", "2024-05-16 08:00")

    def test_the_windows_of_an_overlap_that_touch_remain_two(self):
        window = (TimeOfHour() & office).window(moment_of("2024-05-15 09:30"), BERLIN)
        assert tuple(map(shown, window)) == ("2024-05-15 09:00", "2024-05-15 10:00", "2024-05-15 10:00")

    def test_they_can_be_nested(self):
        period = office & (TimeOfWeek.on("Mon") | TimeOfWeek.on("Wed")) & TimeOfMonth.before("15th")
        assert dates_of(period, "2024-05-13", "2024-06-11") == [
            "2024-05-13 09:00",
            "2024-05-15 09:00",
            "2024-06-03 09:00",
            "2024-06-05 09:00",
            "2024-06-10 09:00",
        ]

    def test_a_single_time_cuts_off_what_is_outside(self):
        static = Between(moment_of("2024-05-15 09:30"), moment_of("2024-05-17 10:30"))
        found = [
            (shown(window.opening), shown(window.closing))
            for moment in openings(TimeOfDay.between("10:00", "12:00") & static, "2024-05-15 11:00", "2024-07-01")
            for window in [(TimeOfDay.between("10:00", "12:00") & static).window(moment, BERLIN)]
        ]
        assert found == [("2024-05-16 10:00", "2024-05-16 12:00"), ("2024-05-17 10:00", "2024-05-17 10:30")]

    @pytest.mark.parametrize("part", [office, TimeOfHour.before("10:00"), Cron("0 11 * * *")], ids=str)
    @pytest.mark.parametrize(
        "static",
        [always, never, Between(moment_of("2024-05-10"), moment_of("2024-05-20")), Between(start=NOW), Between(end=NOW)],
        ids=["always", "never", "between", "from", "until"],
    )
    def test_any_period_combines_with_single_times(self, part, static):
        for text in ("2024-05-01 11:00", "2024-05-10 11:00", "2024-05-15 11:00", "2024-05-15 13:00", "2024-05-30 11:00"):
            moment = moment_of(text)
            inside, within = part.contains(moment, BERLIN), static.contains(moment, BERLIN)
            assert (part & static).contains(moment, BERLIN) is (inside and within)
            assert (static & part).contains(moment, BERLIN) is (inside and within)
            assert (part | static).contains(moment, BERLIN) is (inside or within)
            assert (static | part).contains(moment, BERLIN) is (inside or within)

    @pytest.mark.parametrize("part", [TimeOfDay(), TimeOfDay.between("10:00", "12:00"), Cron("0 11 * * *")], ids=str)
    def test_always_and_never_are_neutral(self, part):
        assert (part & always).window(NOW, BERLIN) == part.window(NOW, BERLIN)
        assert (part | always).window(NOW, BERLIN) == always.window(NOW, BERLIN)
        assert (part & never).window(NOW, BERLIN) == never.window(NOW, BERLIN)

    def test_a_union_with_never_is_the_other(self):
        assert (office | never).window(NOW, BERLIN) == office.window(NOW, BERLIN)

    @pytest.mark.parametrize(
        "parts",
        [
            (TimeOfDay.between("08:00", "10:00"), TimeOfDay.between("12:00", "14:00")),
            (TimeOfWeek.on("Mon"), TimeOfWeek.on("Tue")),
            (TimeOfMonth.on("30th"), TimeOfYear.on("Feb")),
            (TimeOfYear.on("Feb 29th"), TimeOfMonth.on("30th")),
            (Cron("0 10 * * *"), TimeOfHour.after("30:00")),
        ],
        ids=lambda parts: ", ".join(map(str, parts)),
    )
    def test_parts_that_never_meet_never_open(self, parts):
        assert Overlap(parts).window(NOW, BERLIN) == Window(-INF, -INF, INF)

    @pytest.mark.parametrize(
        "parts",
        [
            (TimeOfDay.between("08:00", "20:00"), TimeOfDay.between("20:00", "08:00")),
            (TimeOfWeek.between("Mon", "Fri"), weekend),
            (TimeOfDay(), TimeOfDay.on("10:00")),
        ],
        ids=lambda parts: ", ".join(map(str, parts)),
    )
    def test_parts_that_leave_nothing_out_are_always_open(self, parts):
        period = Union(parts)
        assert period.contains(NOW, BERLIN)
        assert period.window(NOW, BERLIN) == Window(-INF, INF, INF)

    def test_an_overlap_of_what_is_rare_is_found(self):
        assert dates_of(TimeOfYear.on("Feb 29th") & TimeOfWeek.on("Mon"), "2000-01-01", "2080-01-01") == [
            "2016-02-29",
            "2044-02-29",
            "2072-02-29",
        ]

    @pytest.mark.parametrize("near", [0.0, 10.0])
    @pytest.mark.parametrize("moment", ["2024-05-15 08:00", "2024-05-15 09:00", "2024-05-15 12:00", "2024-05-15 17:00"])
    def test_with_the_past_the_other_decides(self, moment, near):
        asked = moment_of(moment)
        assert (Past(3600.0, near) & office).contains(asked, BERLIN) is office.contains(asked, BERLIN)

    def test_an_overlap_with_the_past_moves_along(self):
        period = Past(3600.0) & always
        for moment in (NOW, NOW + 10, NOW + 5000):
            assert period.window(moment, BERLIN).opening == moment - 3600

    @given(different_parts, anywhen(), st.lists(st.floats(-3 * DAY, 3 * DAY), max_size=8))
    @quick
    def test_open_is_what_the_parts_say(self, parts, place, steps):
        zone, start = place
        for moment in (start, *(start + step for step in steps)):
            inside = [deepcopy(part).contains(moment, zone) for part in parts]
            assert Overlap(parts).contains(moment, zone) is all(inside)
            assert Union(parts).contains(moment, zone) is any(inside)

    @given(different_parts, anywhen())
    @quick
    def test_between_a_closing_and_the_next_opening_it_is_not_open(self, parts, place):
        zone, moment = place
        for period, decide in ((Overlap(parts), all), (Union(parts), any)):
            window = period.window(moment, zone)
            first = max(moment, window.closing)
            step = (min(window.following, first + 60 * DAY) - first) / 20
            for number in range(20):
                asked = first + number * step
                if asked < window.following and not (number == 0 and asked < window.closing):
                    assert not decide(part.contains(asked, zone) for part in parts)

    @given(different_parts, anywhen())
    @quick
    def test_at_its_opening_it_becomes_open(self, parts, place):
        zone, moment = place
        for period, decide in ((Overlap(parts), all), (Union(parts), any)):
            opening = period.next_opening(moment, zone)
            assert opening > moment
            if opening == INF:
                continue
            assert decide(part.contains(opening, zone) for part in parts)
            assert opening in [part.previous_opening(opening, zone) for part in parts]

    @given(different_parts, anywhen())
    @quick
    def test_the_order_of_the_parts_makes_no_difference(self, parts, place):
        zone, moment = place
        assert Overlap(parts).window(moment, zone) == Overlap(parts[::-1]).window(moment, zone)
        assert Union(parts).window(moment, zone) == Union(parts[::-1]).window(moment, zone)


class TestExpressionsOfCron:
    def days(self, expression, start="2024-05-01", end="2024-06-01"):
        return [int(text[8:10]) for text in opened(Cron(expression), start, end, UTC)]

    def times(self, expression, start="2024-05-15", end="2024-05-16"):
        return [text[11:16] for text in opened(Cron(expression), start, end, UTC)]

    def test_a_stepped_range_of_days_begins_with_its_first(self):
        assert self.days("0 0 1-31/2 * *") == list(range(1, 32, 2))

    def test_a_stepped_range_of_weekdays_begins_with_its_first(self):
        assert self.days("0 0 * * 1-5/2", "2024-05-13", "2024-05-20") == [13, 15, 17]

    def test_a_stepped_range_of_months_begins_with_its_first(self):
        assert dates_of(Cron("0 0 1 1-6/2 *"), "2024-01-01", "2025-01-01") == ["2024-01-01", "2024-03-01", "2024-05-01"]

    def test_a_step_from_a_number_goes_on_to_the_end(self):
        assert self.times("0/20 10 * * *") == ["10:00", "10:20", "10:40"]
        assert self.times("5/20 10 * * *") == ["10:05", "10:25", "10:45"]

    @pytest.mark.parametrize(
        ("expression", "times"),
        [
            ("0 9-11 * * *", ["09:00", "10:00", "11:00"]),
            ("15,45 9,17 * * *", ["09:15", "09:45", "17:15", "17:45"]),
            ("0 */8 * * *", ["00:00", "08:00", "16:00"]),
            ("0 1-9/4,20 * * *", ["01:00", "05:00", "09:00", "20:00"]),
            ("*/25 7 * * *", ["07:00", "07:25", "07:50"]),
            ("  0   12\t* *  * ", ["12:00"]),
        ],
    )
    def test_lists_ranges_and_steps(self, expression, times):
        assert self.times(expression) == times

    @pytest.mark.parametrize("names", ["mon-fri", "MON-FRI", "Mon-Fri", "mon,tue,wed,thu,fri", "1-5"])
    def test_weekdays_have_names_in_any_case(self, names):
        assert self.days(f"0 0 * * {names}", "2024-05-13", "2024-05-27") == [13, 14, 15, 16, 17, 20, 21, 22, 23, 24]

    @pytest.mark.parametrize("names", ["jan,mar", "JAN,MAR", "1,3", "jan-mar/2"])
    def test_months_have_names_in_any_case(self, names):
        assert dates_of(Cron(f"0 0 1 {names} *"), "2024-01-01", "2025-01-01") == ["2024-01-01", "2024-03-01"]

    @pytest.mark.parametrize("sunday", ["0", "7", "sun", "SUN"])
    def test_0_and_7_are_sunday(self, sunday):
        assert self.days(f"0 0 * * {sunday}") == [5, 12, 19, 26]

    def test_a_range_may_end_on_sunday(self):
        assert self.days("0 0 * * 5-7", "2024-05-13", "2024-05-20") == [17, 18, 19]

    def test_a_day_of_the_month_or_a_day_of_the_week_if_both_are_given(self):
        assert self.days("0 0 13 * 5") == [3, 10, 13, 17, 24, 31]

    @pytest.mark.parametrize(("expression", "days"), [("0 0 13 * *", [13]), ("0 0 * * 5", [3, 10, 17, 24, 31])])
    def test_only_the_one_that_is_given_counts(self, expression, days):
        assert self.days(expression) == days

    def test_a_star_with_a_step_is_met_as_well_as_the_other(self):
        assert self.days("0 0 */2 * 5") == [3, 17, 31]

    @pytest.mark.parametrize(
        ("expression", "days"),
        [("0 0 L * *", [31]), ("0 0 * * 5L", [31]), ("0 0 * * 3#2", [8]), ("0 0 * * mon#1", [6]), ("0 0 LW * *", [31])],
    )
    def test_the_last_day_and_the_nth_weekday(self, expression, days):
        assert self.days(expression) == days

    def test_days_that_a_month_does_not_have_are_skipped(self):
        assert [date[5:7] for date in dates_of(Cron("0 0 31 * *"), "2024-01-01", "2024-07-01")] == ["01", "03", "05"]
        assert dates_of(Cron("0 0 29 2 *"), "2021-01-01", "2029-01-01") == ["2024-02-29", "2028-02-29"]

    @pytest.mark.parametrize(
        ("nickname", "expression"),
        [
            ("@hourly", "0 * * * *"),
            ("@daily", "0 0 * * *"),
            ("@midnight", "0 0 * * *"),
            ("@weekly", "0 0 * * 0"),
            ("@monthly", "0 0 1 * *"),
            ("@yearly", "0 0 1 1 *"),
            ("@annually", "0 0 1 1 *"),
            ("@Daily", "0 0 * * *"),
            (" @HOURLY ", "0 * * * *"),
        ],
    )
    def test_nicknames(self, nickname, expression):
        assert Cron(nickname) == Cron(expression)
        assert openings(Cron(nickname), "2024-01-01", "2024-02-10") == openings(Cron(expression), "2024-01-01", "2024-02-10")

    def test_it_is_open_for_the_minute_that_it_names(self):
        assert tuple(map(shown, Cron("30 12 * * *").window(NOW, BERLIN))) == (
            "2024-05-15 12:30",
            "2024-05-15 12:31",
            "2024-05-16 12:30",
        )
        assert Cron("34 12 * * *").contains(NOW, BERLIN)
        assert not Cron("33 12 * * *").contains(NOW, BERLIN)

    def test_six_fields_begin_with_the_second(self):
        period = Cron("*/20 34 12 * * *")
        assert tuple(map(shown, period.window(NOW, BERLIN))) == (
            "2024-05-15 12:34:40",
            "2024-05-15 12:34:41",
            "2024-05-16 12:34",
        )
        assert [shown(moment)[11:] for moment in openings(period, "2024-05-15 12:00", "2024-05-15 13:00")] == [
            "12:34",
            "12:34:20",
            "12:34:40",
        ]

    @pytest.mark.parametrize("second", [0, 30, 59])
    def test_six_fields_are_open_for_the_second(self, second):
        period = Cron(f"{second} 34 12 * * *")
        opening = moment_of(f"2024-05-15 12:34:{second:02}")
        assert period.window(opening, BERLIN)[:2] == (opening, opening + 1)
        assert period.previous_opening(math.nextafter(opening, 0), BERLIN) == opening - DAY

    @pytest.mark.parametrize("expression", ["0 0 30 2 *", "0 0 31 4,6,9,11 *", "0 0 30-31 feb *", "0 0 0 30 2 *"])
    def test_what_can_never_come_true_is_refused(self, expression):
        with pytest.raises(ValueError, match=r"no cron expression|never come true"):
            Cron(expression)

    @pytest.mark.parametrize(
        ("expression", "count"),
        [("* * * *", 4), ("", 0), ("*", 1), ("* * * * * * *", 7), ("every day", 2), ("0 0 1 1 * 2024 x", 7)],
    )
    def test_of_a_wrong_number_of_fields_all_are_named(self, expression, count):
        with pytest.raises(ValueError) as caught:
            Cron(expression)
        expected = f"{count} fields, where 5 are expected (minute, hour, day-of-month, month, day-of-week)"
        assert expected in str(caught.value)

    @pytest.mark.parametrize(
        ("expression", "field"),
        [
            ("60 * * * *", "minute"),
            ("* 24 * * *", "hour"),
            ("* * 0 * *", "day-of-month"),
            ("* * 32 * *", "day-of-month"),
            ("* * * 13 *", "month"),
            ("* * * foo *", "month"),
            ("* * * * 8", "day-of-week"),
            ("* * * * mo", "day-of-week"),
            ("5-1 * * * *", "minute"),
            ("*/0 * * * *", "minute"),
            ("1,,2 * * * *", "minute"),
            ("-1 * * * *", "minute"),
            ("60 0 * * * *", "second"),
        ],
    )
    def test_of_a_wrong_field_the_name_is_said(self, expression, field):
        with pytest.raises(ValueError, match=f"{field}$") as caught:
            Cron(expression)
        assert repr(expression) in str(caught.value)

    @pytest.mark.parametrize("expression", ["@reboot", "@Reboot", " @REBOOT "])
    def test_reboot_is_refused_with_a_hint(self, expression):
        with pytest.raises(ValueError, match="on_startup"):
            Cron(expression)

    def test_of_an_unknown_nickname_the_known_ones_are_named(self):
        with pytest.raises(ValueError) as caught:
            Cron("@dayly")
        assert all(name in str(caught.value) for name in NICKNAMES)

    def test_it_says_in_words_what_it_is(self):
        assert Cron("30 2 * * *").in_words() == "At 02:30 every day"

    @given(st.text("0123456789*,-/#L WMONJAN@", max_size=20) | st.text(max_size=20))
    @quick
    def test_any_text_is_an_expression_or_a_value_error(self, text):
        try:
            period = Cron(text)
        except ValueError:
            return
        assert period.next_opening(NOW, UTC) > NOW


class TestTheGapOfSpring:
    """Europe/Berlin, 2026-03-29: from 02:00 the clocks go to 03:00."""

    START, END = "2026-03-29 00:00", "2026-03-30 00:00"

    def opened(self, period, start=START, end=END):
        return [text.removeprefix("2026-03-") for text in opened(period, start, end)]

    @pytest.mark.parametrize("expression", ["30 2 * * *", "0 2 * * *", "59 2 * * *", "30 2 29 3 *", "30 2 * * SUN"])
    def test_a_fixed_time_in_the_gap_comes_once_at_its_end(self, expression):
        assert self.opened(Cron(expression)) == ["29 03:00+02:00"]

    def test_the_days_around_have_it_at_its_own_time(self):
        assert self.opened(Cron("30 2 * * *"), "2026-03-28", "2026-03-31") == [
            "28 02:30+01:00",
            "29 03:00+02:00",
            "30 02:30+02:00",
        ]

    def test_fixed_times_that_fall_together_are_one(self):
        assert self.opened(Cron("0 2,3 * * *")) == ["29 03:00+02:00"]
        assert self.opened(Cron("0,20,40 2 * * *")) == ["29 03:00+02:00"]
        assert self.opened(Cron("30 1-3 * * *")) == ["29 01:30+01:00", "29 03:00+02:00", "29 03:30+02:00"]

    def test_one_with_seconds_follows_the_clocks(self):
        assert self.opened(Cron("0 30 2 * * *")) == []

    def test_every_quarter_keeps_its_distance(self):
        found = openings(Cron("*/15 * * * *"), "2026-03-29 01:30", "2026-03-29 03:31")
        assert [with_offset(moment)[11:] for moment in found] == [
            "01:30+01:00",
            "01:45+01:00",
            "03:00+02:00",
            "03:15+02:00",
            "03:30+02:00",
        ]
        assert {late - early for early, late in pairwise(found)} == {900.0}

    def test_a_star_as_minute_leaves_out_the_hour_that_is_not(self):
        assert self.opened(Cron("*/20 2 * * *")) == []

    @pytest.mark.parametrize(
        "period", [Cron("0 * * * *"), Cron("@hourly"), TimeOfHour(), TimeOfHour.between("15:00", "20:00")], ids=str
    )
    def test_the_day_has_23_hours(self, period):
        assert len(self.opened(period)) == 23

    def test_the_day_is_one_window_of_23_hours(self):
        window = TimeOfDay().window(moment_of("2026-03-29 12:00"), BERLIN)
        assert window.closing - window.opening == 23 * HOUR
        assert window.closing == window.following

    def test_a_window_in_the_gap_opens_once_at_its_end_for_as_long_as_it_would_have_been(self):
        period = TimeOfDay.between("02:10", "02:50")
        assert self.opened(period, "2026-03-28", "2026-03-31") == ["28 02:10+01:00", "29 03:00+02:00", "30 02:10+02:00"]
        window = period.window(moment_of("2026-03-29 03:20"), BERLIN)
        assert (with_offset(window.opening)[11:], with_offset(window.closing)[11:]) == ("03:00+02:00", "03:40+02:00")

    @pytest.mark.parametrize(
        ("start", "end", "opening", "closing"),
        [
            ("01:30", "02:30", "01:30+01:00", "03:00+02:00"),
            ("02:30", "03:30", "03:00+02:00", "03:30+02:00"),
            ("01:30", "03:30", "01:30+01:00", "03:30+02:00"),
            ("02:00", "03:00", "03:00+02:00", "04:00+02:00"),
        ],
    )
    def test_an_edge_in_the_gap_is_at_its_end(self, start, end, opening, closing):
        period = TimeOfDay.between(start, end)
        window = period.window(openings(period, self.START, self.END)[0], BERLIN)
        assert (with_offset(window.opening)[11:], with_offset(window.closing)[11:]) == (opening, closing)

    @pytest.mark.parametrize(
        "period", [TimeOfWeek.at("Sun 02:30"), TimeOfMonth.at("29th 02:30"), TimeOfYear.at("Mar 29th 02:30")], ids=str
    )
    def test_longer_cycles_that_open_in_the_gap_open_at_its_end(self, period):
        assert self.opened(period) == ["29 03:00+02:00"]


class TestTheFoldOfAutumn:
    """Europe/Berlin, 2026-10-25: from 03:00 the clocks go back to 02:00."""

    START, END = "2026-10-25 00:00", "2026-10-26 00:00"

    def opened(self, period, start=START, end=END):
        return [text.removeprefix("2026-10-") for text in opened(period, start, end)]

    @pytest.mark.parametrize("expression", ["30 2 * * *", "30 2 25 10 *", "30 2 * * SUN", "30 2-2 * * *"])
    def test_a_fixed_time_in_the_fold_comes_once_in_its_first_pass(self, expression):
        assert self.opened(Cron(expression)) == ["25 02:30+02:00"]

    @pytest.mark.parametrize("asked", ["2026-10-25T02:10+01:00", "2026-10-25T02:30+01:00", "2026-10-25T02:50+01:00"])
    def test_in_the_second_pass_the_fixed_time_is_over(self, asked):
        period = Cron("30 2 * * *")
        assert with_offset(period.previous_opening(moment_of(asked), BERLIN)) == "2026-10-25 02:30+02:00"
        assert with_offset(period.next_opening(moment_of(asked), BERLIN)) == "2026-10-26 02:30+01:00"

    def test_one_with_seconds_follows_the_clocks(self):
        assert self.opened(Cron("0 30 2 * * *")) == ["25 02:30+02:00", "25 02:30+01:00"]

    def test_every_quarter_keeps_its_distance(self):
        found = openings(Cron("*/15 * * * *"), "2026-10-25 01:45", "2026-10-25T03:16+01:00")
        assert [with_offset(moment)[11:] for moment in found] == [
            "01:45+02:00",
            "02:00+02:00",
            "02:15+02:00",
            "02:30+02:00",
            "02:45+02:00",
            "02:00+01:00",
            "02:15+01:00",
            "02:30+01:00",
            "02:45+01:00",
            "03:00+01:00",
            "03:15+01:00",
        ]
        assert {late - early for early, late in pairwise(found)} == {900.0}

    @pytest.mark.parametrize(
        "period", [Cron("0 * * * *"), Cron("@hourly"), TimeOfHour(), TimeOfHour.between("15:00", "20:00")], ids=str
    )
    def test_the_day_has_25_hours(self, period):
        assert len(self.opened(period)) == 25

    def test_the_day_is_one_window_of_25_hours(self):
        window = TimeOfDay().window(moment_of("2026-10-25 12:00"), BERLIN)
        assert window.closing - window.opening == 25 * HOUR
        assert window.closing == window.following

    def test_a_window_in_the_fold_is_one_that_covers_both_passes(self):
        period = TimeOfDay.between("02:10", "02:50")
        assert self.opened(period, "2026-10-24", "2026-10-27") == ["24 02:10+02:00", "25 02:10+02:00", "26 02:10+01:00"]
        window = period.window(moment_of("2026-10-25T02:20+01:00"), BERLIN)
        assert (with_offset(window.opening)[11:], with_offset(window.closing)[11:]) == ("02:10+02:00", "02:50+01:00")
        assert period.contains(moment_of("2026-10-25T02:05+01:00"), BERLIN)

    def test_an_hour_at_the_fold_lasts_two(self):
        window = TimeOfDay.on("02:00").window(moment_of("2026-10-25 02:30"), BERLIN)
        assert window.closing - window.opening == 2 * HOUR

    def test_windows_are_apart_although_the_second_pass_closes_late(self):
        period = TimeOfDay.between("02:30", "02:10")
        first = period.window(moment_of("2026-10-24 12:00"), BERLIN)
        assert first.closing <= first.following


class TestOddZones:
    def test_a_day_without_a_midnight_begins_at_one(self):
        window = TimeOfDay().window(moment_of("2018-11-04 12:00", SAO_PAULO), SAO_PAULO)
        assert (shown(window.opening, SAO_PAULO), shown(window.closing, SAO_PAULO)) == ("2018-11-04 01:00", "2018-11-05")
        assert window.closing - window.opening == 23 * HOUR

    @pytest.mark.parametrize("expression", ["0 0 * * *", "30 0 * * *", "@daily", "0 0 4 11 *", "@weekly", "0 0,1 * * *"])
    def test_cron_at_a_midnight_that_is_not_comes_at_one(self, expression):
        assert opened(Cron(expression), "2018-11-03 00:01", "2018-11-05", SAO_PAULO)[-1:] == ["2018-11-04 01:00-02:00"]
        assert len(opened(Cron(expression), "2018-11-03 01:01", "2018-11-05", SAO_PAULO)) == 1

    @pytest.mark.parametrize("expression", ["*/30 0 * * *", "*/30 0 4 11 *", "*/30 0 * * SUN", "*/30 0 * 11 *"])
    def test_a_star_as_minute_has_no_time_in_an_hour_after_midnight_that_is_not(self, expression):
        assert opened(Cron(expression), "2018-11-03 12:00", "2018-11-05", SAO_PAULO) == []

    @pytest.mark.parametrize("expression", ["*/30 0 4 11 *", "*/30 0 * * SUN", "* * 4 11 *", "0 * * * SUN", "0 0 4 11 *"])
    def test_what_cron_announces_it_also_opens(self, expression):
        period = Cron(expression)
        announced = period.next_opening(moment_of("2018-11-03 12:00", SAO_PAULO), SAO_PAULO)
        assert period.previous_opening(announced, SAO_PAULO) == announced
        assert Cron(expression).previous_opening(announced, SAO_PAULO) == announced

    def test_a_day_that_ends_twice_is_one(self):
        assert dates_of(TimeOfDay(), "2018-02-16", "2018-02-20", SAO_PAULO) == [
            "2018-02-16",
            "2018-02-17",
            "2018-02-18",
            "2018-02-19",
        ]
        window = TimeOfDay().window(moment_of("2018-02-17 12:00", SAO_PAULO), SAO_PAULO)
        assert window.closing - window.opening == 25 * HOUR

    def test_a_day_that_begins_twice_is_one(self):
        assert opened(TimeOfDay(), "2026-10-31", "2026-11-03", HAVANA) == [
            "2026-10-31 00:00-04:00",
            "2026-11-01 00:00-04:00",
            "2026-11-02 00:00-05:00",
        ]

    def test_a_day_that_began_for_a_minute_before_the_clocks_went_back_has_begun(self):
        assert opened(TimeOfDay(), "2009-10-31", "2009-11-03", ST_JOHNS) == [
            "2009-10-31 00:00-02:30",
            "2009-11-01 00:00-02:30",
            "2009-11-02 00:00-03:30",
        ]
        second_pass = moment_of("2009-10-31T23:30-03:30")
        assert with_offset(TimeOfDay().previous_opening(second_pass, ST_JOHNS), ST_JOHNS) == "2009-11-01 00:00-02:30"

    @pytest.mark.parametrize(
        ("start", "times"),
        [
            ("2026-10-04", ["01:30+10:30", "01:45+10:30", "02:30+11:00", "02:45+11:00", "03:00+11:00"]),
            ("2026-04-05", ["01:30+11:00", "01:45+11:00", "01:30+10:30", "01:45+10:30", "02:00+10:30"]),
        ],
    )
    def test_jumps_of_half_an_hour(self, start, times):
        found = opened(Cron("*/15 * * * *"), f"{start} 01:30", f"{start} 12:00", LORD_HOWE)
        assert [text[11:] for text in found[:5]] == times

    @pytest.mark.parametrize("date", ["2026-10-04", "2026-04-05"])
    @pytest.mark.parametrize("expression", ["*/15 3 * * *", "*/15 3,4 * * *", "*/15 3-5 * * *"])
    def test_no_quarter_is_lost_after_a_jump_of_half_an_hour(self, expression, date):
        found = opened(Cron(expression), f"{date} 03:00", f"{date} 04:00", LORD_HOWE)
        assert [text[11:16] for text in found] == ["03:00", "03:15", "03:30", "03:45"]

    def test_a_fixed_time_in_a_gap_of_half_an_hour_comes_at_its_end(self):
        assert opened(Cron("15 2 * * *"), "2026-10-04", "2026-10-05", LORD_HOWE) == ["2026-10-04 02:30+11:00"]
        assert opened(TimeOfDay.at("02:15"), "2026-10-04", "2026-10-05", LORD_HOWE) == ["2026-10-04 02:30+11:00"]

    @pytest.mark.parametrize(
        ("date", "lengths"), [("2026-10-04", [60, 90, 60, 60]), ("2026-04-05", [60, 90, 60, 60])], ids=["spring", "autumn"]
    )
    def test_hours_follow_one_another_over_a_jump_of_half_an_hour(self, date, lengths):
        found = openings(TimeOfHour(), f"{date} 00:00", f"{date} 12:00", LORD_HOWE)
        assert [(late - early) / 60 for early, late in pairwise(found)][:4] == lengths

    def test_a_day_that_is_left_out_is_a_window_right_after(self):
        assert opened(TimeOfDay.between("10:00", "12:00"), "2011-12-29", "2012-01-01", APIA) == [
            "2011-12-29 10:00-10:00",
            "2011-12-31 00:00+14:00",
            "2011-12-31 10:00+14:00",
        ]

    @pytest.mark.parametrize(
        "period", [TimeOfMonth.on("30th"), TimeOfWeek.on("Fri"), TimeOfYear.on("Dec 30th"), Cron("0 12 30 * *")], ids=str
    )
    def test_what_is_due_on_a_day_that_is_left_out_is_not_lost(self, period):
        assert "2011-12-31 00:00+14:00" in opened(period, "2011-12-29", "2012-01-01", APIA)

    @pytest.mark.parametrize("period", [TimeOfDay(), Cron("0 0 * * *")], ids=str)
    def test_two_midnights_that_fall_together_are_one(self, period):
        assert dates_of(period, "2011-12-28", "2012-01-02", APIA) == ["2011-12-28", "2011-12-29", "2011-12-31", "2012-01-01"]

    def test_windows_are_apart_where_a_day_is_left_out(self):
        period, moment = TimeOfDay.after("10:00"), moment_of("2011-12-28", APIA)
        for _ in range(5):
            window = period.window(moment, APIA)
            assert window.closing <= window.following
            moment = window.following

    @pytest.mark.parametrize(
        ("zone", "year"),
        [(SAO_PAULO, 2018), (LORD_HOWE, 2026), (APIA, 2011), (CASABLANCA, 2026), (HAVANA, 2026), (ST_JOHNS, 2009)],
        ids=str,
    )
    @pytest.mark.parametrize(
        "period",
        [
            TimeOfDay(),
            TimeOfDay.on("00:30"),
            TimeOfDay.at("02:15"),
            TimeOfDay.after("12:00"),
            Cron("0 0 * * *"),
            Cron("15 2 * * *"),
        ],
        ids=str,
    )
    def test_no_day_of_the_year_is_lost(self, period, zone, year):
        first, after = moment_of(f"{year}-01-01", zone), moment_of(f"{year + 1}-01-01", zone)
        days = {clock(moment, zone).date() for moment in range(int(first), int(after), HOUR)}
        assert {clock(moment, zone).date() for moment in openings(period, f"{year}-01-01", f"{year + 1}-01-01", zone)} == days

    @pytest.mark.parametrize("zone", ODD, ids=str)
    @pytest.mark.parametrize("period", [TimeOfHour(), Cron("0 * * * *")], ids=str)
    def test_hours_are_never_far_apart(self, period, zone):
        for jump in jumps(zone):
            found = list(islice(opening_moments(period, jump - 3 * HOUR, zone), 8))
            assert max(late - early for early, late in pairwise(found)) <= 1.5 * HOUR


class TestZones:
    @pytest.mark.parametrize("name", ["Europe/Berlin", "UTC", "Asia/Kathmandu"])
    def test_a_name_is_a_zone(self, name):
        assert to_zone(name) == ZoneInfo(name)
        assert zone_name(to_zone(name)) == name

    @pytest.mark.parametrize("zone", [BERLIN, UTC, timezone(timedelta(hours=2)), None])
    def test_a_zone_stays_as_it_is(self, zone):
        assert to_zone(zone) is zone

    def test_zones_without_a_name_are_named_by_what_they_say(self):
        assert zone_name(UTC) == "UTC"
        assert zone_name(timezone(timedelta(hours=2))) == "UTC+02:00"

    @pytest.mark.parametrize(
        ("wrong", "meant"),
        [
            ("Europe/Berln", "Europe/Berlin"),
            ("europe/berlin", "Europe/Berlin"),
            ("America/NewYork", "America/New_York"),
            ("Utc", "UTC"),
        ],
    )
    def test_an_unknown_name_is_answered_with_the_nearest(self, wrong, meant):
        with pytest.raises(ValueError) as caught:
            to_zone(wrong)
        assert str(caught.value) == f"there is no time zone {wrong!r}. Did you mean {meant!r}?"

    @pytest.mark.parametrize("wrong", ["Nowhere/At/All/Xyzzyx", "", "\0", "../../etc/passwd", "/etc/passwd"])
    def test_a_name_like_no_other_is_answered_with_where_to_get_the_data(self, wrong):
        with pytest.raises(ValueError, match=r"there is no time zone .* pip install tzdata"):
            to_zone(wrong)

    @pytest.mark.parametrize("wrong", [1, 1.5, b"UTC", ["UTC"], timedelta(0)])
    def test_anything_else_is_no_zone(self, wrong):
        with pytest.raises((TypeError, ValueError), match="the name of a time zone is expected"):
            to_zone(wrong)

    def test_local_time_has_no_zone(self):
        assert local(moment_of("2026-10-25T02:30+01:00"), BERLIN) == datetime(2026, 10, 25, 2, 30)
        assert local(moment_of("2026-10-25T02:30+01:00"), BERLIN).fold == 0

    @pytest.mark.parametrize(("moment", "seconds"), [("2026-03-29T00:59:59Z", HOUR), ("2026-03-29T01:00Z", 2 * HOUR)])
    def test_how_far_ahead_a_zone_is(self, moment, seconds):
        assert offset(moment_of(moment), BERLIN) == seconds

    @pytest.mark.parametrize(
        ("wall", "first", "last"),
        [
            ("2026-05-15 12:00", "2026-05-15 12:00+02:00", "2026-05-15 12:00+02:00"),
            ("2026-03-29 01:59", "2026-03-29 01:59+01:00", "2026-03-29 01:59+01:00"),
            ("2026-03-29 02:00", "2026-03-29 03:00+02:00", "2026-03-29 03:00+02:00"),
            ("2026-03-29 02:30", "2026-03-29 03:00+02:00", "2026-03-29 03:00+02:00"),
            ("2026-03-29 03:00", "2026-03-29 03:00+02:00", "2026-03-29 03:00+02:00"),
            ("2026-10-25 01:59", "2026-10-25 01:59+02:00", "2026-10-25 01:59+02:00"),
            ("2026-10-25 02:00", "2026-10-25 02:00+02:00", "2026-10-25 02:00+01:00"),
            ("2026-10-25 02:59", "2026-10-25 02:59+02:00", "2026-10-25 02:59+01:00"),
            ("2026-10-25 03:00", "2026-10-25 03:00+01:00", "2026-10-25 03:00+01:00"),
        ],
    )
    def test_the_first_and_the_last_moment_that_clocks_show(self, wall, first, last):
        assert with_offset(instant(datetime.fromisoformat(wall), BERLIN)) == first
        assert with_offset(instant(datetime.fromisoformat(wall), BERLIN, last=True)) == last

    def test_any_time_of_a_day_that_is_left_out_is_when_it_would_have_ended(self):
        for hour in range(24):
            assert with_offset(instant(datetime(2011, 12, 30, hour), APIA), APIA) == "2011-12-31 00:00+14:00"

    @pytest.mark.parametrize(
        ("zone", "jump"),
        [
            (BERLIN, "2026-03-29T01:00Z"),
            (BERLIN, "2026-10-25T01:00Z"),
            (APIA, "2011-12-30T10:00Z"),
            (ST_JOHNS, "2009-11-01T02:31Z"),
        ],
    )
    def test_the_transition_is_the_moment_of_the_jump(self, zone, jump):
        exact = moment_of(jump)
        assert transition(exact - 5 * HOUR, exact + 7 * HOUR, zone) == exact
        assert transition(exact - 0.5, exact, zone) == exact
        assert transition(exact - 1.0, exact + 0.25, zone) == exact

    @pytest.mark.parametrize(
        ("moment", "expected"),
        [
            ("2026-03-29T00:59Z", ""),
            ("2026-03-29T01:00Z", "gap"),
            ("2026-03-29T01:01Z", ""),
            ("2026-10-24T23:59Z", ""),
            ("2026-10-25T00:00Z", "fold"),
            ("2026-10-25T00:59Z", "fold"),
            ("2026-10-25T01:00Z", "fold"),
            ("2026-10-25T01:59Z", "fold"),
            ("2026-10-25T02:00Z", ""),
            ("2026-05-15T12:00Z", ""),
        ],
    )
    def test_what_is_special_about_a_moment(self, moment, expected):
        assert mark(moment_of(moment), BERLIN) == expected
        assert mark(moment_of(moment), UTC) == ""

    @pytest.mark.parametrize(
        ("start", "end", "expected"),
        [
            ("2026-01-01", "2027-01-01", ["2026-03-29 03:00+02:00", "2026-10-25 02:00+01:00"]),
            ("2026-03-29 01:59", "2026-03-29 03:00", ["2026-03-29 03:00+02:00"]),
            ("2026-03-29 03:00", "2026-10-25 02:59", []),
            ("2026-05-15", "2026-05-15", []),
        ],
    )
    def test_changes_are_the_jumps_after_the_start_up_to_the_end(self, start, end, expected):
        found = changes(BERLIN, moment_of(start), moment_of(end))
        assert [with_offset(moment) for moment in found] == expected

    @given(anywhen(), st.floats(0, 1000 * DAY))
    @quick
    def test_changes_leave_no_jump_out(self, place, length):
        zone, start = place
        end = min(start + length, LAST + 149 * 7 * DAY)  # beyond that jumps() does not look
        assert list(changes(zone, start, end)) == [jump for jump in jumps(zone) if start < jump <= end]

    @given(anywhen())
    @thorough
    def test_the_moment_of_what_clocks_show_is_that_moment_or_its_twin(self, place):
        zone, moment = place
        moment = float(round(moment))
        first, last = instant(local(moment, zone), zone), instant(local(moment, zone), zone, last=True)
        assert first <= last
        assert moment in {first, last}
        assert (first < last) is (mark(moment, zone) == "fold")

    @given(anywhen(), st.integers(-1500, 1500))
    @thorough
    def test_any_time_is_the_first_or_last_moment_that_shows_it_or_when_it_is_jumped_over(self, place, minutes):
        zone, moment = place
        wall = clock(moment, zone).replace(second=0, microsecond=0) + timedelta(minutes=minutes)
        assert (instant(wall, zone), instant(wall, zone, last=True)) == shows(wall, zone)


def spread(low, high, last=None):
    """Return a field of a cron expression: its text and the numbers that it names."""
    last = high if last is None else last
    numbers, steps = st.integers(low, high), st.integers(2, 15)
    term = (
        numbers.map(lambda number: (str(number), {number}))
        | st.tuples(numbers, numbers).map(sorted).map(lambda ends: (f"{ends[0]}-{ends[1]}", set(range(ends[0], ends[1] + 1))))
        | st.tuples(numbers, numbers, steps)
        .filter(lambda three: three[0] < three[1])
        .map(lambda three: (f"{three[0]}-{three[1]}/{three[2]}", set(range(three[0], three[1] + 1, three[2]))))
        | st.tuples(numbers, steps).map(lambda two: (f"{two[0]}/{two[1]}", set(range(two[0], last + 1, two[1]))))
    )
    return st.lists(term, min_size=1, max_size=3).map(
        lambda terms: (",".join(text for text, _ in terms), set().union(*(named for _, named in terms)))
    )


def starred(low, high):
    return st.just(("*", set(range(low, high + 1)))) | st.integers(2, 15).map(
        lambda step: (f"*/{step}", set(range(low, high + 1, step)))
    )


fixed_time = st.tuples(spread(0, 59), spread(0, 23))
wild_time = st.tuples(starred(0, 59), starred(0, 23) | spread(0, 23)) | st.tuples(spread(0, 59), starred(0, 23))
anyday = st.just(("*", set(range(1, 32)))) | st.just(("*", set(range(1, 32)))) | spread(1, 28, 31) | starred(1, 31)
anymonth = st.just(("*", set(range(1, 13)))) | st.just(("*", set(range(1, 13)))) | spread(1, 12) | starred(1, 12)
anyweekday = st.just(("*", set(range(8)))) | st.just(("*", set(range(8)))) | spread(0, 7) | starred(0, 7)
wildcards = st.tuples(wild_time, anyday, anymonth, anyweekday).map(lambda five: (*five[0], *five[1:]))
fixed = st.tuples(fixed_time, anyday, anymonth, anyweekday).map(lambda five: (*five[0], *five[1:]))


EVERY_DAY = (("*", set(range(1, 32))), ("*", set(range(1, 13))), ("*", set(range(8))))


def cron_of(fields):
    return Cron(" ".join(text for text, _ in fields))


def names_date(fields, wall):
    (day_text, days), (_, months), (weekday_text, weekdays) = fields[2:]
    in_days, in_weekdays = wall.day in days, wall.isoweekday() % 7 in {number % 7 for number in weekdays}
    both = day_text.startswith("*") or weekday_text.startswith("*")
    return wall.month in months and (in_days and in_weekdays if both else in_days or in_weekdays)


def names_minute(fields, wall):
    return wall.minute in fields[0][1] and wall.hour in fields[1][1] and names_date(fields, wall)


def up_to(period, moment, end, zone):
    found = []
    for opening in opening_moments(period, moment, zone):
        if opening > end:
            break
        found.append(opening)
    return found


def minutes_after(moment, end):
    return range((int(moment // MINUTE) + 1) * MINUTE, int(end) + 1, MINUTE)


class TestCronBesideAScanOfAllMinutes:
    @given(wildcards, anywhen())
    @example((("*", set(range(60))), ("3", {3}), *EVERY_DAY), (LORD_HOWE, moment_of("2026-10-03 12:00", LORD_HOWE)))
    @example((("*", set(range(60))), ("3", {3}), *EVERY_DAY), (LORD_HOWE, moment_of("2026-04-04 12:00", LORD_HOWE)))
    @example((("*", set(range(60))), ("0", {0}), *EVERY_DAY), (SAO_PAULO, moment_of("2018-11-03 12:00", SAO_PAULO)))
    @thorough
    def test_a_star_as_minute_or_hour_means_the_minutes_that_clocks_show(self, fields, place):
        zone, moment = place
        end = moment + 1.5 * DAY
        expected = [minute for minute in minutes_after(moment, end) if names_minute(fields, clock(minute, zone))]
        assert up_to(cron_of(fields), moment, end, zone) == expected

    @given(fixed, moments)
    @quick
    def test_fixed_times_in_utc_are_the_minutes_that_it_names(self, fields, moment):
        end = moment + 2 * DAY
        expected = [minute for minute in minutes_after(moment, end) if names_minute(fields, clock(minute, UTC))]
        assert up_to(cron_of(fields), moment, end, UTC) == expected

    @given(fixed, anywhen())
    @thorough
    def test_fixed_times_are_the_first_moments_that_show_them_or_the_end_of_the_gap(self, fields, place):
        zone, moment = place
        end = moment + 1.5 * DAY
        today = clock(moment, zone).replace(hour=0, minute=0, second=0, microsecond=0)
        days = [day for number in range(-2, 4) if names_date(fields, day := today + timedelta(days=number))]
        walls = [day.replace(hour=hour, minute=minute) for day in days for hour in fields[1][1] for minute in fields[0][1]]
        busy = not is_calm(moment, zone, 4 * DAY)
        instants = {shows(wall, zone)[0] if busy else wall.replace(tzinfo=zone).timestamp() for wall in walls}
        assert up_to(cron_of(fields), moment, end, zone) == sorted(found for found in instants if moment < found <= end)

    @given(fixed, anywhen())
    @quick
    def test_the_previous_one_is_the_last_that_is_named(self, fields, place):
        zone, moment = place
        assume(is_calm(moment, zone, 4 * DAY))
        expected = [minute for minute in minutes_after(moment - 2 * DAY, moment) if names_minute(fields, clock(minute, zone))]
        found = cron_of(fields).previous_opening(moment, zone)
        assert found == expected[-1] if expected else found <= moment - 2 * DAY

    @given(st.tuples(starred(0, 59) | spread(0, 59), fixed | wildcards), anywhen())
    @quick
    def test_one_with_seconds_means_the_seconds_that_clocks_show(self, six, place):
        (text, seconds), fields = six
        zone, moment = place
        period = Cron(f"{text} {' '.join(text for text, _ in fields)}")
        end = moment + 300
        expected = [
            second
            for second in range(math.floor(moment) + 1, math.floor(end) + 1)
            if clock(second, zone).second in seconds and names_minute(fields, clock(second, zone))
        ]
        assert up_to(period, moment, end, zone) == expected


places_in_week = st.tuples(st.integers(0, 6), st.integers(0, 1439))
places_in_month = st.tuples(st.integers(1, 31) | st.just(99), st.integers(0, 1439))


def week_text(place):
    return f"{WEEKDAYS[place[0]]} {clock_text(place[1])}"


def month_text(place):
    return f"{'last' if place[0] == 99 else place[0]} {clock_text(place[1])}"


def is_between(place, start, end):
    return start <= place < end if start < end else place >= start or place < end


class TestWindowsBesideWhatClocksShow:
    @given(st.tuples(st.integers(0, 59), st.integers(0, 59)), anywhen())
    @thorough
    def test_a_part_of_an_hour_is_open_at_its_minutes(self, ends, place):
        zone, moment = place
        near = [jump for jump in jumps(zone) if abs(moment - jump) < 3 * HOUR]
        assume(all((ahead(jump, zone) - ahead(jump - 1, zone)) % HOUR == 0 for jump in near))
        period = TimeOfHour.between(f"{ends[0]:02}:00", f"{ends[1]:02}:00")
        for minute in minutes_after(moment, moment + 90 * MINUTE):
            assert period.contains(minute, zone) is is_between(clock(minute, zone).minute, *ends)

    @given(st.tuples(st.integers(0, 1439), st.integers(0, 1439)), anywhen())
    @thorough
    def test_a_part_of_a_day_is_open_at_its_minutes(self, ends, place):
        zone, moment = place
        assume(is_calm(moment, zone, 3 * DAY))
        period = TimeOfDay.between(*map(clock_text, ends))
        for minute in minutes_after(moment, moment + DAY)[::7]:
            wall = clock(minute, zone)
            assert period.contains(minute, zone) is is_between(wall.hour * 60 + wall.minute, *ends)

    @given(places_in_week, places_in_week, anywhen())
    @thorough
    def test_a_part_of_a_week_is_open_at_its_minutes(self, start, end, place):
        zone, moment = place
        assume(is_calm(moment, zone, 9 * DAY))
        period = TimeOfWeek.between(week_text(start), week_text(end))
        for minute in minutes_after(moment, moment + 7 * DAY)[::53]:
            wall = clock(minute, zone)
            assert period.contains(minute, zone) is is_between((wall.weekday(), wall.hour * 60 + wall.minute), start, end)

    @given(places_in_month, places_in_month, anywhen())
    @thorough
    def test_a_part_of_a_month_is_open_at_its_minutes(self, start, end, place):
        zone, moment = place
        period = TimeOfMonth.between(month_text(start), month_text(end))
        for minute in minutes_after(moment, moment + 31 * DAY)[::211]:
            if not is_calm(minute, zone, DAY):
                continue
            wall = clock(minute, zone)
            days, days_before = (monthrange(day.year, day.month)[1] for day in (wall, wall.replace(day=1) - timedelta(days=1)))
            here = (99 if wall.day == days else wall.day, wall.hour * 60 + wall.minute)
            began = (here if start[0] == 99 else (wall.day, here[1])) >= start
            over = (here if end[0] == 99 else (wall.day, here[1])) >= end
            if start < end:
                expected = began and not over and (start[0] == 99 or start[0] <= days)
            else:
                expected = began or (not over and (start[0] == 99 or start[0] <= days_before))
            assert period.contains(minute, zone) is expected

    @given(st.sampled_from(MONTHS), st.sampled_from(MONTHS), anywhen())
    @quick
    def test_a_part_of_a_year_is_open_in_its_months(self, start, end, place):
        zone, moment = place
        assume(is_calm(moment, zone))
        first, last = MONTHS.index(start) + 1, MONTHS.index(end) + 1
        month = clock(moment, zone).month
        expected = first <= month <= last if first <= last else month >= first or month <= last
        assert TimeOfYear.between(start, end).contains(moment, zone) is expected

    def check(self, period, walls, zone, moment):
        """Compare with windows of which the first moments that clocks show open them and the last close them."""
        windows = []
        for begin, end in walls:
            opening, closing = shows(begin, zone)[0], shows(end, zone)[1]
            windows.append((opening, closing if closing > opening else opening + (end - begin).total_seconds()))
        assert period.next_opening(moment, zone) == min(opening for opening, _ in windows if opening > moment)
        assert period.previous_opening(moment, zone) == max(opening for opening, _ in windows if opening <= moment)
        assert period.contains(moment, zone) is any(opening <= moment < closing for opening, closing in windows)

    @given(st.integers(0, 1439), st.integers(1, 1439), anywhen())
    @thorough
    def test_around_jumps_the_first_moment_opens_a_part_of_a_day_and_the_last_closes_it(self, start, length, place):
        zone, moment = place
        end = (start + length) % 1440
        assume(end)
        today = clock(moment, zone).replace(hour=0, minute=0, second=0, microsecond=0)
        begins = [today + timedelta(days=day, minutes=start) for day in range(-3, 4)]
        walls = [(begin, begin + timedelta(minutes=length)) for begin in begins]
        self.check(TimeOfDay.between(clock_text(start), clock_text(end)), walls, zone, moment)

    @given(st.integers(0, 6), st.integers(0, 1439), st.integers(1, 7 * 1440 - 1), anywhen())
    @thorough
    def test_around_jumps_the_first_moment_opens_a_part_of_a_week_and_the_last_closes_it(self, day, start, length, place):
        zone, moment = place
        end = (day * 1440 + start + length) % (7 * 1440)
        assume(end)
        today = clock(moment, zone).replace(hour=0, minute=0, second=0, microsecond=0)
        monday = today - timedelta(days=today.weekday())
        begins = [monday + timedelta(days=day + 7 * week, minutes=start) for week in range(-3, 4)]
        walls = [(begin, begin + timedelta(minutes=length)) for begin in begins]
        self.check(TimeOfWeek.between(week_text((day, start)), week_text(divmod(end, 1440))), walls, zone, moment)


@st.composite
def cycles(draw):
    cycle = draw(st.sampled_from(CYCLES))
    anchor = anchors[cycle]
    maker = draw(st.sampled_from(["whole", "before", "after", "on", "starting", "between"]))
    if maker == "whole":
        return cycle()
    period = getattr(cycle, maker)(*(draw(anchor) for _ in range(1 + (maker == "between"))))
    assume(period.next_opening(NOW, UTC) < INF)
    return period


crons = (fixed | wildcards).map(cron_of)
six_fields = st.tuples(starred(0, 59) | spread(0, 59), fixed | wildcards).map(
    lambda six: Cron(f"{six[0][0]} {' '.join(text for text, _ in six[1])}")
)
combinations = different_parts.flatmap(lambda parts: st.sampled_from([Overlap(parts), Union(parts)]))
periods = cycles() | crons | six_fields | PARTS["once"] | combinations


class TestAnyPeriod:
    @given(periods, anywhen())
    @thorough
    def test_the_next_opening_is_later(self, period, place):
        zone, moment = place
        assert period.next_opening(moment, zone) > moment

    @given(periods, anywhen())
    @thorough
    def test_a_moment_is_after_the_latest_opening_and_before_the_next(self, period, place):
        zone, moment = place
        window = period.window(moment, zone)
        assert window.opening <= moment < window.following
        assert window.opening < window.closing or window == Window(-INF, -INF, window.following)
        assert window.closing <= window.following
        assert period.contains(moment, zone) is (moment < window.closing)

    @given(periods, anywhen())
    @thorough
    def test_at_its_next_opening_it_opens(self, period, place):
        zone, moment = place
        following = period.next_opening(moment, zone)
        if following < INF:
            assert period.previous_opening(following, zone) == following
            assert deepcopy(period).previous_opening(following, zone) == following
            assert period.contains(following, zone)

    @given(periods, anywhen())
    @thorough
    def test_just_before_its_next_opening_it_still_is_the_next(self, period, place):
        zone, moment = place
        following = period.next_opening(moment, zone)
        if following < INF:
            assert deepcopy(period).next_opening(math.nextafter(following, -INF), zone) == following

    @given(periods, anywhen())
    @quick
    def test_openings_come_one_after_the_other_without_an_end(self, period, place):
        zone, moment = place
        found = list(islice(opening_moments(period, moment, zone), 50))
        assert found == sorted(set(found))
        assert len(found) == 50 or any(isinstance(part, Between) for part in getattr(period, "parts", (period,)))

    @given(periods, anywhen())
    @quick
    def test_openings_are_the_same_asked_one_by_one_or_afresh(self, period, place):
        zone, moment = place
        for following in islice(opening_moments(period, moment, zone), 12):
            assert deepcopy(period).next_opening(moment, zone) == following
            moment = following

    @given(periods, anywhen(), st.data())
    @thorough
    def test_answers_do_not_depend_on_what_was_asked_before(self, period, place, data):
        zone, moment = place
        near = list(islice(opening_moments(period, moment, zone), 4))
        asked = [moment, moment + 0.5, moment - DAY, *near, *(math.nextafter(opening, -INF) for opening in near)]
        afresh = {when: deepcopy(period).window(when, zone) for when in asked}
        for order in (asked, sorted(asked), sorted(asked, reverse=True), data.draw(st.permutations(asked))):
            shared = deepcopy(period)
            for when in order:
                assert shared.window(when, zone) == afresh[when]
                assert shared.window(when, zone) == afresh[when]

    @given(periods, moments, st.lists(st.sampled_from(ODD), min_size=2, max_size=6))
    @quick
    def test_answers_for_one_zone_do_not_depend_on_those_for_another(self, period, moment, zones):
        for zone in zones:
            assert period.window(moment, zone) == deepcopy(period).window(moment, zone)

    @given(cycles(), anywhen())
    @quick
    def test_a_full_cycle_has_no_time_between_two_windows(self, period, place):
        zone, moment = place
        for full in (type(period)(), type(period)._made(period.start, None, whole=True)):
            window = full.window(moment, zone)
            assert full.contains(moment, zone)
            assert window.closing == window.following

    def test_the_base_has_no_windows(self):
        with pytest.raises(NotImplementedError):
            Period().window(NOW, UTC)
