"""Custom fields: values that a list keeps in a table of its own, custom_<list_id>."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import pandas as pd

from loader.checks.fit import fit_field
from loader.dialer import Column, Dialer, Lookups
from loader.extras.rows import ExtraRows
from loader.fields.lead import CUSTOM_PREFIX
from loader.findings import (
    Findings,
    Notices,
    findings,
    in_order,
    join_frames,
    no_findings,
    no_notices,
    notices,
)
from loader.frames.moments import ZERO, read_moments
from loader.notices import Notice
from loader.options.load import LoadOptions
from loader.reasons import Reason

BLANK = "--BLANK--"
"""What a caller of add_lead writes to empty a field."""


@dataclass(frozen=True)
class _CustomTable:
    """Where the custom fields of one list go."""

    list_id: str
    """As given: leading zeros make it another table's."""
    notice: Notice
    """CUSTOM_FIELDS_ADDED, or why they do not go anywhere."""
    fields: Mapping[str, str] = field(default_factory=dict)
    """The names of their columns by the label of the field, if they go somewhere."""
    columns: Mapping[str, Column] = field(default_factory=dict)
    """The table's, by name."""
    lacking: tuple[str, ...] = ()
    """Labels of fields that the table has no column for."""

    @property
    def name(self) -> str:
        """What the table is called, whether it exists or not."""
        return f"custom_{self.list_id}"


def reject_encrypted(leads: pd.DataFrame, options: LoadOptions, dialer: Dialer) -> Findings:
    """Reject rows with a value for a field of their list that the dialer stores encrypted.

    How it encrypts is no part of what is public of it, and in clear the value must not be stored.

    Args:
        leads: list_id (int64), and `custom:<label>` (str), as given.
        options: custom_fields is read.
        dialer: encrypted_labels is read.
    """
    found = [no_findings()]
    if _is_asked(options, dialer) and dialer.custom_fields_enabled:
        lists = dialer.encrypted_labels.groupby(dialer.encrypted_labels).groups
        for label, list_ids in lists.items():
            if CUSTOM_PREFIX + str(label) in leads:
                has_value = ~leads[CUSTOM_PREFIX + str(label)].str.strip().isin(("", BLANK))
                rows = leads.index[has_value & leads["list_id"].isin(list_ids)]
                found.append(findings(rows, Reason.ENCRYPTED_CUSTOM_FIELD, field=str(label)))
    return in_order(join_frames(found))


def decide(
    leads: pd.DataFrame, options: LoadOptions, dialer: Dialer, _lookups: Lookups
) -> tuple[pd.DataFrame, Notices]:
    """Make the values of custom fields fit, and say of each lead whether they will be stored.

    Args:
        leads: list_id (int64), list_id_given, and `custom:<label>` (str), as given; index
            row_number.
        options: custom_fields is read.
        dialer: what custom fields its lists have.

    Returns:
        The leads, their custom values as they will be stored, entry_list_id (str) the list_id of
        those that have some (add_lead: custom_fields), else what it was or "0"; and notices.
    """
    if not _is_asked(options, dialer):
        return leads, no_notices()
    leads = leads.copy()
    if "entry_list_id" not in leads:
        leads["entry_list_id"] = pd.Series("0", index=leads.index, dtype="str")
    tables, of_row = _tables(leads, dialer)
    noticed = [_whether_added(tables, of_row)]
    takes = of_row.isin([place for place, table in enumerate(tables) if table.fields])
    list_ids = leads["list_id"].astype("str")
    leads["entry_list_id"] = list_ids.where(takes, leads["entry_list_id"])
    fit = FIT.model_copy(update={"trim": options.trim})
    for (label, column), places in _alike(tables).items():
        if CUSTOM_PREFIX + label in leads:
            rows = of_row.index[of_row.isin(places)]
            given = leads.loc[rows, CUSTOM_PREFIX + label].rename(label)
            values, of_field = _fit(given, column, fit)
            leads.loc[rows, CUSTOM_PREFIX + label] = values
            noticed.append(of_field)
    noticed += _without_column(leads, tables, of_row)
    return leads, join_frames(noticed)


def extra_rows(leads: pd.DataFrame, options: LoadOptions, dialer: Dialer) -> Iterator[ExtraRows]:
    """Give the rows of the lists' tables: a field that no column of the file fills is empty.

    Args:
        leads: as `decide` left them, with lead_id (int64).
        options: custom_fields is read.
        dialer: as for `decide`.
    """
    if not _is_asked(options, dialer):
        return
    tables, of_row = _tables(leads, dialer)
    for fields, places in _with_same_fields(tables).items():
        of_those = of_row[of_row.isin(places)]
        values = {
            name: leads.loc[of_those.index, CUSTOM_PREFIX + label]
            if CUSTOM_PREFIX + label in leads
            else empty
            for label, name, empty in fields
        }
        rows = pd.DataFrame({"lead_id": leads.loc[of_those.index, "lead_id"], **values})
        for place, of_table in zip(places, rows.groupby(of_those, sort=False), strict=True):
            yield ExtraRows(
                table=tables[place].name,
                notice=tables[place].notice,
                rows=of_table[1],
                unless_stored={"entry_list_id": "0"},
                replaces=True,
            )


def labels_of(dialer: Dialer) -> list[str]:
    """Give the labels of the custom fields of all lists, each once."""
    return dialer.custom_labels.unique().tolist()


def _is_asked(options: LoadOptions, dialer: Dialer) -> bool:
    return options.custom_fields == "Y" and dialer.knows_leads


