-- squawk-ignore-file ban-set-schema, renaming-object
-- The switch: what the old application calls pages, blocks, workspaces and indexing_queue become views of Quire's
-- tables. After the functions, because the views' triggers are theirs. Everything that can be done without a lock is
-- done first; under the lock remain the pages of the last milliseconds and four renames.
--
-- Views are made in core, where their owner is at home, and moved to public: so quire_owner needs no right there.
set local role quire_owner;

create view core.old_workspaces as
select w.id, w.name, w.created_at
from core.workspaces as w;
comment on view core.old_workspaces is 'The old application''s workspaces: core.workspaces, read and written through.';
comment on column core.old_workspaces.id is 'core.workspaces.id';
comment on column core.old_workspaces.name is 'core.workspaces.name';
comment on column core.old_workspaces.created_at is 'core.workspaces.created_at';

create view core.old_pages as
select p.id, p.workspace_id, p.title, p.properties, p.created_at, p.updated_at, p.version
from core.pages as p
where p.deleted_at is null;
comment on view core.old_pages is
'The old application''s pages. An UPDATE of title or properties has to raise version by one (set version = version + 1
where id = .. and version = ..), or it is refused with PT409; INSERT and DELETE work. Every write is a version in the log.';
comment on column core.old_pages.id is 'core.pages.id';
comment on column core.old_pages.workspace_id is 'core.pages.workspace_id; cannot be changed.';
comment on column core.old_pages.title is 'core.pages.title';
comment on column core.old_pages.properties is 'core.pages.properties: an object.';
comment on column core.old_pages.created_at is 'core.pages.created_at';
comment on column core.old_pages.updated_at is
'Time of the newest version, kept by Quire: what an UPDATE sets is not used.';
comment on column core.old_pages.version is 'core.pages.version; the old table had none.';

create view core.old_blocks as
select
    -- An id that is no UUID gets one that is always the same.
    case
        when b.id ~ '^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$' then b.id::uuid
        else md5(b.workspace_id::text || '/' || b.page_id::text || '/' || b.id)::uuid
    end as id,
    b.page_id,
    (o.n - 1)::integer as position,
    b.type,
    b.data,
    p.updated_at
from core.pages as p
cross join lateral unnest(p.block_order) with ordinality as o (no, n)
inner join core.blocks as b
    on b.workspace_id = p.workspace_id and b.page_id = p.id and b.no = o.no
where p.deleted_at is null;
comment on view core.old_blocks is
'The old application''s blocks, to read by page_id. Writes are refused (PT409): the API has them.';
comment on column core.old_blocks.id is
'Id of the block when it is a UUID, else a UUID made of workspace, page and id.';
comment on column core.old_blocks.page_id is 'core.blocks.page_id';
comment on column core.old_blocks.position is 'Place in the page: 0, 1, 2, ... without gaps.';
comment on column core.old_blocks.type is 'core.blocks.type';
comment on column core.old_blocks.data is 'core.blocks.data';
comment on column core.old_blocks.updated_at is 'Time of the page''s newest version.';

-- By way of pages, where it can be: core.pages has an index on id alone.
create view core.old_indexing_queue as
select
    e.id,
    e.page_id,
    case
        when b.id is null then '{}'::uuid[]
        when b.id ~ '^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$' then array[b.id::uuid]
        else array[md5(b.workspace_id::text || '/' || b.page_id::text || '/' || b.id)::uuid]
    end as block_ids,
    e.action,
    e.status,
    e.attempts,
    e.error,
    e.created_at,
    e.processed_at
from (
    select
        q.workspace_id, q.page_id, q.no, q.seq as id, q.op as action,
        case when q.lease_id is null then 'pending' else 'processing' end as status,
        q.attempts::integer as attempts, q.last_error as error, q.enqueued_at as created_at,
        null::timestamptz as processed_at
    from core.pages as p
    inner join core.indexing_queue as q on q.workspace_id = p.workspace_id and q.page_id = p.id
    union all
    select
        d.workspace_id, d.page_id, d.no, null, d.op, 'failed', d.attempts, d.error, d.enqueued_at, d.died_at
    from core.pages as p
    inner join core.indexing_dead_letters as d on d.workspace_id = p.workspace_id and d.page_id = p.id
    union all
    select
        f.workspace_id, f.page_id, f.no, null, f.op, 'completed', f.attempts, null, f.enqueued_at, f.processed_at
    from core.indexing_done as f
) as e
left join core.blocks as b
    on b.workspace_id = e.workspace_id and b.page_id = e.page_id and b.no = e.no;
comment on view core.old_indexing_queue is
'The old application''s queue, one row a block. INSERT enqueues; Quire''s workers do the rest, and UPDATE is refused.';
comment on column core.old_indexing_queue.id is 'Place in the queue; NULL once it has left.';
comment on column core.old_indexing_queue.page_id is 'Page.';
comment on column core.old_indexing_queue.block_ids is
'The block as public.blocks names it; empty for the title, or when the block is gone.';
comment on column core.old_indexing_queue.action is 'upsert or delete.';
comment on column core.old_indexing_queue.status is 'pending, processing, completed or failed.';
comment on column core.old_indexing_queue.attempts is 'How often it was tried.';
comment on column core.old_indexing_queue.error is 'What the last failed attempt said.';
comment on column core.old_indexing_queue.created_at is 'When the edit came.';
comment on column core.old_indexing_queue.processed_at is 'When it was completed or given up.';

