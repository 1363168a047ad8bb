-- core.create_page: a new page from a document {"id", "title", "properties", "blocks"}, each of them optional. The id
-- is a UUID of the client's choice (so that a repeated import finds its pages), else a UUIDv7. The answer's body is the
-- document as stored, NULL for p_return minimal. PT404 workspace_not_found; PT403 role_required; PT409 page_exists
-- (deleted pages too); PT422 document_not_object, page_id_invalid, unknown_member and those of blocks; PT400 and PT413
-- of the body.
create or replace function core.create_page(
    p_workspace_id uuid,
    p_actor uuid,
    p_document text,
    p_priority smallint,
    p_return text
)
returns core.write_answer
language plpgsql
volatile
security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
    v_now constant timestamptz := core.clock();
    v_limits constant record := core.page_limits();
    v_document jsonb;
    v_head jsonb;
    v_blocks jsonb[];
    v_nos integer[];
    v_page core.pages;
begin
    perform core.check_member(p_workspace_id, p_actor, 'editor');
    v_document := core.parse_body(p_document, v_limits.max_depth);
    if jsonb_typeof(v_document) <> 'object' then
        raise exception 'a page is an object with "title", "properties" and "blocks"'
            using errcode = 'PT422', constraint = 'document_not_object', detail = '{"pointer": ""}';
    elsif v_document ? 'id' and (
        jsonb_typeof(v_document -> 'id') <> 'string' or not pg_input_is_valid(v_document ->> 'id', 'uuid')
    ) then
        raise exception '/id must be a UUID: leave it out to get one'
            using errcode = 'PT422', constraint = 'page_id_invalid', detail = '{"pointer": "/id"}';
    end if;
    v_head := '{"title": "", "properties": {}}' || (v_document - array['id', 'blocks']);
    perform core.check_head(v_head);
    v_blocks := core.name_blocks(coalesce(v_document -> 'blocks', '[]'));
    v_nos := array(select generate_series(1, cardinality(v_blocks)));
    perform core.check_block_contents(v_blocks, v_nos, v_nos);
    if octet_length(v_head::text) + (
        select coalesce(sum(octet_length(given.block::text)), 0) from unnest(v_blocks) as given (block)
    ) > v_limits.max_page_bytes then
        raise exception 'the page would have more than % bytes: make two pages of it', v_limits.max_page_bytes
            using errcode = 'PT413', constraint = 'page_too_large',
            detail = jsonb_build_object('limit', v_limits.max_page_bytes)::text;
    end if;

    insert into core.pages (
        workspace_id, id, title, properties, version, block_order, next_block_no, created_at, updated_at,
        edited_minute, updated_by, content_hash
    )
    values (
        p_workspace_id, coalesce((v_document ->> 'id')::uuid, core.new_id()), v_head ->> 'title',
        v_head -> 'properties', 1, v_nos, cardinality(v_nos) + 1, v_now, v_now, date_trunc('minute', v_now, 'UTC'),
        p_actor, core.page_hash(v_head, v_nos, v_blocks)
    )
    on conflict do nothing
    returning * into v_page;
    if v_page.id is null then
        raise exception 'the workspace has, or had, a page with this id'
            using errcode = 'PT409', constraint = 'page_exists',
            detail = jsonb_build_object('page_id', v_document -> 'id')::text;
    end if;
    insert into core.blocks (workspace_id, page_id, no, id, type, data, ver)
    select
        p_workspace_id, v_page.id, given.no, given.block ->> 'id', given.block ->> 'type', given.block -> 'data', 1
    from unnest(v_nos, v_blocks) as given (no, block)
    order by given.no;
    insert into core.page_changes (
        workspace_id, page_id, version, at, base_version, actor, kind, ops, undo, touched, content_hash
    )
    values (
        p_workspace_id, v_page.id, 1, v_now, 0, p_actor, 'create',
        jsonb_build_array(jsonb_build_object(
            'op', 'add', 'path', '', 'value', v_head || jsonb_build_object('blocks', to_jsonb(v_blocks))
        )),
        '{"blocks": {}}', '[]', v_page.content_hash
    );
    insert into core.page_snapshots_due (workspace_id, page_id, version) values (p_workspace_id, v_page.id, 1);
    perform core.enqueue_blocks(p_workspace_id, v_page.id, 0 || v_nos, '{}', p_priority);
    return row(
        201, v_page.id, 1, cardinality(v_nos), false,
        case when p_return is distinct from 'minimal' then core.page_document(v_page) end
    )::core.write_answer;
end;
$$;

comment on function core.create_page(uuid, uuid, text, smallint, text) is
'A new page from a document; answers it as stored. PT409 page_exists; PT422 of its members; PT400, PT413 of its body;
PT404 workspace_not_found; PT403 role_required.';
revoke all on function core.create_page(uuid, uuid, text, smallint, text) from public;
