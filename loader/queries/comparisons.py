"""How the columns of a database compare texts: what checks need to know of them."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace

import pandas as pd
from sqlalchemy import Connection

from loader.checks.duplicates_existing import COMPARED_COLUMNS
from loader.database.weights import read_collation, with_keys
from loader.dialer import LEADS, Column
from loader.errors import ConfigurationError
from loader.frames.collation import Collation, fold, fold_text
from loader.options.duplicate_check import Kind
from loader.options.load import LoadOptions

CAMPAIGN_ID = "vicidial_campaigns.campaign_id"


@dataclass(frozen=True)
class Comparisons:
    """The collations of columns, of which the server is asked when they are needed."""

    connection: Connection
    names: Mapping[str, str | None]
    """The name of its collation by table and column, `vicidial_list.title`; None: no server."""

    def collation(self, column: str) -> Collation:
        """Read how a column compares, as far as it goes without keys of texts."""
        return read_collation(self.connection, self.names.get(column))

    def key(self, column: str, texts: "pd.Series[str]") -> "pd.Series[str]":
        """Give the keys of texts as a column compares them."""
        return fold(texts, with_keys(self.connection, [texts], self.collation(column)))

    def of_checks(self, kinds: Collection[Kind]) -> dict[Kind, Collation]:
        """Read how the columns compare that kinds of duplicate checks look at.

        Raises:
            ConfigurationError: those of one kind compare differently.
        """
        found = {}
        for kind in kinds:
            columns = [f"{LEADS}.{name}" for name in COMPARED_COLUMNS[kind]]
            columns = [column for column in columns if column in self.names]
            collations = {self.names[column] for column in columns}
            if len(collations) > 1:
                raise ConfigurationError(
                    f"{', '.join(columns)} have different collations "
                    f"({', '.join(sorted(map(str, collations)))}): duplicates cannot be looked for "
                    "by them; convert the columns to one collation"
                )
            found[kind] = read_collation(self.connection, *collations)
        return found

    def with_collations(
        self, table: str, columns: Mapping[str, Column], options: LoadOptions
    ) -> Mapping[str, Column]:
        """Give the columns of a table; of a do-not-call list that is read, how they compare."""
        checks = {
            "vicidial_dnc": options.dnc_check,
            "vicidial_campaign_dnc": options.campaign_dnc_check,
        }
        if checks.get(table, "N") == "N":
            return columns
        compared = [name for name in ("phone_number", "campaign_id") if name in columns]
        return {**columns} | {
            name: replace(columns[name], collation=self.collation(f"{table}.{name}"))
            for name in compared
        }

    def of_campaigns(self, lists: pd.DataFrame, campaigns: pd.DataFrame) -> pd.DataFrame:
        """Give campaign_id as the campaign spells it, and the local_call_time that counts.

        Args:
            lists: campaign_id and local_call_time (str, null for NULL) by list_id.
            campaigns: the same columns, of campaigns.

        Returns:
            Both columns by list_id, of the lists whose campaign is defined: call time and campaign
            of the others are nothing to the dialer.
        """
        if campaigns.empty or lists.empty:
            return campaigns[:0].set_axis(lists.index[:0])
        both = pd.concat([campaigns["campaign_id"], lists["campaign_id"]], ignore_index=True)
        keys = self.key(CAMPAIGN_ID, both)
        by_key = campaigns.set_index(pd.Index(keys[: len(campaigns)]))
        by_key = by_key[~by_key.index.duplicated()]
        of_lists = by_key.reindex(keys[len(campaigns) :]).set_axis(lists.index)
        own = lists["local_call_time"].fillna("")
        follows = fold(own).isin(("", fold_text("campaign")))
        of_lists["local_call_time"] = own.where(~follows, of_lists["local_call_time"])
        return of_lists[of_lists["campaign_id"].notna()]
