"""Alerts about dead letters, to a webhook that takes Slack's JSON.

Who says what is decided in SQL (indexing.claim_alerts): once an hour a group, also with several workers. The message is
sent while no transaction is open, and its groups are marked when the webhook has answered 2xx. A worker killed in
between leaves its claim to run out, and another sends the message again: at least once, never lost.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

import httpx
from psycopg.rows import class_row

if TYPE_CHECKING:
    from worker.context import Context

log = logging.getLogger(__name__)

GROUPS = 10  # of dead letters in one message
MESSAGES = 10  # of one run; the next comes in 10 s
SEND_SECONDS = 8.0  # within what a stopping worker waits for its jobs
CLAIM_SECONDS = 60.0  # a killed worker's message is sent by another after that
LONGEST_WAIT = 3600.0  # of a Retry-After


@dataclass(frozen=True)
class Group:
    """Dead letters with one error fingerprint: indexing.claim_alerts' columns. Counts end at 10,000."""

    fingerprint: str
    error_code: str
    entries: int
    news: int
    workspaces: int
    workspace_ids: Sequence[UUID]
    first_died_at: datetime
    last_died_at: datetime


async def send_alerts(context: Context) -> int:
    """Send what is due; the number of messages that the webhook took. Without a webhook nothing is claimed."""
    url = context.settings.alert_webhook_url
    sent = 0
    if url is None:
        return sent
    # No redirects: they would show the message, and perhaps the URL, to another host.
    async with httpx.AsyncClient(timeout=SEND_SECONDS, follow_redirects=False) as client:
        while sent < MESSAGES and not context.stop.is_set():
            claim = uuid4()
            groups = await claim_groups(context, claim)
            if not groups:
                break
            error, wait = await post(client, url, message(groups))
            if error is not None:
                await context.call(
                    "select indexing.retry_alerts(%s::uuid, %s::text, %s::double precision)", claim, error, wait
                )
                log.warning("alert not taken", extra={"reason": error, "groups": len(groups), "retry_after": wait})
                break
            await context.call("select indexing.finish_alerts(%s::uuid)", claim)
            sent += 1
            log.warning(
                "alert sent",
                extra={"groups": [group.fingerprint for group in groups], "entries": sum(g.entries for g in groups)},
            )
    return sent


async def claim_groups(context: Context, claim: UUID) -> list[Group]:
    """The groups of one message."""
    async with context.pool.connection() as connection, connection.cursor(row_factory=class_row(Group)) as cursor:
        await cursor.execute(
            "select * from indexing.claim_alerts(%s::uuid, %s::double precision, %s::integer)",
            [claim, CLAIM_SECONDS, GROUPS],
        )
        return await cursor.fetchall()


async def post(client: httpx.AsyncClient, url: str, body: dict[str, Any]) -> tuple[str | None, float]:
    """Send a message: why it was not taken (None: it was), and the seconds that the webhook wants to be left alone.

    The reason never holds the URL, which is a secret: messages of httpx may.
    """
    try:
        async with asyncio.timeout(SEND_SECONDS):  # httpx's own timeout begins anew with each byte
            answer = await client.post(url, json=body)
    except TimeoutError:
        return f"no answer within {SEND_SECONDS:.0f} s", 0.0
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        return type(error).__name__, 0.0
    if answer.is_success:
        return None, 0.0
    return f"HTTP {answer.status_code}", retry_after(answer.headers.get("retry-after", ""))


def retry_after(value: str) -> float:
    """Seconds that a Retry-After header asks for, as seconds or as a date; 0 when it cannot be read, at most an hour.

    Source: https://www.rfc-editor.org/rfc/rfc9110#section-10.2.3
    """
    try:
        seconds = float(value)
    except ValueError:
        try:
            moment = parsedate_to_datetime(value)
        except ValueError:
            return 0.0
        seconds = (moment.replace(tzinfo=moment.tzinfo or UTC) - datetime.now(UTC)).total_seconds()
    return min(max(seconds, 0.0), LONGEST_WAIT) if seconds == seconds else 0.0


def message(groups: Sequence[Group]) -> dict[str, Any]:
    """Slack's JSON: ``text`` for notifications, ``blocks`` to be read. No error message: it may quote what users wrote.

    Source: https://api.slack.com/reference/messaging/payload
    """
    entries = sum(group.entries for group in groups)
    codes = ", ".join(dict.fromkeys(_plain(group.error_code) for group in groups))
    text = f"Quire: {_count(entries, 'entry', 'entries')} of the indexing queue given up after three attempts ({codes})"
    blocks: list[dict[str, Any]] = [{"type": "section", "text": {"type": "mrkdwn", "text": f"*{text}*"}}]
    for group in groups:
        known = ", ".join(f"`{workspace}`" for workspace in group.workspace_ids)
        more = f" and {group.workspaces - len(group.workspace_ids)} more" if group.workspaces > 5 else ""
        lines = (
            f"*{_plain(group.error_code)}*, fingerprint `{_plain(group.fingerprint)}`",
            f"{_count(group.entries, 'entry', 'entries')}, {group.news} of them new, from"
            f" {_time(group.first_died_at)} to {_time(group.last_died_at)}",
            f"{_count(group.workspaces, 'workspace', 'workspaces')}: {known}{more}",
            f"See: `quire indexing dead-letters --fingerprint {_plain(group.fingerprint)}`",
            f"Once mended: `quire indexing replay --fingerprint {_plain(group.fingerprint)}`",
        )
        blocks.append({"type": "section", "text": {"type": "mrkdwn", "text": "\n".join(lines)}})
    return {"text": text, "blocks": blocks}


def _count(number: int, one: str, many: str) -> str:
    return f"{number} {one}" if number == 1 else f"{number} {many}"


def _plain(text: str) -> str:
    """Without what Slack takes as markup, and short."""
    return "".join(letter for letter in text[:80] if letter not in "<>&`*\n")


def _time(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%SZ")
