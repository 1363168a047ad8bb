-- The old application's queue, out of its frozen table. 0008 and 0009 enqueued every block already, as a re-embed
-- (priority 300): what waited in the old queue is an edit (100), as old as it was, with the attempts it had. What failed
-- last is a dead letter; what was completed in the last 7 days is history. Blocks that are gone were never in the new
-- index: nothing is left to do for them, not even to delete. Workers and the old application may be at work meanwhile.
create temporary table mig_0011_entries on commit drop as
select
    o.id as entry_id,
    case when o.status in ('pending', 'processing') then 'waiting' else o.status end as status,
    -- An attempt is left to what waits: Quire gives up after three.
    least(greatest(o.attempts, 0), 2)::smallint as attempts,
    o.error,
    o.created_at,
    coalesce(o.processed_at, o.created_at) as processed_at,
    p.workspace_id,
    o.page_id,
    -- An entry without blocks was about the page itself.
    case when cardinality(o.block_ids) = 0 and p.id is not null then 0 else b.no end as no,
    coalesce(b.ver, p.version) as ver
from legacy.indexing_queue as o
left join core.pages as p on p.id = o.page_id and p.deleted_at is null
cross join lateral unnest(
    case when cardinality(o.block_ids) = 0 then array[null::uuid] else o.block_ids end
) as i (id)
left join core.blocks as b on b.workspace_id = p.workspace_id and b.page_id = p.id and b.id = i.id::text
where o.status <> 'completed' or coalesce(o.processed_at, o.created_at) > now() - interval '7 days';
analyze mig_0011_entries;

-- Dead: it failed, nothing newer came for the block in the old queue, and no edit or worker has touched it here.
with latest as (
    select distinct on (e.workspace_id, e.page_id, e.no) e.*
    from mig_0011_entries as e
    where e.no is not null
    order by e.workspace_id asc, e.page_id asc, e.no asc, e.status = 'waiting' desc, e.entry_id desc
),

locked as (
    select q.workspace_id, q.page_id, q.no, l.attempts, l.created_at, l.processed_at, l.error
    from core.indexing_queue as q
    inner join latest as l on q.workspace_id = l.workspace_id and q.page_id = l.page_id and q.no = l.no
    where l.status = 'failed' and l.ver = 1 and q.priority = 300 and q.generation = 1 and q.lease_id is null
    order by q.workspace_id, q.page_id, q.no
    for update of q
),

unqueued as (
    delete from core.indexing_queue as q using locked as k
    where q.workspace_id = k.workspace_id and q.page_id = k.page_id and q.no = k.no
    returning
        q.workspace_id, q.page_id, q.no, q.op, q.generation, k.attempts, k.created_at, k.processed_at, k.error
)

insert into core.indexing_dead_letters (
    workspace_id, page_id, no, op, generation, attempts, enqueued_at, died_at, error_code, error
)
select
    u.workspace_id, u.page_id, u.no, u.op, u.generation, u.attempts, u.created_at, u.processed_at,
    'old_application', coalesce(u.error, 'the old application marked it failed and gave no reason')
from unqueued as u;

-- Waiting, in the order of its creation. A block that is there is to be indexed, whatever the entry said: the index
-- shows what the page holds.
with waiting as materialized (
    select
        e.workspace_id, e.page_id, e.no, min(e.created_at) as created_at, max(e.attempts) as attempts,
        max(e.error) as error
    from mig_0011_entries as e
    where e.no is not null and e.status = 'waiting'
    group by e.workspace_id, e.page_id, e.no
    order by min(e.created_at), min(e.entry_id)
),

numbered as materialized (
    select w.*, nextval('core.indexing_seq') as seq
    from waiting as w
)

insert into core.indexing_queue as q (
    workspace_id, page_id, no, priority, seq, attempts, run_at, enqueued_at, last_error
)
select n.workspace_id, n.page_id, n.no, 100, n.seq, n.attempts, now(), n.created_at, n.error
from numbered as n
order by n.workspace_id, n.page_id, n.no
on conflict (workspace_id, page_id, no) do update
set
    priority = least(q.priority, excluded.priority),
    seq = excluded.seq,
    attempts = greatest(q.attempts, excluded.attempts),
    enqueued_at = least(q.enqueued_at, excluded.enqueued_at),
    last_error = coalesce(q.last_error, excluded.last_error)
-- One that a worker holds, or has failed with, is ahead of this.
where q.lease_id is null and q.lane = 0;

insert into core.indexing_done (workspace_id, page_id, no, op, attempts, enqueued_at, processed_at)
select e.workspace_id, e.page_id, e.no, 'upsert', e.attempts, e.created_at, e.processed_at
from mig_0011_entries as e
where e.no is not null and e.status = 'completed';

do $$
declare
    v_gone integer;
    v_unknown integer;
begin
    select count(distinct e.entry_id) filter (where e.no is null),
        count(distinct e.entry_id) filter (where e.status not in ('waiting', 'failed', 'completed'))
    into v_gone, v_unknown
    from mig_0011_entries as e;
    if v_gone > 0 then
        raise notice 'old queue: % entries name pages or blocks that are gone; nothing is left to do for them', v_gone;
    end if;
    if v_unknown > 0 then
        raise notice 'old queue: % entries have an unknown status; their blocks are indexed with the rest', v_unknown;
    end if;
end;
$$;
