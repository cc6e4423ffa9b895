"""The closed lists of what can be said of a row: why it was rejected, what was noticed about it.

A member's value is its own name, as files and reports show it. `answer` is the sentence that
add_lead prints for the same finding ("" where add_lead has none).
"""

from enum import StrEnum


class Reason(StrEnum):
    """Why a row was rejected: exactly one for a rejected row, the first that applies."""

    answer: str
    meaning: str
    advice: str

    def __new__(cls, name: str, answer: str, meaning: str, advice: str) -> "Reason":
        """Keep what a reader needs to know of the reason on the member itself."""
        member = str.__new__(cls, name)
        member._value_ = name
        member.answer, member.meaning, member.advice = answer, meaning, advice
        return member

    @classmethod
    def of(cls, name: str) -> "Reason":
        """Give the member of a name as files show it: the feed may be told behind a colon."""
        return cls[name.partition(":")[0]]

    BROKEN_QUOTE = (
        "BROKEN_QUOTE",
        "",
        "a quoted value is not closed, or text follows its closing quote",
        "close the quote, or double the quotes inside the value; in a reject file empty the reason",
    )
    TOO_FEW_FIELDS = (
        "TOO_FEW_FIELDS",
        "",
        "the row has fewer fields than the header",
        "add the missing delimiters, or quote values that hold a line break; in a reject file "
        "empty the reason",
    )
    TOO_MANY_FIELDS = (
        "TOO_MANY_FIELDS",
        "",
        "the row has more fields than the header",
        "quote values that hold the delimiter; in a reject file empty the reason",
    )
    INVALID_LIST_ID = (
        "INVALID_LIST_ID",
        "",
        "the list_id has fewer than three digits, or is larger than any list can be",
        "correct the list_id, or leave it empty for the default",
    )
    NOT_AN_ALLOWED_LIST_ID = (
        "NOT_AN_ALLOWED_LIST_ID",
        "NOT AN ALLOWED LIST ID",
        "the user may not load into this list: its campaign is not one of the user group's",
        "load as another user, or into another list",
    )
    NOT_A_DEFINED_LIST_ID = (
        "NOT_A_DEFINED_LIST_ID",
        "NOT A DEFINED LIST ID, LIST EXISTS CHECK ENABLED",
        "no list with this list_id is defined, and list_exists_check is on",
        "define the list in the dialer, or correct the list_id",
    )
    UNSTORABLE_CHARACTERS = (
        "UNSTORABLE_CHARACTERS",
        "",
        "the column's character set cannot hold a character (unstorable is reject)",
        "load with --unstorable notice, or move the table to utf8mb4",
    )
    DAMAGED_PHONE_NUMBER = (
        "DAMAGED_PHONE_NUMBER",
        "",
        "a spreadsheet turned the number into a floating-point value; digits may be lost",
        "export the phone column as text and load the file again",
    )
    INVALID_PHONE_NUMBER_LENGTH = (
        "INVALID_PHONE_NUMBER_LENGTH",
        "INVALID PHONE NUMBER LENGTH",
        "there is no phone number, or it has too few or too many digits for its country",
        "complete the number, or give its country by phone_code or default_region",
    )
    INVALID_PHONE_NUMBER = (
        "INVALID_PHONE_NUMBER",
        "",
        "the country's numbering plan has no such number (phone_validation is valid)",
        "correct the number, or load with --phone-validation possible",
    )
    INVALID_PHONE_NUMBER_PREFIX = (
        "INVALID_PHONE_NUMBER_PREFIX",
        "INVALID PHONE NUMBER PREFIX",
        "the fourth digit of a USA or Canada number cannot be 0 or 1",
        "correct the number",
    )
    INVALID_PHONE_NUMBER_AREACODE = (
        "INVALID_PHONE_NUMBER_AREACODE",
        "INVALID PHONE NUMBER AREACODE",
        "not a ten-digit number of country 1 with an area code that the dialer knows",
        "correct the number, or load other countries without usacan_areacode_check",
    )
    INVALID_PHONE_NUMBER_NANPA_AREACODE_PREFIX = (
        "INVALID_PHONE_NUMBER_NANPA_AREACODE_PREFIX",
        "INVALID PHONE NUMBER NANPA AREACODE PREFIX",
        "the NANPA data has no such area code and prefix",
        "correct the number",
    )
    PHONE_NUMBER_IN_DNC = (
        "PHONE_NUMBER_IN_DNC",
        "PHONE NUMBER IN DNC",
        "the number, or its whole area code, is on the system's do-not-call list",
        "do not call",
    )
    PHONE_NUMBER_IN_CAMPAIGN_DNC = (
        "PHONE_NUMBER_IN_CAMPAIGN_DNC",
        "PHONE NUMBER IN CAMPAIGN DNC",
        "the number, or its whole area code, is on the campaign's do-not-call list",
        "do not call for this campaign",
    )
    PHONE_NUMBER_IN_FEED = (
        "PHONE_NUMBER_IN_FEED",
        "",
        "the number is in the feed that is named behind the colon",
        "do not call; where the feed is wrong or old, load with a new one",
    )
    AMBIGUOUS_TIME_ZONE = (
        "AMBIGUOUS_TIME_ZONE",
        "",
        "the number can be in several time zones, and nothing decides (ambiguous_tz is reject)",
        "give the state or the postal code, or load with --ambiguous-tz earliest",
    )
    DUPLICATE_PHONE_NUMBER_IN_LIST = (
        "DUPLICATE_PHONE_NUMBER_IN_LIST",
        "DUPLICATE PHONE NUMBER IN LIST",
        "a lead of the same list has this phone_number (DUPLIST)",
        "nothing to do: the lead is there",
    )
    DUPLICATE_PHONE_NUMBER_IN_CAMPAIGN_LISTS = (
        "DUPLICATE_PHONE_NUMBER_IN_CAMPAIGN_LISTS",
        "DUPLICATE PHONE NUMBER IN CAMPAIGN LISTS",
        "a lead of a list of the same campaign has this phone_number (DUPCAMP)",
        "nothing to do: the lead is there",
    )
    DUPLICATE_PHONE_NUMBER_IN_SYSTEM = (
        "DUPLICATE_PHONE_NUMBER_IN_SYSTEM",
        "DUPLICATE PHONE NUMBER IN SYSTEM",
        "a lead of the system has this phone_number (DUPSYS)",
        "nothing to do: the lead is there",
    )
    DUPLICATE_PHONE_OR_ALT_PHONE_IN_LIST = (
        "DUPLICATE_PHONE_OR_ALT_PHONE_IN_LIST",
        "DUPLICATE PHONE NUMBER IN LIST",
        "a lead of the same list has it as phone_number or alt_phone (DUPPHONEALTLIST)",
        "nothing to do: the lead is there",
    )
    DUPLICATE_PHONE_OR_ALT_PHONE_IN_CAMPAIGN_LISTS = (
        "DUPLICATE_PHONE_OR_ALT_PHONE_IN_CAMPAIGN_LISTS",
        "DUPLICATE PHONE NUMBER IN CAMPAIGN LISTS",
        "a lead of the campaign's lists has it as phone_number or alt_phone (DUPPHONEALTCAMP)",
        "nothing to do: the lead is there",
    )
    DUPLICATE_PHONE_OR_ALT_PHONE_IN_SYSTEM = (
        "DUPLICATE_PHONE_OR_ALT_PHONE_IN_SYSTEM",
        "DUPLICATE PHONE NUMBER IN SYSTEM",
        "a lead of the system has it as phone_number or alt_phone (DUPPHONEALTSYS)",
        "nothing to do: the lead is there",
    )
    DUPLICATE_TITLE_ALT_PHONE_IN_LIST = (
        "DUPLICATE_TITLE_ALT_PHONE_IN_LIST",
        "DUPLICATE TITLE ALT_PHONE IN LIST",
        "a lead of the same list has the same title and alt_phone (DUPTITLEALTPHONELIST)",
        "nothing to do: the lead is there",
    )
    DUPLICATE_TITLE_ALT_PHONE_IN_CAMPAIGN_LISTS = (
        "DUPLICATE_TITLE_ALT_PHONE_IN_CAMPAIGN_LISTS",
        "DUPLICATE TITLE ALT_PHONE IN CAMPAIGN LISTS",
        "a lead of the campaign's lists has the same title and alt_phone (DUPTITLEALTPHONECAMP)",
        "nothing to do: the lead is there",
    )
    DUPLICATE_TITLE_ALT_PHONE_IN_SYSTEM = (
        "DUPLICATE_TITLE_ALT_PHONE_IN_SYSTEM",
        "DUPLICATE TITLE ALT_PHONE IN SYSTEM",
        "a lead of the system has the same title and alt_phone (DUPTITLEALTPHONESYS)",
        "nothing to do: the lead is there",
    )
    DUPLICATE_NAME_PHONE_IN_LIST = (
        "DUPLICATE_NAME_PHONE_IN_LIST",
        "DUPLICATE NAME PHONE IN LIST",
        "a lead of the same list has the same names and phone_number (DUPNAMEPHONELIST)",
        "nothing to do: the lead is there",
    )
    DUPLICATE_NAME_PHONE_IN_CAMPAIGN_LISTS = (
        "DUPLICATE_NAME_PHONE_IN_CAMPAIGN_LISTS",
        "DUPLICATE NAME PHONE IN CAMPAIGN LISTS",
        "a lead of the campaign's lists has the same names and phone_number (DUPNAMEPHONECAMP)",
        "nothing to do: the lead is there",
    )
    DUPLICATE_NAME_PHONE_IN_SYSTEM = (
        "DUPLICATE_NAME_PHONE_IN_SYSTEM",
        "DUPLICATE NAME PHONE IN SYSTEM",
        "a lead of the system has the same names and phone_number (DUPNAMEPHONESYS)",
        "nothing to do: the lead is there",
    )
    REFUSED_BY_SERVER = (
        "REFUSED_BY_SERVER",
        "LEAD HAS NOT BEEN ADDED",
        "the database server refused the row; details give its error code",
        "look the error code up, correct the row or the table, and load the row again",
    )
    EXISTING_LEAD_GONE = (
        "EXISTING_LEAD_GONE",
        "",
        "the existing lead that the row was to change went away, or somebody else was changing it",
        "load the reject file: what the row finds then decides",
    )
    NOT_INSERTED = (
        "NOT_INSERTED",
        "",
        "the run ended before the row was inserted: the database stopped answering, or it was "
        "interrupted",
        "run the same command again: it goes on where it was",
    )


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

    VALUE_CUT = "VALUE_CUT", "a value was longer than its column and was cut"
    CONTROL_CHARACTERS_DROPPED = (
        "CONTROL_CHARACTERS_DROPPED",
        "control characters were taken out of a value",
    )
    UNSTORABLE_REPLACED = (
        "UNSTORABLE_REPLACED",
        "characters that the column's character set cannot hold were stored as ?",
    )
    UNKNOWN_GENDER = "UNKNOWN_GENDER", "the gender was not understood and is stored as U"
    INVALID_RANK = "INVALID_RANK", "the rank is no whole number that fits and is stored as 0"
    INVALID_DATE_OF_BIRTH = (
        "INVALID_DATE_OF_BIRTH",
        "the date of birth was not understood and is stored as 0000-00-00",
    )
    INVALID_DATE = (
        "INVALID_DATE",
        "a custom field's date was not understood and is stored as 0000-00-00",
    )
    INVALID_ENTRY_LIST_ID = (
        "INVALID_ENTRY_LIST_ID",
        "the entry_list_id is no number that fits: 0 is stored, or the largest number there is",
    )
    LIST_ID_CLEANED = (
        "LIST_ID_CLEANED",
        "the list_id held more than digits; as add_lead does, the digits alone were taken",
    )
    UNKNOWN_COUNTRY = (
        "UNKNOWN_COUNTRY",
        "the row's country was not understood; the number was taken for one of the default's",
    )
    DECIMAL_MENDED = "DECIMAL_MENDED", "the .0 that a spreadsheet put after the number was removed"
    EXTENSION_DROPPED = "EXTENSION_DROPPED", "the number's extension is not stored"
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
    NANPA_NOT_LOADED = (
        "NANPA_NOT_LOADED",
        "the NANPA options did nothing: vicidial_nanpa_prefix_codes has fewer than ten rows",
        "NANPA options disabled, NANPA prefix data not loaded",
    )
    PHONE_PROMOTED = (
        "PHONE_PROMOTED",
        "the phone_number was rejected; another number of the row took its place",
    )
    INVALID_SWITCH = (
        "INVALID_SWITCH",
        "a column that says Y or N says something else, which was taken for N",
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
        "ALT_PHONES_LOADED",
        "alternate numbers of the lead went into vicidial_list_alt_phones",
        "MULTI-ALT-PHONE NUMBERS LOADED",
    )
    CUSTOM_FIELDS_ADDED = (
        "CUSTOM_FIELDS_ADDED",
        "the values of the list's custom fields were stored",
        "CUSTOM FIELDS VALUES ADDED",
    )
    CUSTOM_FIELDS_DISABLED = (
        "CUSTOM_FIELDS_DISABLED",
        "no custom fields were stored: the dialer has them disabled",
        "CUSTOM FIELDS NOT ADDED, CUSTOM FIELDS DISABLED",
    )
    NO_CUSTOM_FIELDS_FOR_LIST = (
        "NO_CUSTOM_FIELDS_FOR_LIST",
        "no custom fields were stored: the list has no table for them",
        "CUSTOM FIELDS NOT ADDED, NO CUSTOM FIELDS DEFINED FOR THIS LIST",
    )
    NO_FIELDS_DEFINED = (
        "NO_FIELDS_DEFINED",
        "no custom fields were stored: the list defines none that hold a value",
        "CUSTOM FIELDS NOT ADDED, NO FIELDS DEFINED",
    )
    NO_FIELDS_TO_UPDATE = (
        "NO_FIELDS_TO_UPDATE",
        "no custom fields were stored: the list's table lacks a column that the list defines",
        "CUSTOM FIELDS NOT ADDED, NO FIELDS TO UPDATE DEFINED",
    )
    ADDED_TO_HOPPER = "ADDED_TO_HOPPER", "the lead is in the hopper", "ADDED TO HOPPER"
    NOT_ADDED_TO_HOPPER = (
        "NOT_ADDED_TO_HOPPER",
        "the lead is not in the hopper: its local time is outside of its call time",
        "NOT ADDED TO HOPPER, OUTSIDE OF LOCAL TIME",
    )
    CALLBACK_ADDED = (
        "CALLBACK_ADDED",
        "a callback is scheduled; the lead waits for it as CBHOLD",
        "SCHEDULED CALLBACK ADDED",
    )
    CALLBACK_CAMPAIGN_NOT_VALID = (
        "CALLBACK_CAMPAIGN_NOT_VALID",
        "no callback: the dialer has no such campaign",
        "SCHEDULED CALLBACK NOT ADDED, CAMPAIGN NOT VALID",
    )
    CALLBACK_USER_NOT_VALID = (
        "CALLBACK_USER_NOT_VALID",
        "no callback: the dialer has no such user, whom a USERONLY callback needs",
        "SCHEDULED CALLBACK NOT ADDED, USER NOT VALID",
    )
    CALLBACK_DATE_NOT_VALID = (
        "CALLBACK_DATE_NOT_VALID",
        "no callback: its date is not NOW, a number and DAYS, or YYYY-MM-DD HH:MM:SS",
        "SCHEDULED CALLBACK NOT ADDED, DATE NOT VALID",
    )
    EXTRA_NOT_STORED = (
        "EXTRA_NOT_STORED",
        "the lead is stored, but not what comes with it in the table that the details name",
    )
    CHANGED_BY_SERVER = (
        "CHANGED_BY_SERVER",
        "the server stored other values than those sent: a trigger of the site changes them",
    )


