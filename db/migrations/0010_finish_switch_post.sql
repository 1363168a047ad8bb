-- What the switch left out to be short: the foreign key's check of the rows that were there, statistics, partitions
-- ahead of time, and what 0011 needs to carry over, in short transactions, the old queue and each page's first
-- change.
set local role quire_owner;
alter table core.pages validate constraint pages_workspace_fk;
analyze core.workspaces, core.pages, core.blocks, core.indexing_queue;

-- 0008 and 0009 enqueued every block already, as a re-embed (priority 300). What waited in the old queue is an edit
-- (100), as old as it was, with the attempts it had; what failed last is a dead letter; what was completed in the
-- last 7 days is history. Blocks that are gone were never in the new index: nothing is left to do for them, not even
-- to delete.
create table core.mig_0010_entries (
    entry_id bigint not null,
    status text not null,
    attempts smallint not null,
    error text,
    created_at timestamptz not null,
    processed_at timestamptz not null,
    workspace_id uuid,
    page_id uuid not null,
    no integer,
    ver bigint
);
comment on table core.mig_0010_entries is 'The old queue, one row a block; until 0011 has carried it over.';
comment on column core.mig_0010_entries.entry_id is 'Its id in the old queue.';
comment on column core.mig_0010_entries.status is 'waiting (was pending or processing), failed, completed.';
comment on column core.mig_0010_entries.attempts is 'At most 2, so that one is left: Quire gives up after three.';
comment on column core.mig_0010_entries.error is 'As it was.';
comment on column core.mig_0010_entries.created_at is 'As it was.';
comment on column core.mig_0010_entries.processed_at is 'As it was, or created_at.';
comment on column core.mig_0010_entries.workspace_id is 'Workspace; NULL when the page is gone.';
comment on column core.mig_0010_entries.page_id is 'Page.';
comment on column core.mig_0010_entries.no is
'Block number, 0 for an entry without blocks; NULL when the block is gone.';
comment on column core.mig_0010_entries.ver is
'Page version that last wrote the block: 1 when nobody did since the switch.';

create function core.mig_0010_record_pages(p_page_ids uuid[])
returns void
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_custom_plan
set enable_seqscan = off
set enable_hashjoin = off
set enable_mergejoin = off
as $$
begin
    -- Out of the frozen tables, for the page may have newer versions by now.
    insert into core.page_changes (workspace_id, page_id, version, at, base_version, actor, kind, ops, undo)
    select
        p.workspace_id, p.id, 1, clock_timestamp(), 0, null, 'adopt',
        jsonb_build_array(jsonb_build_object('op', 'add', 'path', '', 'value', jsonb_build_object(
            'title', o.title,
            'properties', case when jsonb_typeof(o.properties) = 'object' then o.properties
                else jsonb_build_object('value', o.properties) end,
            'blocks', coalesce((
                select jsonb_agg(
                    jsonb_build_object(
                        'id', b.id::text, 'type', b.type,
                        'data', case when jsonb_typeof(b.data) = 'object' then b.data
                            else jsonb_build_object('value', b.data) end
                    ) order by b.position, b.id
                )
                from legacy.blocks as b
                where b.page_id = o.id
            ), '[]')
        ))),
        '{}'
    from core.pages as p
    inner join legacy.pages as o on o.id = p.id and o.workspace_id = p.workspace_id
    where p.id = any(p_page_ids) and not exists (
        select from core.page_changes as c
        where c.workspace_id = p.workspace_id and c.page_id = p.id and c.version = 1
    );
end;
$$;
comment on function core.mig_0010_record_pages(uuid[]) is 'Version 1 of adopted pages in the log of changes.';
revoke all on function core.mig_0010_record_pages(uuid[]) from public;

create procedure core.mig_0010_carry_over()
language plpgsql
as $$
declare
    v_last uuid := '00000000-0000-0000-0000-000000000000';
    v_workspace_id uuid;
    v_page_ids uuid[];
begin
    loop
        select pg_catalog.array_agg(p.id order by p.id) into v_page_ids
        from (
            select o.id from legacy.pages as o where o.id operator(pg_catalog.>=) v_last order by o.id limit 50
        ) as p;
        perform core.mig_0010_record_pages(v_page_ids);
        commit;
        exit when v_page_ids is null or v_page_ids[pg_catalog.cardinality(v_page_ids)] = v_last;
        v_last := v_page_ids[pg_catalog.cardinality(v_page_ids)];
    end loop;
    -- The old application and workers may be at work: each transaction locks queue rows once, in the order of their
    -- key, and few of them. Again after an interruption is harmless.
    loop
        -- The pages of one workspace, some at a time.
        select e.workspace_id into v_workspace_id from core.mig_0010_entries as e order by e.workspace_id limit 1;
        exit when not found;
        select pg_catalog.array_agg(p.page_id) into v_page_ids
        from (
            select distinct e.page_id from core.mig_0010_entries as e
            where e.workspace_id operator(pg_catalog.=) v_workspace_id order by e.page_id limit 20
        ) as p;
        perform core.mig_0010_carry_failed(v_workspace_id, v_page_ids);
        commit;
        perform core.mig_0010_carry_waiting(v_workspace_id, v_page_ids);
        commit;
        perform core.mig_0010_carry_completed(v_workspace_id, v_page_ids);
        commit;
    end loop;
end;
$$;
comment on procedure core.mig_0010_carry_over () is
'Records adopted pages and takes the old queue over, in short transactions.';
revoke all on procedure core.mig_0010_carry_over() from public;

