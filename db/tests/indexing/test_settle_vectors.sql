-- A vector is compared exactly until it was quiet for a minute, then it moves into the approximate index.
begin;
select plan(22);
select set_config('quire.fake_now', '2031-05-05 12:00:00+00', true);
insert into core.workspaces (id, name, created_at) values ('00000000-0000-7000-8000-000000000001', 'w', now());
insert into core.pages (workspace_id, id, title, block_order) values (
    '00000000-0000-7000-8000-000000000001', '00000000-0000-7000-8000-000000000100', '', '{1,2,3}'
);
insert into core.blocks (workspace_id, page_id, no, id, type, data, ver)
select
    '00000000-0000-7000-8000-000000000001',
    '00000000-0000-7000-8000-000000000100', n, 'b' || n, 'paragraph', jsonb_build_object('text', 'text ' || n), 1
from generate_series(1, 3) as n;
create function pg_temp.claim(p_lease integer, p_nos integer[]) returns uuid language plpgsql as $$
declare
    v_lease constant uuid := '00000000-0000-7000-8000-' || lpad(p_lease::text, 12, '0');
begin
    perform core.enqueue_blocks('00000000-0000-7000-8000-000000000001', '00000000-0000-7000-8000-000000000100',
        p_nos, '{}', 100::smallint);
    update core.indexing_queue set run_at = '-infinity';
    perform indexing.claim(0::smallint, 100::smallint, -1, '{}', '{}', 100, v_lease, 60, null, '{hashing-384}');
    return v_lease;
end;
$$;
-- New texts of blocks, indexed at a time with vectors that point into a direction.
create function pg_temp.index(p_lease integer, p_nos integer[], p_text text, p_at text, p_direction integer)
returns integer language plpgsql as $$
declare
    v_lease uuid;
    v_written integer;
begin
    perform set_config('quire.fake_now', p_at, true);
    update core.blocks as b set ver = b.ver + 1, data = jsonb_build_object('text', p_text || b.no)
    where b.no = any(p_nos);
    v_lease := pg_temp.claim(p_lease, p_nos);
    v_written := indexing.write_entries(
        v_lease, array_agg(s.place), array_agg('hashing-384'::text),
        array_agg('[' || repeat('0,', p_direction) || '1' || repeat(',0', 383 - p_direction) || ']')
    ) from generate_series(1, cardinality(p_nos)) as s (place);
    perform indexing.ack(v_lease, 'hashing-384', null);
    return v_written;
end;
$$;
create function pg_temp.state() returns text language sql as $$
    select string_agg(format('%s:%s v%s %s', e.no, case when e.vec is null then 'fresh' else 'settled' end, e.ver,
        array_position(coalesce(e.vec, e.fresh_vec)::real[], 1.0::real) - 1), ', ' order by e.no)
    from core.block_embeddings as e
$$;
create function pg_temp.settle(p_limit integer, p_at text) returns text language sql as $$
    select set_config('quire.fake_now', p_at, true);
    select settled || case when more then ' and more' else '' end from indexing.settle_vectors(p_limit)
$$;
create function pg_temp.fresh() returns bigint language sql as $$
    select fresh_vectors from core.embedding_models where name = 'hashing-384'
$$;

select is(pg_temp.index(1, '{1,2,3}', 'a', '2031-05-05 12:00:00+00', 7), 3, 'three vectors are written');
select is(pg_temp.state(), '1:fresh v2 7, 2:fresh v2 7, 3:fresh v2 7', 'they are fresh');
select is(pg_temp.settle(50, '2031-05-05 12:01:00+00'), '0', 'a minute is not over yet');
select is(pg_temp.fresh(), 3::bigint, 'they are counted');
select is(pg_temp.index(2, '{2}', 'b', '2031-05-05 12:01:00+00', 8), 1, 'one is written again');
select is(pg_temp.settle(1, '2031-05-05 12:01:03+00'), '1 and more', 'as many as may be at once');
select is(pg_temp.fresh(), 3::bigint, 'a count of seconds ago stands');
select is(pg_temp.settle(50, '2031-05-05 12:01:05+00'), '1', 'and the rest of what was quiet');
select is(pg_temp.state(), '1:settled v2 7, 2:fresh v3 8, 3:settled v2 7', 'what was written again begins anew');
select is(pg_temp.fresh(), 1::bigint, 'one is left');
select is(pg_temp.index(3, '{1}', 'c', '2031-05-05 12:01:30+00', 9), 1, 'a settled one is written again');
select is(pg_temp.state(), '1:fresh v3 9, 2:fresh v3 8, 3:settled v2 7', 'it is fresh, and its old vector is gone');
select results_eq(
    $$select r.outcome, r.rows, r.more, set_config('quire.fake_now', '2031-05-05 12:02:40+00', true) is null
        from (select set_config('quire.fake_now', '2031-05-05 12:02:40+00', true)) as t (s),
            ops.run_periodic('settle_vectors', 'procrastinate') as r where t.s is not null$$,
    $$values ('done', 2::bigint, false, false)$$, 'periodic work moves them'
);
select is(pg_temp.state(), '1:settled v3 9, 2:settled v3 8, 3:settled v2 7', 'all are settled');
select is(pg_temp.fresh(), 0::bigint, 'none is fresh');

-- With too many fresh ones a search would take too long.
select is(core.most_fresh(384), 26041::bigint, 'so many vectors of 384 numbers may be fresh');
update core.embedding_models set fresh_vectors = 26041 where name = 'hashing-384';
select is(pg_temp.index(4, '{2,3}', 'd', '2031-05-05 12:03:00+00', 10), 2, 'then two are written');
select is(pg_temp.state(), '1:settled v3 9, 2:settled v4 10, 3:settled v3 10', 'they go into the index at once');
update core.embedding_models set fresh_vectors = 26040 where name = 'hashing-384';
select is(pg_temp.index(5, '{3}', 'e', '2031-05-05 12:03:00+00', 11), 1, 'below that');
select is(pg_temp.state(), '1:settled v3 9, 2:settled v4 10, 3:fresh v4 11', 'it is fresh again');

-- No index of a fixed dimension refuses a fresh vector: the function does.
select throws_ok(
    $$select indexing.write_entries(pg_temp.claim(6, '{1}'), '{1}', '{hashing-384}', '{"[1,2,3]"}')$$,
    '22000', 'a vector of hashing-384 has 3 dimensions, not 384', 'a vector of another length is refused'
);
select is(pg_temp.state(), '1:settled v3 9, 2:settled v4 10, 3:fresh v4 11', 'and nothing written');
select * from finish();
rollback;
