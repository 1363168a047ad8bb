-- core.make_change: what a row of the log says of the way from one state of a page (core.page_at) to another:
-- operations, pre-images, and what was touched.
create or replace function core.make_change(
    p_from_head jsonb,
    p_from_order integer[],
    p_from_blocks jsonb[],
    p_head jsonb,
    p_order integer[],
    p_blocks jsonb[],
    out ops jsonb,
    out undo jsonb,
    out touched jsonb
)
language plpgsql
stable
security invoker
set search_path = pg_catalog, pg_temp
as $$
begin
    select made.ops, made.touched into ops, touched
    from core.diff_states(p_from_head, p_from_order, p_from_blocks, p_head, p_order, p_blocks) as made;
    select jsonb_build_object('blocks', coalesce(jsonb_object_agg(coalesce(old.no, new.no), old.block), '{}')) into undo
    from unnest(p_from_order, p_from_blocks) as old (no, block)
    full join unnest(p_order, p_blocks) as new (no, block) on old.no = new.no
    where old.block is distinct from new.block;
    undo := undo
        || case when p_order <> p_from_order then jsonb_build_object('order', p_from_order) else '{}' end
        || case when p_head -> 'title' <> p_from_head -> 'title' then p_from_head - 'properties' else '{}' end
        || case when p_head -> 'properties' <> p_from_head -> 'properties' then p_from_head - 'title' else '{}' end;
end;
$$;

comment on function core.make_change(jsonb, integer[], jsonb[], jsonb, integer[], jsonb[]) is
'Operations, pre-images and touched parts of the way from one state of a page to another, for a row of the log.';
revoke all on function core.make_change(jsonb, integer[], jsonb[], jsonb, integer[], jsonb[]) from public;
