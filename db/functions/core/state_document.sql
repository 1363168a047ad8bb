-- core.state_document: the document of a page at one of its versions (core.page_at) as JSON text, in the form of
-- core.page_document.
create or replace function core.state_document(
    p_page_id uuid,
    p_version bigint,
    p_head jsonb,
    p_blocks jsonb[]
)
returns text
language plpgsql
immutable
parallel safe
security invoker
set search_path = pg_catalog, pg_temp
as $$
begin
    return '{"id": "' || p_page_id || '", "title": ' || (p_head -> 'title')::text || ', "properties": '
        || (p_head -> 'properties')::text || ', "blocks": [' || coalesce(
            (
                select string_agg(
                    '{"id": ' || (given.block -> 'id')::text || ', "type": ' || (given.block -> 'type')::text
                    || ', "data": ' || (given.block -> 'data')::text || '}',
                    ', ' order by given.place
                )
                from unnest(p_blocks) with ordinality as given (block, place)
            ),
            ''
        ) || '], "version": ' || p_version || '}';
end;
$$;

comment on function core.state_document(uuid, bigint, jsonb, jsonb[]) is
'The document of a page at one of its versions as JSON text.';
revoke all on function core.state_document(uuid, bigint, jsonb, jsonb[]) from public;
