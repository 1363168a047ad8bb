-- ops.revoke_token: from now on the token is refused. True when that is new; false when it was revoked before or there
-- is none of that id.
create or replace function ops.revoke_token(p_token_id uuid)
returns boolean
language plpgsql
volatile
parallel unsafe
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    update core.tokens as t set revoked_at = core.clock() where t.id = p_token_id and t.revoked_at is null;
    return found;
end;
$$;

comment on function ops.revoke_token(uuid) is 'Revokes a token by its id; whether that changed anything.';
revoke all on function ops.revoke_token(uuid) from public;
