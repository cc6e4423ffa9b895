"""The closed list of oddities: values that look wrong, though their row is loaded.

Blank values have none. A value has at most one: the first of `_CHECKS` that applies. Whether a
number is given out is known when it was parsed, see `loader.profile.rows`.
"""

from collections.abc import Iterator
from enum import StrEnum
from functools import cache
from typing import NamedTuple

import numpy as np

from loader.fields.lead import CUSTOM_PREFIX, usual_names
from loader.profile import odd_values as odd
from loader.profile.odd_values import Chunk
from loader.profile.texts import Positions


class Oddity(StrEnum):
    """What looks wrong about a value of a row."""

    meaning: str
    advice: str

    def __new__(cls, name: str, meaning: str, advice: str) -> "Oddity":
        """Store meaning and advice on the member."""
        member = str.__new__(cls, name)
        member._value_ = name
        member.meaning, member.advice = meaning, advice
        return member

    NUMBER_NOT_GIVEN_OUT = (
        "NUMBER_NOT_GIVEN_OUT",
        "the phone number has the length of one, but its country gives out no such number",
        "give the country by default_region or phone_code if it is another one; --phone-validation "
        "valid rejects such numbers",
    )
    NAME_IS_PLACEHOLDER = (
        "NAME_IS_PLACEHOLDER",
        "the name is a word such as test, unknown or n/a, or has no letter at all",
        "ask the vendor for the name, or leave the field empty; --null-values empties such words",
    )
    VALUE_IS_NULL = (
        "VALUE_IS_NULL",
        "the whole value is a word for no value, such as NULL, N/A, \\N or #N/A",
        "load with --null-values NULL,N/A, which makes them empty; else they are stored as text",
    )
    NAME_WITH_DIGITS = (
        "NAME_WITH_DIGITS",
        "the name has digits in it",
        "check whether the value is from another column, or the name is followed by an identifier",
    )
    COMPANY_IN_NAME = (
        "COMPANY_IN_NAME",
        "the name ends like a company's: LLC, Inc, Ltd, GmbH and so on",
        "ask the vendor whether the list is of businesses; agents greet people by this name",
    )
    SAME_FIRST_AND_LAST_NAME = (
        "SAME_FIRST_AND_LAST_NAME",
        "the first name and the last name are the same",
        "check whether one column was mapped, or exported, in place of the other",
    )
    NAME_IN_CAPITALS = (
        "NAME_IN_CAPITALS",
        "the name is written in capital letters only",
        "harmless; if agents read names out, ask the vendor for names in ordinary spelling",
    )
    NAME_IN_SMALL_LETTERS = (
        "NAME_IN_SMALL_LETTERS",
        "the name is written in small letters only",
        "harmless; often people typed these into a web form, or made them up",
    )
    EMAIL_IN_OTHER_FIELD = (
        "EMAIL_IN_OTHER_FIELD",
        "a mail address is in a field for something else",
        "check whether the columns are shifted in these rows, or mapped wrongly",
    )
    PHONE_IN_OTHER_FIELD = (
        "PHONE_IN_OTHER_FIELD",
        "a name, city or state has ten or more digits, as a phone number has",
        "check whether the columns are shifted in these rows, or mapped wrongly",
    )
    CITY_IN_STATE = (
        "CITY_IN_STATE",
        "the state is a longer word that is no state or province, perhaps a city",
        "check whether columns are shifted or mapped wrongly; only two letters are stored",
    )
    STATE_IN_WORDS = (
        "STATE_IN_WORDS",
        "the state is written out, such as Florida; its abbreviation is stored",
        "nothing to do, if the notice STATE_ABBREVIATED of these rows says so",
    )
    POSTAL_CODE_TOO_SHORT = (
        "POSTAL_CODE_TOO_SHORT",
        "a ZIP code of three or four digits: a spreadsheet dropped its leading zeros",
        "export the column as text; a wrong code may also lead to a wrong time zone",
    )
    POSTAL_CODE_NOT_OF_COUNTRY = (
        "POSTAL_CODE_NOT_OF_COUNTRY",
        "the postal code does not have the form of the row's country, the USA or Canada",
        "correct the code or the country",
    )
    EMAIL_IMPOSSIBLE = (
        "EMAIL_IMPOSSIBLE",
        "the mail address is impossible: the @ or the domain is missing or wrong, or it has blanks",
        "ask the vendor whether addresses are checked when they are collected",
    )
    EMAIL_PLACEHOLDER = (
        "EMAIL_PLACEHOLDER",
        "the mail address is a placeholder, such as noemail@ or test@test.com",
        "leave the field empty; many such values mean that people did not want to get mail",
    )
    DATE_IN_FUTURE = (
        "DATE_IN_FUTURE",
        "the date of birth is after today",
        "check the format of dates (date_format)",
    )
    DATE_TOO_LONG_AGO = (
        "DATE_TOO_LONG_AGO",
        "the date of birth is more than 120 years ago",
        "leave the field empty where the date is not known",
    )
    UNDERAGE = (
        "UNDERAGE",
        "by the date of birth the person is younger than 18 years",
        "ask the vendor before these are called",
    )
    ALT_PHONE_SAME = (
        "ALT_PHONE_SAME",
        "the alternate phone is the same as the phone number",
        "leave the field empty: agents would call the same number twice",
    )
    GARBLED_CHARACTERS = (
        "GARBLED_CHARACTERS",
        "letters were lost or decoded in a wrong encoding, such as JosÃ© or M?ller",
        "give the right encoding by --encoding, or ask for a new export in UTF-8",
    )
    MARKUP_IN_TEXT = (
        "MARKUP_IN_TEXT",
        "the text holds HTML, such as <br> or &amp;",
        "ask the vendor for plain text; agents see the HTML as it is",
    )
    FORMULA_IN_TEXT = (
        "FORMULA_IN_TEXT",
        "the text begins like a formula of a spreadsheet",
        "do not open the file in a spreadsheet before you know who wrote it",
    )


