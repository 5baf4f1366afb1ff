"""Partial times: what they mean, and what is none."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as some

from ehb.domain.coding import VIETNAM, day_of, instant_of

DAYS = some.dates(min_value=date(2, 1, 1))


@pytest.mark.parametrize(
    ("partial", "instant"),
    [
        ("1985", datetime(1984, 12, 31, 17, tzinfo=UTC)),
        ("1985-03", datetime(1985, 2, 28, 17, tzinfo=UTC)),
        ("1985-03-07", datetime(1985, 3, 6, 17, tzinfo=UTC)),
        ("2024-02-29", datetime(2024, 2, 28, 17, tzinfo=UTC)),
        ("2026-10-05T08:00:00+07:00", datetime(2026, 10, 5, 1, tzinfo=UTC)),
        ("2026-10-05T08:00+07:00", datetime(2026, 10, 5, 1, tzinfo=UTC)),
        ("2026-10-05T00:00:00Z", datetime(2026, 10, 5, tzinfo=UTC)),
        ("2026-10-05T00:00:00-00:00", datetime(2026, 10, 5, tzinfo=UTC)),
        ("2026-10-05T23:59:59.999Z", datetime(2026, 10, 5, 23, 59, 59, 999000, tzinfo=UTC)),
    ],
)
def test_a_partial_time_is_ordered_by_its_earliest_instant_in_vietnam(partial: str, instant: datetime) -> None:
    assert instant_of(partial) == instant


@pytest.mark.parametrize(
    "text",
    [
        *("", " ", "85", "19850", "1985-3", "1985-3-7", "1985-03-7", "1985/03/07", "07-03-1985", "19850307"),
        *("0000", "1985-00", "1985-13", "1985-02-30", "2025-02-29", "1985-03-00", "1985-04-31"),
        *("2026-10-05T08:00:00", "2026-10-05T08+07:00", "2026-10-05 08:00:00+07:00", "2026-10-05T08:00:00+0700"),
        *("2026-10-05T24:00:00Z", "2026-10-05T25:00:00Z", "2026-10-05T08:60:00Z", "2026-10-05T08:00:60Z"),
        *("2026-10-05T08:00:00+24:00", "2026-10-05T08:00:00.Z", "2026-10-05T08:00:00.1234567Z"),
        *("1985 ", " 1985", "1985\n", "１９８５", "٢٠٢٦", "-1985", "+1985"),
        *("0001", "0001-01-01", "9999-12-31T23:59:59-14:00"),
    ],
)
def test_what_is_no_time_or_no_day_of_the_calendar_is_refused(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011  the promise is the type alone
        instant_of(text)


@given(DAYS)
def test_every_day_means_its_midnight_in_vietnam(day: date) -> None:
    instant = instant_of(day.isoformat())

    assert instant.astimezone(VIETNAM) == datetime(day.year, day.month, day.day, tzinfo=VIETNAM)


@given(DAYS)
def test_a_less_precise_time_never_comes_after_a_more_precise_one_inside_it(day: date) -> None:
    whole = day.isoformat()

    instants = [instant_of(partial) for partial in (whole[:4], whole[:7], whole)]

    assert instants == sorted(instants)


@given(
    some.datetimes(
        min_value=datetime(2, 1, 1),
        max_value=datetime(9998, 12, 31),
        timezones=some.integers(-23 * 60, 23 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes))),
    )
)
def test_a_full_time_is_the_instant_it_says_to_the_millisecond(moment: datetime) -> None:
    instant = instant_of(moment.isoformat())

    assert timedelta() <= moment - instant < timedelta(milliseconds=1)
    assert instant.microsecond % 1000 == 0


@given(some.text(max_size=40))
def test_any_other_text_raises_nothing_but_value_error(text: str) -> None:
    try:
        found = instant_of(text)
    except ValueError:
        return

    assert found.tzinfo is UTC


def test_the_day_of_a_partial_time_is_as_precise_as_the_time() -> None:
    times = ["1985", "1985-03", "1985-03-07", "2026-10-05T08:00:00+07:00"]

    days = [day_of(time) for time in times]

    assert days == ["1985", "1985-03", "1985-03-07", "2026-10-05"]
