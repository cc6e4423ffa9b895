"""What the pages load: styles, scripts, an icon. All of it is in the package."""

from pathlib import Path

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import Route

import loader.report

OWN = Path(__file__).parents[1] / "static"

FILES = {
    "report.css": (Path(loader.report.__path__[0]) / "templates" / "style.css", "text/css"),
    "serve.css": (OWN / "serve.css", "text/css"),
    "htmx.min.js": (OWN / "htmx.min.js", "text/javascript"),
    "serve.js": (OWN / "serve.js", "text/javascript"),
    "icon.svg": (OWN / "icon.svg", "image/svg+xml"),
}
"""Where each is, and what. The styles of the report pages are those of these pages, too."""

HEADERS = {
    "Cache-Control": "public, max-age=3600",
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'",
}


def routes() -> list[Route]:
    """Give the address of the files."""
    return [Route("/static/{name}", _send)]


async def _send(request: Request) -> Response:
    name = request.path_params["name"]
    if name not in FILES:
        raise HTTPException(404)
    path, media_type = FILES[name]
    return FileResponse(path, headers=HEADERS, media_type=media_type)