NAMES = frozenset({"first_name", "last_name"})
SPOKEN = NAMES | {"city"}
SHORT_TEXTS = SPOKEN | {"title", "middle_initial", "state", "province", "country_code", "gender"}
"""Fields of short texts; a phone number in one shows that columns are shifted."""
ADDRESSES = frozenset({"address1", "address2", "address3"})
NO_EMAIL = SHORT_TEXTS | ADDRESSES | {"postal_code", "date_of_birth", "phone_number", "alt_phone"}
TEXTS = (
    SPOKEN | ADDRESSES | {"title", "state", "province", "email", "owner", "security_phrase"}
    | {"vendor_lead_code", "source_id", "comments", "callback_comments"}
)  # fmt: skip
"""Fields of free text; custom fields are checked like them."""
NOT_NAMES = frozenset(usual_names()) - NAMES - {"email"}
"""Fields in which words for nothing are no placeholders of their own kind."""

_CHECKS: tuple[tuple[Oddity, frozenset[str], odd.Check], ...] = (
    (Oddity.FORMULA_IN_TEXT, TEXTS, odd.formulas),
    (Oddity.MARKUP_IN_TEXT, TEXTS, odd.markup),
    (Oddity.GARBLED_CHARACTERS, TEXTS, odd.garbled),
    (Oddity.GARBLED_CHARACTERS, SPOKEN, odd.lost_letters),
    (Oddity.EMAIL_IN_OTHER_FIELD, NO_EMAIL, odd.emails),
    (Oddity.PHONE_IN_OTHER_FIELD, SHORT_TEXTS, odd.phones),
    (Oddity.NAME_IS_PLACEHOLDER, NAMES, odd.placeholders),
    (Oddity.VALUE_IS_NULL, NOT_NAMES, odd.nulls),
    (Oddity.COMPANY_IN_NAME, NAMES, odd.companies),
    (Oddity.NAME_WITH_DIGITS, NAMES, odd.digits),
    (Oddity.SAME_FIRST_AND_LAST_NAME, frozenset({"last_name"}), odd.same_as_first_name),
    (Oddity.NAME_IN_CAPITALS, NAMES, odd.names_in_capitals),
    (Oddity.NAME_IN_SMALL_LETTERS, NAMES, odd.names_in_small_letters),
    (Oddity.STATE_IN_WORDS, frozenset({"state"}), odd.states_in_words),
    (Oddity.CITY_IN_STATE, frozenset({"state"}), odd.unknown_states),
    (Oddity.POSTAL_CODE_TOO_SHORT, frozenset({"postal_code"}), odd.short_zip_codes),
    (Oddity.POSTAL_CODE_NOT_OF_COUNTRY, frozenset({"postal_code"}), odd.foreign_postal_codes),
    (Oddity.EMAIL_PLACEHOLDER, frozenset({"email"}), odd.email_placeholders),
    (Oddity.EMAIL_IMPOSSIBLE, frozenset({"email"}), odd.impossible_emails),
    (Oddity.DATE_IN_FUTURE, frozenset({"date_of_birth"}), odd.born_in_future),
    (Oddity.DATE_TOO_LONG_AGO, frozenset({"date_of_birth"}), odd.born_too_long_ago),
    (Oddity.UNDERAGE, frozenset({"date_of_birth"}), odd.underage),
    (Oddity.ALT_PHONE_SAME, frozenset({"alt_phone"}), odd.same_as_phone_number),
)


class OddPositions(NamedTuple):
    """The positions in a chunk at which a field has an oddity."""

    oddity: Oddity
    field: str
    positions: Positions


def find_odd_positions(chunk: Chunk) -> Iterator[OddPositions]:
    """Yield the positions of values that look wrong, field by field; each value once."""
    for field, texts in chunk.texts.items():
        reported = np.zeros(len(texts.array), dtype=bool)
        for oddity, find in _checks_of(field):
            positions = find(texts, chunk)
            positions = positions[~reported[positions]]
            if positions.size:
                reported[positions] = True
                yield OddPositions(oddity, field, positions)


@cache
def _checks_of(field: str) -> tuple[tuple[Oddity, odd.Check], ...]:
    rules_of_field = "comments" if field.startswith(CUSTOM_PREFIX) else field
    return tuple((oddity, find) for oddity, fields, find in _CHECKS if rules_of_field in fields)
