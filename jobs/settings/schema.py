"""The settings as JSON schema, made of the models, for editors and for whoever checks a file."""

import ast
import inspect
import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

from jobs.settings.settings import Settings
from loader.options.durations import format_duration
from loader.options.option import options_of
from loader.results.summary import Summary

NUMBER, TEXT = {"type": "number"}, {"type": "string"}

ALSO_ACCEPTED: dict[str, JsonSchemaValue] = {
    "split_at_commas": TEXT,
    "split_some_at_commas": TEXT,
    "file_as_feed": {"type": "string", "format": "path"},
    "one_or_several": {"type": ["string", "integer"]},
    "_split_addresses": TEXT,
    "whole_number_as_text": {"type": "integer"},
    "str": {"type": "integer"},
    "_list_id": TEXT,
    "parse_duration": NUMBER,
}
"""What else a setting may be, by the name of the function that looks at it first."""

REPLACEMENTS = {
    "parse_duration": {"type": "string", "examples": ["0.5s", "90s", "10m", "2h", "90d"]},
    "parse_moment": {"type": "string", "examples": ["2026-01-31", "2026-01-31 08:00", "90d"]},
}
"""How a duration or a moment is written, where pydantic would have ISO 8601."""


def settings_schema() -> dict[str, Any]:
    """Give the schema of a settings file (JSON Schema 2020-12)."""
    schema = Settings.model_json_schema(schema_generator=_SettingsGenerator)
    models = {model.__name__: model for model in _models(BaseModel)}
    for name, definition in schema["$defs"].items():
        _describe(definition, models[name])
    _describe(schema, Settings)
    properties = schema["properties"]
    # In a settings file these are tables of the name that an option has, too.
    for name in ("source", "profile"):
        properties[name] = {"anyOf": [properties[name], properties.pop(f"{name}s")]}
    about = {"title": "Settings of leadloader", "description": "All that leadloader.toml may hold."}
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema, **about}


class _Generator(GenerateJsonSchema):
    """Leaves titles out, which only repeat names."""

    def field_title_should_be_set(self, schema: Any) -> bool:  # noqa: ARG002 - pydantic's signature
        return False


class _SettingsGenerator(_Generator):
    """As TOML has it: without null, and with what is taken in place of the type proper."""

    def function_before_schema(
        self, schema: core_schema.BeforeValidatorFunctionSchema
    ) -> JsonSchemaValue:
        """Widen what a function looks at first."""
        name = getattr(schema["function"]["function"], "__name__", "")
        inner = REPLACEMENTS.get(name) or self.generate_inner(schema["schema"])
        return {"anyOf": [inner, ALSO_ACCEPTED[name]]} if name in ALSO_ACCEPTED else inner

    def nullable_schema(self, schema: core_schema.NullableSchema) -> JsonSchemaValue:
        """Leave null out, which TOML cannot say."""
        return self.generate_inner(schema["schema"])

    def default_schema(self, schema: core_schema.WithDefaultSchema) -> JsonSchemaValue:
        """Leave defaults out that say that nothing is given."""
        definition = super().default_schema(schema)
        is_table = isinstance(schema.get("default"), BaseModel)
        if is_table or definition.get("default", 0) in (None, "", [], {}):
            definition.pop("default", None)
        return definition

    def encode_default(self, dft: Any) -> Any:
        """Write durations as they are given."""
        return format_duration(dft) if isinstance(dft, timedelta) else super().encode_default(dft)


def _describe(definition: dict[str, Any], model: type[BaseModel]) -> None:
    for name, option in options_of(model).items():
        definition["properties"][name]["description"] = option.description


def documentation(model: type[BaseModel]) -> dict[str, str]:
    """Read the lines under the fields of a model, which Python itself drops."""
    (body,) = ast.parse(inspect.getsource(model)).body
    assert isinstance(body, ast.ClassDef)  # noqa: S101 - for mypy: it is the source of a class
    found: dict[str, str] = {}
    for statement, after in zip(body.body, body.body[1:], strict=False):
        match statement, after:
            case (
                ast.AnnAssign(target=ast.Name(id=name)),
                ast.Expr(value=ast.Constant(value=str(text))),
            ):
                found[name] = " ".join(text.split())
    return found


def _models(model: type[BaseModel]) -> Iterator[type[BaseModel]]:
    for each in model.__subclasses__():
        yield each
        yield from _models(each)


def summary_schema() -> dict[str, Any]:
    """Give the schema of summary.json as it is written (JSON Schema 2020-12).

    Every field is always there, and there is no other; the summaries of older versions lack those
    that are new since.
    """
    schema = Summary.model_json_schema(mode="serialization", schema_generator=_SummaryGenerator)
    about = {"title": "summary.json of leadloader"}
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **about, **schema}


class _SummaryGenerator(_Generator):
    """As it is written, which is more than what has to be there for it to be read."""

    def model_schema(self, schema: core_schema.ModelSchema) -> JsonSchemaValue:
        """Name all fields there are, each with what the model's source says under it."""
        definition = super().model_schema(schema)
        for name, text in documentation(schema["cls"]).items():
            definition["properties"][name]["description"] = re.sub(r"\bNone\b", "null", text)
        definition.pop("title")  # the name of the class, as its place among the definitions is
        return {**definition, "additionalProperties": False}

    def default_schema(self, schema: core_schema.WithDefaultSchema) -> JsonSchemaValue:
        """Leave defaults out: what is written is not left to them."""
        return self.generate_inner(schema["schema"])

    def field_is_required(self, field: Any, total: bool) -> bool:  # noqa: ARG002 - pydantic's signature
        """Require what is always written."""
        return True
