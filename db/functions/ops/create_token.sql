-- ops.create_token: registers a token by its sha256; the token itself never comes to the database. Audited, without the
-- hash. 23503 unknown user, 23505 the token is there already, 23514 not 32 bytes; PT422 invalid_value; PT403
-- scope_not_held where an actor gives what its own token has not.
create or replace function ops.create_token(
    p_user_id uuid,
    p_token_hash bytea,
    p_name text,
    p_scopes text[],
    p_expires_at timestamptz default null,
    p_actor uuid default null,
    p_token_id uuid default null
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
    perform core.check_scopes(p_scopes, p_actor, p_token_id);
    if p_name <> '' then
        perform core.check_name(p_name);
    end if;
    insert into core.tokens (id, user_id, token_hash, name, scopes, created_at, expires_at)
    values (v_id, p_user_id, p_token_hash, p_name, p_scopes, core.clock(), p_expires_at);
    perform core.write_audit(
        'tokens.create', null,
        jsonb_build_object(
            'token_id', v_id, 'user_id', p_user_id, 'name', p_name, 'scopes', to_jsonb(p_scopes),
            'expires_at', core.rfc3339(p_expires_at)
        ),
        p_actor, p_token_id
    );
    return v_id;
end;
$$;

comment on function ops.create_token(uuid, bytea, text, text[], timestamptz, uuid, uuid) is
'Registers a token by its sha256 and returns its id. Audited. 23503 unknown user; PT422 invalid_value; PT403
scope_not_held.';
revoke all on function ops.create_token(uuid, bytea, text, text[], timestamptz, uuid, uuid) from public;
