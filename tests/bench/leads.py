"""Made-up leads for the measurements, as many as wanted, the same every time."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv

AREAS = np.array([201, 205, 206, 208, 212, 213, 214, 303, 305, 312, 404, 602, 615, 617, 702, 727])
FIRST = np.array(["Ann", "Bob", "Carla", "Dan", "Eve", "Frank", "Gina", "Hugo", "Iris", "José"])
LAST = np.array(["Lee", "O'Neil", "Ray", "Low", "Müller", "Smith", "van Dyk", "Young", "Zeta"])
CITIES = np.array(["Clearwater", "Boston", "St. Louis", "El Paso", "New York", "Denver"])
STATES = np.array(["FL", "MA", "MO", "TX", "NY", "CO"])
COLUMNS = (
    "Vendor ID", "Phone", "Title", "First Name", "MI", "Last Name", "Address", "City", "State",
    "Zip", "Country", "Gender", "DOB", "Alt Phone", "Email", "Comments",
)  # fmt: skip


def phones(numbers: np.ndarray) -> np.ndarray:
    """Give one ten-digit number for each of these numbers, all different below 112 million."""
    area = AREAS[numbers % len(AREAS)]
    line = (numbers // len(AREAS) * 7919) % 7_000_000 + 2_000_000
    return area * 10_000_000 + line


def write_leads(path: Path, rows: int, *, first: int = 0, step: int = 100_000) -> None:
    """Write a CSV of so many leads, with the phones of `first` and what follows, in mixed forms."""
    with path.open("wb") as file:
        for start in range(first, first + rows, step):
            table = _table(np.arange(start, min(start + step, first + rows)))
            options = pyarrow.csv.WriteOptions(include_header=start == first)
            pyarrow.csv.write_csv(table, file, options)


def _table(number: np.ndarray) -> pa.Table:
    digits = phones(number).astype(str)
    forms = [
        digits,
        np.char.add("+1", digits),
        np.char.add("1", digits),
        np.array([f"({d[:3]}) {d[3:6]}-{d[6:]}" for d in digits.tolist()]),
    ]
    phone = np.choose(number % 4, forms)
    text = number.astype(str)
    place = number % len(CITIES)
    born = np.datetime64("1950-01-01") + (number * 37 % 18_000).astype("timedelta64[D]")
    empty = np.full(len(number), "")
    columns = [
        np.char.add("V", text), phone, np.where(number % 2, "MR", "MRS"),
        FIRST[number % len(FIRST)], empty, LAST[number % len(LAST)],
        np.char.add(text, " Main Street"), CITIES[place], STATES[place],
        np.char.zfill((number % 99_999).astype(str), 5), np.full(len(number), "USA"),
        np.where(number % 2, "M", "F"), born.astype(str), phones(number + 5_000_000).astype(str),
        np.char.add(np.char.add("lead", text), "@example.com"), empty,
    ]  # fmt: skip
    return pa.table([pa.array(c.tolist(), pa.string()) for c in columns], names=COLUMNS)
