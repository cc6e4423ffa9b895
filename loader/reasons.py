"""The closed list of why a row is rejected.

A member's value is its own name, as files and reports show it. All words about it stand on it,
and nowhere else. `answer` is the sentence that add_lead prints for the same finding ("" where
add_lead has none).
"""

from enum import StrEnum

SHORT_WORDS = {"dnc": "DNC", "nanpa": "NANPA"}

_SAME = {
    "PHONE_NUMBER": (
        "PHONE NUMBER", "has this phone_number", "DUP", "the number is", "same number as",
    ),
    "PHONE_OR_ALT_PHONE": (
        "PHONE NUMBER", "has it as phone_number or alt_phone", "DUPPHONEALT",
        "the number is, as a main or an alternate one,", "same number as",
    ),
    "TITLE_ALT_PHONE": (
        "TITLE ALT_PHONE", "has the same title and alt_phone", "DUPTITLEALTPHONE",
        "a lead with the same title and alternate number is",
        "same title and alternate number as",
    ),
    "NAME_PHONE": (
        "NAME PHONE", "has the same names and phone_number", "DUPNAMEPHONE",
        "a lead with the same name and number is", "same name and number as",
    ),
}  # fmt: skip
"""Of duplicates: add_lead's words, what the existing lead has, the check, what is there already,
and how a row is like another."""

_SCOPES = {
    "LIST": ("a lead of the same list", "LIST", "in its list"),
    "CAMPAIGN_LISTS": ("a lead of the campaign's lists", "CAMP", "in its campaign's lists"),
    "SYSTEM": ("a lead of the system", "SYS", "in the dialer"),
}


def title_of(name: str) -> str:
    """Write the name of a member of an enumeration in words: Phone number in DNC."""
    words = name.lower().split("_")
    title = " ".join(SHORT_WORDS.get(word, word) for word in words)
    return title[:1].upper() + title[1:]


def _duplicate(same: str, scope: str) -> tuple[str, "Limit", *tuple[str, ...]]:
    """Give the words of a duplicate: what is the same, and where the existing lead is."""
    answer, has, check, existing, likeness = _SAME[same]
    lead, suffix, place = _SCOPES[scope]
    return (
        f"DUPLICATE_{same}_IN_{scope}",
        Limit.DUPLICATES,
        f"DUPLICATE {answer} IN {scope.replace('_', ' ')}",
        f"{lead} {has} ({check}{suffix})",
        "The lead was loaded before, or the file has it twice: then the details name the row of "
        "the file.",
        "nothing to do: the lead is there",
        "",
        f"{existing} {place} already",
        f"{existing} in the file already",
        likeness,
    )


CLEAR_REASON = "in a reject file, also clear the reason of that row"
"""What to do besides the correction; other operations take its place."""


class Limit(StrEnum):
    """The option that limits the share of rows that are rejected for a reason."""

    REJECTS = "max_reject_rate"
    """Something is wrong with the row, or with where it should go."""
    DUPLICATES = "max_duplicate_rate"
    """The row is good, but the lead is there already, or must not be called."""
    NONE = ""
    """It comes up after the limits were looked at, and is no matter of the row."""


