"""The description of the JSON addresses: OpenAPI for programs, and a page of it for people."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from loader import __version__
from loader.api.lead_archive import (
    ArchivedResponse,
    ArchiveRequest,
    DearchivedResponse,
    DearchiveRequest,
    MessageResponse,
    RefusedResponse,
)


class Health(BaseModel):
    """Whether the service runs."""

    healthy: bool


class Readiness(BaseModel):
    """Whether the database answers."""

    ready: bool


@dataclass(frozen=True, kw_only=True)
class Described:
    """One address, as it is described."""

    method: str
    summary: str
    details: str = ""
    request: type[BaseModel] | None = None
    responses: Mapping[int, tuple[str, type[BaseModel]]]
    """What each status means, and the shape of its body."""
    needs_key: bool = False


REFUSED: Mapping[int, tuple[str, type[BaseModel]]] = {
    400: ("Something of the request is not as it must be", RefusedResponse),
    401: ("There is no such key, or it may not do this", MessageResponse),
    404: ("Some of the leads are not there", RefusedResponse),
    413: ("The body is too large", RefusedResponse),
    500: ("An internal error", MessageResponse),
    503: ("Try again later: Retry-After says when", MessageResponse),
}

ADDRESSES: Mapping[str, Described] = {
    "/vicidial/leads/archive": Described(
        method="post",
        summary="Move leads to the archive",
        details="First copies are inserted, then those that differ are updated, then the leads "
        "that equal their copy are deleted.",
        request=ArchiveRequest,
        responses={
            200: ("Done", ArchivedResponse),
            **REFUSED,
            403: ("It is office hours", MessageResponse),
        },
        needs_key=True,
    ),
    "/vicidial/leads/dearchive": Described(
        method="post",
        summary="Move leads back from the archive",
        details="Also in office hours. What vicidial_list has already stays as it is.",
        request=DearchiveRequest,
        responses={200: ("Done", DearchivedResponse), **REFUSED},
        needs_key=True,
    ),
    "/health": Described(
        method="get", summary="Whether the service runs", responses={200: ("It does", Health)}
    ),
    "/ready": Described(
        method="get",
        summary="Whether the database answers",
        responses={200: ("It does", Readiness), 503: ("It does not", Readiness)},
    ),
}

JSON = "application/json"

KEY = "Of the form Key=YOUR_KEY; `leadloader keys make` makes one."

SECURITY = {"default-src": "'none'", "style-src": "'unsafe-inline'", "frame-ancestors": "'none'"}


@cache
def openapi() -> dict[str, Any]:
    """Give the description as OpenAPI 3.1."""
    models = {model for each in ADDRESSES.values() for model in _models(each)}
    ordered = sorted(models, key=lambda model: model.__name__)
    _, schemas = models_json_schema(
        [(model, "validation") for model in ordered], ref_template="#/components/schemas/{model}"
    )
    key = {"type": "apiKey", "in": "header", "name": "Authorization", "description": KEY}
    return {
        "openapi": "3.1.0",
        "info": {"title": "leadloader", "version": __version__},
        "paths": {path: {each.method: _operation(each)} for path, each in ADDRESSES.items()},
        "components": {"schemas": schemas["$defs"], "securitySchemes": {"key": key}},
    }


def _models(address: Described) -> list[type[BaseModel]]:
    responses = [model for _, model in address.responses.values()]
    return responses if address.request is None else [address.request, *responses]


def _operation(address: Described) -> dict[str, Any]:
    responses = {
        str(status): {"description": text, "content": _content(model)}
        for status, (text, model) in sorted(address.responses.items())
    }
    found: dict[str, Any] = {"summary": address.summary, "responses": responses}
    if address.details:
        found["description"] = address.details
    if address.request:
        found["requestBody"] = {"required": True, "content": _content(address.request)}
    if address.needs_key:
        found["security"] = [{"key": []}]
    return found


def _content(model: type[BaseModel]) -> dict[str, Any]:
    return {JSON: {"schema": {"$ref": f"#/components/schemas/{model.__name__}"}}}


@cache
def page() -> str:
    """Give the description as a page."""
    environment = Environment(
        loader=PackageLoader("jobs.serve"), autoescape=select_autoescape(),
        undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    schemas = openapi()["components"]["schemas"]
    return environment.get_template("documentation.html").render(
        addresses=ADDRESSES, schemas=schemas, key=KEY, version=__version__
    )


async def _openapi(_request: Request) -> Response:
    return JSONResponse(openapi())


async def _page(_request: Request) -> Response:
    policy = "; ".join(f"{name} {value}" for name, value in SECURITY.items())
    return HTMLResponse(page(), headers={"Content-Security-Policy": policy})


ROUTES = [Route("/openapi.json", _openapi), Route("/docs", _page)]
"""The addresses of both."""
