begin;
select plan(59);
insert into core.users (id, name, created_at) values ('00000000-0000-7000-8000-0000000000aa', 'reader', now());
insert into core.workspaces (id, name, created_at) values ('00000000-0000-7000-8000-000000000001', 'w', now()),
('00000000-0000-7000-8000-000000000002', 'v', now());
insert into core.workspace_members (workspace_id, user_id, role, created_at) values (
    '00000000-0000-7000-8000-000000000001', '00000000-0000-7000-8000-0000000000aa', 'viewer', now()
);

create function pg_temp.page(p_n integer, p_title text, p_texts text[], p_workspace integer default 1) returns void
language plpgsql as $$
declare
    v_workspace constant uuid := '00000000-0000-7000-8000-00000000000' || p_workspace;
    v_page constant uuid := '00000000-0000-7000-8000-0000000001' || lpad(p_n::text, 2, '0');
begin
    insert into core.pages (workspace_id, id, title, properties) values (v_workspace, v_page, p_title,
        '{"tag": "red"}');
    insert into core.blocks (workspace_id, page_id, no, id, type, data, ver)
    select v_workspace, v_page, t.no, 'b' || t.no, case when t.text like '# %' then 'heading' else 'paragraph' end,
        jsonb_build_object('text', ltrim(t.text, '# '), 'n', t.no), 1
    from unnest(p_texts) with ordinality as t (text, no);
    perform core.enqueue_blocks(
        v_workspace, v_page, array(select generate_series(0, cardinality(p_texts))), '{}', 100::smallint);
end;
$$;
-- What the worker does, with vectors that point into the direction of a block's number.
create function pg_temp.vector(p_n integer) returns text language sql as $$
    select '[' || string_agg(case when n = p_n then '1' else '0' end, ',') || ']' from generate_series(1, 384) as n
$$;
create function pg_temp.index_all() returns void language plpgsql as $$
declare
    v_lease uuid;
    v_priority smallint;
    v_claimed record;
begin
    update core.indexing_queue set run_at = '-infinity';
    foreach v_priority in array '{0,100,200,300}'::smallint[] loop
        v_lease := gen_random_uuid();
        select c.* into v_claimed from indexing.claim(
            0::smallint, v_priority, -1, '{}', '{}', 9999, v_lease, 60, null, '{hashing-384}'
        ) as c;
        perform indexing.write_entries(
            v_lease, array_agg(k.place::integer), array_agg(case when b.place is not null then 'hashing-384' end),
            array_agg(case when b.place is not null then pg_temp.vector(k.no + 1) end)
        )
        from core.indexing_leases as l
        cross join unnest(l.nos) with ordinality as k (no, place)
        left join unnest(v_claimed.places) as b (place) on b.place = k.place
        where l.lease_id = v_lease;
        perform indexing.ack(v_lease, 'hashing-384', null);
    end loop;
end;
$$;
create function pg_temp.search(
    p_query text, p_mode text default 'text', p_contains text default null, p_limit integer default 20,
    p_embedding text default null, p_workspace integer default 1, p_model text default null
) returns jsonb language sql as $$
    select s.body::jsonb from api.search(('00000000-0000-7000-8000-00000000000' || p_workspace)::uuid,
        '00000000-0000-7000-8000-0000000000aa', p_query, p_mode,
        p_contains, p_limit, p_model, p_embedding) as s
$$;
-- hits as "page:block", in order
create function pg_temp.hits(p_answer jsonb) returns text language sql as $$
    select coalesce(string_agg(ltrim(right(h.hit ->> 'page_id', 2), '0') || ':' || coalesce(h.hit ->> 'block_id',
        '-'), ' ' order by h.n), '')
    from jsonb_array_elements(p_answer -> 'hits') with ordinality as h (hit, n)
$$;

select
    pg_temp.page(
        1, 'Rate limits', '{"# Sliding windows","A window slides over the hits of a minute.","Buckets are rows."}'
    );
