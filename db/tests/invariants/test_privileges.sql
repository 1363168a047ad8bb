-- Who may what, asked of the catalog: the roles that processes and people work as, PUBLIC, definer functions, dynamic SQL.
begin;
select plan(25);

create temporary view process_roles (name) as values ('quire_api'::name), ('quire_worker'), ('quire_monitor');
create temporary view ours (schema) as
values ('core'::name), ('jsonpatch'), ('api'), ('indexing'), ('ops'), ('procrastinate');

-- The roles themselves.
select is_empty(
    $$
        select rolname from pg_roles
        where rolname ~ '^quire_(owner|migrator|api|worker|monitor|maintenance|analyst)$'
            and (rolsuper or rolcreatedb or rolcreaterole or rolreplication or rolbypassrls)
    $$,
    'no role of ours has an attribute but login'
);
select set_eq(
    $$
        select m.member::regrole || ' in ' || m.roleid::regrole from pg_auth_members as m
        where m.member::regrole::text ~ '^quire_(owner|migrator|api|worker|monitor|maintenance|analyst)$'
    $$,
    array[
        'quire_migrator in quire_owner', 'quire_maintenance in quire_owner', 'quire_owner in pg_read_all_stats',
        'quire_monitor in pg_monitor'
    ],
    'they are members of what db/roles.sql says and of nothing else'
);
select set_eq(
    $$ select rolname from pg_roles where rolname ~ '^quire_(owner|analyst)$' and not rolcanlogin $$,
    array['quire_owner', 'quire_analyst']::name[], 'nobody logs in as owner or analyst'
);

-- The database, schemas.
select is_empty(
    $$
        select p.name from process_roles as p
        where not has_database_privilege(p.name, current_database(), 'connect')
            or has_database_privilege(p.name, current_database(), 'create')
    $$,
    'processes connect, and create no schema'
);
select set_eq(
    $$
        select p.name || ' ' || n.nspname from process_roles as p cross join pg_namespace as n
        where n.nspname !~ '^(pg_|information_schema$|pgtap$|public$)' and has_schema_privilege(p.name, n.oid, 'usage')
    $$,
    array[
        'quire_api api', 'quire_api jsonpatch', 'quire_worker indexing', 'quire_worker ops',
        'quire_worker procrastinate', 'quire_worker jsonpatch', 'quire_monitor ops', 'quire_monitor jsonpatch'
    ],
    'each uses the schemas that are its own'
);
select is_empty(
    $$
        select p.name || ' ' || n.nspname from process_roles as p cross join pg_namespace as n
        where n.nspname !~ '^pg_(toast_)?temp_' and has_schema_privilege(p.name, n.oid, 'create')
    $$,
    'none creates anything in any schema'
);

-- Tables, columns, sequences, large objects.
select set_eq(
    $$
        select p.name || ' ' || c.oid::regclass from process_roles as p cross join pg_class as c
        inner join pg_namespace as n on n.oid = c.relnamespace
        where c.relkind in ('r', 'p', 'v', 'm', 'f') and n.nspname !~ '^(pg_|information_schema$|pgtap$)'
            and (
                has_table_privilege(p.name, c.oid, 'select, insert, update, delete, truncate, references, trigger')
                or has_any_column_privilege(p.name, c.oid, 'select, insert, update, references')
            )
    $$,
    array[
        'quire_worker procrastinate.procrastinate_jobs', 'quire_worker procrastinate.procrastinate_events',
        'quire_worker procrastinate.procrastinate_periodic_defers', 'quire_worker procrastinate.procrastinate_workers',
        'quire_monitor ops.indexing_entries', 'quire_monitor ops.periodic_state', 'quire_monitor ops.purge_runs'
    ],
    'the API reaches no table or column; the worker the library''s own; the monitor two views and the runs'
);
select is_empty(
    $$
        select p.name || ' ' || c.oid::regclass from process_roles as p cross join pg_class as c
        where c.relnamespace = 'pg_catalog'::regnamespace and c.relkind in ('r', 'v')
            and has_table_privilege(p.name, c.oid, 'insert, update, delete, truncate')
            -- PostgreSQL's own grant to PUBLIC: ALTER SYSTEM and SET check again
            and c.relname <> 'pg_settings'
    $$,
    'none writes to the catalog'
);
select is_empty(
    $$
        select p.name || ' ' || v.name
        from process_roles as p
        cross join (
            values ('pg_authid'), ('pg_user_mapping'), ('pg_largeobject'), ('pg_subscription'), ('pg_statistic'),
            ('pg_hba_file_rules'), ('pg_file_settings')
        ) as v (name)
        where has_table_privilege(p.name, ('pg_catalog.' || v.name)::regclass, 'select')
    $$,
    'none reads password hashes, large objects, or samples of column values'
);
select set_eq(
    $$
        select p.name || ' ' || c.oid::regclass from process_roles as p cross join pg_class as c
        inner join pg_namespace as n on n.oid = c.relnamespace
        where n.nspname !~ '^(pg_|pgtap$)' and has_sequence_privilege(p.name, c.oid, 'usage, select, update')
            and c.relkind = 'S'
    $$,
    array[
        'quire_worker procrastinate.procrastinate_jobs_id_seq', 'quire_worker procrastinate.procrastinate_events_id_seq',
        'quire_worker procrastinate.procrastinate_periodic_defers_id_seq',
        'quire_worker procrastinate.procrastinate_workers_id_seq'
    ],
    'sequences: the worker''s of the library'
);
select is_empty($$ select oid from pg_largeobject_metadata $$, 'there are no large objects');

