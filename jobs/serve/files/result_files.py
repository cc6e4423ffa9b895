"""The result files of a job, as a browser may have them without harm."""

from pathlib import Path

from starlette.responses import FileResponse, Response

from loader.files import kind_of

CSV, JSON, HTML = "text/csv; charset=utf-8", "application/json", "text/html; charset=utf-8"

FILES = {"summary.json": JSON, "report.html": HTML, "rejected.csv": CSV, "loaded.csv": CSV}
"""Those that may be had, and what they are."""

NOTHING = "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'; sandbox"
OF_REPORT = NOTHING + "; style-src 'unsafe-inline'"
"""The page has its styles in itself, and nothing else."""


def existing_files(folder: Path) -> list[str]:
    """Give the names of the result files that there are."""
    return [name for name in FILES if (folder / name).is_file()]


def send_file(folder: Path, name: str, file: str) -> Response | None:
    """Send a result file; None: there is none of that name.

    Args:
        folder: of the results.
        name: of the file in it.
        file: of the source, of which the name to save it under is made.
    """
    path = folder / name
    if name not in FILES or not path.exists() or kind_of(path):
        return None
    is_page = name == "report.html"
    headers = {
        "Content-Security-Policy": OF_REPORT if is_page else NOTHING,
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "no-referrer",
        "Cache-Control": "no-store",
    }
    stem = Path(file).stem[:80] or "leads"
    return FileResponse(
        path,
        headers=headers,
        media_type=FILES[name],
        filename=f"{stem}-{name}",
        content_disposition_type="inline" if is_page else "attachment",
    )
