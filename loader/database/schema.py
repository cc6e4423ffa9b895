"""The dialer's tables that we read or write, for an empty database and for the tests.

A real dialer brings its own tables, older or newer than these: `create_missing` leaves them as they
are, and the loader works with the columns that it finds there.
"""

from typing import Any

from sqlalchemy import Column, Connection, Engine, Index, MetaData, String, Table, Text, inspect

from loader.database.columns import (
    COUNT,
    DATE,
    DNC_SWITCH,
    FLAG,
    ID,
    LIST_ID,
    OFFSET,
    PRIORITY,
    RANK,
    STAMP,
    SWITCH,
    TIME,
    CurrentTime,
    counter,
    hours,
    modify_date,
    one_of,
    texts,
)

REQUIRED = ("vicidial_list", "vicidial_lists", "vicidial_campaigns")
"""Tables without which nothing can be loaded; a check or look-up needs its own table besides."""

metadata = MetaData()


def _table(name: str, *parts: Column[Any] | Index) -> Table:
    # SQLite gives the id of a deleted last row out again, unless told not to.
    counts = any(isinstance(part, Column) and part.autoincrement is True for part in parts)
    return Table(name, metadata, *parts, sqlite_autoincrement=counts)


def _lead(lead_id: Column[Any]) -> list[Column[Any] | Index]:
    return [
        lead_id,
        Column("entry_date", TIME),
        modify_date(),
        Column("status", String(6), index=True),
        *texts(user=20, vendor_lead_code=20, source_id=50),
        Column("list_id", LIST_ID, server_default="0", nullable=False, index=True),
        Column("gmt_offset_now", OFFSET, server_default="0.00", index=True),
        Column(
            "called_since_last_reset",
            one_of("Y", "N", "Y1", "Y2", "Y3", "Y4", "Y5", "Y6", "Y7", "Y8", "Y9", "Y10"),
            server_default="N",
            index=True,
        ),
        Column("phone_code", String(10)),
        Column("phone_number", String(18), nullable=False, index=True),
        *texts(title=4, first_name=30, middle_initial=1, last_name=30, address1=100, address2=100),
        *texts(address3=100, city=50, state=2, province=50),
        Column("postal_code", String(10), index=True),
        Column("country_code", String(3)),
        Column("gender", one_of("M", "F", "U"), server_default="U"),
        Column("date_of_birth", DATE),
        *texts(alt_phone=12, email=70, security_phrase=100, comments=255),
        Column("called_count", COUNT, server_default="0"),
        Column("last_local_call_time", TIME, index=True),
        # A reserved word of MySQL 8.
        Column("rank", RANK, server_default="0", nullable=False, index=True, quote=True),
        Column("owner", String(20), server_default="", index=True),
        Column("entry_list_id", LIST_ID, server_default="0", nullable=False),
    ]


_table("vicidial_list", *_lead(counter("lead_id")))

# A lead keeps its lead_id in the archive.
_table(
    "vicidial_list_archive", *_lead(Column("lead_id", ID, primary_key=True, autoincrement=False))
)

_table(
    "vicidial_list_alt_phones",
    counter("alt_phone_id"),
    Column("lead_id", ID, nullable=False, index=True),
    Column("phone_code", String(10)),
    Column("phone_number", String(18), index=True),
    Column("alt_phone_note", String(30)),
    Column("alt_phone_count", COUNT),
    Column("active", FLAG, server_default="Y"),
)

_table(
    "vicidial_lists",
    Column("list_id", LIST_ID, primary_key=True, autoincrement=False),
    *texts(list_name=30, campaign_id=8),
    Column("active", FLAG),
    Column("list_description", String(255)),
    Column("list_changedate", TIME),
    Column("local_call_time", String(10), server_default="campaign", nullable=False),
    Column("expiration_date", DATE, server_default="2099-12-31"),
)

_table(
    "vicidial_lists_fields",
    counter("field_id"),
    Column("list_id", LIST_ID, server_default="0", nullable=False),
    *texts(field_label=50, field_name=5000),
    Column("field_rank", COUNT),
    Column(
        "field_type",
        one_of(
            *("TEXT", "AREA", "SELECT", "MULTI", "RADIO", "CHECKBOX", "DATE", "TIME", "DISPLAY"),
            *("SCRIPT", "HIDDEN", "READONLY", "HIDEBLOB", "SWITCH", "SOURCESELECT", "BUTTON"),
        ),
        server_default="TEXT",
    ),
    Column("field_options", String(5000)),
    Column("field_size", COUNT),
    Column("field_max", COUNT),
    Column("field_default", String(255)),
    Column("field_required", one_of("Y", "N", "INBOUND_ONLY"), server_default="N"),
    Column("field_order", COUNT, server_default="1"),
    Column("field_duplicate", FLAG, server_default="N"),
    Column("field_encrypt", FLAG, server_default="N"),
    Index("listfield", "list_id", "field_label", unique=True),
)

