-- jsonpatch.diff_objects: the operations, in order, that turn one object into another; for jsonpatch.diff.
-- By member name, in the order of their bytes. p_pointer is where the objects are.
create or replace function jsonpatch.diff_objects(
    p_from jsonb,
    p_to jsonb,
    p_pointer text
)
returns setof jsonb
language plpgsql
immutable
strict
parallel safe
security invoker
rows 10
set search_path = pg_catalog, pg_temp
as $$
declare
    v_member record;
    v_pointer text;
begin
    for v_member in
        select
            coalesce(old.key, new.key) as name,
            old.value as old_value,
            new.value as new_value
        from jsonb_each(p_from) as old
        full join jsonb_each(p_to) as new on old.key = new.key
        where old.value is distinct from new.value
        order by coalesce(old.key, new.key) collate "C"
    loop
        v_pointer := p_pointer || jsonpatch.build_pointer(array[v_member.name]);
        if v_member.new_value is null then
            return next jsonb_build_object('op', 'remove', 'path', v_pointer);
        elsif v_member.old_value is null then
            return next jsonb_build_object('op', 'add', 'path', v_pointer, 'value', v_member.new_value);
        else
            return query select jsonpatch.diff_values(v_member.old_value, v_member.new_value, v_pointer);
        end if;
    end loop;
end;
$$;

comment on function jsonpatch.diff_objects(jsonb, jsonb, text) is
'The operations that turn one object into another, at a pointer; for jsonpatch.diff.';
revoke all on function jsonpatch.diff_objects(jsonb, jsonb, text) from public;
grant execute on function jsonpatch.diff_objects(jsonb, jsonb, text) to public;