create trigger old_pages_insert instead of insert on core.old_pages
for each row execute function ops.tg_old_pages__insert();
create trigger old_pages_update instead of update on core.old_pages
for each row execute function ops.tg_old_pages__update();
create trigger old_pages_delete instead of delete on core.old_pages
for each row execute function ops.tg_old_pages__delete();
create trigger old_indexing_queue_insert instead of insert on core.old_indexing_queue
for each row execute function ops.tg_old_indexing_queue__insert();
-- Refused before the rows are looked for: finding a block by its id alone would read them all. The triggers for each
-- row only make the views writable, or the refusal would be another one.
create trigger old_blocks_refuse before insert or update or delete on core.old_blocks
for each statement execute function ops.tg_old_tables__refuse();
create trigger old_blocks_refuse_row instead of insert or update or delete on core.old_blocks
for each row execute function ops.tg_old_tables__refuse();
create trigger old_indexing_queue_refuse before update or delete on core.old_indexing_queue
for each statement execute function ops.tg_old_tables__refuse();
create trigger old_indexing_queue_refuse_row instead of update or delete on core.old_indexing_queue
for each row execute function ops.tg_old_tables__refuse();

-- Copying is no save: it writes version 1 again. Back on at the end of this transaction.
alter table core.pages disable trigger user;

reset role;
create schema legacy;
comment on schema legacy is 'Tables of the old application as they were at the switch. Nothing uses them.';

-- What changed meanwhile is copied while nobody waits; then all four tables are locked, in a quarter of a second or
-- not at all: whoever comes after us waits as long as we do. A transaction that stays open longer makes us step back,
-- copy what came in, and try again. (Not left to the runner: it would take back and repeat the copying, too.)
set local statement_timeout = '15min';
do $$
declare
    v_deadline timestamptz;
    v_table text;
begin
    for v_try in 1..100 loop
        for v_round in 1..1000 loop
            exit when core.mig_0007_copy_logged(200) < 200;
        end loop;
        begin
            v_deadline := clock_timestamp() + interval '250 milliseconds';
            foreach v_table in array array['pages', 'blocks', 'indexing_queue', 'workspaces'] loop
                perform set_config(
                    'lock_timeout',
                    greatest(1, ceil(extract(epoch from v_deadline - clock_timestamp()) * 1000))::text, true
                );
                execute format('lock table public.%I in access exclusive mode', v_table);
            end loop;
            exit;
        exception
            when lock_not_available then
                if v_try = 100 then
                    raise;
                end if;
        end;
        perform pg_sleep(0.05 + random() / 10);
    end loop;
end;
$$;

-- From here to the end the old application waits. What takes too long is taken back, and the runner begins anew.
set local lock_timeout = '250ms';
set local statement_timeout = '1s';
insert into core.workspaces (id, name, created_at)
select w.id, w.name, w.created_at from public.workspaces as w;
do $$
begin
    while core.mig_0007_copy_logged(1000) > 0 loop
        null;
    end loop;
end;
$$;

alter table public.workspaces set schema legacy;
alter table public.pages set schema legacy;
alter table public.blocks set schema legacy;
alter table public.indexing_queue set schema legacy;
alter view core.old_workspaces set schema public;
alter view core.old_pages set schema public;
alter view core.old_blocks set schema public;
alter view core.old_indexing_queue set schema public;
alter view public.old_workspaces rename to workspaces;
alter view public.old_pages rename to pages;
alter view public.old_blocks rename to blocks;
alter view public.old_indexing_queue rename to indexing_queue;
alter table core.pages enable trigger user;
alter table core.pages add constraint pages_workspace_fk foreign key (workspace_id) references core.workspaces (id)
not valid;

-- Who might read or write a table may do the same to its view, the tables' owner included. The owner of the views, and
-- whoever has its rights, needs no grant.
do $$
declare
    v_grant text;
begin
    for v_grant in
        select format(
            'grant %s%s on public.%I to %s%s', a.privilege_type,
            case when a.columns is not null then format(' (%s)', a.columns) end, a.relname,
            case when a.grantee = 0 then 'public' else a.grantee::regrole::text end,
            case when a.is_grantable then ' with grant option' end
        )
        from (
            select c.relname, null as columns, x.grantee, x.privilege_type, x.is_grantable
            from pg_catalog.pg_class as c
            cross join lateral pg_catalog.aclexplode(
                coalesce(c.relacl, pg_catalog.acldefault('r', c.relowner))
            ) as x
            where c.relnamespace = 'legacy'::regnamespace and c.relkind in ('r', 'p')
            union all
            select c.relname, pg_catalog.quote_ident(n.attname), x.grantee, x.privilege_type, x.is_grantable
            from pg_catalog.pg_class as c
            inner join pg_catalog.pg_attribute as n on n.attrelid = c.oid and not n.attisdropped
            inner join pg_catalog.pg_attribute as v
                on v.attrelid = format('public.%I', c.relname)::regclass and v.attname = n.attname
            cross join lateral pg_catalog.aclexplode(n.attacl) as x
            where c.relnamespace = 'legacy'::regnamespace and c.relkind in ('r', 'p')
        ) as a
        where a.privilege_type in ('SELECT', 'INSERT', 'UPDATE', 'DELETE')
            and (a.grantee = 0 or not pg_catalog.pg_has_role(a.grantee, 'quire_owner', 'usage'))
    loop
        execute v_grant;
    end loop;
end;
$$;

do $$
declare
    v_table text;
begin
    foreach v_table in array array['pages', 'blocks'] loop
        execute format('drop trigger mig_0007_insert on legacy.%I', v_table);
        execute format('drop trigger mig_0007_update on legacy.%I', v_table);
        execute format('drop trigger mig_0007_delete on legacy.%I', v_table);
        execute format('drop trigger mig_0007_truncate on legacy.%I', v_table);
    end loop;
end;
$$;
