"""How values look that are odd: for each oddity, the rows of a chunk in which a field has it.

Each row is judged by itself, so that it does not matter how a file is cut into chunks.
"""

import string
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache, cached_property

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from loader.checks.dates import iso_dates
from loader.frames.arrow import to_arrow, to_series
from loader.phones.number_zones import states_by_calling_code
from loader.phones.regions import region_of_country, region_of_phone_code
from loader.profile.texts import NOWHERE, Places, Texts

ADULT = 18
OLDEST = 120
"""Years of age."""

PHONE_DIGITS = 10
"""From so many on, a value is taken for a phone number; so many at the end tell two apart."""

PLACEHOLDERS = (
    "test", "tester", "testing", "unknown", "none", "null", "n/a", "n.a.", "undefined", "anonymous",
    "asdf", "asdfg", "asdfgh", "qwerty", "xx", "xxx", "xxxx", "xxxxx", "blank", "no name", "noname",
    "no first name", "no last name", "not available", "not given", "not provided", "not known",
    "first name", "firstname", "first_name", "last name", "lastname", "last_name", "full name",
    "fname", "lname",
)  # fmt: skip
"""No names, in small letters. Na and Nan are."""

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
_NOBODY = (
    r"(?i)^(?:no[._-]?e?mail|no[._-]?reply|do[._-]?not[._-]?reply|none|null|unknown|nobody|test|"
    r"testing|asdf)@"
)
_NOWHERE = r"(?i)@(?:no[._-]?e?mail|none|null|unknown|test|asdf)\.[a-z]+$"

_FORMULA = r"^=[^=\s>]|^[=+@-][A-Za-z0-9.]+[(|]"
_TAGS = (
    "a|abbr|b|body|br|center|div|em|font|form|h[1-6]|head|hr|html|i|iframe|img|input|li|link|meta|"
    "object|ol|p|script|small|span|strong|style|sub|sup|svg|table|tbody|td|th|tr|u|ul"
)
_MARKUP = (
    rf"(?i)</?(?:{_TAGS})(?:\s[^<>]*|/)?>"
    r"|&(?:amp|lt|gt|quot|apos|nbsp|#[0-9]{1,6}|#x[0-9a-f]{1,5});"
)

_MARKS = bytes([0x91, 0x93, 0x96, 0x97]).decode("cp1252")
_CLOSING = bytes([0x92, 0x94]).decode("cp1252")
"""Quotation marks and dashes. In capitals a word can end in an Ã or É and then be closed."""
_SIGNS = bytes(n for n in range(0x80, 0xA0) if n not in range(0x91, 0x98) or n == 0x95).decode(
    "cp1252", "ignore"
)
"""What else Windows-1252 makes of the bytes that continue a letter of UTF-8."""
_GARBLED = (
    r"[\x{FFFD}\x{80}-\x{9F}]|\x{EF}(?:»¿|¿½)|â[\x{20AC}\x{201A}]"
    rf"|Ã[{_SIGNS}{_MARKS}\x{{A0}}-\x{{BF}}]"
    r"|Â[\x{A0}-\x{AA}\x{AC}-\x{BA}\x{BC}-\x{BF}]"
    rf"|[ÄÅ][{_SIGNS}\x{{A1}}-\x{{A9}}\x{{AC}}-\x{{B9}}\x{{BC}}-\x{{BF}}]"
    rf"|(?:[ÐÑ][{_SIGNS}{_MARKS}{_CLOSING}\x{{A0}}-\x{{BF}}]){{2}}"
)
"""UTF-8 that was read in another encoding, or the other way round."""
_LOST_LETTER = r"\p{L}\?\p{L}"

_ZIP = r"^[0-9]{5}[- ]?(?:[0-9]{4})?$"
_SHORT_ZIP = r"^[0-9]{3,4}(?:-[0-9]{4})?$"
_CANADIAN = r"^[A-Za-z][0-9][A-Za-z][ -]?[0-9][A-Za-z][0-9]$"
_WITH_ZEROS = ("ct", "ma", "me", "nh", "nj", "pr", "ri", "vi", "vt")
"""States whose ZIP codes begin with a zero."""

