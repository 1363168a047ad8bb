-- core.check_needed: refuses an object without one of the members (null counts as absent). PT422 member_missing.
create or replace function core.check_needed(
    p_body jsonb,
    p_needed text[]
)
returns void
language plpgsql
immutable
parallel safe
security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
    v_name text;
begin
    foreach v_name in array p_needed loop
        if coalesce(p_body -> v_name, 'null') = 'null' then
            raise exception 'the body needs the member %', v_name using errcode = 'PT422',
                constraint = 'member_missing', detail = jsonb_build_object('pointer', '/' || v_name)::text;
        end if;
    end loop;
end;
$$;

comment on function core.check_needed(jsonb, text[]) is
'Refuses an object without one of the members. PT422 member_missing.';
revoke all on function core.check_needed(jsonb, text[]) from public;
