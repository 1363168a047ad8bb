-- Workspaces and members, and what it takes to copy the old application's pages while it goes on writing them: triggers
-- on its tables append the ids of changed pages to a log; 0008 copies everything, then what the log names, until little
-- is left; 0009 copies the rest under a short lock and switches. The helpers core.mig_0007_* go in 0012.
--
-- Making the triggers waits for open transactions of the old application, and writers queue up behind that wait: so the
-- wait is short, and the runner tries again.
set local lock_timeout = '400ms';

-- Better refused here, before anything is done, than found out by the switch.
do $$
declare
    v_old constant regclass[] := array[
        'public.workspaces', 'public.pages', 'public.blocks', 'public.indexing_queue'
    ]::regclass[];
    v_found text;
begin
    if to_regnamespace('legacy') is not null then
        raise exception 'schema legacy exists, and the old tables are to wait there: rename it first';
    end if;
    select string_agg(c.oid::regclass::text, ', ') into v_found
    from pg_catalog.pg_class as c
    where c.oid = any(v_old) and not pg_catalog.pg_has_role(c.relowner, 'usage');
    if v_found is not null then
        raise exception 'the switch moves %, which % does not own: migrate as their owner', v_found, current_user;
    end if;
    if not pg_catalog.has_schema_privilege('public', 'create') then
        raise exception 'the switch makes views in schema public: grant create on schema public to %', current_user;
    end if;
    select string_agg(format('%s (%s)', c.conrelid::regclass, c.conname), ', ') into v_found
    from pg_catalog.pg_constraint as c
    where c.contype = 'f' and c.confrelid = any(v_old) and not c.conrelid = any(v_old);
    if v_found is not null then
        raise exception 'foreign keys point to tables of the old application, which become views: drop them first: %',
            v_found;
    end if;
    select string_agg(distinct r.ev_class::regclass::text, ', ') into v_found
    from pg_catalog.pg_depend as d
    inner join pg_catalog.pg_rewrite as r on d.classid = 'pg_catalog.pg_rewrite'::regclass and r.oid = d.objid
    where d.refclassid = 'pg_catalog.pg_class'::regclass and d.refobjid = any(v_old);
    if v_found is not null then
        raise exception 'views or rules use tables of the old application and would go on showing old rows: '
            'drop them, and make them again after the migration: %', v_found;
    end if;
end;
$$;

set local role quire_owner;

create table core.workspaces (
    id uuid not null default gen_random_uuid(),
    name text not null,
    created_at timestamptz not null default now(),
    constraint workspaces_pk primary key (id)
);
comment on table core.workspaces is 'Tenants. Every page belongs to one; who may see it is core.workspace_members.';
comment on column core.workspaces.id is 'UUID; first in every key of a tenant''s tables.';
comment on column core.workspaces.name is 'What people call it. Not unique.';
comment on column core.workspaces.created_at is 'When it was made.';
comment on index core.workspaces_pk is 'Workspace by id.';

create table core.workspace_members (
    workspace_id uuid not null,
    user_id uuid not null,
    role text not null,
    created_at timestamptz not null,
    constraint workspace_members_pk primary key (workspace_id, user_id),
    constraint workspace_members_workspace_fk foreign key (workspace_id) references core.workspaces (id)
    on delete cascade,
    constraint workspace_members_user_fk foreign key (user_id) references core.users (id) on delete cascade,
    constraint workspace_members_role_ck check (role in ('viewer', 'editor', 'owner'))
);
create index workspace_members_user_ix on core.workspace_members (user_id);
comment on table core.workspace_members is
'Who may do what in a workspace. Nobody else sees it, not even an admin token.';
comment on column core.workspace_members.workspace_id is 'Workspace.';
comment on column core.workspace_members.user_id is 'Member.';
comment on column core.workspace_members.role is 'viewer reads, editor also writes, owner also manages.';
comment on column core.workspace_members.created_at is 'Since when.';
comment on index core.workspace_members_pk is 'Role of a user in a workspace.';
comment on index core.workspace_members_user_ix is 'Workspaces of a user; supports the foreign key.';