class Obstacle(StrEnum):
    """Why the dialer does not call a lead now; of several, the first of these."""

    meaning: str

    def __new__(cls, name: str, meaning: str) -> "Obstacle":
        """Keep the meaning on the member itself."""
        member = str.__new__(cls, name)
        member._value_ = name
        member.meaning = meaning
        return member

    LIST_UNKNOWN = "LIST_UNKNOWN", "the dialer has no such list"
    LIST_INACTIVE = "LIST_INACTIVE", "the list is not active"
    LIST_EXPIRED = "LIST_EXPIRED", "the list's expiration_date is past"
    CAMPAIGN_UNKNOWN = "CAMPAIGN_UNKNOWN", "the list belongs to no campaign that there is"
    CAMPAIGN_INACTIVE = "CAMPAIGN_INACTIVE", "the list's campaign is not active"
    STATUS_NOT_DIALED = (
        "STATUS_NOT_DIALED",
        "the lead's status is none of the campaign's dial_statuses",
    )
    CALLED_SINCE_RESET = "CALLED_SINCE_RESET", "it was called since the list was last reset"
    NO_GMT_OFFSET = (
        "NO_GMT_OFFSET",
        "no time zone was found for it, and it is outside of its call time in UTC",
    )
    OUTSIDE_CALL_TIME = (
        "OUTSIDE_CALL_TIME",
        "its local time is outside of the call time of list, campaign or state",
    )