def _tables(leads: pd.DataFrame, dialer: Dialer) -> tuple[Sequence[_CustomTable], "pd.Series[int]"]:
    """Give the tables of the leads' lists in their order, and of each lead its table's place."""
    given, list_ids = leads["list_id_given"], leads["list_id"]
    given = given.where(given != "", list_ids.astype("str"))
    places, names = pd.factorize(given)
    firsts = list_ids[~given.duplicated()].tolist()
    defined = dialer.custom_labels[dialer.custom_labels.index.isin(firsts)]
    labels: dict[int, list[str]] = {}
    for list_id, label in zip(defined.index.tolist(), defined.tolist(), strict=True):
        labels.setdefault(list_id, []).append(label)
    tables = [
        _table_of(name, labels.get(list_id, []), dialer)
        for name, list_id in zip(names.tolist(), firsts, strict=True)
    ]
    return tables, pd.Series(places, index=leads.index, dtype="int64")


def _table_of(given: str, labels: Sequence[str], dialer: Dialer) -> _CustomTable:
    """Find a list's table (add_lead: custom_fields), by the list_id as it was given."""
    columns = dialer.tables.get(f"custom_{given}")
    if not dialer.custom_fields_enabled:
        return _CustomTable(given, Notice.CUSTOM_FIELDS_DISABLED)
    if columns is None:
        return _CustomTable(given, Notice.NO_CUSTOM_FIELDS_FOR_LIST)
    if not labels:
        return _CustomTable(given, Notice.NO_FIELDS_DEFINED)
    # To the server a column's name is the same in capitals. The lead_id is no field's.
    usable = [name for name in columns if name.lower() != "lead_id"]
    names = {name.lower(): name for name in usable} | {name: name for name in usable}
    found = {label: names.get(label) or names.get(label.lower()) for label in labels}
    fields = {label: name for label, name in found.items() if name}
    lacking = tuple(label for label in found if label not in fields)
    if not fields or len({*fields.values()}) < len(fields):
        return _CustomTable(given, Notice.NO_FIELDS_TO_UPDATE)
    return _CustomTable(given, Notice.CUSTOM_FIELDS_ADDED, fields, columns, lacking)


def _whether_added(tables: Sequence[_CustomTable], of_row: "pd.Series[int]") -> Notices:
    """Say of each lead what became of its list's table."""
    list_ids = of_row.map(dict(enumerate(table.list_id for table in tables))).astype("str")
    places: dict[Notice, list[int]] = {}
    for place, table in enumerate(tables):
        places.setdefault(table.notice, []).append(place)
    parts = [
        notices(of_row.index[of_row.isin(those)], notice, list_id=list_ids)
        for notice, those in places.items()
    ]
    return join_frames([no_notices(), *parts])


def _without_column(
    leads: pd.DataFrame, tables: Sequence[_CustomTable], of_row: "pd.Series[int]"
) -> list[Notices]:
    """Name the values of fields that the list's table lacks a column for."""
    places: dict[str, list[int]] = {}
    for place, table in enumerate(tables):
        for label in table.lacking:
            places.setdefault(label, []).append(place)
    noticed = []
    for label, of_label in places.items():
        if CUSTOM_PREFIX + label in leads:
            values = leads[CUSTOM_PREFIX + label].str.strip()
            rows = of_row.isin(of_label) & ~values.isin(("", BLANK))
            given = Notice.CUSTOM_FIELD_WITHOUT_COLUMN
            noticed.append(notices(leads.index[rows], given, field=label))
    return noticed


def _alike(tables: Sequence[_CustomTable]) -> dict[tuple[str, Column], list[int]]:
    """Gather the tables whose column for a label holds the same: their values fit alike."""
    places: dict[tuple[str, Column], list[int]] = {}
    for place, table in enumerate(tables):
        for label, name in table.fields.items():
            places.setdefault((label, table.columns[name]), []).append(place)
    return places


def _with_same_fields(
    tables: Sequence[_CustomTable],
) -> dict[tuple[tuple[str, str, str], ...], list[int]]:
    """Gather the tables that take values by label, column and what is empty there: many do."""
    places: dict[tuple[tuple[str, str, str], ...], list[int]] = {}
    for place, table in enumerate(tables):
        fields = tuple(
            (label, name, ZERO.get(table.columns[name].moment or "", ""))
            for label, name in table.fields.items()
        )
        if fields:
            places.setdefault(fields, []).append(place)
    return places


FIT = LoadOptions(unstorable="notice")
"""The row is accepted when its custom fields are looked at: they reject nothing any more."""


def _fit(
    given: "pd.Series[str]", column: Column, options: LoadOptions
) -> tuple["pd.Series[str]", Notices]:
    given = given.where(given != BLANK, "")
    if column.moment is None:
        values, _, noticed = fit_field(given, column, options)
        return values, noticed
    texts, _, noticed = fit_field(given, Column(), options)
    moments = read_moments(texts, column.moment, column.fraction_digits)
    zero, label = ZERO[column.moment], str(given.name)
    is_strange = moments.texts.isna() & ~texts.str.strip().isin(("", zero))
    of_dates = [
        notices(texts.index[rows], notice, field=label, value=texts)
        for notice, rows in (
            (Notice.INVALID_DATE, is_strange),
            (Notice.DATE_READ_IN_PART, moments.is_partly),
        )
    ]
    return moments.texts.fillna(zero), join_frames([noticed, *of_dates])
