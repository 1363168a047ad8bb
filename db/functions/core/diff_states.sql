-- core.diff_states: the RFC 6902 patch that turns a page as it was at one version into what it was at another
-- (core.page_at), in index form, and what it touches (core.page_changes.touched). By block number, so that a moved
-- block is one move and a changed one a change inside it.
create or replace function core.diff_states(
    p_from_head jsonb,
    p_from_order integer[],
    p_from_blocks jsonb[],
    p_head jsonb,
    p_order integer[],
    p_blocks jsonb[],
    out ops jsonb,
    out touched jsonb
)
language plpgsql
stable
security invoker
set search_path = pg_catalog, pg_temp
as $$
begin
    -- every block is in the draft, so that no row of core.blocks, and so no page, is looked at
    select to_jsonb(made.ops), to_jsonb(made.touched) into ops, touched
    from core.replacement_operations(
        null, p_from_head, p_from_order, p_from_order, p_from_blocks, p_head, p_order, p_blocks, null, null
    ) as made;
end;
$$;

comment on function core.diff_states(jsonb, integer[], jsonb[], jsonb, integer[], jsonb[]) is
'The patch between two states of a page, by block number, and what it touches.';
revoke all on function core.diff_states(jsonb, integer[], jsonb[], jsonb, integer[], jsonb[]) from public;
