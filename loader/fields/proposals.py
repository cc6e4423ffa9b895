"""Which field a name that is unknown may be meant for."""

import difflib
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import cache

from loader.fields.lead import field_of_name, normalize_name, usual_names

CLOSE = 0.85
"""How like a name must be to be proposed, as difflib's ratio: 1 is the same."""

MOST_MISSING = 2
"""Letters that it may lack; what lacks more lacks a word."""
CLOSE_WORD = 0.65
"""How like one of its words must be to one of the other: Fone and Phone are."""

LONGEST_NAME = 100
"""Characters; a longer name is a question or a remark, and to look at all its parts takes long."""

SHORTEST_PART = 3
"""Letters of a usual name that is recognized within a longer one."""

ABBREVIATIONS = {
    **dict.fromkeys(("nbr", "no", "nr", "num"), "number"),
    "acct": "account", "addr": "address", "cust": "customer", "ph": "phone",
}  # fmt: skip

WHOSE = frozenset(
    {"account", "applicant", "borrower", "buyer", "caller", "client", "consumer",
     "contact", "customer", "debtor", "donor", "guest", "holder", "homeowner", "insured",
     "lead", "member", "my", "owner", "patient", "person", "policyholder", "prospect",
     "recipient", "resident", "respondent", "seller", "student", "subscriber", "tenant", "user",
     "voter", "your"}
)  # fmt: skip
WHICH = frozenset(
    {"best", "billing", "business", "cell", "current", "day", "daytime", "default", "direct",
     "evening", "home", "landline", "legal", "mailing", "main", "mobile", "office", "personal",
     "physical", "preferred", "primary", "private", "property", "residence", "residential",
     "shipping", "work"}
)  # fmt: skip
"""Words before a name that leave its sense: Customer Phone, Best Phone."""

NUMBER = frozenset({"number", "line", "1", "2", "3"})
BEHIND = {
    **dict.fromkeys(("phone_number", "alt_phone"), NUMBER | WHICH),
    **dict.fromkeys(("first_name", "middle_initial", "last_name", "postal_code"), frozenset[str]()),
    **dict.fromkeys(("gender", "date_of_birth", "comments"), frozenset[str]()),
    **dict.fromkeys(("city", "state", "province", "country_code"), frozenset({"name"})),
    "address1": WHICH | {"line", "1"},
    "email": WHICH | {"1", "2"},
    "campaign_id": frozenset({"code"}),
}
"""Words behind a name that leave its sense, by field: Phone Nr. All others change it, as in Email
Opt In. Names of other fields say too little within a longer one: Unit Price, Job Title."""


def nearest_field(name: str, among: Collection[str] | None = None) -> str | None:
    """Return the field that a column is probably meant for, by its name; None: it says none.

    Some name of the field is almost the same, or is in it beside words that do not change its
    sense: Customer Phone Number. A name longer than LONGEST_NAME says none.
    `among`: the fields to choose from; None: all.
    """
    if len(name) > LONGEST_NAME:
        return None
    words, known = _words(name), _fields_by_words()
    for close in difflib.get_close_matches("".join(words), known, len(known), CLOSE):
        field, usual = known[close]
        if (among is None or field in among) and _may_be(words, usual, field):
            return field
    parts = [part for part in _parts(words) if among is None or part[1] in among]
    return max(parts)[1] if parts else None


@cache
def _fields_by_words() -> Mapping[str, tuple[str, Sequence[str]]]:
    """Give the field and the words of each usual name, by these words without blanks."""
    names = [(field, name) for field, them in usual_names().items() for name in (field, *them)]
    return {"".join(_words(name)): (field, _words(name)) for field, name in names}


def _words(name: str) -> list[str]:
    words = re.split(r"[\W_]+|(?<=[a-z])(?=[A-Z])|(?<=[A-Za-z])(?=[0-9])", name)
    normal = [normalize_name(word) for word in words if word]
    return [ABBREVIATIONS.get(word, word) for word in normal]


def _may_be(words: Sequence[str], usual: Sequence[str], field: str) -> bool:
    """Say whether a name may be a usual one of a field, misspelt: no word says something else.

    Birth State is no Birth Date, Address Id no Address 1, and Phone Country lacks a word of Phone
    Country Code.
    """
    is_whole = len("".join(usual)) - len("".join(words)) <= MOST_MISSING
    same_digits = {*filter(str.isdigit, words)} == {*filter(str.isdigit, usual)}
    return (
        is_whole
        and same_digits
        and all(
            word in "".join(usual)
            or (
                field_of_name(word) in {None, field}
                and difflib.get_close_matches(word, usual, 1, CLOSE_WORD)
            )
            for word in words
        )
    )


def _parts(words: Sequence[str]) -> Iterator[tuple[int, str]]:
    """Find usual names within a longer one that have its sense: their length, and the field."""
    for start in range(len(words)):
        for end in range(start + 1, len(words) + 1):
            part = "".join(words[start:end])
            field = field_of_name(part)
            if field in BEHIND and len(part) >= SHORTEST_PART:
                before, after = (
                    {word for word in side if field_of_name(word) != field}
                    for side in (words[:start], words[end:])
                )
                if before <= WHOSE | WHICH and after <= BEHIND[field]:
                    yield len(part), field


def unknown_field(name: str, labels: Collection[str] = ()) -> str:
    """Say that a text is the name of no field, and which are."""
    close = difflib.get_close_matches(name, [*usual_names(), *labels], 1, CLOSE)
    field = close[0] if close else nearest_field(name)
    hint = f"did you mean {field}? " if field else ""
    known = ", ".join([*usual_names(), *labels])
    custom = "" if labels else "; labels of custom fields count with custom_fields Y"
    return f"{name!r} is no field of a lead; {hint}the fields are {known}{custom}"