select
    pg_temp.page(
        2, 'Retention', '{"Finished entries are dropped after a week.","Their partitions are daily.","windows"}'
    );
select pg_temp.page(3, 'Windows', '{"Something else."}');
select pg_temp.page(4, 'Secret windows', '{"In another workspace."}', 2);

-- once waiting, once indexed: the same answers
select
    is(
        pg_temp.hits(pg_temp.search('windows')),
        '3:- 1:b1 2:b3',
        'waiting: title before heading before text, one hit a page'
    );
select is(pg_temp.hits(pg_temp.search('dropping finished')), '2:b1', 'waiting: other forms of the words');
select is(pg_temp.hits(pg_temp.search('dropped daily')), '2:b2', 'waiting: words in different blocks of one page');
select is((pg_temp.search('windows') ->> 'waiting')::integer, 10, 'waiting: says how many blocks wait');
select is(pg_temp.hits(pg_temp.search(null, 'text', '{"n": 3}')), '1:b3 2:b3', 'waiting: containment alone');
select pg_temp.index_all();
select is(pg_temp.hits(pg_temp.search('windows')), '3:- 1:b1 2:b3', 'title before heading before text, one hit a page');
select is(pg_temp.hits(pg_temp.search('dropping finished')), '2:b1', 'other forms of the words');
select is(pg_temp.hits(pg_temp.search('dropped daily')), '2:b2', 'words in different blocks of one page');
select is(pg_temp.hits(pg_temp.search('dropped monthly')), '', 'but all of them');
select is(pg_temp.hits(pg_temp.search('"finished entries"')), '2:b1', 'a phrase');
select is(pg_temp.hits(pg_temp.search('"entries finished"')), '', 'in its order');
select is(pg_temp.hits(pg_temp.search('windows -sliding')), '2:b3 3:-', 'without a word');
select is(pg_temp.hits(pg_temp.search('hits or daily')), '2:b2 1:b2', 'one word or the other: the shorter text first');
select is(pg_temp.search('windows') - 'hits', '{"waiting": 0, "index_lag_ms": 0}', 'nothing waits');

select is(pg_temp.hits(pg_temp.search('the and of')), '', 'stop words alone find nothing');
select is(pg_temp.hits(pg_temp.search('-windows')), '', 'nor does a negation alone');
select is(pg_temp.hits(pg_temp.search('!!! ()& :* <->')), '', 'nor signs, and they are no error');

select is(pg_temp.hits(pg_temp.search('windows', 'text', '{"n": 3}')), '2:b3', 'text and containment in one block');
select is(pg_temp.hits(pg_temp.search(null, 'hybrid', '{"n": 3}')), '1:b3 2:b3', 'containment alone');
select is(pg_temp.hits(pg_temp.search(null, 'hybrid', '{"tag": "red"}')), '1:- 2:- 3:-', 'in properties as well');

select
    is(pg_temp.hits(pg_temp.search('x', 'vector', p_embedding => pg_temp.vector(3))), '1:b2 2:b2', 'nearest vectors');
select
    is(
        pg_temp.hits(pg_temp.search('x', 'vector', '{"n": 2}', p_embedding => pg_temp.vector(3))),
        '1:b2 2:b2',
        'among those that contain'
    );
select
    is(
        pg_temp.hits(pg_temp.search('x', 'vector', '{"n": 1}', p_embedding => pg_temp.vector(3))),
        '',
        'and only among those'
    );
select
    is(
        pg_temp.hits(pg_temp.search('daily', 'hybrid', p_embedding => pg_temp.vector(3))),
        '2:b2 1:b2',
        'in both lists is before in one'
    );