-- Partitions for what the next files write, so that it need not be moved out of the default partitions later.
do $$
declare
    v_now timestamp := clock_timestamp() at time zone 'UTC';
    v_month timestamp := date_trunc('month', v_now);
    v_day timestamp;
    v_name text;
begin
    v_name := format('page_changes_p%s', to_char(v_month, 'YYYYMM'));
    execute format(
        'create table core.%I partition of core.page_changes for values from (%L) to (%L)',
        v_name, v_month at time zone 'UTC', (v_month + interval '1 month') at time zone 'UTC'
    );
    execute format('comment on table core.%I is %L', v_name, 'Changes of a month (UTC).');
    for v_day in select generate_series(date_trunc('day', v_now - interval '7 days'), v_now, interval '1 day') loop
        v_name := format('indexing_done_p%s', to_char(v_day, 'YYYYMMDD'));
        execute format(
            'create table core.%I partition of core.indexing_done for values from (%L) to (%L)',
            v_name, v_day at time zone 'UTC', (v_day + interval '1 day') at time zone 'UTC'
        );
        execute format('comment on table core.%I is %L', v_name, 'Finished entries of a day (UTC).');
    end loop;
end;
$$;

create table core.mig_0007_dirty (
    seq bigint generated always as identity,
    page_id uuid not null,
    constraint mig_0007_dirty_pk primary key (seq)
);
create index mig_0007_dirty_page_ix on core.mig_0007_dirty (page_id);
comment on table core.mig_0007_dirty is
'Pages that the old application changed since the copying began. Append-only for writers: a row is taken out before its
page is read, so a later commit leaves a row of its own.';
comment on column core.mig_0007_dirty.seq is 'Order of arrival.';
comment on column core.mig_0007_dirty.page_id is 'Page to copy again, or to remove when it is gone.';
comment on index core.mig_0007_dirty_pk is 'Oldest first.';
comment on index core.mig_0007_dirty_page_ix is 'All rows of a page are taken at once.';

-- Once a statement, not once a row. SECURITY DEFINER: it runs as whoever writes the old tables.
create function core.mig_0007_log_pages()
returns trigger
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_column text := case tg_table_name when 'pages' then 'id' else 'page_id' end;
begin
    -- A block may move to another page: both are logged.
    if tg_op = 'TRUNCATE' then
        insert into core.mig_0007_dirty (page_id) select p.id from core.pages as p;
    elsif tg_op = 'INSERT' then
        execute format('insert into core.mig_0007_dirty (page_id) select distinct n.%I from new_rows as n', v_column);
    elsif tg_op = 'DELETE' then
        execute format('insert into core.mig_0007_dirty (page_id) select distinct o.%I from old_rows as o', v_column);
    else
        execute format(
            'insert into core.mig_0007_dirty (page_id) select n.%1$I from new_rows as n union select o.%1$I from old_rows as o',
            v_column
        );
    end if;
    return null;
end;
$$;
comment on function core.mig_0007_log_pages() is 'Logs the pages that a statement of the old application changed.';
revoke all on function core.mig_0007_log_pages() from public;

create function core.mig_0007_copy_pages(p_page_ids uuid[])
returns integer
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
-- The new tables grow from nothing while this runs, without statistics: left alone, the planner keeps plans made for
-- empty tables, or reads all of the old ones. By their indexes, always.
set plan_cache_mode = force_custom_plan
set enable_seqscan = off
set enable_hashjoin = off
set enable_mergejoin = off
as $$
declare
    v_now timestamptz := clock_timestamp();
    v_gone uuid[];
    v_copied integer;
