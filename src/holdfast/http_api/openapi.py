"""The description of the API (OpenAPI 3.1), made from the table of commands."""

from typing import Any

from holdfast import __version__
from holdfast.http_api.arguments import BODY_METHODS, VERSION
from holdfast.http_api.problem import MEDIA_TYPE
from holdfast.http_api.results import SCHEMA_PLACE, schema_of, schemas
from holdfast.server.commands import COMMANDS, Argument, Command

INTRODUCTION = """\
Control of a holdfast resolver. Every request needs the token of the server's token file as a bearer token. Errors are
problem details (RFC 9457). Names are domain names as in zone files; the root zone is written @ in paths. Clients ignore
keys that they do not know: more may come.
"""
JSON_TYPES = {str: "string", int: "integer", bool: "boolean", float: "number", dict: "object"}

# Beside the status of success. What is not listed here has the same form.
PROBLEMS = {
    "400": "The query string or the body is malformed.",
    "401": "The token is missing or wrong.",
    "403": "The request comes from a page of another site.",
    "404": "There is no such thing.",
    "409": "What exists already, or the configuration, stands against it.",
    "413": "The body is too large.",
    "415": "The body is not JSON.",
    "421": "The Host header names another server.",
    "422": "An argument is wrong; the field says which.",
    "429": "Too many requests; Retry-After says when to come again.",
    "503": "The resolver does not answer; try again.",
}


def description() -> dict[str, Any]:
    """Return the OpenAPI document."""
    paths: dict[str, dict[str, Any]] = {}
    for command in COMMANDS.values():
        route = command.at()
        paths.setdefault(VERSION + route.path, {})[route.method.lower()] = operation(command)
    return {
        "openapi": "3.1.0",
        "info": {"title": "holdfast", "version": __version__, "description": INTRODUCTION},
        "paths": paths,
        "components": {
            "schemas": schemas(),
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
        "security": [{"token": []}],
    }


def operation(command: Command) -> dict[str, Any]:
    """Return the description of one command."""
    route = command.at()
    in_path = [argument for argument in command.arguments if "{" + argument.name + "}" in route.path]
    others = [argument for argument in command.arguments if argument not in in_path]
    made: dict[str, Any] = {
        "operationId": command.name,
        "summary": command.meaning,
        "responses": responses(command),
    }
    parameters = [parameter(argument, "path") for argument in in_path]
    if route.method in BODY_METHODS:
        if others:
            made["requestBody"] = {"required": True, "content": {"application/json": {"schema": body_schema(others)}}}
    else:
        parameters += [parameter(argument, "query") for argument in others]
    if parameters:
        made["parameters"] = parameters
    return made


def responses(command: Command) -> dict[str, Any]:
    """Return what may come back."""
    success = {"description": "Done.", "content": {"application/json": {"schema": schema_of(command.name)}}}
    problem = {MEDIA_TYPE: {"schema": {"$ref": SCHEMA_PLACE.format(model="Problem")}}}
    found: dict[str, Any] = {str(command.at().success): success}
    for status, words in PROBLEMS.items():
        found[status] = {"description": words, "content": problem}
    return found


def parameter(argument: Argument, place: str) -> dict[str, Any]:
    """Return the description of an argument in the path or the query string."""
    return {
        "name": argument.name,
        "in": place,
        "required": argument.required,
        "description": argument.meaning,
        "schema": argument_schema(argument),
    }


def body_schema(arguments: list[Argument]) -> dict[str, Any]:
    """Return the schema of the arguments in a body."""
    return {
        "type": "object",
        "additionalProperties": False,
        "required": [argument.name for argument in arguments if argument.required],
        "properties": {
            argument.name: {**argument_schema(argument), "description": argument.meaning} for argument in arguments
        },
    }


def argument_schema(argument: Argument) -> dict[str, Any]:
    """Return the schema of a value."""
    if argument.kind is list:
        return {"type": "array", "items": {"type": "string"}}
    made: dict[str, Any] = {"type": JSON_TYPES[argument.kind]}
    if argument.kind is str:
        made["minLength"] = 1
        if argument.characters:
            made["maxLength"] = argument.characters
    if argument.least is not None:
        made["minimum"] = argument.least
    if argument.most is not None:
        made["maximum"] = argument.most
    return made
