"""Files that are no lead files, by their first bytes: what each is, and what to do."""

import codecs
import re

from loader.errors import SourceFileError

HEAD_SIZE = 2048
"""Bytes from which a format is known."""

OLD_EXCEL = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"

COMPRESSIONS = {
    b"\x1f\x8b": "gz",
    b"PK\x03\x04": "zip",
    b"PK\x05\x06": "zip",  # without a member
    b"\x28\xb5\x2f\xfd": "zst",
    b"\xfd7zXZ\x00": "xz",
}
"""What a lead file may be packed in, once."""

EXPORT = "export the leads as CSV (UTF-8) and load that"
UNPACK = "unpack it, and load the files in it"
SAVE = "open it in a spreadsheet program, save it as .xlsx or CSV (UTF-8), and load that"

FORMATS: tuple[tuple[bytes, str, str], ...] = (
    (rb"%PDF", "a PDF document", EXPORT),
    (rb"\x89PNG", "a PNG image", EXPORT),
    (rb"\xff\xd8\xff", "a JPEG image", EXPORT),
    (rb"GIF8", "a GIF image", EXPORT),
    (rb"SQLite format 3\x00", "an SQLite database", EXPORT),
    (rb"\x00\x01\x00\x00Standard (?:Jet|ACE) DB", "a Microsoft Access database", EXPORT),
    (rb"PAR1", "a Parquet file", EXPORT),
    (rb"Obj\x01", "an Avro file", EXPORT),
    (rb"\x7fELF|MZ[\x00-\xff]{2,}This program", "a program", EXPORT),
    (rb"\{\\rtf", "an RTF document", EXPORT),
    (rb"BZh[1-9]", "a bzip2 file", UNPACK),
    (rb"7z\xbc\xaf\x27\x1c", "a 7-Zip archive", UNPACK),
    (rb"Rar!", "a RAR archive", UNPACK),
    (rb"\x04\x22\x4d\x18", "an lz4 file", UNPACK),
    (rb"(?s:.{257})ustar", "a tar archive", UNPACK),
    (rb"BEGIN:VCARD", "a vCard file", EXPORT),
    (
        rb"(?is)(?:--[^\n]*\n|#[^\n]*\n|/\*.*?\*/;?|\s)*+(?:CREATE (?:TABLE|DATABASE)|INSERT INTO"
        rb"|REPLACE INTO|(?:DROP|LOCK) TABLES?|SET (?:NAMES|SQL_MODE|TIME_ZONE|@|FOREIGN)"
        rb"|START TRANSACTION|USE `)",
        "an SQL script",
        EXPORT,
    ),
)
"""How each begins, what it is, and what to do with it."""

MARKUP: tuple[tuple[bytes, str, str], ...] = (
    (
        rb"(?s)<\?xml.*?(?:progid=.Excel\.Sheet|schemas-microsoft-com:office:spreadsheet)",
        "an XML sheet of Excel 2003",
        SAVE,
    ),
    (
        rb"(?s)(?:<\?xml.*?\?>|<!--.*?-->|\s)*+"
        rb"<(?:!doctype html|html|head|meta|body|table|t[rdh]|thead|tbody|style|title|div|center"
        rb"|font|p|h[1-6]|span|b|br|pre|form|script|link)\b",
        "a web page, as many programs export it by the name of .xls or .csv",
        SAVE,
    ),
    (rb"<(?:\?xml|[a-z][\w.:-]*(?:\s[^<>]*)?/?>\s*<)", "an XML document", EXPORT),
    (rb"[\[{]\s*(?:[\[{\"]|\]|\})", "JSON", EXPORT),
)
"""The same of text, behind a byte order mark and blanks; in any letter case."""

BLANKS = b"\xef\xbb\xbf \t\r\n"


def refuse_other_formats(head: bytes, name: str) -> None:
    """Refuse what is no text of leads, and what is packed once more.

    Args:
        head: the first bytes of the content, up to `HEAD_SIZE`.
        name: of the file, for the message.

    Raises:
        SourceFileError: it says what the file is, and what to do.
    """
    for magic, packed in COMPRESSIONS.items():
        if head.startswith(magic):
            raise SourceFileError(
                f"{name}: it is packed twice, there is a {packed} file in it (or, if that is zip,"
                " a workbook); unpack it once, and load what is in it"
            )
    if head.startswith(OLD_EXCEL):
        raise SourceFileError(
            f"{name}: there is an old Microsoft Office document in it; unpack it, and load the"
            " workbook"
        )
    refuse_no_text(head, name)


def refuse_no_text(head: bytes, name: str) -> None:
    """Refuse what is no text of leads; arguments and error are those of `refuse_other_formats`."""
    text = head
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        text = head.decode("utf-16", "ignore").encode()
    for content, formats in ((head, FORMATS), (text.lstrip(BLANKS), MARKUP)):
        for pattern, what, advice in formats:
            flags = re.IGNORECASE if formats is MARKUP else 0
            if re.match(pattern, content, flags):
                raise SourceFileError(f"{name}: this is {what}; {advice}")