begin
    if current_setting('transaction_isolation') <> 'read committed' then
        raise exception 'copying needs READ COMMITTED, this is %: reset default_transaction_isolation of %',
            current_setting('transaction_isolation'), current_user;
    end if;
    -- Copied before, and gone or moved to another workspace since. Blocks go with their page.
    v_gone := array(
        select p.id from core.pages as p
        where p.id = any(p_page_ids) and not exists (
            select from public.pages as o where o.id = p.id and o.workspace_id = p.workspace_id
        )
    );
    if cardinality(v_gone) > 0 then
        delete from core.indexing_queue as q using core.pages as p
        where p.id = any(v_gone) and q.workspace_id = p.workspace_id and q.page_id = p.id;
        delete from core.pages as p where p.id = any(v_gone);
    end if;

    -- Only what differs is written, so that a page that was copied before costs little, above all under the switch's
    -- lock. For the same reason the log of changes gets its first entry after the switch.
    with page as (
        insert into core.pages as p (
            workspace_id, id, title, properties, created_at, updated_at, edited_minute
        )
        select
            o.workspace_id, o.id, o.title,
            -- Anything may stand in the old columns; here it is an object.
            case when jsonb_typeof(o.properties) = 'object' then o.properties
                else jsonb_build_object('value', o.properties) end,
            o.created_at, o.updated_at, date_trunc('minute', o.updated_at, 'UTC')
        from public.pages as o
        where o.id = any(p_page_ids)
        on conflict (workspace_id, id) do update
        set title = excluded.title, properties = excluded.properties, created_at = excluded.created_at,
            updated_at = excluded.updated_at, edited_minute = excluded.edited_minute
        returning p.workspace_id, p.id
    ),
    queued as (
        insert into core.indexing_queue (workspace_id, page_id, no, priority, run_at, enqueued_at)
        select p.workspace_id, p.id, 0, 300, v_now, v_now from page as p
        on conflict do nothing
    )
    select count(*) into v_copied from page;

    with gone as (
        delete from core.blocks as b using core.pages as p
        where p.id = any(p_page_ids) and b.workspace_id = p.workspace_id and b.page_id = p.id and not exists (
            select from public.blocks as o where o.id = b.id::uuid and o.page_id = b.page_id
        )
        returning b.workspace_id, b.page_id, b.no
    )
    delete from core.indexing_queue as q using gone as g
    where q.workspace_id = g.workspace_id and q.page_id = g.page_id and q.no = g.no;

    with given as materialized (
        select
            p.workspace_id, p.id as page_id, p.next_block_no, o.id::text as id, o.type, o.position,
            case when jsonb_typeof(o.data) = 'object' then o.data else jsonb_build_object('value', o.data) end as data
        from core.pages as p
        inner join public.blocks as o on o.page_id = p.id
        where p.id = any(p_page_ids)
    ),
    block as materialized (
        -- A block keeps its number; a new one gets the next. The order has no need of numbers in order.
        select
            g.workspace_id, g.page_id, g.id, g.type, g.data, b.no is null as is_new,
            b.no is not null and (b.type <> g.type or b.data <> g.data) as is_changed,
            row_number() over (partition by g.page_id order by g.position, g.id) as place,
            coalesce(b.no, g.next_block_no - 1 + row_number() over (
                partition by g.page_id, b.no is null order by g.position, g.id
            )::integer) as no
        from given as g
        left join core.blocks as b on b.workspace_id = g.workspace_id and b.page_id = g.page_id and b.id = g.id
    ),
    blocks_made as (
        insert into core.blocks (workspace_id, page_id, no, id, type, data, ver)
        select b.workspace_id, b.page_id, b.no, b.id, b.type, b.data, 1 from block as b where b.is_new
    ),
    blocks_changed as (
        update core.blocks as c set type = b.type, data = b.data
        from block as b
        where b.is_changed and c.workspace_id = b.workspace_id and c.page_id = b.page_id and c.no = b.no
    ),
    queued as (
        insert into core.indexing_queue (workspace_id, page_id, no, priority, run_at, enqueued_at)
        select b.workspace_id, b.page_id, b.no, 300, v_now, v_now from block as b where b.is_new
    ),
    page as materialized (
        select p.workspace_id, p.id, coalesce(c.numbers, '{}') as numbers, coalesce(c.next_block_no, 1) as next_block_no
        from core.pages as p
        left join (
            select b.page_id, array_agg(b.no order by b.place) as numbers, max(b.no) + 1 as next_block_no
            from block as b
            group by b.page_id
        ) as c on c.page_id = p.id
        where p.id = any(p_page_ids)
    )
    update core.pages as t
    set block_order = p.numbers, next_block_no = greatest(t.next_block_no, p.next_block_no)
    from page as p
    where t.workspace_id = p.workspace_id and t.id = p.id and t.block_order <> p.numbers;
    return v_copied;
