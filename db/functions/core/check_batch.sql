-- core.check_batch: refuses what is not a batch of patches (core.batch_pages), without looking at any page.
-- PT422 batch_malformed, with the index of the patch and its member; PT413 too_many_patches.
create or replace function core.check_batch(
    p_batch jsonb
)
returns void
language plpgsql
immutable
parallel safe
security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
    v_item jsonb;
    v_pointer text;
begin
    if jsonb_typeof(p_batch) <> 'object' or jsonb_typeof(p_batch -> 'patches') is distinct from 'array'
        or p_batch - '{atomic,patches}'::text[] <> '{}'
        or coalesce(jsonb_typeof(p_batch -> 'atomic'), 'boolean') <> 'boolean' then
        raise exception 'a batch is {"atomic": true or false, "patches": [..]}'
            using errcode = 'PT422', constraint = 'batch_malformed', detail = '{"pointer": ""}';
    elsif p_batch -> 'patches' = '[]' then
        raise exception 'a batch has at least one patch'
            using errcode = 'PT422', constraint = 'batch_malformed', detail = '{"pointer": "/patches"}';
    elsif jsonb_array_length(p_batch -> 'patches') > 100 then
        raise exception 'a batch has at most 100 patches, this one has %', jsonb_array_length(p_batch -> 'patches')
            using errcode = 'PT413', constraint = 'too_many_patches', detail = '{"limit": 100, "pointer": "/patches"}';
    end if;
    for i in 0..jsonb_array_length(p_batch -> 'patches') - 1 loop
        v_item := p_batch -> 'patches' -> i;
        v_pointer := '/patches/' || i || case
            when jsonb_typeof(v_item) <> 'object' then ''
            when jsonb_typeof(v_item -> 'page_id') is distinct from 'string'
                or not pg_input_is_valid(v_item ->> 'page_id', 'uuid') then '/page_id'
            when v_item ? 'base_version' = v_item ? 'if_match' then '/base_version'
            when v_item ? 'base_version' and (
                jsonb_typeof(v_item -> 'base_version') <> 'number'
                or not pg_input_is_valid(v_item ->> 'base_version', 'bigint')
            ) then '/base_version'
            when v_item ? 'if_match' and jsonb_typeof(v_item -> 'if_match') <> 'string' then '/if_match'
            when v_item ? 'patch' = v_item ? 'merge' then '/patch'
            when v_item - '{page_id,base_version,if_match,patch,merge}'::text[] <> '{}' then ''
        end;
        if v_pointer is not null then
            raise exception 'patch % of the batch must have page_id, either base_version or if_match, either patch or '
                'merge, and nothing else', i
                using errcode = 'PT422', constraint = 'batch_malformed', detail = jsonb_build_object(
                    'index', i, 'pointer', v_pointer
                )::text;
        end if;
    end loop;
end;
$$;

comment on function core.check_batch(jsonb) is
'Refuses what is not a batch of patches. PT422 batch_malformed; PT413 too_many_patches.';
revoke all on function core.check_batch(jsonb) from public;
