-- core.draft_hash: the content hash of a page from scratch, out of its block rows: where the hash before is not known.
create or replace function core.draft_hash(
    p_page core.pages,
    p_head jsonb,
    p_order integer[]
)
returns numeric
language plpgsql
volatile
security invoker
set search_path = pg_catalog, pg_temp
as $$
begin
    return core.page_hash(p_head, p_order, array(
        select draft.block
        from core.draft_blocks(p_page.workspace_id, p_page.id, p_order, '{}', '{}') as draft
        order by draft.place
    ));
end;
$$;

comment on function core.draft_hash(core.pages, jsonb, integer[]) is
'The content hash of a page from scratch, out of its block rows.';
revoke all on function core.draft_hash(core.pages, jsonb, integer[]) from public;
