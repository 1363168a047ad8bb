"""Metrics for Prometheus: what this process sees itself, and what the database tells (ops.metrics).

Labels are bounded: routes are templates, functions and codes are lists, and workspaces are the busiest few (the others
are ``other``). A page, a user or a request is never a label.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import psycopg
import psycopg_pool
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, disable_created_metrics
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.registry import Collector

from db.pool import Pool

log = logging.getLogger("app.metrics")

disable_created_metrics()  # a series more for each of ours, which nothing here reads

CONTENT_TYPE = CONTENT_TYPE_LATEST
OTHER = "other"
_MOST_WORKSPACES = 50
_DATABASE_SECONDS = 5.0  # how long samples of the database are kept: several scrapers cost no more than one

# Steps of about 1.2 from 1 ms to 0.2 s, so that a percentile in there is interpolated within 10 %, then coarser.
SAVE_BUCKETS: tuple[float, ...] = (
    *(0.001, 0.0012, 0.00144, 0.00173, 0.00207, 0.0025, 0.003, 0.0036, 0.0043, 0.0052, 0.0062, 0.0075, 0.009),
    *(0.0108, 0.013, 0.0155, 0.0186, 0.0223, 0.0268, 0.0321, 0.0385, 0.0462, 0.0555, 0.068, 0.083, 0.1, 0.12),
    *(0.144, 0.17),
    *(0.2, 0.3, 0.5, 1, 2, 5, 10),
)
_REQUEST_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2, 5, 10)
_CALL_BUCKETS = (0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10)


class BusiestLabels:
    """Which workspaces have a label of their own: the busiest, by the space-saving algorithm.

    A newcomer takes the place of the least busy once it is clearly busier, so that a quiet early one does not keep a
    place for ever. Source: Metwally, Agrawal, El Abbadi 2005, "Efficient computation of frequent and top-k elements in
    data streams".
    """

    def __init__(self, most: int, evicted: Callable[[str], None]) -> None:
        """Describe the labels.

        Args:
            most: places.
            evicted: is told of a label that lost its place, to remove its series.
        """
        self._most = most
        self._evicted = evicted
        self._counts: dict[str, int] = {}
        self._waiting: dict[str, int] = {}

    def known(self, name: str) -> str:
        """The label of ``name`` as it is, without counting: for names that nobody has vouched for."""
        return name if name in self._counts else OTHER

    def label(self, name: str) -> str:
        """Count one event of ``name``; its label: itself or ``other``."""
        if name in self._counts:
            self._counts[name] += 1
            return name
        if len(self._counts) < self._most:
            self._counts[name] = 1
            return name
        count = self._waiting.pop(name, 0) + 1
        least = min(self._counts, key=self._counts.__getitem__)
        if count > 2 * self._counts[least]:
            del self._counts[least]
            self._evicted(least)
            self._counts[name] = count
            return name
        if len(self._waiting) >= 20 * self._most:
            self._waiting.pop(min(self._waiting, key=self._waiting.__getitem__))
        self._waiting[name] = count
        return OTHER


class Metrics:
    """The instruments of one process, on a registry of their own."""

    def __init__(self, pool: Pool, monitor: Pool, policies: Iterable[str] = ()) -> None:
        """Describe the instruments.

        Args:
            pool: the API's, whose state is shown.
            monitor: of role quire_monitor, for ops.metrics.
            policies: rate policies of the routes.
        """
        self.registry = registry = CollectorRegistry()
        self.saves = Histogram(
            "page_save_duration_seconds",
            "Time of a save (POST, PUT, PATCH, DELETE of a page) from request to answer.",
            ["workspace_id", "status"],
            buckets=SAVE_BUCKETS,
            registry=registry,
        )
        self.save_errors = Counter(
            "page_save_errors_total",
            "Saves that failed; error_type is the code of the problem.",
            ["workspace_id", "error_type"],
            registry=registry,
        )
        self.requests = Histogram(
            "quire_http_request_duration_seconds",
            "Time of a request from its head to the end of its answer.",
            ["method", "route", "status"],
            buckets=_REQUEST_BUCKETS,
            registry=registry,
        )
        self.in_flight = Gauge("quire_http_requests_in_flight", "Requests being answered.", registry=registry)
        self.calls = Histogram(
            "quire_db_call_duration_seconds",
            "Time of a call of a function of schema api, without the wait for a connection.",
            ["function", "outcome"],
            buckets=_CALL_BUCKETS,
            registry=registry,
        )
        self.call_errors = Counter(
            "quire_db_errors_total", "Calls that raised.", ["function", "sqlstate"], registry=registry
        )
        self.rate_limits = Counter(
            "quire_rate_limit_decisions_total",
            "Decisions of the rate limiter; decision as api.admit says it.",
            ["policy", "decision"],
            registry=registry,
        )
        self.rate_limit_failures = Counter(
            "quire_rate_limit_failures_total",
            "Decisions without the limiter's table, locked or out of reach: outcome open let in, closed refused.",
            ["policy", "outcome"],
            registry=registry,
        )
        for policy in policies:  # from 0 on, so that the first failure is an increase to Prometheus
            for outcome in ("open", "closed"):
                self.rate_limit_failures.labels(policy, outcome)
        self.rate_limit_refunds = Counter(
            "quire_rate_limit_refunds_total",
            "Requests whose points were given back: outcome done, kept or failed.",
            ["policy", "outcome"],
            registry=registry,
        )
        self.rate_limit_cached = Counter(
            "quire_rate_limit_cached_total",
            "Refusals of blocked keys that did not ask the database.",
            registry=registry,
        )
        self.pool_timeouts = Counter(
            "quire_db_pool_timeouts_total", "Requests that got no connection in time.", registry=registry
        )
        self._labels = BusiestLabels(_MOST_WORKSPACES, self._forget)
        self.database = DatabaseMetrics(monitor)
        registry.register(_PoolMetrics(pool))
        registry.register(self.database)

    def saved(self, workspace: str, vouched: bool, status: int, code: str | None, seconds: float) -> None:
        """A save was answered.

        Args:
            workspace: its id, or anything that stood there in the path.
            vouched: whether the database has found the caller to be a member; else no new label is made.
            status: of the answer.
            code: of the problem, None when there was none.
            seconds: from request to answer.
        """
        label = self._labels.label(workspace) if vouched else self._labels.known(workspace)
        self.saves.labels(label, save_status(status)).observe(seconds)
        if code is not None:
            self.save_errors.labels(label, code).inc()

    async def exposition(self) -> bytes:
        """The text for Prometheus, samples of the database refreshed."""
        await self.database.refresh()
        return generate_latest(self.registry)

    def _forget(self, workspace: str) -> None:
        for instrument in (self.saves, self.save_errors):
            instrument.remove_by_labels({"workspace_id": workspace})


def save_status(status: int) -> str:
    """The ``status`` label of page_save_duration_seconds: one of openapi.yaml's SaveStatus."""
    if status < 400:
        return "success"
    if status >= 500:
        return "error"
    return {409: "conflict", 412: "conflict", 428: "conflict", 429: "limited"}.get(status, "rejected")


