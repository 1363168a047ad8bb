begin;
select plan(10);
select set_config('quire.fake_now', '2031-05-05 12:00:00+00', true);
insert into core.workspaces (id, name, created_at) values ('00000000-0000-7000-8000-000000000001', 'w', now());
insert into core.pages (workspace_id, id, title, block_order) values (
    '00000000-0000-7000-8000-000000000001', '00000000-0000-7000-8000-000000000100', 'Title', '{1,2,3}'
);
insert into core.blocks (workspace_id, page_id, no, id, type, data, ver)
select
    '00000000-0000-7000-8000-000000000001',
    '00000000-0000-7000-8000-000000000100',
    n,
    'b' || n,
    'paragraph',
    jsonb_build_object('text', 'text ' || n),
    1
from generate_series(1, 3) as n;
create function pg_temp.queue() returns text language sql as $$
    select string_agg(format(
        '%s:%s lane %s gen %s att %s%s', q.no, q.op, q.lane, q.generation, q.attempts,
        case when q.lease_id is null then '' else ' leased' end), ', ' order by q.no)
    from core.indexing_queue as q
$$;

select is(indexing.ensure_model('hashing-384', 384), false, 'the active model needs nothing');
select throws_ok(
    $$select indexing.ensure_model('hashing-384', 3)$$, 'PT409', 'the model hashing-384 has 384 dimensions, not 3',
    'a known model has its dimensions'
);
select is(indexing.ensure_model('Big/Model:v1', 3072), true, 'a new model becomes active');
select results_eq(
    'select name, state from core.embedding_models order by name collate "C"',
    $$values ('Big/Model:v1', 'active'), ('hashing-384', 'retired')$$, 'the one before retires'
);
select matches(
    (select i.indexdef from pg_indexes as i where i.indexname = 'block_embeddings_big_model_v1_ix'),
    'halfvec\(3072\).*Big/Model:v1', 'it has an index of its own, of half precision above 2,000 dimensions'
);
select results_eq(
    $$select page_id, enqueued from indexing.enqueue_missing('Big/Model:v1',
        '00000000-0000-7000-8000-000000000000', '00000000-0000-7000-8000-000000000100', 10)$$,
    $$values ('00000000-0000-7000-8000-000000000100'::uuid, 4)$$, 'its blocks are found to be missing'
);
select
    is_empty(
        $$select * from indexing.enqueue_missing('Big/Model:v1', '00000000-0000-7000-8000-000000000001',
            '00000000-0000-7000-8000-000000000100', 10)$$,
        'behind the last page there is none'
    );
select
    is(
        (select string_agg(distinct q.priority::text, ' ') from core.indexing_queue as q),
        '300',
        'they wait behind all others'
    );
select is(
    (
        select e.enqueued
        from
            indexing.enqueue_missing(
                'Big/Model:v1', '00000000-0000-7000-8000-000000000000', '00000000-0000-7000-8000-000000000100', 10
            ) as e
    ),
    0,
    'what waits already is not queued twice'
);
select is(indexing.ensure_model('hashing-384', 384), true, 'and back');
select * from finish();
rollback;
