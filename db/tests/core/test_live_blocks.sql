begin;
select plan(4);
insert into core.workspaces (id, name, created_at) values ('00000000-0000-7000-8000-000000000001', 'w', now());
insert into core.pages (workspace_id, id, title) values
('00000000-0000-7000-8000-000000000001', '00000000-0000-7000-8000-000000000101', 'Tides');
insert into core.blocks (workspace_id, page_id, no, id, type, data, ver)
select '00000000-0000-7000-8000-000000000001', '00000000-0000-7000-8000-000000000101', n, 'b' || n,
    case n when 1 then 'heading' else 'code' end, jsonb_build_object('text', repeat('word ', 20)), 1
from generate_series(1, 9) as n;
select core.enqueue_blocks(
    '00000000-0000-7000-8000-000000000001', '00000000-0000-7000-8000-000000000101',
    '{0,1,2,3,4,5,6,7,8,9}', '{}', 100::smallint
);
create function pg_temp.nos(p_limit integer, p_characters integer) returns integer[] language sql as $$
    select array_agg(l.no) from core.live_blocks('00000000-0000-7000-8000-000000000001', p_limit, p_characters) as l
$$;

select is(pg_temp.nos(100, 100000), '{0,1,2,3,4,5,6,7,8,9}', 'all that waits, in its order');
select is(pg_temp.nos(3, 100000), '{0,1,2}', 'no more blocks than asked for');
-- 5 characters of title, 100 of each block
select is(pg_temp.nos(100, 150), '{0,1,2}', 'nor more text, but for the block that goes over');
select is(
    (select array_agg(strip(l.tsv)::text || ts_filter(l.tsv, '{a,b}')::text order by l.no)
    from core.live_blocks('00000000-0000-7000-8000-000000000001', 1, 9) as l),
    array[$$'tide''tide':1A$$], 'lexemes as the entry will have them'
);
select * from finish();
rollback;