select is(
    (pg_temp.search('daily', 'hybrid', p_embedding => pg_temp.vector(3)) #>> '{hits,0,score}')::numeric,
    round(1.0 / 61 + 1.0 / 62, 6), 'reciprocal ranks are added (k = 60)'
);
select
    is(
        pg_temp.hits(pg_temp.search('something', 'hybrid', p_embedding => pg_temp.vector(3))),
        '3:b1 1:b2 2:b2',
        'of equal scores words that are there come before a neighbour, whatever the ids'
    );
select
    is(
        pg_temp.hits(pg_temp.search('something', 'hybrid', p_limit => 1, p_embedding => pg_temp.vector(3))),
        '3:b1',
        'also where the limit cuts'
    );
select is(pg_temp.hits(pg_temp.search('daily', 'hybrid')), '2:b2', 'without an embedding hybrid is text');

-- The same when some or all of the vectors are in the approximate index.
select is((select count(*) from core.block_embeddings where vec is null), (select count(*) from core.block_embeddings),
    'so far all vectors were fresh');
update core.block_embeddings set vec = fresh_vec, fresh_vec = null, fresh_since = null
where page_id = '00000000-0000-7000-8000-000000000101';
select is(pg_temp.hits(pg_temp.search('x', 'vector', p_embedding => pg_temp.vector(3))), '1:b2 2:b2',
    'one neighbour from the index, one fresh');
select is(pg_temp.hits(pg_temp.search('x', 'vector', '{"n": 2}', p_embedding => pg_temp.vector(3))), '1:b2 2:b2',
    'contained, one from the index, one fresh');
update core.block_embeddings set fresh_vec = pg_temp.vector(4)::public.vector, fresh_since = now(), vec = null
where page_id = '00000000-0000-7000-8000-000000000101' and no = 2;
select is(pg_temp.hits(pg_temp.search('x', 'vector', p_embedding => pg_temp.vector(3))), '2:b2',
    'what was written anew is not found by what it was');
update core.block_embeddings set fresh_vec = pg_temp.vector(3)::public.vector
where page_id = '00000000-0000-7000-8000-000000000101' and no = 2;
update core.block_embeddings set vec = fresh_vec, fresh_vec = null, fresh_since = null where vec is null;
select is(pg_temp.hits(pg_temp.search('x', 'vector', p_embedding => pg_temp.vector(3))), '1:b2 2:b2',
    'both from the index');
select is(pg_temp.hits(pg_temp.search('x', 'vector', '{"n": 2}', p_embedding => pg_temp.vector(3))), '1:b2 2:b2',
    'contained, both from the index');
select is(pg_temp.hits(pg_temp.search('windows', p_limit => 1)), '3:-', 'no more than asked for');

select
    is(
        pg_temp.search('sliding window') #>> '{hits,0,snippet}',
        '<mark>Sliding</mark> <mark>windows</mark>',
        'a snippet marks the words'
    );
update core.blocks set data = '{"text": "<img src=x onerror=alert(1)> & \"daily\" ''news''"}', ver = 2
where no = 2 and page_id = '00000000-0000-7000-8000-000000000102';
select
    core.enqueue_blocks(
        '00000000-0000-7000-8000-000000000001', '00000000-0000-7000-8000-000000000102', '{2}', '{}', 100::smallint
    );
select is(
    pg_temp.search('alert') #>> '{hits,0,snippet}',
    '&lt;img src=x onerror=<mark>alert</mark>(1)&gt; &amp; &quot;daily&quot; &#39;news&#39;',
    'a snippet is safe HTML'
);
select is(pg_temp.search('alert') #>> '{hits,0,title}', 'Retention', 'a hit has its page''s title');
select is(pg_temp.hits(pg_temp.search('partitions')), '', 'the old text of a waiting block is no hit any more');
select is(pg_temp.hits(pg_temp.search('dropped news')), '2:b1', 'indexed and waiting blocks of a page together');
delete from core.indexing_queue;
select is(pg_temp.hits(pg_temp.search('partitions')), '', 'old text is no hit even where the queue does not know');
select is(pg_temp.hits(pg_temp.search('dropped partitions')), '', 'nor together with another block''s');
delete from core.blocks where no = 1 and page_id = '00000000-0000-7000-8000-000000000101';
select is(pg_temp.hits(pg_temp.search('sliding')), '1:b2', 'nor is a block that is gone');
select set_config('quire.saving', '00000000-0000-7000-8000-000000000103:2', true);
update core.pages set deleted_at = now(), version = version + 1 where id = '00000000-0000-7000-8000-000000000103';
select is(pg_temp.hits(pg_temp.search('windows')), '2:b3 1:b2', 'nor a deleted page');

select
    throws_ok($$select pg_temp.search('windows', p_workspace => 2)$$, 'PT404', null, 'another workspace is not there');
select
    throws_ok(
        $$select pg_temp.search('x', 'magic')$$, 'PT400', 'mode is hybrid, text or vector', 'refuses an unknown mode'
    );
select
    throws_ok(
        $$select pg_temp.search('x', p_limit => 101)$$,
        'PT400',
        'limit is a number from 1 to 100',
        'refuses a limit above 100'
    );
select
    throws_ok(
        $$select pg_temp.search('x', p_limit => 0)$$, 'PT400', 'limit is a number from 1 to 100', 'refuses a limit of 0'
    );
select
    throws_ok(
        $$select pg_temp.search('  ')$$, 'PT400', 'nothing to search for: give q, contains or both', 'refuses nothing'
    );
select
    throws_ok(
        $$select pg_temp.search(repeat('x', 1001))$$,
        'PT400',
        'q is longer than 1000 characters',
        'refuses a long query'
    );
select
    throws_ok(
        $$select pg_temp.search('x', 'text', '[1]')$$,
        'PT400',
        'contains is a JSON object that a block can hold, such as {"checked": true}',
        'refuses an array'
    );
select
    throws_ok(
        $$select pg_temp.search('x', 'text', '{')$$,
        'PT400',
        'contains is a JSON object that a block can hold, such as {"checked": true}',
        'refuses what is no JSON'
    );
select
    throws_ok(
        $$select pg_temp.search('x', 'text', '{"a": "\ud800"}')$$,
        'PT400',
        'contains is a JSON object that a block can hold, such as {"checked": true}',
        'refuses half of a surrogate pair'
    );
select
    throws_ok(
        $$select pg_temp.search('x', 'text', '{"a": 1e131073}')$$,
        'PT400',
        'contains is a JSON object that a block can hold, such as {"checked": true}',
        'refuses a number that is none'
    );
select
    throws_ok(
        $$select pg_temp.search('x', 'text', repeat('{"a":', 1000) || '1' || repeat('}', 1000))$$,
        'PT400',
        'contains is longer than 4000 characters',
        'refuses a long containment'
    );
select
    throws_ok(
        $$select pg_temp.search('x', 'vector')$$,
        'PT400',
        'a search by vectors needs q and its embedding',
        'refuses vectors without one'
    );
select throws_ok(
    $$select pg_temp.search('x', 'vector', p_embedding => '[1,2]')$$, 'PT400',
    'the embedding is not a vector of the 384 dimensions of hashing-384', 'refuses another dimension'
);
select
    results_eq(
        $$select s.degraded, pg_temp.hits(s.body::jsonb)
        from (values ('hybrid', '[1]'), ('vector', '[1]'), ('hybrid', null), ('text', '[1]')) as m (mode, embedding),
            api.search('00000000-0000-7000-8000-000000000001', '00000000-0000-7000-8000-0000000000aa', 'sliding',
                m.mode, null, 20, 'other', m.embedding) as s$$,
        $$values (true, '1:b2'), (true, ''), (false, '1:b2'), (false, '1:b2')$$,
        'a model that no worker has registered yet leaves the text'
    );
set local role quire_worker;
select
    throws_ok(
        $$select * from api.search(null, null, null, null, null, null, null, null)$$,
        '42501',
        null,
        'a worker does not search'
    );
select * from finish();
rollback;
