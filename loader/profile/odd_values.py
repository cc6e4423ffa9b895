"""Finds odd values: a function for each oddity, which returns the rows of a chunk that have it.

Each row is judged by itself, so that the result does not depend on the chunks.
"""

import string
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache, cached_property

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from loader.checks.birth_dates import read_dates
from loader.frames.arrow import to_arrow, to_series
from loader.phones.regions import region_of_country, region_of_phone_code
from loader.phones.states import state_names
from loader.profile.texts import NO_POSITIONS, Positions, Texts

ADULT = 18
OLDEST = 120
"""Years of age."""

PHONE_DIGITS = 10
"""A value with at least so many digits counts as a phone number; the last ones are compared."""

PLACEHOLDERS = (
    "test", "tester", "testing", "unknown", "none", "null", "n/a", "n.a.", "undefined", "anonymous",
    "asdf", "asdfg", "asdfgh", "qwerty", "xx", "xxx", "xxxx", "xxxxx", "blank", "no name", "noname",
    "no first name", "no last name", "not available", "not given", "not provided", "not known",
    "first name", "firstname", "first_name", "last name", "lastname", "last_name", "full name",
    "fname", "lname", "\\n", "#n/a", "(null)", "<null>", "[null]",
)  # fmt: skip
"""Words that are no names, in lower case. Na and Nan are names."""

NULLS = (
    "null", "n/a", "#n/a", "\\n", "none", "nan", "(null)", "<null>", "[null]", "nil", "undefined",
    "#null!", "#value!", "#ref!", "#name?", "#div/0!", "#num!", "-", "--", "---", "n.a.",
)  # fmt: skip
"""What programs and people write for no value, in lower case. NA is a country, and a name."""

_WITHOUT_LETTERS = r"^[^\p{L}\p{N}]+$"
_LEGAL_FORM = (
    r"(?i)(?:^|[\s,])(?:llc|l\.l\.c|inc|incorporated|corp|corporation|gmbh|ltd|limited|plc|llp)\.?$"
)
_ORDINAL = r"(?i)\b(?:2nd|3rd|[4-9]th)\b"

_LIKE_EMAIL = r"^[^\s@]+@[^\s@]+\.[^\s@]+$"
_EMAIL = r"^[^\s@.][^\s@]*@(?:[0-9A-Za-z-]+\.)+[A-Za-z][0-9A-Za-z-]+$"
_FOREIGN_EMAIL = (
    r"^[^\s\p{Z}\p{C}@.][^\s\p{Z}\p{C}@]*@(?:[\p{L}\p{M}\p{N}-]+\.)+\p{L}[\p{L}\p{M}\p{N}-]+$"
)
_PLACEHOLDER_USER = (
    r"(?i)^(?:no[._-]?e?mail|no[._-]?reply|do[._-]?not[._-]?reply|none|null|unknown|nobody|test|"
    r"testing|asdf)@"
)
_PLACEHOLDER_DOMAIN = r"(?i)@(?:no[._-]?e?mail|none|null|unknown|test|asdf)\.[a-z]+$"

_FORMULA = r"^=[^=\s>]|^[=+@-][A-Za-z0-9.]+[(|]"
_TAGS = (
    "a|abbr|b|body|br|center|div|em|font|form|h[1-6]|head|hr|html|i|iframe|img|input|li|link|meta|"
    "object|ol|p|script|small|span|strong|style|sub|sup|svg|table|tbody|td|th|tr|u|ul"
)
_MARKUP = (
    rf"(?i)</?(?:{_TAGS})(?:\s[^<>]*|/)?>"
    r"|&(?:amp|lt|gt|quot|apos|nbsp|#[0-9]{1,6}|#x[0-9a-f]{1,5});"
)

_QUOTES = bytes([0x91, 0x93, 0x96, 0x97]).decode("cp1252")
_CLOSING = bytes([0x92, 0x94]).decode("cp1252")
"""Closing quotation marks: they may correctly follow a capital Ã or É at the end of a word."""
_OTHERS = bytes(n for n in range(0x80, 0xA0) if n not in range(0x91, 0x98) or n == 0x95).decode(
    "cp1252", "ignore"
)
"""The other characters of Windows-1252 for bytes that continue a character in UTF-8."""
_GARBLED = (
    r"[\x{FFFD}\x{80}-\x{9F}]|\x{EF}(?:»¿|¿½)|â[\x{20AC}\x{201A}]"
    rf"|Ã[{_OTHERS}{_QUOTES}\x{{A0}}-\x{{BF}}]"
    r"|Â[\x{A0}-\x{AA}\x{AC}-\x{BA}\x{BC}-\x{BF}]"
    rf"|[ÄÅ][{_OTHERS}\x{{A1}}-\x{{A9}}\x{{AC}}-\x{{B9}}\x{{BC}}-\x{{BF}}]"
    rf"|(?:[ÐÑ][{_OTHERS}{_QUOTES}{_CLOSING}\x{{A0}}-\x{{BF}}]){{2}}"
)
"""Text that was decoded in a wrong encoding: UTF-8 as another one, or the reverse."""
_LOST_LETTER = r"\p{L}\?\p{L}"