_REGIONS_OF_STATES = ("AU", "BR", "CA", "MX", "PR", "US")
"""Whose states state_zones.toml knows."""
_MORE_STATES = (
    "cdmx", "edomex", "estado de mexico", "labrador", "newfoundland", "us virgin islands",
    "washington dc", "yukon territory",
)  # fmt: skip

_ISO = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$"


@dataclass(frozen=True)
class Chunk:
    """The fields of some rows, and what they are measured by."""

    texts: Mapping[str, Texts]
    """By field; only those that the file fills."""
    today: date
    date_format: str | None = None
    """Of date_of_birth, as in `loader.options.load.LoadOptions`."""
    region: str = "US"
    """Of rows that say nothing of their country."""

    @cached_property
    def country(self) -> pa.Array:
        """The region of each row's country_code; "": there is none, or it is not known."""
        return self._regions("country_code", region_of_country)

    @cached_property
    def regions(self) -> pa.Array:
        """The region of each row by its country_code, else by its phone_code, else ""."""
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
    def states(self) -> tuple[Places, npt.NDArray[np.bool_]]:
        """The rows with a longer word for a state, and whether it is the name of one.

        Only those of countries whose states are known.
        """
        texts = self.texts["state"]
        rows = _with_letters(texts, 4, np.flatnonzero(texts.lengths > 3))
        if not rows.size:
            return NOWHERE, np.empty(0, dtype=bool)
        ours = {*_REGIONS_OF_STATES, *({""} if self.region in _REGIONS_OF_STATES else ())}
        regions = self.regions.take(pa.array(rows))
        rows = rows[_mask(pc.is_in(regions, value_set=pa.array(ours, pa.large_string())))]
        given = texts.take(rows).dictionary_encode()
        known = _mask(pc.is_in(_plain(given.dictionary), value_set=_state_names()))
        return rows, known[given.indices.to_numpy()]

    @cached_property
    def births(self) -> tuple[Places, pa.Array]:
        """The rows whose date_of_birth may be odd, and these dates, YYYY-MM-DD or null."""
        texts = self.texts["date_of_birth"]
        usual = np.zeros(len(texts.array), dtype=bool)
        if self.date_format is None:
            earliest, latest = self.years_ago(OLDEST), self.years_ago(ADULT)
            usual = _mask(pc.greater_equal(texts.array, earliest))
            usual &= _mask(pc.less_equal(texts.array, latest))
            usual &= _mask(pc.match_substring_regex(texts.array, _ISO))
        rows = np.flatnonzero((texts.lengths > 0) & ~usual)
        if not rows.size:
            return NOWHERE, pa.array([], pa.large_string())
        given = to_series(texts.take(rows), pd.RangeIndex(len(rows)))
        if self.date_format is None:
            dates = iso_dates(given)
        else:
            moments = pd.to_datetime(given, format=self.date_format, errors="coerce")
            dates = moments.dt.strftime("%Y-%m-%d").astype("str")
        return rows, to_arrow(dates).combine_chunks()

    def years_ago(self, years: int) -> str:
        """Give the day so many years before today; on a 29 February it may be one that was not."""
        return f"{self.today.year - years:04d}-{self.today:%m-%d}"


Check = Callable[[Texts, Chunk], Places]
"""Gives the rows in which a field is odd; the chunk tells of the row's other fields."""


def formulas(texts: Texts, _chunk: Chunk) -> Places:
    """Find what a spreadsheet would calculate."""
    return texts.matching(_FORMULA, texts.beginning("=+-@"))


def markup(texts: Texts, _chunk: Chunk) -> Places:
    """Find HTML."""
    if (texts.holds("<") and texts.holds(">")) or (texts.holds("&") and texts.holds(";")):
        return texts.matching(_MARKUP)
    return NOWHERE


def garbled(texts: Texts, _chunk: Chunk) -> Places:
    """Find letters that were read in a wrong encoding."""
    return texts.matching(_GARBLED, texts.not_ascii())


def lost_letters(texts: Texts, _chunk: Chunk) -> Places:
    """Find question marks in the place of letters."""
    return texts.matching(_LOST_LETTER) if texts.holds("?") else NOWHERE


