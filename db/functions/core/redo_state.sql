-- core.redo_state: what a page was at p_version, from what it was at an older one, by the operations in its log. From
-- nothing (version 0) too: the first row of a page makes it whole. NULL blocks where a change row is missing or does
-- not fit.
create or replace function core.redo_state(
    p_workspace_id uuid,
    p_page_id uuid,
    p_from_version bigint,
    p_version bigint,
    inout head jsonb,
    inout block_order integer[],
    inout blocks jsonb[]
)
language plpgsql
stable
security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
    v_at bigint := p_from_version;
    v_change record;
begin
    for v_change in
        select changes.version, changes.ops, changes.touched, changes.undo
        from core.page_changes as changes
        where changes.workspace_id = p_workspace_id and changes.page_id = p_page_id
            and changes.version > p_from_version and changes.version <= p_version
        order by changes.version
    loop
        v_at := v_at + 1;
        exit when v_change.version <> v_at;
        select redone.head, redone.block_order, redone.blocks into head, block_order, blocks
        from core.redo_change(v_change.ops, v_change.touched, v_change.undo, head, block_order, blocks) as redone;
        exit when blocks is null;
    end loop;
    if v_at <> p_version then
        blocks := null;
    end if;
end;
$$;

comment on function core.redo_state(uuid, uuid, bigint, bigint, jsonb, integer[], jsonb[]) is
'What a page was at a later version, by the operations in its log; NULL blocks where the log has a gap.';
revoke all on function core.redo_state(uuid, uuid, bigint, bigint, jsonb, integer[], jsonb[]) from public;
