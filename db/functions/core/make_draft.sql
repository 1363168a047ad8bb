-- core.make_draft: a draft of a page (core.apply_operations) after a change that core.save_page has parsed: of kind
-- patch, merge or put. p_seed_nos, p_seeds and p_gone as there.
-- PT422, PT413 as core.apply_operations, core.merge_page and core.replace_document.
create or replace function core.make_draft(
    p_page core.pages,
    p_kind text,
    p_change jsonb,
    p_seed_nos integer[],
    p_seeds jsonb[],
    p_gone text[]
)
returns record
language plpgsql
volatile
security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
    v_head jsonb;
    v_draft record;
begin
    if p_kind = 'patch' then
        v_draft := core.apply_operations(p_page, p_change, p_seed_nos, p_seeds, p_gone, null);
    else
        v_head := jsonb_build_object('title', p_page.title, 'properties', p_page.properties);
        v_draft := core.replace_document(
            p_page, case when p_kind = 'merge' then core.merge_page(v_head, p_change) else p_change end, v_head,
            p_page.block_order, p_page.next_block_no, p_seed_nos, p_seeds, p_seeds, p_gone, 0
        );
    end if;
    return v_draft;
end;
$$;

comment on function core.make_draft(core.pages, text, jsonb, integer[], jsonb[], text[]) is
'A draft of a page after a patch, a merge patch or a whole document. PT422, PT413.';
revoke all on function core.make_draft(core.pages, text, jsonb, integer[], jsonb[], text[]) from public;