class Reason(StrEnum):
    """Why a row was rejected: exactly one for a rejected row, the first that applies."""

    limit: Limit
    """The limit of a run that counts it."""
    answer: str
    meaning: str
    cause: str
    """How rows come to be so, in sentences."""
    correction: str
    """What to do about it in the file; "" for nothing."""
    operation: str
    """What to do about it where the file is loaded; "" for nothing."""
    because: str
    """What follows "because" of rows that were rejected."""
    in_file: str
    """Likewise where duplicates are of rows of the file alone."""
    likeness: str
    """Of a duplicate: how a row is like another."""

    def __new__(cls, name: str, limit: Limit, *words: str) -> "Reason":
        """Keep limit and words, which are in the order of the attributes, on the member itself."""
        if not isinstance(limit, Limit):
            raise TypeError(f"{name}: behind the name of a reason comes the limit that counts it")
        member = str.__new__(cls, name)
        member._value_, member.limit = name, limit
        member.answer, member.meaning, member.cause, *others = words
        member.correction, member.operation, member.because, *of_duplicate = others
        member.in_file, member.likeness = of_duplicate or (member.because, "")
        return member

    @property
    def advice(self) -> str:
        """What to do about it."""
        joint = "; " if self.operation == CLEAR_REASON else ", or "
        return joint.join(filter(None, (self.correction, self.operation)))

    @classmethod
    def of(cls, name: str) -> "Reason":
        """Give the member of a name as files show it: behind a colon there may be a feed."""
        return cls[name.partition(":")[0]]

    # fmt: off
    BROKEN_QUOTE = (
        "BROKEN_QUOTE", Limit.REJECTS, "",
        "a quoted value is not closed, or text follows its closing quote",
        "A value holds a quotation mark that is not doubled, or one is missing at its end.",
        "close the quote, or double the quotes inside the value",
        CLEAR_REASON, "a quote is not closed",
    )
    TOO_FEW_FIELDS = (
        "TOO_FEW_FIELDS", Limit.REJECTS, "",
        "the row has fewer fields than the header",
        "Delimiters are missing, or a line break in a value that is not quoted ended the row.",
        "add the missing delimiters, or quote values that hold a line break",
        CLEAR_REASON, "the row has fewer fields than the header",
    )
    TOO_MANY_FIELDS = (
        "TOO_MANY_FIELDS", Limit.REJECTS, "",
        "the row has more fields than the header",
        "A value that is not quoted holds the delimiter, such as a comma in an address.",
        "quote values that hold the delimiter",
        CLEAR_REASON,
        "the row has more fields than the header",
    )
    CELL_WITHOUT_VALUE = (
        "CELL_WITHOUT_VALUE", Limit.REJECTS, "",
        "a cell of the spreadsheet shows an error, or has a formula that was not calculated",
        "The file was written by a program that does not calculate, or a formula finds nothing: "
        "#N/A, #REF!.",
        "open the spreadsheet, correct the formula, save it and load it again",
        CLEAR_REASON, "a cell of the spreadsheet has no value",
    )
    INVALID_LIST_ID = (
        "INVALID_LIST_ID", Limit.REJECTS, "",
        "the list_id is no number of at least three digits, or larger than any list can be",
        "The column of list_id holds something else, such as names, or the value is mistyped.",
        "correct the list_id, or leave it empty for the default", "",
        "no list can have such a list_id",
    )
    NOT_AN_ALLOWED_LIST_ID = (
        "NOT_AN_ALLOWED_LIST_ID", Limit.REJECTS, "NOT AN ALLOWED LIST ID",
        "the user may not load into this list: its campaign is not one of the user group's",
        "The dialer restricts the user (option user) to the lists of the user group's campaigns.",
        "", "load as another user, or into another list", "the user may not load into the list",
    )
    NOT_A_DEFINED_LIST_ID = (
        "NOT_A_DEFINED_LIST_ID", Limit.REJECTS, "NOT A DEFINED LIST ID, LIST EXISTS CHECK ENABLED",
        "no list with this list_id is defined, and list_exists_check is on",
        "The list was not made in the dialer yet, was deleted, or its list_id is mistyped.", "",
        "define the list in the dialer, or correct the list_id", "the list is not defined",
    )
    UNSTORABLE_CHARACTERS = (
        "UNSTORABLE_CHARACTERS", Limit.REJECTS, "",
        "the column's character set cannot hold a character (unstorable is reject)",
        "The dialer's table has an old character set, such as latin1 or utf8mb3, which lacks other "
        "scripts or emoji.", "", "load with --unstorable notice, or move the table to utf8mb4",
        "the table cannot hold a character",
    )
    DAMAGED_PHONE_NUMBER = (
        "DAMAGED_PHONE_NUMBER", Limit.REJECTS, "",
        "a spreadsheet turned the number into a floating-point value; digits may be lost",
        "The column was not formatted as text when a spreadsheet saved the file: 7.27556E+09.",
        "export the phone column as text and load the file again", "",
        "a spreadsheet damaged the number",
    )
    INVALID_PHONE_CODE = (
        "INVALID_PHONE_CODE", Limit.REJECTS, "",
        "the phone_code is no country calling code, or the number does not belong to it",
        "The column that is mapped to phone_code holds something else, or an area code is written "
        "with the country's, and the number is of another area: 1-876 beside 7275551212.",
        "correct the phone_code, or leave it empty for the row's country or the default", "",
        "the phone_code is not understood",
    )
    INVALID_PHONE_NUMBER_LENGTH = (
        "INVALID_PHONE_NUMBER_LENGTH", Limit.REJECTS, "INVALID PHONE NUMBER LENGTH",
        "there is no phone number, or it has too few or too many digits for its country",
        "Digits are missing, such as the area code; words stand in the place of digits, or among "
        "them; or the number is of another country than phone_code or the row's country says.",
        "complete the number, or give its country by phone_code or default_region", "",
        "the number is missing, too short or too long",
    )
    INVALID_PHONE_NUMBER = (
        "INVALID_PHONE_NUMBER", Limit.REJECTS, "",
        "the country's numbering plan has no such number (phone_validation is valid), or all its "
        "digits are the same",
        "The number is mistyped or made up, or it is of another country than phone_code says.",
        "correct the number", "load with a milder --phone-validation", "there is no such number",
    )
    PHONE_NUMBER_TOO_WIDE = (
        "PHONE_NUMBER_TOO_WIDE", Limit.REJECTS, "",
        "the dialer's column is narrower than the number or its phone_code: cut, another number "
        "would be called",
        "The dialer was set up years ago, and its vicidial_list has a column of fewer characters "
        "than numbers have digits.",
        "", "widen the column of vicidial_list, as newer dialers have it, and load the rows again",
        "the dialer's column is narrower than the number",
    )
    INVALID_PHONE_NUMBER_PREFIX = (
        "INVALID_PHONE_NUMBER_PREFIX", Limit.REJECTS, "INVALID PHONE NUMBER PREFIX",
        "the fourth digit of a USA or Canada number cannot be 0 or 1",
        "The number is mistyped or made up. usacan_prefix_check is on.", "correct the number", "",
        "the number's fourth digit is 0 or 1",
    )
    INVALID_PHONE_NUMBER_AREACODE = (
        "INVALID_PHONE_NUMBER_AREACODE", Limit.REJECTS, "INVALID PHONE NUMBER AREACODE",
        "not a ten-digit number of country 1 with an area code that the dialer knows",
        "The number is mistyped, or is of another country. usacan_areacode_check is on.",
        "correct the number", "load other countries without usacan_areacode_check",
        "the number has no known area code",
    )
    INVALID_PHONE_NUMBER_NANPA_AREACODE_PREFIX = (
        "INVALID_PHONE_NUMBER_NANPA_AREACODE_PREFIX", Limit.REJECTS,
        "INVALID PHONE NUMBER NANPA AREACODE PREFIX",
        "the NANPA data has no such area code and prefix",
        "The number is mistyped or made up, or the dialer's NANPA data is older than the prefix. "
        "nanpa_ac_prefix_check is on.", "correct the number", "",
        "there is no such area code and prefix",
    )
    PHONE_NUMBER_IN_DNC = (
        "PHONE_NUMBER_IN_DNC", Limit.DUPLICATES, "PHONE NUMBER IN DNC",
        "the number, or its whole area code, is on the system's do-not-call list",
        "Somebody asked not to be called. dnc_check is on.", "do not call", "",
        "the number is on the do-not-call list",
    )
    PHONE_NUMBER_IN_CAMPAIGN_DNC = (
        "PHONE_NUMBER_IN_CAMPAIGN_DNC", Limit.DUPLICATES, "PHONE NUMBER IN CAMPAIGN DNC",
        "the number, or its whole area code, is on the campaign's do-not-call list",
        "Somebody asked not to be called by this campaign. campaign_dnc_check is on.",
        "do not call for this campaign", "", "the number is on the campaign's do-not-call list",
    )
    PHONE_NUMBER_IN_FEED = (
        "PHONE_NUMBER_IN_FEED", Limit.DUPLICATES, "",
        "the number is in the feed that is named behind the colon",
        "A feed is a file of numbers not to load, such as of litigators (option feed).",
        "do not call", "where the feed is wrong or old, load with a new one",
        "the number is in the feed",
    )
    OTHER_NUMBER_IN_DNC = (
        "OTHER_NUMBER_IN_DNC", Limit.DUPLICATES, "",
        "another number of the lead is on a do-not-call list or in a feed (details say which)",
        "A dialer that dials alternate numbers would call it. dnc_alt_phones is reject.",
        "take the other number out", "load with --dnc-alt-phones clear, which takes it out",
        "another number of the lead must not be called",
    )
    AMBIGUOUS_TIME_ZONE = (
        "AMBIGUOUS_TIME_ZONE", Limit.REJECTS, "",
        "the number can be in several time zones, and nothing decides (ambiguous_tz is reject)",
        "The area code belongs to several zones, and the row has neither a state nor a postal code "
        "that decides.", "give the state or the postal code", "load with --ambiguous-tz earliest",
        "the number can be in several time zones",
    )
    ENCRYPTED_CUSTOM_FIELD = (
        "ENCRYPTED_CUSTOM_FIELD", Limit.REJECTS, "",
        "the row has a value for a custom field that the dialer stores encrypted",
        "The list's field has encryption on. Only the dialer itself can encrypt, and the value "
        "must not be stored in clear.", "clear the value, and enter it in the dialer",
        "load without custom_fields", "the dialer encrypts a custom field of the row",
    )
    DUPLICATE_PHONE_NUMBER_IN_LIST = _duplicate("PHONE_NUMBER", "LIST")
    DUPLICATE_PHONE_NUMBER_IN_CAMPAIGN_LISTS = _duplicate("PHONE_NUMBER", "CAMPAIGN_LISTS")
    DUPLICATE_PHONE_NUMBER_IN_SYSTEM = _duplicate("PHONE_NUMBER", "SYSTEM")
    DUPLICATE_PHONE_OR_ALT_PHONE_IN_LIST = _duplicate("PHONE_OR_ALT_PHONE", "LIST")
    DUPLICATE_PHONE_OR_ALT_PHONE_IN_CAMPAIGN_LISTS = _duplicate(
        "PHONE_OR_ALT_PHONE", "CAMPAIGN_LISTS"
    )
    DUPLICATE_PHONE_OR_ALT_PHONE_IN_SYSTEM = _duplicate("PHONE_OR_ALT_PHONE", "SYSTEM")
    DUPLICATE_TITLE_ALT_PHONE_IN_LIST = _duplicate("TITLE_ALT_PHONE", "LIST")
    DUPLICATE_TITLE_ALT_PHONE_IN_CAMPAIGN_LISTS = _duplicate("TITLE_ALT_PHONE", "CAMPAIGN_LISTS")
    DUPLICATE_TITLE_ALT_PHONE_IN_SYSTEM = _duplicate("TITLE_ALT_PHONE", "SYSTEM")
    DUPLICATE_NAME_PHONE_IN_LIST = _duplicate("NAME_PHONE", "LIST")
    DUPLICATE_NAME_PHONE_IN_CAMPAIGN_LISTS = _duplicate("NAME_PHONE", "CAMPAIGN_LISTS")
    DUPLICATE_NAME_PHONE_IN_SYSTEM = _duplicate("NAME_PHONE", "SYSTEM")
    REFUSED_BY_SERVER = (
        "REFUSED_BY_SERVER", Limit.REJECTS, "LEAD HAS NOT BEEN ADDED",
        "the database server refused the row; details give its error code",
        "A trigger, a constraint or a column of the site does not take a value.", "",
        "look the error code up, correct the row or the table, and load the row again",
        "the database refused the row",
    )
    EXISTING_LEAD_GONE = (
        "EXISTING_LEAD_GONE", Limit.NONE, "",
        "the existing lead that the row was to change went away, is no duplicate of it any more, "
        "or somebody else was changing it",
        "on_duplicate is update or move, and the dialer, an archive or another load was at the "
        "same lead.", "", "load the reject file: what the row finds then decides",
        "the existing lead went away or was being changed",
    )
    IN_DOUBT = (
        "IN_DOUBT", Limit.NONE, "",
        "the row was sent, and nobody can tell whether its lead was stored; details give the "
        "lead_id that it may have had",
        "Between the kill and the completion of the run somebody deleted leads, maybe because a "
        "person asked for that; or the answer of another dialer's API was lost.", "",
        "find out whether the lead is there, or was deleted on purpose; if neither, load the row "
        "again",
        "nobody can tell whether the lead was stored",
    )
    NOT_INSERTED = (
        "NOT_INSERTED", Limit.NONE, "",
        "the run ended before the row was inserted: the database, or the other dialer, stopped "
        "answering, or it was interrupted",
        "The row itself is good: it passed all checks.", "",
        "run the same command again: it goes on where it was", "the run ended before",
    )
    # fmt: on
