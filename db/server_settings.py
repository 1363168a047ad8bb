"""PostgreSQL settings of the embedded server: the one place to tune it."""

from collections.abc import Mapping

# `alter system` overrules them (postgresql.auto.conf is read later).
SERVER_SETTINGS: Mapping[str, str] = {
    "max_connections": "200",  # two pools of 20, the worker, people, and a test suite
    "shared_buffers": "256MB",
    "effective_cache_size": "1GB",
    "work_mem": "16MB",
    "maintenance_work_mem": "128MB",  # HNSW builds are many times slower when the graph does not fit
    # Fewer checkpoints, fewer full-page images: under a steady load of edits one came each minute. Up to 4 GB of disk.
    "max_wal_size": "4GB",
    "checkpoint_timeout": "15min",
    # The wheel has no lz4, and pglz took so much CPU after each checkpoint that saves and workers fell behind for
    # seconds; without it there was a fifth more WAL (bench/queue_sustained's load).
    "wal_compression": "off",
    "fsync": "on",
    "synchronous_commit": "on",
    "random_page_cost": "1.1",  # SSD
    "jit": "off",  # statements take milliseconds, compiling them takes more
    "timezone": "UTC",
    "track_functions": "pl",
    "track_io_timing": "on",
    "log_lock_waits": "on",
    "log_min_duration_statement": "1s",
    "log_parameter_max_length": "0",  # pages are the customers' own: never values in logs
    "log_parameter_max_length_on_error": "0",
    "log_min_error_statement": "panic",
    "log_checkpoints": "off",
    "log_line_prefix": "%m [%p] %q%u@%d ",
    "logging_collector": "on",
    "log_directory": "../log",
    "log_filename": "postgresql-%a.log",  # a week of logs, then each day's file is written anew
    "log_rotation_age": "1d",
    "log_rotation_size": "0",
    "log_truncate_on_rotation": "on",
}

# For throwaway clusters: nothing in them is worth a disk flush, and a test that asserts that every function was called
# needs the SQL functions counted too.
TEST_SETTINGS: Mapping[str, str] = {
    **SERVER_SETTINGS,
    "shared_buffers": "128MB",
    "fsync": "off",
    "full_page_writes": "off",
    "track_functions": "all",
    "logging_collector": "off",
    "max_prepared_transactions": "2",  # a test has one
}