_ZIP = r"^[0-9]{5}[- ]?(?:[0-9]{4})?$"
_SHORT_ZIP = r"^[0-9]{3,4}(?:\.0|-[0-9]{4})?$"
_CANADIAN = r"^[A-Za-z][0-9][A-Za-z][ -]?[0-9][A-Za-z][0-9]$"
_STATES_WITH_ZERO_ZIPS = ("ct", "ma", "me", "nh", "nj", "pr", "ri", "vi", "vt")
"""States whose ZIP codes begin with a zero."""

_KNOWN_REGIONS = ("AU", "BR", "CA", "MX", "PR", "US")
"""Regions whose states are in state_zones.toml."""
_ISO = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$"


@dataclass(frozen=True)
class Chunk:
    """The fields of some rows, and the settings by which they are judged."""

    texts: Mapping[str, Texts]
    """By field; only those that the file has."""
    today: date
    date_formats: Sequence[str] = ()
    """Of date_of_birth, as in `loader.options.load.LoadOptions`."""
    region: str = "US"
    """Of rows that have neither a country_code nor a phone_code."""

    @cached_property
    def country(self) -> pa.Array:
        """The region of each row's country_code (large_string); "": none, or unknown."""
        return self._regions("country_code", region_of_country)

    @cached_property
    def regions(self) -> pa.Array:
        """The region of each row (large_string) by country_code, else by phone_code, or ""."""
        by_code = self._regions("phone_code", region_of_phone_code)
        return pc.if_else(pc.equal(self.country, ""), by_code, self.country)

    def _regions(self, field: str, known: "Callable[[pd.Series[str]], pd.Series[str]]") -> pa.Array:
        if field in self.texts:
            array = self.texts[field].array
            found = known(to_series(array, pd.RangeIndex(len(array))))
            return to_arrow(found).combine_chunks()
        rows = len(next(iter(self.texts.values())).array)
        return pa.repeat(pa.scalar("", pa.large_string()), rows)

    @cached_property
    def states(self) -> tuple[Positions, npt.NDArray[np.bool_]]:
        """The rows whose state has four or more letters, and whether that is the name of a state.

        Only rows of countries whose states are known.
        """
        texts = self.texts["state"]
        rows = _with_letters(texts, 4, np.flatnonzero(texts.lengths > 3))
        if not rows.size:
            return NO_POSITIONS, np.empty(0, dtype=bool)
        known = {*_KNOWN_REGIONS, *({""} if self.region in _KNOWN_REGIONS else ())}
        regions = self.regions.take(pa.array(rows))
        rows = rows[_to_mask(pc.is_in(regions, value_set=pa.array(known, pa.large_string())))]
        given = texts.take(rows).dictionary_encode()
        is_name = _to_mask(pc.is_in(_normalize_name(given.dictionary), value_set=_state_names()))
        return rows, is_name[given.indices.to_numpy()]

    @cached_property
    def births(self) -> tuple[Positions, pa.Array]:
        """The rows whose date_of_birth may be odd, and these dates: YYYY-MM-DD or null."""
        texts = self.texts["date_of_birth"]
        usual = np.zeros(len(texts.array), dtype=bool)
        if not self.date_formats:
            earliest, latest = self.years_ago(OLDEST), self.years_ago(ADULT)
            usual = _to_mask(pc.greater_equal(texts.array, earliest))
            usual &= _to_mask(pc.less_equal(texts.array, latest))
            usual &= _to_mask(pc.match_substring_regex(texts.array, _ISO))
        rows = np.flatnonzero((texts.lengths > 0) & ~usual)
        if not rows.size:
            return NO_POSITIONS, pa.array([], pa.large_string())
        given = to_series(texts.take(rows), pd.RangeIndex(len(rows)))
        return rows, to_arrow(read_dates(given, self.date_formats, self.today)).combine_chunks()

    def years_ago(self, years: int) -> str:
        """Return the day so many years before today, YYYY-MM-DD; 29 February in any year."""
        return f"{self.today.year - years:04d}-{self.today:%m-%d}"


Check = Callable[[Texts, Chunk], Positions]
"""Returns the rows in which a field is odd; the chunk has the other fields of these rows."""


