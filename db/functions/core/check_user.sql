-- core.check_user: refuses the id of a user that is not there. PT404 user_not_found.
create or replace function core.check_user(
    p_user_id uuid
)
returns void
language plpgsql
stable
parallel safe
security invoker
set search_path = pg_catalog, pg_temp
as $$
begin
    if not exists (select from core.users as u where u.id = p_user_id) then
        raise exception 'there is no such user' using errcode = 'PT404', constraint = 'user_not_found',
            detail = jsonb_build_object('user_id', p_user_id)::text;
    end if;
end;
$$;

comment on function core.check_user(uuid) is
'Refuses the id of a user that is not there. PT404 user_not_found.';
revoke all on function core.check_user(uuid) from public;