create function core.mig_0010_carry_failed(p_workspace_id uuid, p_page_ids uuid[])
returns void
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
begin
    -- Dead: it failed, nothing newer came for the block in the old queue, and no edit or worker has touched it here.
    with latest as (
        select distinct on (e.page_id, e.no) e.*
        from core.mig_0010_entries as e
        where e.workspace_id = p_workspace_id and e.page_id = any(p_page_ids)
        order by e.page_id, e.no, e.status = 'waiting' desc, e.entry_id desc
    ),
    locked as (
        select q.workspace_id, q.page_id, q.no, l.attempts, l.created_at, l.processed_at, l.error
        from core.indexing_queue as q
        inner join latest as l on l.workspace_id = q.workspace_id and l.page_id = q.page_id and l.no = q.no
        where l.status = 'failed' and l.ver = 1 and q.priority = 300 and q.generation = 1 and q.lease_id is null
        order by q.workspace_id, q.page_id, q.no
        for update of q
    ),
    unqueued as (
        delete from core.indexing_queue as q using locked as k
        where q.workspace_id = k.workspace_id and q.page_id = k.page_id and q.no = k.no
        returning q.workspace_id, q.page_id, q.no, q.op, q.generation, k.attempts, k.created_at, k.processed_at, k.error
    )
    insert into core.indexing_dead_letters (
        workspace_id, page_id, no, op, generation, attempts, enqueued_at, died_at, error_code, error
    )
    select
        u.workspace_id, u.page_id, u.no, u.op, u.generation, u.attempts, u.created_at, u.processed_at,
        'old_application', coalesce(u.error, 'the old application marked it failed and gave no reason')
    from unqueued as u
    on conflict do nothing;
end;
$$;
comment on function core.mig_0010_carry_failed(uuid, uuid[]) is 'Entries that failed become dead letters.';
revoke all on function core.mig_0010_carry_failed(uuid, uuid[]) from public;

create function core.mig_0010_carry_waiting(p_workspace_id uuid, p_page_ids uuid[])
returns void
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
begin
    -- A block that is there is to be indexed, whatever the entry said: the index shows what the page holds. One that a
    -- worker holds, or has failed with, is ahead of this.
    insert into core.indexing_queue as q (
        workspace_id, page_id, no, priority, attempts, run_at, enqueued_at, last_error
    )
    select
        e.workspace_id, e.page_id, e.no, 100, max(e.attempts), clock_timestamp(), min(e.created_at), max(e.error)
    from core.mig_0010_entries as e
    where e.workspace_id = p_workspace_id and e.page_id = any(p_page_ids) and e.status = 'waiting'
    group by e.workspace_id, e.page_id, e.no
    order by e.workspace_id, e.page_id, e.no
    on conflict (workspace_id, page_id, no) do update
    set priority = least(q.priority, excluded.priority),
        attempts = greatest(q.attempts, excluded.attempts),
        enqueued_at = least(q.enqueued_at, excluded.enqueued_at),
        last_error = coalesce(q.last_error, excluded.last_error)
    where q.lease_id is null and q.lane = 0;
end;
$$;
comment on function core.mig_0010_carry_waiting(
    uuid, uuid[]
) is 'Entries that waited become edits, as old as they were.';
revoke all on function core.mig_0010_carry_waiting(uuid, uuid[]) from public;

create function core.mig_0010_carry_completed(p_workspace_id uuid, p_page_ids uuid[])
returns void
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
begin
    with carried as (
        delete from core.mig_0010_entries as e
        where e.workspace_id = p_workspace_id and e.page_id = any(p_page_ids)
        returning e.*
    )
    insert into core.indexing_done (workspace_id, page_id, no, op, attempts, enqueued_at, processed_at)
    select c.workspace_id, c.page_id, c.no, 'upsert', c.attempts, c.created_at, c.processed_at
    from carried as c
    where c.status = 'completed';
end;
$$;
comment on function core.mig_0010_carry_completed(
    uuid, uuid[]
) is 'Completed entries become history; all entries of the pages are carried then.';
revoke all on function core.mig_0010_carry_completed(uuid, uuid[]) from public;

-- The old tables belong to the login that migrates.
reset role;
insert into core.mig_0010_entries (
    entry_id, status, attempts, error, created_at, processed_at, workspace_id, page_id, no, ver
)
select
    o.id, case when o.status in ('pending', 'processing') then 'waiting' else o.status end,
    least(greatest(o.attempts, 0), 2), o.error, o.created_at, coalesce(o.processed_at, o.created_at), p.workspace_id,
    o.page_id,
    case when cardinality(o.block_ids) = 0 and p.id is not null then 0 else b.no end,
    coalesce(b.ver, p.version)
from legacy.indexing_queue as o
left join core.pages as p on p.id = o.page_id and p.deleted_at is null
cross join
    lateral unnest(
        case when cardinality(o.block_ids) = 0 then array[null::uuid] else o.block_ids end
    ) as i (id)
left join core.blocks as b on b.workspace_id = p.workspace_id and b.page_id = p.id and b.id = i.id::text
where o.status <> 'completed' or coalesce(o.processed_at, o.created_at) > now() - interval '7 days';

do $$
declare
    v_gone bigint;
begin
    select count(distinct e.entry_id) into v_gone from core.mig_0010_entries as e where e.no is null;
    if v_gone > 0 then
        raise notice '% entries of the old queue name pages or blocks that are gone: nothing is left to do for them', v_gone;
    end if;
end;
$$;
delete from core.mig_0010_entries where no is null;

set local role quire_owner;
create index mig_0010_entries_page_ix on core.mig_0010_entries (workspace_id, page_id);
comment on index core.mig_0010_entries_page_ix is 'Entries of a page.';
analyze core.mig_0010_entries;
-- Last: its locks are felt until the commit.
select ops.ensure_partitions();