_table(
    "vicidial_campaigns",
    Column("campaign_id", String(8), primary_key=True),
    Column("campaign_name", String(40)),
    Column("active", FLAG),
    Column("dial_statuses", String(255), server_default=" NEW -"),
    Column("lead_filter_id", String(20), server_default="NONE"),
    Column("local_call_time", String(10), server_default="9am-9pm"),
    Column("use_internal_dnc", DNC_SWITCH, server_default="N"),
    Column("use_campaign_dnc", DNC_SWITCH, server_default="N"),
    Column("use_other_campaign_dnc", String(8), server_default=""),
)

_table("vicidial_dnc", Column("phone_number", String(18), primary_key=True))

_table(
    "vicidial_campaign_dnc",
    Column("phone_number", String(18), nullable=False, index=True),
    Column("campaign_id", String(8), nullable=False),
    Index("phonecamp", "phone_number", "campaign_id", unique=True),
)

_table(
    "vicidial_users",
    counter("user_id"),
    Column("user", String(20), nullable=False, unique=True),
    Column("pass", String(100), server_default="", nullable=False),
    Column("full_name", String(50)),
    Column("user_level", COUNT, server_default="1"),
    Column("user_group", String(20)),
    Column("modify_leads", one_of("0", "1", "2", "3", "4", "5", "6"), server_default="0"),
    Column("vdc_agent_api_access", SWITCH, server_default="0"),
    Column("api_list_restrict", SWITCH, server_default="0"),
    Column("api_allowed_functions", String(1000), server_default=" ALL_FUNCTIONS "),
    Column("active", FLAG, server_default="Y"),
    *texts("", pass_hash=100),
)

_table(
    "vicidial_user_groups",
    Column("user_group", String(20), nullable=False),
    Column("group_name", String(40), server_default="", nullable=False),
    Column("allowed_campaigns", Text()),
)

_table(
    "vicidial_phone_codes",
    Column("country_code", COUNT),
    *texts(country=3, areacode=3, state=4, GMT_offset=6),
    Column("DST", FLAG),
    *texts(DST_range=8, geographic_description=100),
    *texts("", tz_code=4, php_tz=100),
)

_table(
    "vicidial_postal_codes",
    Column("postal_code", String(10), nullable=False),
    *texts(state=4, GMT_offset=6),
    Column("DST", FLAG),
    *texts(DST_range=8, country=3),
    Column("country_code", COUNT),
)

_table(
    "vicidial_nanpa_prefix_codes",
    *texts(areacode=3, prefix=3, GMT_offset=6),
    Column("DST", FLAG),
    *texts(latitude=17, longitude=17),
    *texts("", city=50, state=2, postal_code=10, country=2, lata_type=1),
    Index("areaprefix", "areacode", "prefix"),
)

_table(
    "vicidial_call_times",
    Column("call_time_id", String(10), primary_key=True),
    Column("call_time_name", String(30), nullable=False),
    *hours("ct"),
    Column("ct_state_call_times", Text()),
)

_table(
    "vicidial_state_call_times",
    Column("state_call_time_id", String(10), primary_key=True),
    Column("state_call_time_state", String(2), nullable=False),
    Column("state_call_time_name", String(30), nullable=False),
    *hours("sct"),
)

_table(
    "vicidial_hopper",
    counter("hopper_id"),
    Column("lead_id", ID, nullable=False, index=True),
    Column("campaign_id", String(8)),
    Column(
        "status",
        one_of("READY", "QUEUE", "INCALL", "DONE", "HOLD", "DNC", "RHOLD", "RQUEUE"),
        server_default="READY",
    ),
    Column("user", String(20)),
    Column("list_id", LIST_ID, nullable=False),
    Column("gmt_offset_now", OFFSET, server_default="0.00"),
    Column("state", String(2), server_default=""),
    Column("alt_dial", String(6), server_default="NONE"),
    Column("priority", PRIORITY, server_default="0"),
    *texts("", source=1, vendor_lead_code=20),
)

