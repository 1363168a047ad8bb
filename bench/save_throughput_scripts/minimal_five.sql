-- The rows of a save as a hand-written transaction: lock the page, read the pre-image, write block, log and queue.
\set p random(1, :pages)
\set b random(1, :blocks)
\set v random(1, 1000000000)
begin;
update bench.pages
set version = version + 1, updated_at = now(), edited_minute = date_trunc('minute', now(), 'UTC'),
    updated_by = '00000000-0000-0000-0000-000000000002'
where workspace_id = '00000000-0000-0000-0000-000000000001'
    and id = ('00000000-0000-4000-8000-' || lpad(:p::text, 12, '0'))::uuid
returning id as page, version \gset
select
    blocks.no, array_position(pages.block_order, blocks.no) - 1 as index,
    jsonb_build_object('id', blocks.id, 'type', blocks.type, 'data', blocks.data) as old
from bench.blocks
join bench.pages on pages.workspace_id = blocks.workspace_id and pages.id = blocks.page_id
where blocks.workspace_id = '00000000-0000-0000-0000-000000000001' and blocks.page_id = :page::uuid
    and blocks.id = 'b' || :b::text \gset
update bench.blocks
set ver = :version::bigint, data = jsonb_set(
    data, '{text}', to_jsonb('lorem ipsum dolor sit amet, consetetur sadipscing elitr, sed ' || :v::text)
)
where workspace_id = '00000000-0000-0000-0000-000000000001' and page_id = :page::uuid and no = :no::integer;
insert into bench.page_changes (workspace_id, page_id, version, at, base_version, actor, kind, ops, undo)
values (
    '00000000-0000-0000-0000-000000000001', :page::uuid, :version::bigint, now(), :version::bigint - 1,
    '00000000-0000-0000-0000-000000000002', 'patch',
    jsonb_build_array(jsonb_build_object(
        'op', 'replace', 'path', '/blocks/' || :index || '/data/text',
        'value', 'lorem ipsum dolor sit amet, consetetur sadipscing elitr, sed ' || :v::text
    )),
    jsonb_build_object('blocks', jsonb_build_object(:no::text, :old::jsonb))
);
insert into bench.indexing_queue as q (workspace_id, page_id, no, priority, run_at, enqueued_at)
values ('00000000-0000-0000-0000-000000000001', :page::uuid, :no::integer, 100, now(), now())
on conflict (workspace_id, page_id, no) do update
set generation = q.generation + 1, run_at = excluded.run_at
where q.lease_id is not null;
commit;
