-- ops.find_user: id of a user by name; NULL when there is none.
create or replace function ops.find_user(p_name text)
returns uuid
language plpgsql
stable
parallel safe
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    return (select u.id from core.users as u where u.name = p_name);
end;
$$;

comment on function ops.find_user(text) is 'Id of a user by name; NULL when there is none.';
revoke all on function ops.find_user(text) from public;
