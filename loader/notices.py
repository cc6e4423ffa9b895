"""The closed list of what is noticed about a row that is not rejected for it.

As in `loader.reasons`, a member's value is its own name, and all words about it stand on it.
"""

from enum import StrEnum


class Notice(StrEnum):
    """What was noticed about a row, or done to it, without rejecting it."""

    meaning: str
    answer: str

    def __new__(cls, name: str, meaning: str, answer: str = "") -> "Notice":
        """Keep the meaning, and add_lead's sentence, on the member itself."""
        member = str.__new__(cls, name)
        member._value_ = name
        member.meaning, member.answer = meaning, answer
        return member

    # fmt: off
    VALUE_CUT = "VALUE_CUT", "a value was longer than its column and was cut"
    CONTROL_CHARACTERS_DROPPED = (
        "CONTROL_CHARACTERS_DROPPED", "control characters were taken out of a value",
    )
    LINE_BREAKS_REPLACED = "LINE_BREAKS_REPLACED", "a blank took the place of line breaks or tabs"
    UNSTORABLE_REPLACED = (
        "UNSTORABLE_REPLACED",
        "characters that the column's character set cannot hold were stored as ?",
    )
    UNKNOWN_GENDER = "UNKNOWN_GENDER", "the gender was not understood and is stored as U"
    INVALID_RANK = "INVALID_RANK", "the rank is no whole number that fits and is stored as 0"
    INVALID_DATE_OF_BIRTH = (
        "INVALID_DATE_OF_BIRTH", "the date of birth was not understood and is stored as 0000-00-00",
    )
    INVALID_DATE = (
        "INVALID_DATE",
        "a custom field's date or time was not understood and is stored as zeros",
    )
    DATE_READ_IN_PART = (
        "DATE_READ_IN_PART",
        "only the beginning of a custom field's date or time was understood and is stored: of "
        "1:05 PM that is 01:05",
    )
    INVALID_ENTRY_LIST_ID = (
        "INVALID_ENTRY_LIST_ID",
        "the entry_list_id is no number that fits: 0 is stored, or the largest number there is",
    )
    STATE_ABBREVIATED = "STATE_ABBREVIATED", "the state's name is stored as its abbreviation"
    STATE_NOT_STORED = "STATE_NOT_STORED", "the state would be cut to another one and is left empty"
    COUNTRY_ABBREVIATED = (
        "COUNTRY_ABBREVIATED", "the country's name is stored as its code of three letters",
    )
    COUNTRY_NOT_STORED = (
        "COUNTRY_NOT_STORED", "the country would be cut to another one's code and is left empty",
    )
    DAMAGED_VALUE = "DAMAGED_VALUE", "a spreadsheet has probably damaged the value, stored as it is"
    UNKNOWN_COUNTRY = (
        "UNKNOWN_COUNTRY",
        "the row's country was not understood, or NA stands for not available; the number was "
        "taken for one of the default's",
    )
    READ_AS_CP1252 = (
        "READ_AS_CP1252", "the line is not UTF-8, and was read as cp1252 (--encoding mixed)",
    )
    DECIMAL_MENDED = "DECIMAL_MENDED", "the .0 that a spreadsheet put after the number was removed"
    EXTENSION_DROPPED = "EXTENSION_DROPPED", "the number's extension is not stored"
    WORDS_DROPPED = (
        "WORDS_DROPPED", "words, or single digits, that stood beside the number are not stored",
    )
    SECOND_NUMBER_DROPPED = (
        "SECOND_NUMBER_DROPPED",
        "another number stood beside the one that was taken; it is not stored",
    )
    PHONE_CODE_IGNORED = (
        "PHONE_CODE_IGNORED",
        "the phone_code says nothing, such as 0 or n/a; the row's country or the default decided",
    )
    ALT_PHONE_ABROAD = (
        "ALT_PHONE_ABROAD",
        "the alternate number is of another country than the lead; it is stored with its country "
        "code",
    )
    DAMAGED_ALT_PHONE = (
        "DAMAGED_ALT_PHONE",
        "a spreadsheet turned the alternate number into a floating-point value; it is not stored",
    )
    ALT_PHONE_TOO_WIDE = (
        "ALT_PHONE_TOO_WIDE",
        "the dialer's column is narrower than the alternate number, which is not stored",
    )
    OTHER_NUMBER_IN_DNC = (
        "OTHER_NUMBER_IN_DNC",
        "another number of the lead is on a do-not-call list or in a feed; it is stored",
    )
    OTHER_NUMBER_REMOVED = (
        "OTHER_NUMBER_REMOVED",
        "another number of the lead is on a do-not-call list or in a feed, and was taken out",
    )
    TIME_ZONE_OF_NUMBER = (
        "TIME_ZONE_OF_NUMBER",
        "vicidial_phone_codes lacks the area; the number, postal code or state decided",
    )
    AMBIGUOUS_TIME_ZONE = (
        "AMBIGUOUS_TIME_ZONE",
        "the number can be in several time zones; one was taken as ambiguous_tz says",
    )
    NO_TIME_ZONE = "NO_TIME_ZONE", "no time zone was found; gmt_offset_now is 0.00"
    NO_CAMPAIGN_FOR_LIST = (
        "NO_CAMPAIGN_FOR_LIST",
        "the list is not defined, so the campaign duplicate check found nothing",
    )
    CAMPAIGN_NOT_DEFINED = (
        "CAMPAIGN_NOT_DEFINED",
        "the row's campaign is not defined; the do-not-call list of its list's campaign was asked",
    )
    NO_CAMPAIGN_FOR_DNC = (
        "NO_CAMPAIGN_FOR_DNC",
        "neither the row nor its list names a campaign that is defined, whose do-not-call list "
        "could be asked",
    )
    NANPA_NOT_LOADED = (
        "NANPA_NOT_LOADED",
        "the NANPA options did nothing: vicidial_nanpa_prefix_codes has fewer than ten rows",
        "NANPA options disabled, NANPA prefix data not loaded",
    )
    PHONE_PROMOTED = (
        "PHONE_PROMOTED", "the phone_number was rejected; another number of the row took its place",
    )
    INVALID_SWITCH = (
        "INVALID_SWITCH", "a column that says Y or N says something else, which was taken for N",
    )
    UPDATED_EXISTING_LEAD = (
        "UPDATED_EXISTING_LEAD",
        "the row is a duplicate: the existing lead was updated (changes.csv says how)",
    )
    MOVED_EXISTING_LEAD = (
        "MOVED_EXISTING_LEAD",
        "the row is a duplicate: the existing lead was moved to the row's list",
    )
    EXISTING_LEAD_UNCHANGED = (
        "EXISTING_LEAD_UNCHANGED",
        "the row is a duplicate, and the existing lead is as the row would have made it",
    )
    ALT_PHONES_LOADED = (
        "ALT_PHONES_LOADED", "alternate numbers of the lead went into vicidial_list_alt_phones",
        "MULTI-ALT-PHONE NUMBERS LOADED",
    )
    CUSTOM_FIELDS_ADDED = (
        "CUSTOM_FIELDS_ADDED", "the values of the list's custom fields were stored",
        "CUSTOM FIELDS VALUES ADDED",
    )
    CUSTOM_FIELDS_DISABLED = (
        "CUSTOM_FIELDS_DISABLED", "no custom fields were stored: the dialer has them disabled",
        "CUSTOM FIELDS NOT ADDED, CUSTOM FIELDS DISABLED",
    )
    NO_CUSTOM_FIELDS_FOR_LIST = (
        "NO_CUSTOM_FIELDS_FOR_LIST", "no custom fields were stored: the list has no table for them",
        "CUSTOM FIELDS NOT ADDED, NO CUSTOM FIELDS DEFINED FOR THIS LIST",
    )
    NO_FIELDS_DEFINED = (
        "NO_FIELDS_DEFINED",
        "no custom fields were stored: the list defines none that hold a value",
        "CUSTOM FIELDS NOT ADDED, NO FIELDS DEFINED",
    )
    NO_FIELDS_TO_UPDATE = (
        "NO_FIELDS_TO_UPDATE",
        "no custom fields were stored: the list's table has no column of its own for each field",
        "CUSTOM FIELDS NOT ADDED, NO FIELDS TO UPDATE DEFINED",
    )
    CUSTOM_FIELD_WITHOUT_COLUMN = (
        "CUSTOM_FIELD_WITHOUT_COLUMN",
        "a custom field's value was not stored: the list defines the field, but its table has no "
        "such column",
    )
    ADDED_TO_HOPPER = "ADDED_TO_HOPPER", "the lead is in the hopper", "ADDED TO HOPPER"
    NOT_ADDED_TO_HOPPER = (
        "NOT_ADDED_TO_HOPPER",
        "the lead is not in the hopper: its local time is outside of its call time",
        "NOT ADDED TO HOPPER, OUTSIDE OF LOCAL TIME",
    )
    CALLBACK_ADDED = (
        "CALLBACK_ADDED", "a callback is scheduled; the lead waits for it as CBHOLD",
        "SCHEDULED CALLBACK ADDED",
    )
    CALLBACK_CAMPAIGN_NOT_VALID = (
        "CALLBACK_CAMPAIGN_NOT_VALID", "no callback: the dialer has no such campaign",
        "SCHEDULED CALLBACK NOT ADDED, CAMPAIGN NOT VALID",
    )
    CALLBACK_USER_NOT_VALID = (
        "CALLBACK_USER_NOT_VALID",
        "no callback: the dialer has no such user, whom a USERONLY callback needs",
        "SCHEDULED CALLBACK NOT ADDED, USER NOT VALID",
    )
    CALLBACK_DATE_NOT_VALID = (
        "CALLBACK_DATE_NOT_VALID",
        "no callback: its date is not NOW, a number and DAYS, or a date, perhaps with a time",
        "SCHEDULED CALLBACK NOT ADDED, DATE NOT VALID",
    )
    EXTRA_NOT_STORED = (
        "EXTRA_NOT_STORED",
        "the lead is stored, but not what comes with it in the table that the details name",
    )
    CHANGED_BY_SERVER = (
        "CHANGED_BY_SERVER",
        "the server stored another value than the one sent: its column or a trigger changes it",
    )
    # fmt: on
