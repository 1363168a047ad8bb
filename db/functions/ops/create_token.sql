-- ops.create_token: registers a token by its sha256; the token itself never comes to the database.
-- 23503 unknown user, 23505 the token is there already, 23514 unknown scope or not 32 bytes.
create or replace function ops.create_token(
    p_user_id uuid,
    p_token_hash bytea,
    p_name text,
    p_scopes text[],
    p_expires_at timestamptz default null
)
returns uuid
language plpgsql
volatile
parallel unsafe
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_id uuid := core.new_id();
begin
    insert into core.tokens (id, user_id, token_hash, name, scopes, created_at, expires_at)
    values (v_id, p_user_id, p_token_hash, p_name, p_scopes, core.clock(), p_expires_at);
    return v_id;
end;
$$;

comment on function ops.create_token(uuid, bytea, text, text[], timestamptz) is
'Registers a token by its sha256 and returns its id. 23503 unknown user, 23514 unknown scope.';
revoke all on function ops.create_token(uuid, bytea, text, text[], timestamptz) from public;
