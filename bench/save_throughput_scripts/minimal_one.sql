-- The rows of a save by one statement. The pre-image is read by the statement's snapshot: where two saves of one block
-- meet it may be a version too old, which api.patch_page takes care of and this one does not.
\set p random(1, :pages)
\set b random(1, :blocks)
\set v random(1, 1000000000)
with page as (
    update bench.pages
    set version = version + 1, updated_at = now(), edited_minute = date_trunc('minute', now(), 'UTC'),
        updated_by = '00000000-0000-0000-0000-000000000002'
    where workspace_id = '00000000-0000-0000-0000-000000000001'
        and id = ('00000000-0000-4000-8000-' || lpad(:p::text, 12, '0'))::uuid
    returning workspace_id, id, version, block_order
), old as (
    select no, jsonb_build_object('id', id, 'type', type, 'data', data) as block
    from bench.blocks
    where workspace_id = '00000000-0000-0000-0000-000000000001'
        and page_id = ('00000000-0000-4000-8000-' || lpad(:p::text, 12, '0'))::uuid
        and id = 'b' || :b::text
), edited as (
    update bench.blocks
    set ver = page.version, data = jsonb_set(
        data, '{text}',
        to_jsonb('lorem ipsum dolor sit amet, consetetur sadipscing elitr, sed ' || :v::text)
    )
    from page
    where blocks.workspace_id = page.workspace_id and blocks.page_id = page.id and blocks.id = 'b' || :b::text
), logged as (
    insert into bench.page_changes (workspace_id, page_id, version, at, base_version, actor, kind, ops, undo)
    select
        page.workspace_id, page.id, page.version, now(), page.version - 1, '00000000-0000-0000-0000-000000000002',
        'patch',
        jsonb_build_array(jsonb_build_object(
            'op', 'replace', 'path', '/blocks/' || array_position(page.block_order, old.no) - 1 || '/data/text',
            'value', 'lorem ipsum dolor sit amet, consetetur sadipscing elitr, sed ' || :v::text
        )),
        jsonb_build_object('blocks', jsonb_build_object(old.no, old.block))
    from page, old
)
insert into bench.indexing_queue as q (workspace_id, page_id, no, priority, run_at, enqueued_at)
select page.workspace_id, page.id, old.no, 100, now(), now()
from page, old
on conflict (workspace_id, page_id, no) do update
set generation = q.generation + 1, run_at = excluded.run_at
where q.lease_id is not null;
