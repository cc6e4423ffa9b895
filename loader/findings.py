"""What the stages say of rows: small frames over the row numbers that they concern."""

from collections.abc import Iterable, Mapping
from functools import cache

import pandas as pd

from loader.notices import Notice
from loader.reasons import Reason

Findings = pd.DataFrame
"""Rejections. Index row_number; columns as in `FINDING_TYPES`: reason; its details, null where it
has no such detail; lead_id and duplicate_row, the existing lead, or the earlier row of the file,
that the row is a duplicate of; and what add_lead answers behind its sentence, which is answer,
lead_id and answer_tail."""

Notices = pd.DataFrame
"""What was noticed. Index row_number, which repeats where a row has several, in the order in which
they were noticed. Column notice (str), and those of `NOTICE_DETAILS` that occur (str, null where a
notice has no such detail)."""

NOTICE_DETAILS: Mapping[Notice, tuple[str, ...]] = {
    Notice.VALUE_CUT: ("field",),
    Notice.CONTROL_CHARACTERS_DROPPED: ("field",),
    Notice.LINE_BREAKS_REPLACED: ("field",),
    Notice.UNSTORABLE_REPLACED: ("field",),
    Notice.INVALID_DATE: ("field", "value="),
    Notice.DATE_READ_IN_PART: ("field", "value="),
    Notice.INVALID_SWITCH: ("field",),
    Notice.UNKNOWN_GENDER: ("value",),
    Notice.INVALID_DATE_OF_BIRTH: ("value",),
    Notice.INVALID_RANK: ("value",),
    Notice.INVALID_ENTRY_LIST_ID: ("value",),
    Notice.STATE_ABBREVIATED: ("value",),
    Notice.STATE_NOT_STORED: ("value",),
    Notice.COUNTRY_ABBREVIATED: ("value",),
    Notice.COUNTRY_NOT_STORED: ("value",),
    Notice.DAMAGED_VALUE: ("field=", "value="),
    Notice.DECIMAL_MENDED: ("field",),
    Notice.UNKNOWN_COUNTRY: ("value",),
    Notice.DECIMAL_MENDED: ("field",),
    Notice.EXTENSION_DROPPED: ("field", "value"),
    Notice.WORDS_DROPPED: ("field", "value"),
    Notice.SECOND_NUMBER_DROPPED: ("field", "value"),
    Notice.PHONE_CODE_IGNORED: ("value",),
    Notice.ALT_PHONE_ABROAD: ("value",),
    Notice.DAMAGED_ALT_PHONE: ("field", "value"),
    Notice.ALT_PHONE_TOO_WIDE: ("field", "value"),
    Notice.TIME_ZONE_OF_NUMBER: ("value",),
    Notice.AMBIGUOUS_TIME_ZONE: ("zones=",),
    Notice.NO_CAMPAIGN_FOR_LIST: ("list_id=",),
    Notice.OTHER_NUMBER_IN_DNC: ("field=", "phone_number=", "found_in="),
    Notice.OTHER_NUMBER_REMOVED: ("field=", "phone_number=", "found_in="),
    Notice.PHONE_PROMOTED: ("field=", "instead_of="),
    Notice.UPDATED_EXISTING_LEAD: ("fields=",),
    Notice.MOVED_EXISTING_LEAD: ("from_list_id=",),
    Notice.ALT_PHONES_LOADED: ("count=",),
    Notice.CUSTOM_FIELDS_ADDED: ("list_id=",),
    Notice.NO_CUSTOM_FIELDS_FOR_LIST: ("list_id=",),
    Notice.NO_FIELDS_DEFINED: ("list_id=",),
    Notice.NO_FIELDS_TO_UPDATE: ("list_id=",),
    Notice.CUSTOM_FIELD_WITHOUT_COLUMN: ("field",),
    Notice.CAMPAIGN_NOT_DEFINED: ("campaign_id=", "list_id="),
    Notice.NO_CAMPAIGN_FOR_DNC: ("campaign_id=", "list_id="),
    Notice.ADDED_TO_HOPPER: ("hopper_id=", "priority="),
    Notice.NOT_ADDED_TO_HOPPER: ("gmt_offset_now=",),
    Notice.CALLBACK_ADDED: (
        "callback_id=", "campaign_id=", "callback_time=", "recipient=", "user=", "status=",
    ),
    Notice.CALLBACK_CAMPAIGN_NOT_VALID: ("campaign_id=",),
    Notice.CALLBACK_USER_NOT_VALID: ("campaign_id=", "user=", "recipient="),
    Notice.CALLBACK_DATE_NOT_VALID: ("campaign_id=", "callback_datetime="),
    Notice.EXTRA_NOT_STORED: ("table=", "error="),
    Notice.CHANGED_BY_SERVER: ("table=", "field=", "sent=", "stored="),
}  # fmt: skip
"""The details of each notice in the order of result files, which show those with = by name."""