-- Functions that leave the database.
select is_empty(
    $$
        select p.name || ' ' || f.oid::regprocedure from process_roles as p cross join pg_proc as f
        where f.pronamespace = 'pg_catalog'::regnamespace and has_function_privilege(p.name, f.oid, 'execute') and (
            f.proname ~ '^(pg_read_|pg_stat_file|lo_import|lo_export|pg_file_|pg_ls_dir|pg_reload_conf|pg_rotate_logfile'
            '|pg_promote|pg_switch_wal|pg_create_restore_point|pg_backup_|pg_replication_origin_'
            '|pg_create_(physical|logical)_replication_slot|pg_logical_slot_'
            '|pg_log_backend_memory_contexts|pg_read_file_old|pg_current_logfile)'
            -- names of files, no contents: pg_monitor has them
            or f.proname ~ '^pg_ls_' and p.name <> 'quire_monitor'
        )
        -- slots need REPLICATION, which none has: the functions check; the log's name is pg_monitor's. Those of
        -- adminpack 1.0, gone in PostgreSQL 17, check for a superuser.
        and f.proname !~ '^pg_(create_(physical|logical)_replication_slot|logical_slot_|(read_file|rotate_logfile)_old$)'
        and not (f.proname = 'pg_current_logfile' and p.name = 'quire_monitor')
    $$,
    'none reads or writes files, or the server''s state'
);
select is_empty(
    $$
        select p.name || ' ' || r.rolname from process_roles as p cross join pg_roles as r
        where r.rolname ~ '^pg_(read_server_files|write_server_files|execute_server_program|signal_backend|checkpoint'
            '|read_all_data|write_all_data|create_subscription|maintain|use_reserved_connections)$'
            and pg_has_role(p.name, r.oid, 'member')
    $$,
    'none is a member of a role that does'
);
select is_empty(
    $$
        select p.name || ' ' || l.lanname from process_roles as p cross join pg_language as l
        where not l.lanpltrusted and l.lanispl and has_language_privilege(p.name, l.oid, 'usage')
    $$,
    'none writes functions in an untrusted language'
);

-- PUBLIC, and whoever comes later.
select is_empty(
    $$
        select c.oid::regclass::text from pg_class as c inner join ours as o on o.schema = c.relnamespace::regnamespace::name
        cross join lateral aclexplode(c.relacl) as a where a.grantee = 0
        union all
        select c.oid::regclass || '.' || t.attname from pg_attribute as t inner join pg_class as c on c.oid = t.attrelid
        inner join ours as o on o.schema = c.relnamespace::regnamespace::name
        where t.attacl is not null
    $$,
    'PUBLIC has nothing on tables, views and sequences, and no column has a grant of its own'
);
select set_eq(
    $$
        select o.schema from ours as o inner join pg_namespace as n on n.nspname = o.schema
        cross join lateral aclexplode(n.nspacl) as a where a.grantee = 0
    $$,
    array['jsonpatch']::name[], 'PUBLIC uses jsonpatch only'
);
select set_eq(
    $$
        select d.defaclobjtype::text || ' ' || coalesce(a.grantee::regrole::text, 'nobody')
        from pg_default_acl as d left join lateral aclexplode(d.defaclacl) as a on true
        where d.defaclrole::regrole::text ~ '^quire_'
    $$,
    array['f quire_owner'], 'the one default privilege takes functions away from PUBLIC'
);

