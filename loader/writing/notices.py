"""What the server did with leads and with what comes with them, as notices."""

from collections.abc import Collection, Iterable, Sequence

import pandas as pd

from loader.extras.rows import ExtraRows
from loader.findings import Notices, no_notices, notices
from loader.notices import Notice
from loader.writing.differences import Difference, rows_of
from loader.writing.extras import InsertedExtra


def changed_by_server(
    rows: Collection[int], differences: Sequence[Difference] = (), **details: str
) -> Notices:
    """Notice the rows of which the server stored other values than those sent.

    Each of their differences is a notice; a row of which none is known has one without a field.
    """
    bare = pd.Index([*rows], dtype="int64").difference([*rows_of(differences)])
    noticed = [notices(bare, Notice.CHANGED_BY_SERVER, **details)]
    if differences:
        frame = pd.DataFrame([*differences], columns=Difference._fields).set_index("row")
        frame = frame.rename_axis(None).assign(notice=Notice.CHANGED_BY_SERVER.value, **details)
        noticed.append(frame.astype("str"))
    return pd.concat(noticed).sort_index(kind="stable")


def with_stored_extra(noticed: Notices, extra: ExtraRows, stored: InsertedExtra) -> Notices:
    """Put right what the notices of leads say of their rows in one table: that they are stored."""
    rows = noticed.index.to_series()
    of_extra = noticed["notice"] == extra.notice.value
    failed = of_extra & rows.isin(extra.rows.index.difference([*stored.stored]))
    if failed.any():
        codes = rows.map(pd.Series(stored.refused, dtype="str")).astype("str").fillna("unknown")
        instead = {"notice": Notice.EXTRA_NOT_STORED.value, "table": extra.table, "error": codes}
        nothing = pd.Series(index=noticed.index, dtype="str")
        noticed = pd.DataFrame(
            {
                name: noticed.get(name, nothing).where(~failed, instead.get(name))
                for name in dict.fromkeys([*noticed, *instead])
            }
        )
    if len(stored.generated):
        numbers = stored.generated[~stored.generated.index.duplicated()].astype("str")
        noticed = noticed.assign(**{extra.generated: rows[of_extra & ~failed].map(numbers)})
    changed = changed_by_server(stored.changed, stored.differences, table=extra.table)
    return pd.concat([_without_held(noticed, extra, stored.held), stored.held, changed])


def _without_held(noticed: Notices, extra: ExtraRows, held: Notices) -> Notices:
    """Count what leads have without the rows that were held back."""
    if held.empty:
        return noticed
    left = extra.rows.index.value_counts().sub(held.index.value_counts()).dropna().astype("int64")
    is_its = (noticed["notice"] == extra.notice.value) & noticed.index.isin(left.index)
    count = noticed.index.to_series().map(left.astype("str"))
    noticed = noticed.assign(count=noticed["count"].where(~is_its, count))
    return noticed[~(is_its & noticed.index.isin(left.index[left == 0]))]


def without_extras(noticed: Notices, extras: Iterable[ExtraRows]) -> Notices:
    """Put right what the notices of leads say of rows that were not sent."""
    for extra in extras:
        noticed = with_stored_extra(noticed, extra, InsertedExtra())
    return noticed


def of_changes(rows: pd.Index, changes: pd.DataFrame) -> Notices:
    """Notice which fields of an existing lead each row changed.

    Args:
        rows: row numbers of those that were to change one.
        changes: see `loader.writing.changes.as_changes`.
    """
    moved = changes[changes["field"] == "list_id"]
    updated = changes.groupby(level=0)["field"].agg(",".join).drop(moved.index)
    unchanged = rows.difference(changes.index)
    return pd.concat(
        [
            no_notices(),
            notices(moved.index, Notice.MOVED_EXISTING_LEAD, from_list_id=moved["old"]),
            notices(updated.index, Notice.UPDATED_EXISTING_LEAD, fields=updated),
            notices(unchanged, Notice.EXISTING_LEAD_UNCHANGED),
        ]
    )