def formulas(texts: Texts, _chunk: Chunk) -> Positions:
    """Find texts that a spreadsheet would calculate."""
    return texts.matching(_FORMULA, texts.starting_with("=+-@"))


def markup(texts: Texts, _chunk: Chunk) -> Positions:
    """Find HTML."""
    if any(all(map(texts.contains, pair)) for pair in ("<>", "&;")):
        return texts.matching(_MARKUP)
    return NO_POSITIONS


def garbled(texts: Texts, _chunk: Chunk) -> Positions:
    """Find text that was decoded in a wrong encoding."""
    return texts.matching(_GARBLED, texts.not_ascii())


def lost_letters(texts: Texts, _chunk: Chunk) -> Positions:
    """Find question marks in place of letters."""
    return texts.matching(_LOST_LETTER) if texts.contains("?") else NO_POSITIONS


def emails(texts: Texts, _chunk: Chunk) -> Positions:
    """Find mail addresses."""
    return texts.matching(_LIKE_EMAIL) if texts.contains("@") else NO_POSITIONS


def phones(texts: Texts, _chunk: Chunk) -> Positions:
    """Find values with as many digits as a phone number."""
    rows = _with_digits(texts)
    counts = pc.count_substring_regex(texts.take(rows), "[0-9]")
    return rows[_to_mask(pc.greater_equal(counts, PHONE_DIGITS))]


def digits(texts: Texts, _chunk: Chunk) -> Positions:
    """Find digits other than those of ordinals: John Smith 3rd."""
    rows = _with_digits(texts)
    without_ordinals = pc.replace_substring_regex(texts.take(rows), _ORDINAL, "")
    return rows[_to_mask(pc.match_substring_regex(without_ordinals, "[0-9]"))]


def _with_digits(texts: Texts) -> Positions:
    return texts.matching("[0-9]") if texts.contains("0", "9") else NO_POSITIONS


def placeholders(texts: Texts, _chunk: Chunk) -> Positions:
    """Find words that are no names, and values without a letter."""
    rows = texts.starting_with(string.ascii_letters + string.digits, invert=True)
    return np.union1d(texts.equal_to_any(PLACEHOLDERS), texts.matching(_WITHOUT_LETTERS, rows))


def nulls(texts: Texts, _chunk: Chunk) -> Positions:
    """Find words that stand for no value."""
    return texts.equal_to_any(NULLS)


def companies(texts: Texts, _chunk: Chunk) -> Positions:
    """Find names that end in a legal form."""
    return texts.matching(_LEGAL_FORM, texts.ending_with("cdhnp.CDHNP"))


def same_as_first_name(texts: Texts, chunk: Chunk) -> Positions:
    """Find values of two letters or more that are also the row's first_name."""
    if "first_name" not in chunk.texts:
        return NO_POSITIONS
    first, values = (pc.utf8_lower(each.array) for each in (chunk.texts["first_name"], texts))
    return _with_letters(texts, 2, np.flatnonzero(_to_mask(pc.equal(first, values))))


def names_in_capitals(texts: Texts, _chunk: Chunk) -> Positions:
    """Find names of three letters or more, all capital."""
    return _with_letters(texts, 3, np.flatnonzero(_to_mask(pc.utf8_is_upper(texts.array))))


def names_in_small_letters(texts: Texts, _chunk: Chunk) -> Positions:
    """Find names of three letters or more, all small."""
    return _with_letters(texts, 3, np.flatnonzero(_to_mask(pc.utf8_is_lower(texts.array))))


def _with_letters(texts: Texts, least: int, among: Positions) -> Positions:
    """Return the rows with so many letters; most have as many adjacent ASCII letters."""
    in_ascii = texts.matching(f"[A-Za-z]{{{least}}}", among)
    others = np.setdiff1d(among, in_ascii, assume_unique=True)
    return np.union1d(in_ascii, texts.matching(r"(?s)\p{L}" + r".*\p{L}" * (least - 1), others))


def states_in_words(_texts: Texts, chunk: Chunk) -> Positions:
    """Find names of states."""
    rows, known = chunk.states
    return rows[known]


def unknown_states(_texts: Texts, chunk: Chunk) -> Positions:
    """Find words of four letters or more that are no name of a state."""
    rows, known = chunk.states
    return rows[~known]


@cache
def _state_names() -> pa.Array:
    """Return the normalized names of states, and their first 4 and 5 letters: Calif, Mass."""
    names = state_names()
    return pa.array({*names, *(name[:n] for name in names for n in (4, 5))}, pa.large_string())