end;
$$;
comment on function core.mig_0007_copy_pages(
    uuid[]
) is 'Makes Quire''s pages as the old tables have them now, new or not; removes those that are gone there.';
revoke all on function core.mig_0007_copy_pages(uuid[]) from public;

create function core.mig_0007_copy_logged(p_limit integer)
returns integer
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_custom_plan
as $$
declare
    v_page_ids uuid[];
    v_rows integer;
begin
    with oldest as materialized (
        select d.page_id from core.mig_0007_dirty as d order by d.seq limit p_limit
    ),
    taken as (
        delete from core.mig_0007_dirty as d
        using (select distinct o.page_id from oldest as o) as o
        where d.page_id = o.page_id
        returning d.page_id
    )
    select (select count(*) from oldest), (select array_agg(distinct t.page_id) from taken as t) into v_rows, v_page_ids;
    -- A statement of its own, so that it sees everything that was committed before the rows above were taken.
    perform core.mig_0007_copy_pages(v_page_ids);
    return v_rows;
end;
$$;
comment on function core.mig_0007_copy_logged(
    integer
) is
'Copies the pages of the oldest rows of the log; answers how many rows: fewer than asked for when the log was emptied.';
revoke all on function core.mig_0007_copy_logged(integer) from public;

-- No "set" clause: a procedure with one may not commit.
create procedure core.mig_0007_copy_all()
language plpgsql
as $$
declare
    v_last uuid := '00000000-0000-0000-0000-000000000000';
    v_page_ids uuid[];
begin
    loop
        select pg_catalog.array_agg(p.id order by p.id) into v_page_ids
        from (
            select o.id from public.pages as o where o.id operator(pg_catalog.>=) v_last order by o.id limit 50
        ) as p;
        -- A page that is here already was copied before this was interrupted: what changed since is in the log.
        perform core.mig_0007_copy_pages(array(
            select i.id from pg_catalog.unnest(v_page_ids) as i (id)
            where not exists (select from core.pages as c where c.id operator(pg_catalog.=) i.id)
        ));
        commit;
        exit when v_page_ids is null or v_page_ids[pg_catalog.cardinality(v_page_ids)] = v_last;
        v_last := v_page_ids[pg_catalog.cardinality(v_page_ids)];
    end loop;
    -- Until a round empties the log: what comes in during that round is left to the switch. The bound is for an
    -- application that writes faster than this copies.
    for i in 1..10000 loop
        exit when core.mig_0007_copy_logged(200) < 200;
        commit;
    end loop;
end;
$$;
comment on procedure core.mig_0007_copy_all () is
'Copies all pages in short transactions, then what changed meanwhile. Can be interrupted and called again.';
revoke all on procedure core.mig_0007_copy_all() from public;

reset role;
do $$
declare
    v_table text;
begin
    foreach v_table in array array['pages', 'blocks'] loop
        execute format(
            'create trigger mig_0007_insert after insert on public.%I referencing new table as new_rows
             for each statement execute function core.mig_0007_log_pages()', v_table
        );
        execute format(
            'create trigger mig_0007_update after update on public.%I
             referencing new table as new_rows old table as old_rows
             for each statement execute function core.mig_0007_log_pages()', v_table
        );
        execute format(
            'create trigger mig_0007_delete after delete on public.%I referencing old table as old_rows
             for each statement execute function core.mig_0007_log_pages()', v_table
        );
        execute format(
            'create trigger mig_0007_truncate after truncate on public.%I
             for each statement execute function core.mig_0007_log_pages()', v_table
        );
    end loop;
end;
$$;
