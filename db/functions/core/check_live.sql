-- core.check_live: what is wrong with a page as it is. order: block_order and the rows of core.blocks are not of one
-- another, or the next number is taken. hash: the content is not what the newest change recorded. stored_hash: it is,
-- but the page row has another hash of it. unreckoned: of an older release, no hash was recorded at all.
create or replace function core.check_live(
    p_workspace_id uuid,
    p_page_id uuid
)
returns table (problem text, detail jsonb)
language plpgsql
stable
security invoker
rows 2
set search_path = pg_catalog, pg_temp
as $$
declare
    v_page core.pages;
    v_detail jsonb;
    v_recorded numeric;
    v_hash numeric;
begin
    select pages.* into v_page from core.pages where pages.workspace_id = p_workspace_id and pages.id = p_page_id;
    select jsonb_strip_nulls(jsonb_build_object(
        'twice', jsonb_agg(found.no order by found.no) filter (where found.places > 1),
        'missing', jsonb_agg(found.no order by found.no) filter (where found.row_no is null),
        'extra', jsonb_agg(found.no order by found.no) filter (where found.places = 0),
        'next_block_no', max(v_page.next_block_no) filter (
            where found.places > 0 and found.no >= v_page.next_block_no
        )
    ))
    into v_detail
    from (
        select coalesce(places.no, blocks.no) as no, count(places.no) as places, min(blocks.no) as row_no
        from unnest(v_page.block_order) as places (no)
        full join (
            select stored.no
            from core.blocks as stored
            where stored.workspace_id = p_workspace_id and stored.page_id = p_page_id
        ) as blocks on places.no = blocks.no
        group by 1
    ) as found;
    if v_detail <> '{}' then
        return query select 'order', v_detail;
    end if;
    select changes.content_hash into v_recorded
    from core.page_changes as changes
    where changes.workspace_id = p_workspace_id and changes.page_id = p_page_id and changes.version = v_page.version;
    v_hash := core.page_hash(
        jsonb_build_object('title', v_page.title, 'properties', v_page.properties), v_page.block_order,
        array(
            select places.block
            from core.draft_blocks(p_workspace_id, p_page_id, v_page.block_order, '{}', '{}') as places
            order by places.place
        )
    );
    if v_hash <> coalesce(v_recorded, v_page.content_hash) then
        return query
            select 'hash', jsonb_build_object('recorded', coalesce(v_recorded, v_page.content_hash), 'is', v_hash);
    elsif coalesce(v_recorded, v_page.content_hash) is null then
        return query select 'unreckoned', jsonb_build_object('is', v_hash);
    elsif v_page.content_hash is distinct from v_hash then
        return query select 'stored_hash', jsonb_build_object('recorded', v_page.content_hash, 'is', v_hash);
    end if;
end;
$$;

comment on function core.check_live(uuid, uuid) is
'What is wrong with a page as it is: order, hash, stored_hash, unreckoned. Nothing where it is as recorded.';
revoke all on function core.check_live(uuid, uuid) from public;