def _normalize_name(words: pa.Array) -> pa.Array:
    """Reduce words to lower case without accents and points, with single blanks between them."""
    letters = pc.utf8_normalize(pc.utf8_lower(words), "NFKD")
    letters = pc.replace_substring_regex(letters, r"\p{M}|[.'\x{2019}]", "")
    return pc.utf8_trim_whitespace(pc.replace_substring_regex(letters, r"\P{L}+", " "))


def short_zip_codes(texts: Texts, chunk: Chunk) -> Positions:
    """Find ZIP codes without their leading zeros, in the USA or in states that have such codes."""
    rows = texts.matching(_SHORT_ZIP, np.flatnonzero(np.isin(texts.lengths, (3, 4, 5, 6, 8, 9))))
    if not rows.size:
        return NO_POSITIONS
    regions = chunk.regions.take(pa.array(rows))
    in_usa = _to_mask(pc.equal(regions, "US"))
    if "state" in chunk.texts and chunk.region == "US":
        by_state = np.isin(rows, chunk.texts["state"].equal_to_any(_STATES_WITH_ZERO_ZIPS))
        in_usa |= _to_mask(pc.equal(regions, "")) & by_state
    return rows[in_usa]


def foreign_postal_codes(texts: Texts, chunk: Chunk) -> Positions:
    """Find postal codes that do not fit a country_code of the USA or Canada."""
    if "country_code" not in chunk.texts:
        return NO_POSITIONS
    odd = np.zeros(len(texts.array), dtype=bool)
    for region, pattern in (("US", _ZIP), ("CA", _CANADIAN)):
        rows = np.flatnonzero(_to_mask(pc.equal(chunk.country, region)) & (texts.lengths > 0))
        odd[rows] = True
        odd[texts.matching(pattern, rows)] = False
    return np.flatnonzero(odd)


def email_placeholders(texts: Texts, _chunk: Chunk) -> Positions:
    """Find addresses and words that stand for no address."""
    users = texts.matching(_PLACEHOLDER_USER, texts.starting_with("adntuADNTU"))
    domains = texts.matching(_PLACEHOLDER_DOMAIN)
    return np.union1d(np.union1d(users, domains), texts.equal_to_any(PLACEHOLDERS))


def impossible_emails(texts: Texts, _chunk: Chunk) -> Positions:
    """Find values that cannot be mail addresses."""
    rows = np.setdiff1d(np.flatnonzero(texts.lengths), texts.matching(_EMAIL), assume_unique=True)
    return np.setdiff1d(rows, texts.matching(_FOREIGN_EMAIL, rows), assume_unique=True)


def born_in_future(_texts: Texts, chunk: Chunk) -> Positions:
    """Find dates after today."""
    rows, dates = chunk.births
    return rows[_to_mask(pc.greater(dates, chunk.today.isoformat()))]


def born_too_long_ago(_texts: Texts, chunk: Chunk) -> Positions:
    """Find dates more than OLDEST years ago; the year 0 means an unknown date."""
    rows, dates = chunk.births
    old = pc.less(dates, chunk.years_ago(OLDEST))
    return rows[_to_mask(pc.and_(old, pc.greater(dates, "0001")))]


def underage(_texts: Texts, chunk: Chunk) -> Positions:
    """Find dates of birth less than ADULT years ago."""
    rows, dates = chunk.births
    return rows[_to_mask(pc.greater(dates, chunk.years_ago(ADULT)))]


def same_as_phone_number(texts: Texts, chunk: Chunk) -> Positions:
    """Find values with the same last ten digits as the row's phone_number."""
    if "phone_number" not in chunk.texts:
        return NO_POSITIONS
    phone = chunk.texts["phone_number"]
    values, other = (each.last_bytes(4) for each in (texts, phone))
    # Values that end in different digits differ; so few rows need the slow comparison.
    is_digit = [((ends >= 0x30) & (ends <= 0x39)).all(axis=0) for ends in (values, other)]
    different = is_digit[0] & is_digit[1] & (values != other).any(axis=0)
    rows = np.flatnonzero(~different & (texts.lengths > 0) & (phone.lengths > 0))
    ends = [
        pc.utf8_slice_codeunits(
            pc.replace_substring_regex(each.take(rows), "[^0-9]", ""), -PHONE_DIGITS, None
        )
        for each in (texts, phone)
    ]
    return rows[_to_mask(pc.and_(pc.equal(*ends), pc.not_equal(ends[0], "")))]


def _to_mask(answers: pa.Array) -> npt.NDArray[np.bool_]:
    """Turn an Arrow boolean array into a plain one; null counts as False."""
    mask: npt.NDArray[np.bool_] = answers.fill_null(False).to_numpy(zero_copy_only=False).copy()
    return mask
