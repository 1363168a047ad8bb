"""A client of Quire's HTTP API: pages that know what was edited, typed errors, and saves that are never done twice.

    from app.client import Client, Conflict

    with Client("http://127.0.0.1:8000", token, workspace) as client:
        page = client.create({"title": "Tides", "blocks": [{"id": "intro", "type": "paragraph", "data": {}}]})
        page.block("intro")["data"]["text"] = "Spring tides follow the moon."
        page.save()

`AsyncClient` has the same methods to be awaited. A page is a plain document, `title`, `properties` and `blocks`, to be
edited like any dicts and lists. `save` sends only the difference, by block id; the server rebases it onto what others
saved meanwhile, and the answer brings the page up to date without another read. What cannot be merged raises Conflict.

Every error is a QuireError. 429 is waited out as long as Retry-After says; lost connections, lost answers, 502, 503
and 504 are retried after growing, random pauses, all within `retry_seconds`. Each write carries one Idempotency-Key
over its retries, so that the server does it once.
"""

from app.client.drivers import AsyncClient, AsyncPage, Client, Page
from app.client.errors import (
    BadRequest,
    Conflict,
    Forbidden,
    Gone,
    NotFound,
    PreconditionFailed,
    PreconditionRequired,
    QuireError,
    RateLimited,
    TooLarge,
    Unauthorized,
    Unavailable,
    Unprocessable,
)
from app.client.merge import MISSING, Overlap
from app.client.operations import BatchResult, Created, Saved, encode
from app.client.page import PageSaved

__all__ = [
    "MISSING",
    "AsyncClient",
    "AsyncPage",
    "BadRequest",
    "BatchResult",
    "Client",
    "Conflict",
    "Created",
    "Forbidden",
    "Gone",
    "NotFound",
    "Overlap",
    "Page",
    "PageSaved",
    "PreconditionFailed",
    "PreconditionRequired",
    "QuireError",
    "RateLimited",
    "Saved",
    "TooLarge",
    "Unauthorized",
    "Unavailable",
    "Unprocessable",
    "encode",
]