_table(
    "vicidial_callbacks",
    counter("callback_id"),
    Column("lead_id", ID, index=True),
    Column("list_id", LIST_ID),
    Column("campaign_id", String(8)),
    Column("status", String(10), index=True),
    Column("entry_time", TIME),
    Column("callback_time", TIME, index=True),
    modify_date(),
    Column("user", String(20)),
    Column("recipient", one_of("USERONLY", "ANYONE")),
    *texts(comments=255, user_group=20),
    Column("lead_status", String(6), server_default="CALLBK"),
    Column("email_alert", TIME),
    Column("email_result", one_of("SENT", "FAILED", "NOT AVAILABLE")),
    *texts("", customer_timezone=100, customer_timezone_diff=6),
    Column("customer_time", TIME),
)

_table(
    "vicidial_auto_calls",
    counter("auto_call_id"),
    Column("server_ip", String(15), server_default="", nullable=False),
    Column("campaign_id", String(20)),
    Column(
        "status",
        one_of(
            *("SENT", "RINGING", "LIVE", "XFER", "PAUSED", "CLOSER", "BUSY", "DISCONNECT", "IVR")
        ),
        server_default="PAUSED",
    ),
    Column("lead_id", ID, nullable=False),
    *texts(uniqueid=20, callerid=20, phone_code=10, phone_number=18),
    Column("call_time", TIME),
    Column("call_type", one_of("IN", "OUT", "OUTBALANCE"), server_default="OUT"),
    Column("last_update_time", STAMP, server_default=CurrentTime(), nullable=False),
)

_table(
    "vicidial_live_agents",
    counter("live_agent_id"),
    Column("user", String(20), unique=True),
    Column("server_ip", String(15), server_default="", nullable=False),
    Column("extension", String(100)),
    Column(
        "status",
        one_of("READY", "QUEUE", "INCALL", "PAUSED", "CLOSER", "MQUEUE"),
        server_default="PAUSED",
    ),
    Column("lead_id", ID, nullable=False, index=True),
    *texts(campaign_id=8, uniqueid=20, callerid=20),
    Column("last_call_time", TIME),
    Column("last_update_time", STAMP, server_default=CurrentTime(), nullable=False),
)

_table(
    "system_settings",
    Column("use_non_latin", SWITCH, server_default="0"),
    Column("custom_fields_enabled", SWITCH, server_default="0"),
    Column("pass_hash_enabled", SWITCH, server_default="0"),
    *texts("", pass_key=100),
    Column("pass_cost", COUNT, server_default="2"),
)

_table(
    "vicidial_url_multi",
    counter("url_id"),
    Column("campaign_id", String(20), server_default="", nullable=False),
    Column(
        "entry_type",
        one_of("campaign", "ingroup", "list", "system", ""),
        server_default="",
        index=True,
    ),
    Column("active", FLAG, server_default="N"),
    Column(
        "url_type",
        one_of("dispo", "start", "addlead", "noagent", "apinewlead"),
        server_default="dispo",
    ),
    Column("url_rank", COUNT, server_default="1"),
    Column("url_address", Text()),
)

_table(
    "vicidial_url_log",
    counter("url_log_id"),
    Column("uniqueid", String(50), server_default="", nullable=False, index=True),
    Column("url_date", TIME),
    Column("url_type", String(10), server_default=""),
    Column("response_sec", COUNT),
    Column("url", Text()),
    Column("url_response", Text()),
)

_table(
    "servers",
    Column("server_id", String(10), server_default="", nullable=False),
    Column("server_ip", String(15), server_default="", nullable=False),
    Column("active", FLAG, server_default="Y"),
    Column("local_gmt", String(6), server_default="-5.00"),
)


def create_missing(
    engine: Engine | Connection,
    *,
    storage_engine: str | None = None,
    charset: str = "utf8mb3",
    collation: str = "utf8mb3_general_ci",
) -> list[str]:
    """Make the tables that the database does not have, and leave the others as they are.

    Args:
        engine: a database in which the account may create tables, or a connection to it.
        storage_engine: of the new tables on MariaDB and MySQL; None is the dialer's, MyISAM.
        charset: of the new tables on MariaDB and MySQL.
        collation: likewise; it decides which values are equal to the duplicate checks.

    Returns:
        The names of the tables made, in the order in which this module has them.
    """
    existing = set(inspect(engine).get_table_names())
    missing = [table for table in metadata.tables.values() if table.name not in existing]
    options = {
        "engine": storage_engine or "MyISAM",
        "default_charset": charset,
        "collate": collation,
    }
    # Options of a table belong to its definition, so each call defines its own.
    wanted = MetaData()
    for table in missing:
        table.to_metadata(wanted).kwargs.update(
            {f"{dialect}_{k}": v for dialect in ("mysql", "mariadb") for k, v in options.items()}
        )
    wanted.create_all(engine, checkfirst=False)
    return [table.name for table in missing]
