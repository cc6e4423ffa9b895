"""Notices in words, as the result files have them."""

import pandas as pd

from loader.findings import Notices
from loader.results.wording import notice_texts


def details_of(notices: Notices) -> "pd.Series[str]":
    """Give what each notice says beyond its name, by row number; empty where it says no more."""
    return notice_texts(notices).str.replace(r"^[A-Z_]+ ?", "", regex=True)


def in_words(notices: Notices) -> list[tuple[int, str, str]]:
    """Give row number, name and details of each notice, sorted."""
    return sorted(zip(notices.index, notices["notice"], details_of(notices), strict=True))
