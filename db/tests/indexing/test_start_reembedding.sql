begin;
select plan(33);
select set_config('quire.fake_now', '2031-05-05 12:00:00+00', true);
insert into core.workspaces (id, name, created_at) values ('00000000-0000-7000-8000-000000000001', 'w', now());
insert into core.pages (workspace_id, id, title, block_order) values (
    '00000000-0000-7000-8000-000000000001', '00000000-0000-7000-8000-000000000100', '', '{1,2,3}'
);
insert into core.blocks (workspace_id, page_id, no, id, type, data, ver)
select
    '00000000-0000-7000-8000-000000000001',
    '00000000-0000-7000-8000-000000000100', n, 'b' || n, 'paragraph', jsonb_build_object('text', 'text ' || n), 2
from generate_series(1, 3) as n;
insert into core.search_entries (
    workspace_id, page_id, no, block_id, type, ver, body, body_tsv, data, indexed_at
)
select b.workspace_id, b.page_id, b.no, b.block_id, b.type, b.ver, b.body, '', b.data, now()
from core.indexable_blocks as b;
create function pg_temp.embed(p_model text, p_no integer, p_ver bigint) returns void language sql as $$
    insert into core.block_embeddings (workspace_id, page_id, no, model, ver, text_hash, vec)
    values ('00000000-0000-7000-8000-000000000001', '00000000-0000-7000-8000-000000000100', p_no, p_model, p_ver,
        sha256(convert_to('text ' || p_no, 'UTF8')),
        case p_model when 'new' then '[1,0,0]' else '[' || repeat('0,', 383) || '1]' end::public.vector)
    on conflict (workspace_id, page_id, no, model) do update set ver = excluded.ver
$$;
create function pg_temp.queued(p_model text) returns integer language sql as $$
    select e.enqueued from indexing.enqueue_missing(
        p_model, '00000000-0000-7000-8000-000000000000', '00000000-0000-7000-8000-000000000000', 10) as e
$$;
select pg_temp.embed('hashing-384', n, 2) from generate_series(1, 3) as n;

select throws_ok(
    $$select indexing.ensure_model('new', 3, '{}')$$, 'PT409',
    'the active model is hashing-384, and its vectors are there: change to new with `quire reembed --model new`',
    'a worker with another model than that of the vectors is refused'
);
select is(indexing.start_reembedding('new', 3, '{"embedder": "openai", "url": "http://x/v1"}'), true, 'a shadow begins');
select is(indexing.start_reembedding('new', 3, '{"embedder": "openai", "url": "http://y/v1"}'), false, 'and goes on');
select results_eq(
    'select name, state, config ->> ''url'' from indexing.embedding_models()',
    $$values ('hashing-384', 'active', null), ('new', 'shadow', 'http://y/v1')$$, 'the worker sees both, active first'
);
select results_eq(
    'select name, dimensions from api.embedding_model()', $$values ('hashing-384', 384)$$, 'the API sees the active one'
);
select is(indexing.ensure_model('new', 3, '{}'), false, 'a worker whose settings name the shadow may work');
select throws_ok(
    $$select indexing.start_reembedding('third', 3, '{}')$$, 'PT409',
    'the model new is being filled: let that end, or give it up with `quire reembed --abort`', 'one at a time'
);
select throws_ok(
    $$select indexing.start_reembedding('hashing-384', 384, '{}')$$, 'PT409',
    'the model hashing-384 is the active one already', 'not to itself'
);
select throws_ok(
    $$select indexing.start_reembedding('new', 4, '{}')$$, 'PT409', 'the model new has 3 dimensions, not 4',
    'with its dimensions'
);
select throws_ok(
    $$select indexing.start_reembedding('', 4, '{}')$$, 'PT400', 'a model needs a name of 1 to 200 characters', 'a name'
);
select throws_ok(
    $$select indexing.start_reembedding('n', 0, '{}')$$, 'PT400', 'the model n needs 1 to 16000 dimensions, not 0',
    'dimensions'
);
select throws_like(
    $$select indexing.start_reembedding('n', 3, '{"api_key": "secret"}')$$, '%keys stay in the environment',
    'a key is refused'
);
select is(core.count_missing_vectors('new', null), 3::bigint, 'all texts are missing');
select is(core.count_missing_vectors('new', 2), 2::bigint, 'counted up to a limit');
select is(pg_temp.queued('new'), 3, 'and queued');
select throws_ok(
    $$select indexing.switch_model('new')$$, 'PT409', '3 texts have no vector by the model new yet',
    'no switch before it is filled'
);
select throws_ok(
    $$select indexing.switch_model('third')$$, 'PT409', 'the model third is not being filled', 'nor to another'
);
select pg_temp.embed('new', 1, 2), pg_temp.embed('new', 2, 1);
select is(core.count_missing_vectors('new', null), 2::bigint, 'a vector of an older content counts as missing');
insert into core.indexing_dead_letters
    (workspace_id, page_id, no, op, generation, attempts, enqueued_at, died_at, error_code, error)
