-- The catalog is the manual: everything in our schemas says what its name cannot.
begin;
select plan(6);

create temporary view ours as
select unnest(array['core', 'jsonpatch', 'api', 'indexing', 'ops'])::name as schema;

select is_empty(
    $$
        select n.nspname from pg_namespace as n
        where n.nspname in (select schema from ours) and obj_description(n.oid, 'pg_namespace') is null
    $$,
    'every schema has a comment'
);
-- Partitions are made by the dozen and say what their parent says.
select is_empty(
    $$
        select c.oid::regclass from pg_class as c
        join pg_namespace as n on n.oid = c.relnamespace
        where n.nspname in (select schema from ours) and c.relkind in ('r', 'p', 'v', 'm', 'S') and not c.relispartition
            and obj_description(c.oid, 'pg_class') is null
            -- a sequence of an identity column belongs to its column
            and not exists (select from pg_depend as d where d.objid = c.oid and d.deptype = 'i')
    $$,
    'every table, view and sequence has a comment'
);
select is_empty(
    $$
        select format('%s.%I', c.oid::regclass, a.attname) from pg_attribute as a
        join pg_class as c on c.oid = a.attrelid
        join pg_namespace as n on n.oid = c.relnamespace
        where n.nspname in (select schema from ours) and c.relkind in ('r', 'p', 'v', 'm') and not c.relispartition
            and a.attnum > 0 and not a.attisdropped and col_description(c.oid, a.attnum) is null
    $$,
    'every column of a table or view has a comment'
);
select is_empty(
    $$
        select c.oid::regclass from pg_class as c
        join pg_namespace as n on n.oid = c.relnamespace
        where n.nspname in (select schema from ours) and c.relkind in ('i', 'I') and not c.relispartition
            and not exists (
                select from pg_index as i join pg_class as t on t.oid = i.indrelid
                where i.indexrelid = c.oid and t.relispartition
            )
            and obj_description(c.oid, 'pg_class') is null
    $$,
    'every index has a comment'
);
select is_empty(
    $$
        select p.oid::regprocedure from pg_proc as p
        join pg_namespace as n on n.oid = p.pronamespace
        where n.nspname in (select schema from ours) and obj_description(p.oid, 'pg_proc') is null
    $$,
    'every function has a comment'
);
select is_empty(
    $$
        select t.oid::regtype from pg_type as t
        join pg_namespace as n on n.oid = t.typnamespace
        left join pg_class as c on c.oid = t.typrelid
        where n.nspname in (select schema from ours) and (t.typtype in ('e', 'd') or c.relkind = 'c')
            and obj_description(t.oid, 'pg_type') is null
    $$,
    'every type has a comment'
);

select * from finish();
rollback;
