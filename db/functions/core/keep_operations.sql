-- core.keep_operations: of canonical operations (core.apply_operations) those that are left when what the lists name
-- (id, scope, pointer, kind side by side: see core.find_conflicts) is taken out, as a JSON array. Tests go only where
-- there is a conflict: each of the others is made again. A block that is taken out and put in again at
-- the place where others have moved it is written where it is.
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
    v_kept jsonb[] := '{}';
    v_again jsonb;  -- id of a block that is taken out and put in again -> place of the operation that takes it out
    v_place integer := 0;
    v_stay text[];  -- of these ones whose place is equal on both sides
begin
    if cardinality(p_ids) = 0 then
        return to_jsonb(p_canonical);
    end if;
    select coalesce(jsonb_object_agg(again.id, again.place), '{}') into v_again
    from (
        select substr(gone.entry ->> 'path', 9) as id, max(gone.place) as place
        from unnest(p_canonical) with ordinality as gone (entry, place)
        inner join unnest(p_canonical) as back (entry)
            on back.entry #>> '{value,id}' = substr(gone.entry ->> 'path', 9) and back.entry ? 'after'
        where gone.entry ->> 'op' = 'remove'
        group by 1
    ) as again;
    v_stay := array(
        select dropped.id
        from unnest(p_ids, p_scopes, p_kinds) as dropped (id, scope, kind)
        where v_again ? dropped.id and dropped.scope = 'move'
        group by dropped.id
        having bool_and(dropped.kind is null)
    );
    foreach v_operation in array p_canonical loop
        v_place := v_place + 1;
        if v_operation ? 'after' then
            v_id := coalesce(substr(v_operation ->> 'from', 9), v_operation #>> '{value,id}');
            v_inner := '';
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
                when dropped.scope = 'block' then true
                -- what was written in it before it was taken out is void
                when v_again ? dropped.id then dropped.kind is not null or v_place < (v_again ->> dropped.id)::integer
                when dropped.scope = 'move' then v_operation ? 'from'
                else not v_operation ? 'after'
                    and (v_inner = dropped.pointer or starts_with(v_inner, dropped.pointer || '/'))
            end
        ) then
            continue;
        end if;
        if v_id = any(v_stay) then
            -- both moved it to the same place: it stays where it is, and has this patch's content
            continue when v_operation ->> 'op' = 'remove' and v_inner = ''
                or v_operation ? 'after' and v_operation ? 'from';
            if v_operation ? 'after' and v_operation ? 'value' then
                v_operation := jsonb_build_object(
                    'op', 'replace', 'path', '/blocks/' || v_id, 'value', v_operation -> 'value',
                    'n', v_operation -> 'n'
                );
            end if;
        end if;
        v_kept := v_kept || v_operation;
    end loop;
    return to_jsonb(v_kept);
end;
$$;

comment on function core.keep_operations(jsonb[], text[], text[], text[], text[]) is
'Canonical operations without those on what is named.';
revoke all on function core.keep_operations(jsonb[], text[], text[], text[], text[]) from public;
