-- core.batch_pages: patches of several pages: {"atomic": true, "patches": [{"page_id", "base_version" or "if_match",
-- "patch" (RFC 6902) or "merge" (RFC 7396)}, ..]}, at most 100. Pages are locked in the order of their ids, so that two
-- batches never wait for each other; of one page the patches are saved in their order. Answers 200 {"results": [..]} in
-- the order of the request: each what core.save_page answers, with page_id and status. atomic (the default): the first
-- that is refused undoes all, and its answer is that of the batch, with "index" and "page_id". Otherwise each stands
-- for itself, and a refused one is {"page_id", "status", "code", "detail", ..} among the results. PT422
-- batch_malformed; PT413 too_many_patches; what core.parse_body, core.check_member and core.save_page raise.
create or replace function core.batch_pages(
    p_workspace_id uuid,
    p_actor uuid,
    p_batch text,
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
    v_limits constant record := core.page_limits();
    v_batch jsonb;
    v_item record;
    v_answer jsonb;
    v_results jsonb := '{}';
begin
    perform core.check_member(p_workspace_id, p_actor, 'editor');
    -- object, array, object around a patch, which is an array around operations around values
    v_batch := core.parse_body(p_batch, v_limits.max_depth + 5);
    perform core.check_batch(v_batch);
    begin
        for v_item in
            select patches.place - 1 as index, patches.value as patch, (patches.value ->> 'page_id')::uuid as page_id
            from jsonb_array_elements(v_batch -> 'patches') with ordinality as patches (value, place)
            order by 3, 1
        loop
            v_answer := core.save_item(p_workspace_id, p_actor, v_item.patch, p_priority, p_return);
            if (v_answer ->> 'status')::integer >= 400 and coalesce((v_batch ->> 'atomic')::boolean, true) then
                raise exception 'the batch is undone' using errcode = 'QB001';
            end if;
            v_results := v_results || jsonb_build_object(v_item.index, v_answer);
        end loop;
    exception
        when sqlstate 'QB001' then
            return row(
                (v_answer ->> 'status')::smallint, null, null, null, false,
                (v_answer - 'status' || jsonb_build_object('index', v_item.index))::text
            )::core.write_answer;
    end;
    return row(200, null, null, null, false, jsonb_build_object('results', (
        select jsonb_agg(results.value order by results.key::integer) from jsonb_each(v_results) as results
    ))::text)::core.write_answer;
end;
$$;

comment on function core.batch_pages(uuid, uuid, text, smallint, text) is
'Saves patches of several pages, all or each for itself. PT422 batch_malformed; PT413 too_many_patches.';
revoke all on function core.batch_pages(uuid, uuid, text, smallint, text) from public;
