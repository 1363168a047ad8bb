-- ops.metrics: what Prometheus reads from the database.
begin;
select plan(12);

create temporary table made as
select
    ops.create_user('ann') as user_id,
    ops.create_workspace('full') as full_id,
    ops.create_workspace('thin') as thin_id;
select
    ops.add_member(full_id, user_id, 'editor'),
    ops.add_member(thin_id, user_id, 'editor')
from made;

select is(
    (select value from ops.metrics() where name = 'indexing_queue_depth'), 0::float8, 'nothing waits at first'
);
select is(
    (select count(*) from ops.metrics() where name = 'blocks_per_page'), 0::bigint, 'no pages, no mean'
);
do $$ begin perform core.count_indexing('done', 5), core.count_indexing('failed', 2), core.count_indexing('dead', 1); end $$;
select results_eq(
    $$select m.labels ->> 'outcome', m.value from ops.metrics() as m
        where m.name = 'quire_indexing_finished_total' order by 1$$,
    $$values ('dead', 1::float8), ('done', 5::float8), ('failed', 2::float8)$$, 'what became of attempts, as counters'
);

select api.create_page(d.workspace_id, made.user_id, d.document, 100::smallint)
from made
cross join lateral (
    values
    (full_id, '{"blocks": [{"type": "divider", "data": {}}, {"type": "divider", "data": {}}]}'),
    (full_id, '{"blocks": [{"type": "divider", "data": {}}]}'),
    (thin_id, '{"title": "c"}')
) as d (workspace_id, document);

select is(
    (select value from ops.metrics() where name = 'indexing_queue_depth'),
    (select count(*) from core.indexing_queue)::float8,
    'the depth counts what waits'
);
select results_eq(
    $$select labels ->> 'workspace_id', value from ops.metrics() where name = 'blocks_per_page' order by value$$,
    $$select thin_id::text, 0::float8 from made union all select full_id::text, 1.5 from made$$,
    'blocks_per_page is the mean of each workspace''s pages'
);
select ops.create_workspace('w') from generate_series(1, 60);
insert into core.pages (workspace_id, id, block_order)
select id, core.new_id(), '{1,2,3}' from core.workspaces where name = 'w';
select is(
    (select count(*) from ops.metrics() where name = 'blocks_per_page'), 51::bigint, 'fifty workspaces are named'
);
select is(
    (select value from ops.metrics() where name = 'blocks_per_page' and labels ->> 'workspace_id' = 'other'),
    (
        select avg(cardinality(p.block_order))::float8 from core.pages as p
        where p.workspace_id::text not in (
            select m.labels ->> 'workspace_id' from ops.metrics() as m where m.name = 'blocks_per_page'
        )
    ),
    'and the others are other'
);
select is_empty(
    $$
        select name from ops.metrics()
        where type not in ('gauge', 'counter') or (type = 'counter') <> (name like '%\_total')
    $$,
    'counters, and nothing else, end in _total'
);
select ok(
    has_function_privilege('quire_monitor', 'ops.metrics()', 'execute')
    and not has_function_privilege('quire_api', 'ops.metrics()', 'execute'),
    'quire_monitor may read it, quire_api may not'
);

update core.embedding_models set fresh_vectors = 12 where name = 'hashing-384';
select results_eq(
    $$select labels ->> 'model', value from ops.metrics() where name = 'quire_fresh_vectors'$$,
    $$values ('hashing-384', 12::float8)$$, 'vectors that are compared one by one, by model'
);

truncate core.indexing_breakers;
select results_eq(
    $$select labels ->> 'model', value from ops.metrics() where name = 'quire_embedding_outages'$$,
    $$values ('hashing-384', 0::float8)$$, 'a provider that was never out is there from the start'
);
select indexing.open_breaker('hashing-384', 10, false, 'HTTP 503');
select results_eq(
    $$select labels ->> 'model', value from ops.metrics() where name = 'quire_embedding_outages'$$,
    $$values ('hashing-384', 1::float8)$$, 'and counts when it is out'
);
select * from finish();
rollback;
