-- core.find_token: a token by its id, locked: of two who rotate it one comes second. PT404 token_not_found.
create or replace function core.find_token(
    p_token_id uuid
)
returns core.tokens
language plpgsql
volatile
parallel unsafe
security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
    v_token core.tokens;
begin
    select t.* into v_token from core.tokens as t where t.id = p_token_id for update;
    if not found then
        raise exception 'there is no such token' using errcode = 'PT404', constraint = 'token_not_found';
    end if;
    return v_token;
end;
$$;

comment on function core.find_token(uuid) is
'A token by its id, locked. PT404 token_not_found.';
revoke all on function core.find_token(uuid) from public;
