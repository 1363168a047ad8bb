-- Keys, foreign keys, indexes, names and grants of our tables, asked of the catalog.
begin;
select plan(12);

create temporary view our_tables as
select c.oid, c.relname, c.relacl, c.relowner, n.nspname as schema, c.relkind, c.relispartition
from pg_class as c
inner join pg_namespace as n on n.oid = c.relnamespace
where n.nspname in ('core', 'ops') and c.relkind in ('r', 'p');

-- Tables that are not about one workspace. Each says why.
create temporary view global_tables (name, reason) as
values
('core.users', 'a user may be a member of many workspaces'),
('core.tokens', 'belongs to a user, is looked up by its hash before a workspace is known'),
('core.subjects', 'belongs to a user, is looked up by issuer and subject before a workspace is known'),
('core.rate_policies', 'settings of the installation'),
('core.rate_buckets', 'a policy may count a user over all workspaces; its key says which'),
('core.embedding_models', 'settings of the installation'),
('core.indexing_counters', 'counts of the installation, for metrics'),
('core.indexing_leases', 'a batch holds entries of several workspaces'),
('core.indexing_breakers', 'the provider of a model serves all workspaces'),
('core.indexing_control', 'one row of the installation'),
('core.indexing_alerts', 'a cause of errors may be at work in many workspaces'),
('core.audit_log', 'operators act on the installation; its workspace_id is NULL then'),
('core.indexing_stats', 'the queue of the installation over time'),
('core.indexing_workers', 'processes of the installation'),
('core.indexing_scaling', 'settings of the installation'),
('core.workspaces', 'its id is the workspace'),
('ops.migrations', 'ledger of the installation'),
('ops.periodic_tasks', 'what runs when, in the installation'),
('ops.periodic_progress', 'how far that is'),
('ops.periodic_control', 'who runs it'),
('ops.purge_runs', 'what came of it'),
('ops.function_files', 'ledger of the installation');

select is_empty(
    $$
        select i.indexrelid::regclass from pg_index as i
        join our_tables as t on t.oid = i.indrelid
        join pg_attribute as a on a.attrelid = i.indrelid and a.attnum = i.indkey[0]
        where i.indisunique and not t.relispartition and a.attname <> 'workspace_id'
            and t.oid::regclass::text not in (select name from global_tables)
    $$,
    'workspace_id is first in every primary key and unique index'
);
select is_empty(
    $$
        select k.conrelid::regclass || ': ' || k.conname from pg_constraint as k
        join our_tables as t on t.oid = k.conrelid
        join pg_attribute as a on a.attrelid = k.conrelid and a.attnum = k.conkey[1]
        where k.contype = 'f' and not t.relispartition and a.attname <> 'workspace_id'
            and t.oid::regclass::text not in (select name from global_tables)
            and k.confrelid::regclass::text not in (select name from global_tables)
    $$,
    'workspace_id is first in every foreign key to a table of a workspace'
);
select is_empty(
    $$ select name from global_tables where to_regclass(name) is null $$,
    'the list of tables without a workspace names no table that is gone'
);
select is_empty(
    $$
        select t.oid::regclass from our_tables as t
        where not t.relispartition and not exists (select from pg_index as i where i.indrelid = t.oid and i.indisprimary)
            -- only ever appended to and dropped by partition; nothing looks a row up
            and t.oid::regclass::text <> 'core.indexing_done'
    $$,
    'every table has a primary key'
);
select is_empty(
    $$
        select k.conrelid::regclass || ': ' || k.conname from pg_constraint as k
        join our_tables as t on t.oid = k.conrelid
        where k.contype = 'f' and not t.relispartition and not exists (
            select from pg_index as i
            where i.indrelid = k.conrelid and i.indisvalid
                -- its first columns are those of the key, in any order
                and (i.indkey::int2[])[0:cardinality(k.conkey) - 1] @> k.conkey
        )
    $$,
    'every foreign key has an index'
);
select is_empty(
    $$
        select i.indexrelid::regclass || ' = ' || j.indexrelid::regclass from pg_index as i
        join pg_index as j on j.indrelid = i.indrelid and j.indexrelid > i.indexrelid
            and j.indkey = i.indkey and j.indclass = i.indclass and j.indoption = i.indoption
            and j.indpred::text is not distinct from i.indpred::text
            and j.indexprs::text is not distinct from i.indexprs::text
        join our_tables as t on t.oid = i.indrelid
    $$,
    'no two indexes are the same'
);
select is_empty(
    $$
        select i.indexrelid::regclass from pg_index as i
        join our_tables as t on t.oid = i.indrelid where not i.indisvalid
    $$,
    'no index is INVALID'
);
-- The mission's own names are kept for those who know them.
select is_empty(
    $$
        select x.relname from pg_index as i
        join pg_class as x on x.oid = i.indexrelid
        join our_tables as t on t.oid = i.indrelid
        where not t.relispartition and x.relname !~ '_(pk|uq|ix|xk)$'
            and x.relname not in ('pages_updated_recent_idx', 'blocks_data_gin_idx', 'pages_workspace_updated_idx')
    $$,
    'indexes are named <purpose>_ix, _pk or _uq'
);
select is_empty(
    $$
        select k.conrelid::regclass || ': ' || k.conname from pg_constraint as k
        join our_tables as t on t.oid = k.conrelid
        where not t.relispartition and not (case k.contype
            when 'p' then k.conname = t.relname || '_pk'
            when 'u' then k.conname like t.relname || '\_%\_uq'
            when 'f' then k.conname like t.relname || '\_%\_fk'
            when 'c' then k.conname like t.relname || '\_%\_ck'
            when 'x' then k.conname like t.relname || '\_%\_xk'
            else true  -- not null constraints have a row here since PostgreSQL 18
        end)
    $$,
    'constraints are named <table>_pk, _<columns>_uq, _<table>_fk, _<rule>_ck'
);
select is_empty(
    $$
        select t.oid::regclass || ' to ' || a.grantee::regrole from our_tables as t
        cross join lateral aclexplode(t.relacl) as a
        where a.grantee <> t.relowner and (a.grantee, a.privilege_type) <> ('quire_analyst'::regrole, 'SELECT')
            and (t.oid, a.grantee, a.privilege_type)
                <> ('ops.purge_runs'::regclass, 'quire_monitor'::regrole, 'SELECT')
    $$,
    'nobody but the owner has a grant on a table, but for analysts who may read some, and the monitor one'
);
select is_empty(
    $$ select oid::regclass from our_tables where pg_get_userbyid(relowner) <> 'quire_owner' $$,
    'every table belongs to quire_owner'
);
select is_empty(
    $$
        select format('%s.%I', t.oid::regclass, a.attname) from our_tables as t
        join pg_attribute as a on a.attrelid = t.oid and a.attnum > 0 and not a.attisdropped
        where a.atttypid in ('timestamp'::regtype, 'json'::regtype, 'varchar'::regtype, 'bpchar'::regtype, 'money'::regtype)
            or a.attname ~ '[^a-z0-9_]'
    $$,
    'columns are timestamptz, jsonb and text, in snake_case'
);

select * from finish();
rollback;
