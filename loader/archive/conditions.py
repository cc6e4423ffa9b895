"""Conditions of an archive run's statements: which leads a rule selects, and which are spared."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    TableClause,
    and_,
    case,
    column,
    exists,
    func,
    literal,
    or_,
    select,
    table,
    true,
)

from loader.clock import moment_text
from loader.dialer import CALLBACKS, LEADS, LISTS_TABLE
from loader.errors import UsageError
from loader.options.archive import ArchiveRule
from loader.options.durations import moment_before

NEVER = datetime(2008, 1, 1)  # noqa: DTZ001 - the dialer keeps local times
"""The last_local_call_time that the dialer's own loaders store for new leads; add_lead stores the
entry_date."""
ZERO_DATES = "1000-01-01 00:00:00"
"""The first date of a server's calendar; 0000-00-00 is less."""

BUSY_STATUSES = ("INCALL", "QUEUE", "DISPO")
PENDING_CALLBACKS = ("ACTIVE", "LIVE")


def rule_condition(
    leads: TableClause, rule: ArchiveRule, now: datetime, lists_of_campaigns: list[int]
) -> ColumnElement[bool]:
    """Word a rule.

    Args:
        leads: the table that the leads are in.
        rule: its conditions must all be true of a lead.
        now: the server's local time, from which ages count.
        lists_of_campaigns: list_ids of the rule's campaigns.
    """
    parts: list[ColumnElement[bool]] = []
    if rule.statuses:
        parts.append(leads.c.status.in_(rule.statuses))
    if rule.lists:
        parts.append(leads.c.list_id.in_(rule.lists))
    if rule.campaigns:
        parts.append(leads.c.list_id.in_(lists_of_campaigns))
    if rule.called_before is not None:
        called = leads.c.last_local_call_time
        was_called = or_(leads.c.called_count > 0, called != leads.c.entry_date)
        parts += [was_called, called > moment_text(NEVER)]
        parts.append(called < moment_text(moment_before(rule.called_before, now)))
    if rule.loaded_before is not None:
        loaded = leads.c.entry_date
        parts += [
            loaded >= ZERO_DATES,
            loaded < moment_text(moment_before(rule.loaded_before, now)),
        ]
    if rule.min_called_count is not None:
        parts.append(leads.c.called_count >= rule.min_called_count)
    return and_(true(), *parts)


def lists_of(connection: Connection, campaigns: tuple[str, ...]) -> list[int]:
    """Give the list_ids of campaigns.

    Raises:
        UsageError: a campaign has no list; it may be misspelt.
    """
    if not campaigns:
        return []
    lists = table(LISTS_TABLE, column("list_id"), column("campaign_id"))
    by_campaign = select(lists.c.list_id, lists.c.campaign_id).where(
        func.lower(lists.c.campaign_id).in_([each.lower() for each in campaigns])
    )
    found = [(int(list_id), str(campaign)) for list_id, campaign in connection.execute(by_campaign)]
    existing = {campaign.lower() for _, campaign in found}
    missing = [campaign for campaign in campaigns if campaign.lower() not in existing]
    if missing:
        raise UsageError(f"--campaigns: no list is of campaign {', '.join(missing)}")
    return sorted(list_id for list_id, _ in found)


def leads_in_use(name: str) -> Select[Any]:
    """Word the lead_ids that a table of `HOLDERS` names."""
    place = table(name, column("lead_id"), column("status"))
    lead_ids = select(place.c.lead_id)
    return lead_ids.where(place.c.status.in_(PENDING_CALLBACKS)) if name == CALLBACKS else lead_ids


def holder(leads: TableClause, in_use: Mapping[str, Select[Any]]) -> ColumnElement[str]:
    """Word which part of the dialer is using a lead; "": none.

    Args:
        leads: the table that the leads are in.
        in_use: lead_ids by the table that names them.
    """
    whens: list[tuple[ColumnElement[bool], ColumnElement[str]]] = [
        (leads.c.status.in_(BUSY_STATUSES), literal("status ") + leads.c.status)
    ]
    # Not by EXISTS, because some of these tables have no index of lead_id.
    whens += [(leads.c.lead_id.in_(ids), literal(name)) for name, ids in in_use.items()]
    return case(*whens, else_="")


def loaded_anew(archived: TableClause) -> ColumnElement[str]:
    """Word the lead_id of a later lead with the same list and number as an archived lead.

    The number counts in every form in which it may stand there, see `forms_on`. It is "" if there
    is none, or if the archived lead is in vicidial_list already.
    """
    names = ("lead_id", "list_id", "phone_number", "entry_date")
    later, itself = (table(LEADS, *map(column, names)).alias(name) for name in ("later", "itself"))
    # A subquery for each form: the server looks into the index of numbers for one value alone.
    of_forms = (
        select(func.min(later.c.lead_id))
        .where(
            later.c.phone_number == form,
            later.c.list_id == archived.c.list_id,
            later.c.lead_id > archived.c.lead_id,
            later.c.entry_date > archived.c.entry_date,
        )
        .scalar_subquery()
        for form in forms_on(archived)
    )
    found = func.coalesce(*of_forms)
    is_there = exists(
        select(literal(1)).select_from(itself).where(itself.c.lead_id == archived.c.lead_id)
    )
    return case((is_there, ""), (found.is_(None), ""), else_=literal("lead_id=").concat(found))


def forms_on(leads: TableClause) -> list[ColumnElement[str]]:
    """Word the forms in which the number of a lead may stand elsewhere.

    With and without its phone_code, and the trunk prefix 0, in North America 1. Of numbers that
    begin with such digits by themselves these are more than there are: a lead too many counts as
    loaded anew, never one too few.
    """
    number, code = leads.c.phone_number, func.coalesce(leads.c.phone_code, "")
    has_trunk = or_(number.like("0%"), number.like("1%"))
    without_trunk = case((has_trunk, func.substr(number, 2)), else_=number)
    has_code = and_(code != "", number.like(code.concat("%")))
    without_code = case((has_code, func.substr(number, func.length(code) + 1)), else_=number)
    trunk = case((code == "1", "1"), else_="0")
    bases = (number, without_trunk, without_code)
    return [form for base in bases for form in (base, code.concat(base), trunk.concat(base))]


def age_group(moment: ColumnElement[Any], now: datetime) -> ColumnElement[int]:
    """Word the position in `AGE_CONDITIONS` of a moment of leads; the last one has no date."""
    groups = [
        (moment >= moment_text(now - timedelta(days=days)), number)
        for number, (_, days) in enumerate(AGE_CONDITIONS[:-2])
    ]
    return case(
        *groups, (moment >= ZERO_DATES, len(AGE_CONDITIONS) - 2), else_=len(AGE_CONDITIONS) - 1
    )


AGE_CONDITIONS = (
    ("up to 7 days", 7), ("8 to 30 days", 30), ("31 to 90 days", 90), ("91 to 180 days", 180),
    ("181 to 365 days", 365), ("over a year", 0), ("unknown", 0),
)  # fmt: skip
"""Groups of ages, each with its greatest number of days."""
