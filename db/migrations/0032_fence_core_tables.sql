-- Row-level security as a second fence. Every table of core refuses all rows to everybody but its owner; roles that are
-- members of quire_analyst see those of the workspaces that core.readers names for them, and write nothing.
-- Functions of ours run as the owner, to whom it does not apply (ENABLE, not FORCE): their plans stay as they are.
do $$
begin
    -- No temporary tables for PUBLIC, unless roles that are not ours work in this database.
    if pg_has_role((select d.datdba from pg_database as d where d.datname = current_database()), 'usage')
        and not exists (
            select from pg_class as c
            cross join lateral aclexplode(coalesce(c.relacl, acldefault('r', c.relowner))) as a
            left join pg_roles as r on r.oid = a.grantee
            where c.relkind in ('r', 'p', 'v', 'm') and c.relnamespace = 'public'::regnamespace
                and not coalesce(r.rolsuper, false) and r.rolname !~ '^quire_' and r.oid <> (
                    select d.datdba from pg_database as d where d.datname = current_database()
                )
        ) then
        execute format('revoke temporary on database %I from public', current_database());
        execute format('grant temporary on database %I to quire_owner', current_database());
    end if;
end;
$$;

set local role quire_owner;

-- All locks before anything is done, or none: whoever saves meanwhile waits 250 ms at most. Saves lock these tables in
-- several orders (a foreign key locks the referenced table last, a check of members first), so there is none here that
-- suits all; a wait that ends before deadlock_timeout deadlocks with nobody.
do $$
declare
    v_tables constant regclass[] := array(
        select c.oid::regclass from pg_class as c
        where c.relnamespace = 'core'::regnamespace and c.relkind in ('r', 'p')
        order by c.relispartition, c.relname
    );
    v_table regclass;
    v_deadline timestamptz;
begin
    for v_try in 1..40 loop
        begin
            v_deadline := clock_timestamp() + interval '250 milliseconds';
            foreach v_table in array v_tables loop
                perform set_config(
                    'lock_timeout',
                    greatest(1, ceil(extract(epoch from v_deadline - clock_timestamp()) * 1000))::text, true
                );
                execute format('lock table %s in access exclusive mode', v_table);
            end loop;
            exit;
        exception
            when lock_not_available then
                if v_try = 40 then
                    raise;
                end if;
        end;
        perform pg_sleep(0.05 + random() / 10);
    end loop;
end;
$$;
set local lock_timeout = '250ms';

create table core.readers (
    workspace_id uuid not null,
    role_name text not null,
    created_at timestamptz not null,
    constraint readers_pk primary key (workspace_id, role_name),
    constraint readers_workspace_fk foreign key (workspace_id) references core.workspaces (id) on delete cascade
);
comment on table core.readers is
'Which database role sees which workspace by direct SQL: see the policies analyst_reads. Written by ops.add_reader.';
comment on column core.readers.workspace_id is 'The workspace that is seen.';
comment on column core.readers.role_name is
'A member of quire_analyst, by name: a login, or a group whose rights logins inherit. A role that is gone sees none.';
comment on column core.readers.created_at is 'Since when.';
comment on index core.readers_pk is 'Readers of a workspace; supports the foreign key.';

do $$
declare
    v_table regclass;
begin
    for v_table in
        select c.oid from pg_class as c
        where c.relnamespace = 'core'::regnamespace and c.relkind in ('r', 'p')
        order by c.relispartition, c.relname
    loop
        execute format('alter table %s enable row level security', v_table);
    end loop;

    -- What analysts may read. The list of workspaces is made once a query, and indexes begin with workspace_id.
    for v_table in
        select format('core.%I', t.name)::regclass
        from unnest(array[
            'workspace_members', 'pages', 'blocks', 'page_changes', 'page_snapshots', 'page_names', 'search_entries',
            'block_embeddings', 'indexing_queue', 'indexing_dead_letters', 'indexing_done'
        ]) as t (name)
    loop
        execute format('grant select on %s to quire_analyst', v_table);
        execute format(
            'create policy analyst_reads on %s for select to quire_analyst'
            ' using (workspace_id = any (array(select r.workspace_id from core.readers as r)))', v_table
        );
        execute format(
            'comment on policy analyst_reads on %s is %L', v_table, 'Rows of the workspaces that core.readers shows.'
        );
    end loop;
end;
$$;

grant usage on schema core to quire_analyst;
grant select on core.workspaces to quire_analyst;
grant select on core.readers to quire_analyst;
create policy analyst_reads on core.workspaces for select to quire_analyst
using (id = any(array(select r.workspace_id from core.readers as r)));
comment on policy analyst_reads on core.workspaces is 'The workspaces that core.readers shows.';
-- By the role that asks, never by a setting, which anyone could set.
create policy analyst_reads on core.readers for select to quire_analyst
using (
    exists (
        select from pg_catalog.pg_roles as r
        where r.rolname = readers.role_name and pg_catalog.pg_has_role(r.oid, 'usage')
    )
);
comment on policy analyst_reads on core.readers is
'Entries of the role that asks, and of the groups whose rights it inherits.';
comment on schema core is
'Tables and internal functions, reached through api, indexing and ops. Only quire_analyst reads tables, row by row.';
