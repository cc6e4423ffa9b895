"""What holds for the whole run, given to each row: values for blank fields, values for all."""

from collections.abc import Callable, Collection, Mapping

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from loader.checks.blanks import trim_text
from loader.fields.mapping import resolve_field
from loader.findings import Notices, join_frames, no_notices, notices
from loader.frames.arrow import arrow_columns, frame_of, same_text, to_arrow, to_series
from loader.notices import Notice
from loader.options.load import LoadOptions

CALLBACK = (
    "callback", "callback_status", "callback_datetime", "callback_type", "callback_user",
    "callback_comments",
)  # fmt: skip
HOPPER = ("add_to_hopper", "hopper_priority")
SWITCHES = ("callback", "add_to_hopper")
FORCED = ("list_id", "phone_code")


class Defaults:
    """The values of one run, by field."""

    def __init__(
        self, options: LoadOptions, fields: Collection[str], labels: Collection[str] = ()
    ) -> None:
        """Find out what rows will have.

        list_id and phone_code are filled where they are forced only: for blank ones the row's
        country, or the dialer's default, comes into it later.

        Args:
            options: default, force, and the options that stand for a field.
            fields: those that columns of the file fill.
            labels: of custom fields.

        Raises:
            UsageError: default or force names no field.
        """
        tidy = trim_text if options.trim == "Y" else str
        named = {name: tidy(getattr(options, name)) for name in ("campaign_id", *CALLBACK, *HOPPER)}
        default = _by_field("default", options.default, labels, tidy)
        self._default = named | default
        forced = {name: str(getattr(options, f"force_{name}")) for name in FORCED}
        self._force = {name: value for name, value in forced.items() if value}
        self._force |= _by_field("force", options.force, labels, tidy)
        wanted = dict.fromkeys([*fields, *default, *self._force, "campaign_id"])
        for names in (CALLBACK, HOPPER):
            if names[0] in wanted or named[names[0]] == "Y":
                wanted |= dict.fromkeys(names)
        self.fields = tuple(wanted)
        """Those that rows have once they are filled."""

    def fill(self, rows: pd.DataFrame) -> tuple[pd.DataFrame, Notices]:
        """Give every row the values of the run.

        Args:
            rows: str columns named as fields; index row_number.

        Returns:
            The rows with the columns `fields`; switches are Y or N in every row, with a notice
            where the row says something else.
        """
        filled, noticed, given = {}, [no_notices()], arrow_columns(rows)
        for name in self.fields:
            texts = self._filled(name, given.get(name), len(rows))
            if name in SWITCHES:
                switch, strange = _switch(to_series(texts, rows.index).rename(name))
                noticed.append(strange)
                texts = to_arrow(switch)
            filled[name] = texts
        return frame_of(filled, rows.index), join_frames(noticed)

    def _filled(self, name: str, given: pa.ChunkedArray | None, rows: int) -> pa.ChunkedArray:
        """Give the texts of a field in so many rows; `given`: those that they have."""
        default = self._default.get(name, "")
        if name in self._force or given is None:
            return same_text(self._force.get(name, default), rows)
        if not default:
            return given
        blank = pc.match_substring_regex(given, r"^\s*$").fill_null(False)
        return pc.if_else(blank, default, given)


def _by_field(
    option: str, values: Mapping[str, str], labels: Collection[str], tidy: Callable[[str], str]
) -> dict[str, str]:
    return {
        resolve_field(f"--{option}", name, labels): tidy(value) for name, value in values.items()
    }


def _switch(values: "pd.Series[str]") -> tuple["pd.Series[str]", Notices]:
    stripped = values.str.strip()
    known = stripped.isin(("Y", "N"))
    strange = values[~known & (stripped != "")]
    name = str(values.name)
    return stripped.where(known, "N"), notices(strange.index, Notice.INVALID_SWITCH, field=name)
