-- core.page_before: a page as it was at an earlier version, by the log's pre-images: the row with the title,
-- properties, order and version of then, and the blocks that were others then, by number (the rest are as their rows
-- say). Of the changes after p_version, the first to touch something has its pre-image. rebasable is whether the log
-- has each of them with what it touched.
create or replace function core.page_before(
    p_page core.pages,
    p_version bigint,
    out page core.pages,
    out nos integer[],
    out blocks jsonb[],
    out rebasable boolean
)
language plpgsql
stable
security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
    v_log record;
begin
    select
        count(*) filter (where changes.touched is not null) = p_page.version - p_version as rebasable,
        (array_agg(changes.undo -> 'title' order by changes.version) filter (where changes.undo ? 'title'))[1] as title,
        (array_agg(changes.undo -> 'properties' order by changes.version)
            filter (where changes.undo ? 'properties'))[1] as properties,
        (array_agg(changes.undo -> 'order' order by changes.version) filter (where changes.undo ? 'order'))[1] as places
    into v_log
    from core.page_changes as changes
    where changes.workspace_id = p_page.workspace_id and changes.page_id = p_page.id
        and changes.version > p_version and changes.version <= p_page.version;
    rebasable := v_log.rebasable;
    page := p_page;
    page.version := p_version;
    page.title := coalesce(v_log.title #>> '{}', p_page.title);
    page.properties := coalesce(v_log.properties, p_page.properties);
    if v_log.places is not null then
        page.block_order := array(
            select places.no::integer
            from jsonb_array_elements_text(v_log.places) with ordinality as places (no, place)
            order by places.place
        );
    end if;
    select coalesce(array_agg(first.no), '{}'), coalesce(array_agg(first.block), '{}')
    into nos, blocks
    from (
        select distinct on (old.key) old.key::integer as no, old.value as block
        from core.page_changes as changes
        cross join jsonb_each(changes.undo -> 'blocks') as old
        where changes.workspace_id = p_page.workspace_id and changes.page_id = p_page.id
            and changes.version > p_version and changes.version <= p_page.version
        order by old.key, changes.version
    ) as first
    where first.block <> 'null';
end;
$$;

comment on function core.page_before(core.pages, bigint) is
'A page at an earlier version by the log''s pre-images: its row, and the blocks that were others then.';
revoke all on function core.page_before(core.pages, bigint) from public;
