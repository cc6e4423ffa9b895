"""The closed list of what keeps the dialer from calling a lead."""

from enum import StrEnum


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