def emails(texts: Texts, _chunk: Chunk) -> Places:
    """Find mail addresses."""
    return texts.matching(_LIKE_EMAIL) if texts.holds("@") else NOWHERE


def phones(texts: Texts, _chunk: Chunk) -> Places:
    """Find what has as many digits as a phone number."""
    rows = _with_digits(texts)
    counts = pc.count_substring_regex(texts.take(rows), "[0-9]")
    return rows[_mask(pc.greater_equal(counts, PHONE_DIGITS))]


def digits(texts: Texts, _chunk: Chunk) -> Places:
    """Find digits, but for those of ordinals: John Smith 3rd."""
    rows = _with_digits(texts)
    spelled = pc.replace_substring_regex(texts.take(rows), _ORDINAL, "")
    return rows[_mask(pc.match_substring_regex(spelled, "[0-9]"))]


def _with_digits(texts: Texts) -> Places:
    return texts.matching("[0-9]") if texts.holds("0", "9") else NOWHERE


def placeholders(texts: Texts, _chunk: Chunk) -> Places:
    """Find words that are no names, and what has no letter."""
    otherwise = texts.beginning(string.ascii_letters + string.digits, otherwise=True)
    return np.union1d(texts.among(PLACEHOLDERS), texts.matching(_WITHOUT_LETTERS, otherwise))


def companies(texts: Texts, _chunk: Chunk) -> Places:
    """Find names that end in a legal form."""
    return texts.matching(_LEGAL_FORM, texts.ending("cdhnp.CDHNP"))


def first_names(texts: Texts, chunk: Chunk) -> Places:
    """Find what is the row's first_name too, if it has two letters or more."""
    if "first_name" not in chunk.texts:
        return NOWHERE
    first, own = (pc.utf8_lower(each.array) for each in (chunk.texts["first_name"], texts))
    return _with_letters(texts, 2, np.flatnonzero(_mask(pc.equal(first, own))))


def capitals(texts: Texts, _chunk: Chunk) -> Places:
    """Find names in capitals only, of three letters or more."""
    return _with_letters(texts, 3, np.flatnonzero(_mask(pc.utf8_is_upper(texts.array))))


def small_letters(texts: Texts, _chunk: Chunk) -> Places:
    """Find names in small letters only, of three letters or more."""
    return _with_letters(texts, 3, np.flatnonzero(_mask(pc.utf8_is_lower(texts.array))))


def _with_letters(texts: Texts, least: int, among: Places) -> Places:
    """Give the rows with so many letters; most have them at once, and in ASCII."""
    sure = texts.matching(f"[A-Za-z]{{{least}}}", among)
    others = np.setdiff1d(among, sure, assume_unique=True)
    return np.union1d(sure, texts.matching(r"(?s)\p{L}" + r".*\p{L}" * (least - 1), others))


def states_in_words(_texts: Texts, chunk: Chunk) -> Places:
    """Find names of states."""
    rows, known = chunk.states
    return rows[known]


def no_states(_texts: Texts, chunk: Chunk) -> Places:
    """Find longer words that name no state."""
    rows, known = chunk.states
    return rows[~known]


@cache
def _state_names() -> pa.Array:
    """Give the names of states as `_plain` has them, and their first 4 and 5 letters.

    Calif and Mass are old abbreviations.
    """
    states = states_by_calling_code().values()
    full = [name for by_abbreviation in states for name, *_ in by_abbreviation.values()]
    names = [*_plain(pa.array(full, pa.large_string())).to_pylist(), *_MORE_STATES]
    return pa.array({*names, *(name[:n] for name in names for n in (4, 5))}, pa.large_string())


def _plain(words: pa.Array) -> pa.Array:
    """Reduce words to small letters without accents and points, with single blanks between."""
    letters = pc.utf8_normalize(pc.utf8_lower(words), "NFKD")
    letters = pc.replace_substring_regex(letters, r"\p{M}|[.'\x{2019}]", "")
    return pc.utf8_trim_whitespace(pc.replace_substring_regex(letters, r"\P{L}+", " "))