class _PoolMetrics(Collector):
    """The pool's own numbers, read when they are asked for."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    def collect(self) -> Iterator[Metric]:
        stats = self._pool.get_stats()
        for name, key, meaning in (
            ("size", "pool_size", "Connections that the pool has."),
            ("available", "pool_available", "Connections that nobody uses."),
            ("waiting", "requests_waiting", "Requests that wait for a connection."),
        ):
            yield GaugeMetricFamily(f"quire_db_pool_{name}", meaning, value=stats.get(key, 0))


_HELP = {
    "indexing_queue_depth": "Entries that wait to be indexed or are worked on.",
    "blocks_per_page": "Mean number of blocks of live pages.",
    "quire_indexing_entries": "Entries of the queue by status.",
    "quire_indexing_dead_letters": "Entries that were given up after three attempts, without discarded ones.",
    "quire_indexing_dead_letters_by_code": "The same by error code: the 20 most frequent, the rest is other.",
    "quire_indexing_alerts_total": "Groups of dead letters that the webhook took an alert about, or did not.",
    "quire_indexing_oldest_ready_seconds": "Age of the oldest entry that is due.",
    "quire_indexing_lag_seconds": "Age of the oldest edit that is not indexed yet, whoever holds it.",
    "quire_indexing_workers": "Worker processes that have reported within 30 seconds.",
    "quire_indexing_workers_wanted": "Worker processes that the queue wants (ops.workers_wanted).",
    "quire_indexing_arrival_rate": "Entries a second that came to the queue, over the last minute.",
    "quire_indexing_service_rate": "Entries a second that were finished or given up, over the last minute.",
    "quire_indexing_worker_service_rate": "Entries a second that one worker manages when it has enough to do.",
    "quire_oldest_xmin_seconds": "Since when a session, prepared transaction or slot keeps dead rows from vacuum.",
    "quire_indexing_finished_total": "Attempts to index an entry, by outcome: done, failed (also the last), dead.",
    "quire_embedding_outages": "How often in a row the provider of a model was found out; 0: the breaker is closed.",
    "quire_indexing_embedded_total": "Vectors written.",
    "quire_fresh_vectors": "Vectors that searches compare one by one, not in the approximate index of their model yet.",
    "quire_indexing_lease_expired_total": "Leases of lost workers that were taken back.",
    "quire_periodic_late_seconds": "By how much the last success of a periodic task is too long ago; 0: in time.",
    "quire_periodic_runs_total": "Runs of a periodic task.",
    "quire_periodic_failures_total": "Runs of a periodic task that ended in an error.",
    "quire_purge_rows_total": "Rows that retention took from a table; of dropped partitions an estimate.",
    "quire_purge_last_success_timestamp_seconds": "When retention of a table last ended well.",
    "quire_default_partition_rows": "Rows in a default partition, counted up to 10,000; any is one too many.",
    "quire_schema_version": "Number of the newest applied migration.",
}


class DatabaseMetrics(Collector):
    """Samples of ops.metrics, kept a few seconds. Without the database the others are still shown."""

    def __init__(self, pool: Pool) -> None:
        """Args: pool: of role quire_monitor, small."""
        self._pool = pool
        self._rows: Sequence[tuple[str, str, dict[str, str], float]] = ()
        self._until = 0.0
        self._up = False
        self._lock = asyncio.Lock()

    async def refresh(self) -> None:
        """Ask the database again when the samples are old; concurrent callers wait for one question."""
        async with self._lock:
            if time.monotonic() < self._until:
                return
            try:
                async with self._pool.connection(timeout=3) as connection:
                    cursor = await connection.execute("select name, type, labels, value from ops.metrics()")
                    self._rows = await cursor.fetchall()  # pyright: ignore[reportAttributeAccessIssue]
                self._up = True
            except (psycopg.Error, psycopg_pool.PoolTimeout, psycopg_pool.TooManyRequests) as error:
                # Old samples would look like a queue that stands still.
                self._rows, self._up = (), False
                log.warning("metrics of the database are missing", extra={"cause": type(error).__name__})
            self._until = time.monotonic() + _DATABASE_SECONDS

    def collect(self) -> Iterable[Metric]:
        """The samples of the latest refresh."""
        yield GaugeMetricFamily("quire_database_up", "Whether the database told its metrics.", value=float(self._up))
        families: dict[str, Any] = {}
        for name, kind, labels, value in self._rows:
            family = families.get(name)
            if family is None:
                make = CounterMetricFamily if kind == "counter" else GaugeMetricFamily
                family = families[name] = make(name, _HELP.get(name, name), labels=sorted(labels))
            family.add_metric([labels[key] for key in sorted(labels)], value)
        yield from families.values()
