-- core.check_head: whether title and properties of a page are as they must be, and nothing else is beside them.
-- PT422 unknown_member, member_missing, title_not_string, properties_not_object.
create or replace function core.check_head(
    p_head jsonb
)
returns void
language plpgsql
immutable
parallel safe
security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
    v_member text;
begin
    select members.name into v_member
    from jsonb_object_keys(p_head - array['title', 'properties']) as members (name)
    limit 1;
    if v_member is not null then
        raise exception 'a page has no member "%": use properties for your own data', left(v_member, 80)
            using errcode = 'PT422', constraint = 'unknown_member',
            detail = jsonb_build_object('pointer', jsonpatch.build_pointer(array[v_member]))::text;
    end if;
    foreach v_member in array array['title', 'properties'] loop
        if not p_head ? v_member then
            raise exception 'the member "%" is missing', v_member
                using errcode = 'PT422', constraint = 'member_missing',
                detail = jsonb_build_object('pointer', '/' || v_member)::text;
        end if;
    end loop;
    if jsonb_typeof(p_head -> 'title') <> 'string' then
        raise exception '/title must be a string'
            using errcode = 'PT422', constraint = 'title_not_string', detail = '{"pointer": "/title"}';
    elsif jsonb_typeof(p_head -> 'properties') <> 'object' then
        raise exception '/properties must be an object'
            using errcode = 'PT422', constraint = 'properties_not_object', detail = '{"pointer": "/properties"}';
    end if;
end;
$$;

comment on function core.check_head(jsonb) is
'Title and properties of a page. PT422 unknown_member, member_missing, title_not_string, properties_not_object.';
revoke all on function core.check_head(jsonb) from public;