FINDING_DETAILS = (
    "text", "field=", "phone_code=", "country=", "phone_number=", "problem", "width=", "feed=",
    "list_id=", "archived=", "campaign_id=", "found_as=", "zones=", "error=", "found=",
)  # fmt: skip
"""The details of findings in the order of result files, which show those with = by name. text is
for a person to read; archived is Y where the existing lead is in the archive; found_as is the form
of the number that was found, and phone_code that of the other lead, where they differ from the
row's; found is `AT_INSERT` where the row had passed the checks before."""

AT_INSERT = "at insert"
"""Of rows that would not have passed the checks if these had been made when it was inserted."""

FINDING_TYPES = {
    "reason": "str",
    **{name.removesuffix("="): "str" for name in FINDING_DETAILS},
    "answer": "str",
    "answer_tail": "str",
    "lead_id": "Int64",
    "duplicate_row": "Int64",
}


def findings(
    rows: pd.Index,
    reason: Reason,
    answer: "pd.Series[str] | str" = "",
    **details: "pd.Series[str] | str",
) -> Findings:
    """Reject rows (row numbers) for a reason.

    `answer` is what follows add_lead's sentence, fields joined by `|`; `details` are by name, see
    `FINDING_DETAILS`. Each is a text, or a series over at least `rows`.
    """
    if rows.empty:
        return no_findings()
    if not reason.answer:
        answer = ""
    values = {"reason": reason.value, "answer": answer, "answer_tail": "", **details}
    frame = pd.DataFrame(values, index=rows)
    return frame.reindex(columns=list(FINDING_TYPES)).astype(FINDING_TYPES)


def join_findings(one: Findings, other: Findings) -> Findings:
    """Put the findings about different rows together."""
    if one.empty or other.empty:
        return other if one.empty else one
    return pd.concat([one, other]).sort_index()


@cache
def no_findings() -> Findings:
    """Give the frame that rejects nothing; it is one and the same, and not to be changed."""
    return pd.DataFrame({}, index=pd.Index([], dtype="int64"), columns=list(FINDING_TYPES)).astype(
        FINDING_TYPES
    )


def notices(rows: pd.Index, notice: Notice, **details: "pd.Series[str] | str") -> Notices:
    """Note the same about several rows (row numbers).

    `details` are by name, see `NOTICE_DETAILS`: series over at least `rows`, null where a row has
    no such detail.
    """
    if rows.empty:
        return no_notices()
    return pd.DataFrame({"notice": notice.value, **details}, index=rows).astype("str")


@cache
def no_notices() -> Notices:
    """Give the frame without a notice; it is one and the same, and not to be changed."""
    return pd.DataFrame({"notice": ""}, index=pd.Index([], dtype="int64")).astype("str")


def join_frames(frames: Iterable[pd.DataFrame]) -> pd.DataFrame:
    """Join findings, or notices, in their order; at least one frame, and not to be changed.

    Most frames have no rows. They cost nothing here, as they do in `pd.concat`.
    """
    every = list(frames)
    filled = [frame for frame in every if len(frame)]
    if len(filled) > 1:
        return pd.concat(filled)
    return filled[0] if filled else every[0]


def in_order(frame: pd.DataFrame) -> pd.DataFrame:
    """Sort findings, or notices, by row number; the same frame if it has no rows."""
    return frame.sort_index() if len(frame) else frame


def without_rows(frame: pd.DataFrame, rows: pd.Index) -> pd.DataFrame:
    """Leave out the rows that are in an index; the same frame if none is."""
    if not len(rows) or not len(frame):
        return frame
    is_out = frame.index.isin(rows)
    return frame[~is_out] if is_out.any() else frame
