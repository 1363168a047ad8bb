-- core.page_document: the document of a page as JSON text: one ordered aggregate over its blocks.
-- Text all the way: numbers keep their precision, and building it is the dearest part of a read.
create or replace function core.page_document(
    p_page core.pages
)
returns text
language plpgsql
stable
security invoker
set search_path = pg_catalog, pg_temp
as $$
begin
    return (
        select
            '{"id": "' || p_page.id || '", "title": ' || to_json(p_page.title) || ', "properties": '
            || p_page.properties || ', "blocks": ['
            || coalesce(
                -- an id needs no escapes (blocks_id_ck)
                string_agg(
                    '{"id": "' || blocks.id || '", "type": ' || to_json(blocks.type) || ', "data": ' || blocks.data
                    || '}',
                    ', ' order by places.place
                ),
                ''
            )
            || '], "version": ' || p_page.version || '}'
        from unnest(p_page.block_order) with ordinality as places (no, place)
        inner join core.blocks
            on places.no = blocks.no and blocks.workspace_id = p_page.workspace_id and blocks.page_id = p_page.id
    );
end;
$$;

comment on function core.page_document(core.pages) is
'The document of a page as JSON text.';
revoke all on function core.page_document(core.pages) from public;
