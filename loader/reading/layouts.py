"""The known orders of columns in files without a header."""

LAYOUTS: dict[str, tuple[str, ...]] = {
    "vicidial-standard": (
        "vendor_lead_code",
        "source_id",
        "list_id",
        "phone_code",
        "phone_number",
        "title",
        "first_name",
        "middle_initial",
        "last_name",
        "address1",
        "address2",
        "address3",
        "city",
        "state",
        "province",
        "postal_code",
        "country_code",
        "gender",
        "date_of_birth",
        "alt_phone",
        "email",
        "security_phrase",
        "comments",
        "called_count",
        "status",
        "entry_date",
        "multi_alt_phones",
    ),
}
"""The columns of files without a header, by the name of the layout."""
