-- core.keep_operations: of canonical operations (core.apply_operations) those that are left when what the lists name
-- (id, scope, pointer, kind side by side: see core.find_conflicts) is taken out, as a JSON array. Tests go only where
-- there is a conflict: each of the others is made again. An insertion behind a block whose insertion goes comes behind
-- that one's neighbour instead.
create or replace function core.keep_operations(
    p_canonical jsonb[],
    p_ids text[],
    p_scopes text[],
    p_pointers text[],
    p_kinds text[]
)
returns jsonb
language plpgsql
stable
security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
    v_operation jsonb;
    v_id text;
    v_inner text;
    v_behind jsonb := '{}';  -- id of a block that is not put in -> its neighbour
    v_kept jsonb[] := '{}';
    v_again text[];  -- ids of blocks that are taken out and put in again
begin
    if cardinality(p_ids) = 0 then
        return to_jsonb(p_canonical);
    end if;
    v_again := array(
        select entry #>> '{value,id}' from unnest(p_canonical) as operation (entry) where entry ? 'after' and entry ? 'value'
        intersect
        select substr(entry ->> 'path', 9) from unnest(p_canonical) as operation (entry) where entry ->> 'op' = 'remove'
    );
    foreach v_operation in array p_canonical loop
        if v_operation ? 'after' then
            v_id := coalesce(substr(v_operation ->> 'from', 9), v_operation #>> '{value,id}');
            v_inner := '';
            if v_behind ? (v_operation ->> 'after') then
                v_operation := v_operation || jsonb_build_object('after', v_behind -> (v_operation ->> 'after'));
            end if;
        elsif v_operation ->> 'path' like '/blocks/%' then
            v_id := (jsonpatch.pointer_tokens(v_operation ->> 'path'))[2];
            v_inner := substr(v_operation ->> 'path', 9 + length(v_id));
        else
            v_id := '';
            v_inner := v_operation ->> 'path';
        end if;
        if exists (
            select
            from unnest(p_ids, p_scopes, p_pointers, p_kinds) as dropped (id, scope, pointer, kind)
            where dropped.id = v_id and (dropped.kind is not null or v_operation ->> 'op' <> 'test') and case
                when dropped.id = any(v_again) then dropped.kind is not null
                when dropped.scope = 'block' then true
                when dropped.scope = 'move' then v_operation ? 'from'
                else not v_operation ? 'after'
                    and (v_inner = dropped.pointer or starts_with(v_inner, dropped.pointer || '/'))
            end
        ) then
            if v_operation ? 'after' and v_operation ->> 'op' = 'add' then
                v_behind := v_behind || jsonb_build_object(v_id, v_operation -> 'after');
            end if;
        else
            v_kept := v_kept || v_operation;
        end if;
    end loop;
    return to_jsonb(v_kept);
end;
$$;

comment on function core.keep_operations(jsonb[], text[], text[], text[], text[]) is
'Canonical operations without those on what is named.';
revoke all on function core.keep_operations(jsonb[], text[], text[], text[], text[]) from public;