-- Definer functions. That each pins search_path with pg_temp last and belongs to quire_owner: test_functions.sql.
select set_eq(
    $$
        select distinct n.nspname from pg_proc as p inner join pg_namespace as n on n.oid = p.pronamespace
        where p.prosecdef and n.nspname <> 'pg_catalog'
    $$,
    array['api', 'indexing', 'ops', 'core']::name[], 'there are definer functions in schemas of ours only'
);
select is_empty(
    $$
        select p.oid::regprocedure from pg_proc as p cross join lateral unnest(p.proconfig) as c (setting)
        where p.prosecdef and p.pronamespace <> 'pg_catalog'::regnamespace and c.setting ~ '^search_path='
            and (c.setting !~ ', pg_temp$' or c.setting ~ '^search_path=.*(public|\$user)')
        union all
        select p.oid::regprocedure from pg_proc as p
        where p.prosecdef and p.pronamespace <> 'pg_catalog'::regnamespace
            and not exists (select from unnest(p.proconfig) as c (setting) where c.setting ~ '^search_path=')
    $$,
    'each looks into pg_temp last, and never into public'
);
-- Dynamic SQL, read one by one: identifiers by %I, literals by %L, values by USING. A new one is read before it is
-- put here.
create temporary view reviewed (name, what_is_put_in) as
values
('core.drop_change_month', 'a partition, %I of a date'),
('core.ensure_partition', 'names of a table, column, partition, all %I or %L'),
('core.find_dead_letters', 'core.dead_letter_conditions: %L each, cast before; values by USING'),
('core.find_pages', 'nothing: one of two constants, values by USING'),
('core.match_entries', 'nothing: constants, values by USING'),
('core.search_vectors', 'the type''s name, a constant; dimensions, an integer; the model %L'),
('indexing.ensure_model', 'core.model_index.statement (%I, %L, integer); comment %I, %L'),
('ops.count_dead_letters', 'likewise'),
('ops.group_dead_letters', 'likewise'),
('ops.list_dead_letters', 'likewise, and the cursor''s members by %L'),
('ops.install_cron', 'a role %I; values by USING'),
('core.unschedule_cron', 'nothing: values by USING'),
('ops.record_vacuum', 'nothing: values by USING'),
('ops.preview_purge', 'a column of ops.periodic_tasks, which only migrations write'),
('ops.purge_indexing_done', 'a partition, %I'),
('ops.run_periodic', 'a column of ops.periodic_tasks, which only migrations write');
create temporary view dynamic (name) as
select n.nspname || '.' || p.proname
from pg_proc as p
inner join pg_namespace as n on n.oid = p.pronamespace
inner join ours as o on o.schema = n.nspname
inner join pg_language as l on l.oid = p.prolang
where l.lanname = 'plpgsql' and n.nspname <> 'procrastinate'
and regexp_replace(p.prosrc, '--[^\n]*', '', 'g') ~* '(^|[;\n]|\mquery|\mthen|\mloop|\mbegin|\min|\mfor)\s*execute\M'
and not (n.nspname = 'core' and p.proname ~ '^mig_\d{4}_');
select is_empty(
    $$ select name from dynamic except select name from reviewed $$,
    'every function with dynamic SQL was read for what it puts in'
);
select is_empty(
    $$ select name from reviewed except select name from dynamic $$, 'and none of those has lost its reason to be listed'
);
select is_empty(
    $$
        select p.oid::regprocedure from pg_proc as p inner join ours as o on o.schema = p.pronamespace::regnamespace::name
        where p.prosrc ~* '\mdblink|\mpostgres_fdw|\mcopy\s+[a-z_.]+\s+(from|to)\s+(program|'')'
    $$,
    'none leaves the server'
);

-- Row-level security.
select is_empty(
    $$
        select c.oid::regclass from pg_class as c
        where c.relnamespace = 'core'::regnamespace and c.relkind in ('r', 'p') and not c.relrowsecurity
    $$,
    'every table of core, and every partition, has row-level security: no policy, no row'
);
select is_empty(
    $$ select c.oid::regclass from pg_class as c where c.relnamespace = 'core'::regnamespace and c.relforcerowsecurity $$,
    'none is forced: functions of ours work as the owner, and @> needs its GIN index'
);
select is_empty(
    $$
        select c.oid::regclass || ' ' || coalesce(l.polname, 'no policy')
        from pg_class as c
        left join pg_policy as l on l.polrelid = c.oid
        where c.relnamespace = 'core'::regnamespace and (
            (l.polname is not null) <> has_table_privilege('quire_analyst', c.oid, 'select')
            or has_table_privilege('quire_analyst', c.oid, 'insert, update, delete, truncate, references, trigger')
            or l.polname is not null and (
                l.polcmd <> 'r' or l.polroles <> array['quire_analyst'::regrole::oid] or not l.polpermissive
            )
        )
    $$,
    'analysts read what has a policy, and only read'
);

select * from finish();
rollback;
