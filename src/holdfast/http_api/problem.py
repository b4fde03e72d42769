"""What a client is told when a request fails: problem details (RFC 9457), with the field that is wrong and the fix."""

from http import HTTPStatus
from typing import Any

from pydantic import BaseModel, Field

from holdfast.server.commands import CONFLICT, INVALID, NOT_FOUND, UNAVAILABLE

MEDIA_TYPE = "application/problem+json"

STATUS_OF_KIND = {
    INVALID: HTTPStatus.UNPROCESSABLE_ENTITY,
    NOT_FOUND: HTTPStatus.NOT_FOUND,
    CONFLICT: HTTPStatus.CONFLICT,
    UNAVAILABLE: HTTPStatus.SERVICE_UNAVAILABLE,
}


class Problem(BaseModel):
    """Problem details (RFC 9457 section 3.1)."""

    type: str = Field(description='Always "about:blank": the status says what kind of problem it is.')
    title: str = Field(description="The status in words.")
    status: int = Field(ge=400, le=599, description="The HTTP status, again.")
    detail: str = Field(description="What is wrong here and what helps, for people.")
    field: str | None = Field(default=None, description="The argument or header that is wrong.")


class ProblemError(Exception):
    """A request ends with this status and these words; ``headers`` go with it."""

    def __init__(self, status: HTTPStatus, detail: str, field: str = "", headers: dict[str, str] | None = None) -> None:
        super().__init__(detail)
        self.status = status
        self.field = field
        self.headers = headers or {}

    def body(self) -> dict[str, Any]:
        """Return the problem details."""
        field = {"field": self.field} if self.field else {}
        return {
            "type": "about:blank",
            "title": self.status.phrase,
            "status": self.status.value,
            "detail": str(self),
            **field,
        }


def problem_of_reply(reply: dict[str, Any]) -> ProblemError:
    """Return the problem of a command that was not carried out."""
    status = STATUS_OF_KIND[reply.get("kind", UNAVAILABLE)]
    return ProblemError(status, str(reply.get("error")), reply.get("argument", ""))
