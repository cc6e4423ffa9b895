"""summary.json as JSON schema, made of the models, for whoever reads it by a program."""

import re
from typing import Any

from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

from jobs.settings_schema import documentation
from loader.summary import Summary

NULL = re.compile(r"\bNone\b")
"""How Python has it."""


def summary_schema() -> dict[str, Any]:
    """Give the schema of summary.json as it is written (JSON Schema 2020-12).

    Every field is always there, and there is no other; the summaries of older versions lack those
    that are new since.
    """
    schema = Summary.model_json_schema(mode="serialization", schema_generator=_Generator)
    about = {"title": "summary.json of leadloader"}
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **about, **schema}


class _Generator(GenerateJsonSchema):
    """As it is written, which is more than what has to be there for it to be read."""

    def model_schema(self, schema: core_schema.ModelSchema) -> JsonSchemaValue:
        """Name all fields there are, each with what the model's source says under it."""
        described = super().model_schema(schema)
        for name, text in documentation(schema["cls"]).items():
            described["properties"][name]["description"] = NULL.sub("null", text)
        described.pop("title")  # the name of the class, as its place among the definitions is
        return {**described, "additionalProperties": False}

    def default_schema(self, schema: core_schema.WithDefaultSchema) -> JsonSchemaValue:
        """Leave defaults out: what is written is not left to them."""
        return self.generate_inner(schema["schema"])

    def field_is_required(self, field: Any, total: bool) -> bool:  # noqa: ARG002 - pydantic's signature
        """Require what is always written."""
        return True

    def field_title_should_be_set(self, schema: Any) -> bool:  # noqa: ARG002 - pydantic's signature
        """Leave titles out, which only repeat names."""
        return False
