-- ops.indexing_entries: every entry of the indexing queue with its status, whichever table it lies in.
create or replace view ops.indexing_entries as
select
    q.workspace_id,
    q.page_id,
    q.no,
    q.op,
    case when q.lease_id is null then 'pending' else 'processing' end as status,
    q.priority,
    q.attempts,
    q.last_error as error,
    q.enqueued_at,
    q.run_at,
    l.expires_at as lease_until,
    null::timestamptz as finished_at
from core.indexing_queue as q
left join core.indexing_leases as l on l.lease_id = q.lease_id
union all
select
    d.workspace_id,
    d.page_id,
    d.no,
    d.op,
    'completed' as status,
    null as priority,
    d.attempts,
    null as error,
    d.enqueued_at,
    null as run_at,
    null as lease_until,
    d.processed_at as finished_at
from core.indexing_done as d
union all
select
    l.workspace_id,
    l.page_id,
    l.no,
    l.op,
    'failed' as status,
    null as priority,
    l.attempts,
    l.error_code || ': ' || l.error as error,
    l.enqueued_at,
    null as run_at,
    null as lease_until,
    l.died_at as finished_at
from core.indexing_dead_letters as l;

comment on view ops.indexing_entries is
'Entries of the indexing queue: pending (some wait until run_at), processing, completed, failed.';
comment on column ops.indexing_entries.workspace_id is 'Workspace.';
comment on column ops.indexing_entries.page_id is 'Page.';
comment on column ops.indexing_entries.no is 'Block number; 0 is title and properties.';
comment on column ops.indexing_entries.op is 'upsert or delete.';
comment on column ops.indexing_entries.status is
'pending, processing, completed (kept 7 days) or failed (dead letter).';
comment on column ops.indexing_entries.priority is
'0 interactive, 100 edit, 200 import, 300 re-embed; NULL once finished.';
comment on column ops.indexing_entries.attempts is 'Claims so far.';
comment on column ops.indexing_entries.error is
'What the last failed attempt said, or that the provider was out.';
comment on column ops.indexing_entries.enqueued_at is 'When the oldest edit came that it stands for.';
comment on column ops.indexing_entries.run_at is 'Not claimed before.';
comment on column ops.indexing_entries.lease_until is 'Until when a worker holds it.';
comment on column ops.indexing_entries.finished_at is 'When it was completed or given up.';
revoke all on ops.indexing_entries from public;
grant select on ops.indexing_entries to quire_monitor;