def short_zip_codes(texts: Texts, chunk: Chunk) -> Places:
    """Find ZIP codes without their first zeros, in rows of the USA or of states that have these."""
    rows = texts.matching(_SHORT_ZIP, np.flatnonzero(np.isin(texts.lengths, (3, 4, 8, 9))))
    if not rows.size:
        return NOWHERE
    regions = chunk.regions.take(pa.array(rows))
    ours = _mask(pc.equal(regions, "US"))
    if "state" in chunk.texts and chunk.region == "US":
        by_state = np.isin(rows, chunk.texts["state"].among(_WITH_ZEROS))
        ours |= _mask(pc.equal(regions, "")) & by_state
    return rows[ours]


def foreign_postal_codes(texts: Texts, chunk: Chunk) -> Places:
    """Find what is no ZIP code though country_code is the USA, or no Canadian code likewise."""
    if "country_code" not in chunk.texts:
        return NOWHERE
    odd = np.zeros(len(texts.array), dtype=bool)
    for region, pattern in (("US", _ZIP), ("CA", _CANADIAN)):
        rows = np.flatnonzero(_mask(pc.equal(chunk.country, region)) & (texts.lengths > 0))
        odd[rows] = True
        odd[texts.matching(pattern, rows)] = False
    return np.flatnonzero(odd)


def email_placeholders(texts: Texts, _chunk: Chunk) -> Places:
    """Find addresses that stand for none, and words that do."""
    named = texts.matching(_NOBODY, texts.beginning("adntuADNTU"))
    hosted = texts.matching(_NOWHERE)
    return np.union1d(np.union1d(named, hosted), texts.among(PLACEHOLDERS))


def no_emails(texts: Texts, _chunk: Chunk) -> Places:
    """Find what cannot be a mail address."""
    rows = np.setdiff1d(np.flatnonzero(texts.lengths), texts.matching(_EMAIL), assume_unique=True)
    return np.setdiff1d(rows, texts.matching(_FOREIGN_EMAIL, rows), assume_unique=True)


def born_in_future(_texts: Texts, chunk: Chunk) -> Places:
    """Find dates after today."""
    rows, dates = chunk.births
    return rows[_mask(pc.greater(dates, chunk.today.isoformat()))]


def born_too_long_ago(_texts: Texts, chunk: Chunk) -> Places:
    """Find dates that nobody alive was born on; a year 0 is not known."""
    rows, dates = chunk.births
    old = pc.less(dates, chunk.years_ago(OLDEST))
    return rows[_mask(pc.and_(old, pc.greater(dates, "0001")))]


def born_lately(_texts: Texts, chunk: Chunk) -> Places:
    """Find dates of birth of people under age."""
    rows, dates = chunk.births
    return rows[_mask(pc.greater(dates, chunk.years_ago(ADULT)))]


def phone_numbers(texts: Texts, chunk: Chunk) -> Places:
    """Find what has the digits of the row's phone_number, or the same last ten."""
    if "phone_number" not in chunk.texts:
        return NOWHERE
    phone = chunk.texts["phone_number"]
    own, other = (each.last_signs(4) for each in (texts, phone))
    # Two that end in different digits need no closer look, and few end in the same.
    ended = [((signs >= 0x30) & (signs <= 0x39)).all(axis=0) for signs in (own, other)]
    unlike = ended[0] & ended[1] & (own != other).any(axis=0)
    rows = np.flatnonzero(~unlike & (texts.lengths > 0) & (phone.lengths > 0))
    ends = [
        pc.utf8_slice_codeunits(
            pc.replace_substring_regex(each.take(rows), "[^0-9]", ""), -PHONE_DIGITS, None
        )
        for each in (texts, phone)
    ]
    return rows[_mask(pc.and_(pc.equal(*ends), pc.not_equal(ends[0], "")))]


def _mask(answers: pa.Array) -> npt.NDArray[np.bool_]:
    """Turn an Arrow boolean array into a plain one; null counts as False."""
    mask: npt.NDArray[np.bool_] = answers.fill_null(False).to_numpy(zero_copy_only=False).copy()
    return mask
