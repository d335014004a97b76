"""`calendar`: leap years, weekdays, months as numbers and as text."""

import datetime
from typing import Any

MONDAY, TUESDAY, WEDNESDAY, THURSDAY, FRIDAY, SATURDAY, SUNDAY = 0, 1, 2, 3, 4, 5, 6
day_name = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"]
day_abbr = [name[:3] for name in day_name]
month_name = ["", "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December"]
month_abbr = [name[:3] for name in month_name]
mdays = [0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]


def isleap(year: int) -> bool:
    return year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)


def leapdays(y1: int, y2: int) -> int:
    y1, y2 = y1 - 1, y2 - 1
    return (y2 // 4 - y1 // 4) - (y2 // 100 - y1 // 100) + (y2 // 400 - y1 // 400)


def weekday(year: int, month: int, day: int) -> int:
    return datetime.date(year, month, day).weekday()


def monthrange(year: int, month: int) -> tuple[int, int]:
    if not 1 <= month <= 12:
        raise ValueError("bad month number " + str(month) + "; must be 1-12")
    return weekday(year, month, 1), mdays[month] + (month == 2 and isleap(year))


def monthcalendar(year: int, month: int) -> list[list[int]]:
    first, count = monthrange(year, month)
    days = [0] * first + list(range(1, count + 1))
    days = days + [0] * (-len(days) % 7)
    return [days[at : at + 7] for at in range(0, len(days), 7)]


def month(theyear: int, themonth: int, w: int = 0, l: int = 0) -> str:  # noqa: E741 - the original's name
    w, line = max(2, w), "\n" * max(1, l)
    title = (month_name[themonth] + " " + str(theyear)).center(7 * (w + 1) - 1).rstrip()
    head = " ".join([name[:w].center(w) for name in (day_name if w >= 9 else day_abbr)]).rstrip()
    weeks = [
        " ".join([("" if day == 0 else str(day).rjust(2)).center(w) for day in week]).rstrip() for week in monthcalendar(theyear, themonth)
    ]
    return line.join([title, head, *weeks]) + line


def prmonth(theyear: int, themonth: int, w: int = 0, l: int = 0) -> None:  # noqa: E741 - the original's name
    print(month(theyear, themonth, w, l), end="")


def timegm(tuple: Any) -> int:
    days = (datetime.date(tuple[0], tuple[1], tuple[2]) - datetime.date(1970, 1, 1)).days
    seconds: int = days * 86400 + tuple[3] * 3600 + tuple[4] * 60 + tuple[5]
    return seconds
