-- How every function of ours is declared, asked of the catalog.
begin;
select plan(13);

create temporary view ours as
select p.*, n.nspname as schema, p.oid::regprocedure::text as signature
from pg_proc as p
inner join pg_namespace as n on n.oid = p.pronamespace
where n.nspname in ('core', 'jsonpatch', 'api', 'indexing', 'ops') and p.prokind in ('f', 'p', 'a', 'w')
-- helpers of data migrations are dropped by their own chain
and not (n.nspname = 'core' and p.proname ~ '^mig_\d{4}_');

select is_empty(
    $$
        select signature from ours
        where prokind <> 'a' and not coalesce(
            proconfig @> array['search_path=pg_catalog, pg_temp'], false
        )
    $$,
    'every function pins search_path to pg_catalog, pg_temp'
);
select is_empty(
    $$
        select signature from ours
        where schema <> 'jsonpatch' and has_function_privilege('public', oid, 'execute')
    $$,
    'PUBLIC may execute nothing but jsonpatch'
);
select is_empty(
    $$
        select signature from ours
        where prosecdef and schema not in ('api', 'indexing', 'ops')
            -- the fence of core.pages writes the log when the old application's role updates a page
            and proname <> 'tg_pages__check_version'
    $$,
    'security definer exists only in api, indexing and ops'
);
select is_empty(
    $$
        select signature from ours
        where schema in ('core', 'jsonpatch', 'ops') and has_function_privilege('quire_api', oid, 'execute')
            and schema <> 'jsonpatch'
    $$,
    'the API may execute functions of api and jsonpatch only'
);
select is_empty(
    $$
        select signature from ours
        where schema in ('core', 'api') and has_function_privilege('quire_worker', oid, 'execute')
    $$,
    'the worker may execute no function of core or api'
);
select is_empty(
    $$
        select signature from ours
        where schema in ('core', 'api', 'indexing') and has_function_privilege('quire_monitor', oid, 'execute')
    $$,
    'the monitor may execute functions of ops only'
);
select is_empty(
    $$ select signature from ours where pg_get_userbyid(proowner) <> 'quire_owner' $$,
    'every function belongs to quire_owner'
);
select is_empty(
    $$ select signature from ours where schema = 'api' and proisstrict $$,
    'no function of api is strict: NULL would answer NULL without a word'
);
select is_empty(
    $$ select signature from ours where schema = 'jsonpatch' and (provolatile <> 'i' or proparallel <> 's') $$,
    'jsonpatch is immutable and parallel safe'
);
select is_empty(
    $$
        select schema || '.' || proname from ours group by schema, proname having count(*) > 1
    $$,
    'there are no overloads'
);
select is_empty(
    $$
        select format('%s: %s', o.signature, a.name) from ours as o
        cross join lateral unnest(o.proargnames) with ordinality as a (name, n)
        where o.prokind <> 'a' and coalesce(o.proargmodes[a.n], 'i') in ('i', 'v') and a.name !~ '^p_[a-z0-9_]+$'
        union all
        select format('%s: an argument without a name', signature) from ours
        where prokind <> 'a' and pronargs > 0 and proargnames is null
    $$,
    'every IN parameter is named p_'
);
-- Of those that are about a workspace: who asks comes right after which workspace.
select is_empty(
    $$
        select signature from ours
        where schema = 'api' and 'p_workspace_id' = any(proargnames)
            and (proargnames[1] <> 'p_workspace_id' or proargnames[2] is distinct from 'p_actor')
            -- they find out who the actor is
            and proname not in ('admit', 'admit_subject')
    $$,
    'api functions about a workspace take p_workspace_id first and p_actor second'
);
select is_empty(
    $$
        select signature from ours
        where case when proname ~ '^tg_[a-z0-9_]+__[a-z0-9_]+$' then prorettype <> 'trigger'::regtype
            else prorettype = 'trigger'::regtype or proname ~ '^tg_' end
    $$,
    'trigger functions, and only they, are named tg_<table>__<task>'
);

select * from finish();
rollback;