select q.workspace_id, q.page_id, 3, 'upsert', 1, 3, now(), now(), 'embedding_refused', 'refused'
from core.indexing_queue as q where q.no = 3;
delete from core.indexing_queue;
select is(core.count_missing_vectors('new', null), 1::bigint, 'a dead letter does not hold the switch up');
select is(pg_temp.queued('new'), 1, 'only the outdated one is queued again');
select results_eq(
    'select model, state, total, vectors, missing, dead, waiting from ops.reembedding_progress()',
    $$values ('hashing-384', 'active', 3::bigint, 3::bigint, 0::bigint, 0::bigint, 1::bigint),
        ('new', 'shadow', 3::bigint, 2::bigint, 1::bigint, 1::bigint, 1::bigint)$$, 'all of it can be seen; a dead letter with a vector of a model is none of it'
);
select pg_temp.embed('new', 2, 2);
select is(indexing.switch_model('new'), 'hashing-384', 'filled, it becomes active, and the old one retires');
select results_eq(
    'select name, state from core.embedding_models order by state',
    $$values ('new', 'active'), ('hashing-384', 'retired')$$,
    'one active model, always'
);
select is(indexing.ensure_model('hashing-384', 384, '{}'), false, 'a worker with yesterday''s settings may work');
select is((core.search_model('hashing-384', '[' || repeat('0,', 383) || '1]')).name, 'hashing-384',
    'a query that was embedded before the switch still finds the old vectors');
select throws_ok(
    $$select * from indexing.drop_vectors('new', '00000000-0000-7000-8000-000000000000',
        '00000000-0000-7000-8000-000000000000', 10)$$, 'PT409', 'the model new is not a retired one',
    'none in use is dropped'
);
select results_eq(
    $$select page_id, deleted from indexing.drop_vectors('hashing-384', '00000000-0000-7000-8000-000000000000',
        '00000000-0000-7000-8000-000000000000', 10)$$,
    $$values ('00000000-0000-7000-8000-000000000100'::uuid, 3)$$, 'the old vectors go in slices'
);
select is_empty(
    $$select * from indexing.drop_vectors('hashing-384', '00000000-0000-7000-8000-000000000001',
        '00000000-0000-7000-8000-000000000100', 10)$$, 'until there are none'
);
select is((core.search_model('hashing-384', '[' || repeat('0,', 383) || '1]')).name, null,
    'and then a search by them says that it is degraded');
select is(indexing.abort_reembedding(), null, 'nothing to give up');
select ok(indexing.start_reembedding('fourth', 3, '{}'), 'another is begun');
select is(indexing.abort_reembedding(), 'fourth', 'and given up');
select results_eq(
    $$select action, details ->> 'model' from core.audit_log where action like 'models.%' order by action, details ->> 'model'$$,
    $$
        values
        ('models.abort', 'fourth'), ('models.drop', 'hashing-384'), ('models.fill', 'fourth'), ('models.fill', 'new'),
        ('models.switch', 'new')
    $$,
    'what operators do to models is written down'
);
select * from finish();
rollback;
