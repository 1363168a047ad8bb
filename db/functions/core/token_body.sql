-- core.token_body: a token as answers show it: never its hash, and the token itself is known to its owner only.
create or replace function core.token_body(
    p_token core.tokens
)
returns jsonb
language plpgsql
stable
parallel safe
security invoker
set search_path = pg_catalog, pg_temp
as $$
begin
    return jsonb_build_object(
        'id', p_token.id, 'user_id', p_token.user_id,
        'user_name', (select u.name from core.users as u where u.id = p_token.user_id),
        'name', p_token.name, 'scopes', to_jsonb(p_token.scopes), 'created_at', core.rfc3339(p_token.created_at),
        'expires_at', core.rfc3339(p_token.expires_at), 'revoked_at', core.rfc3339(p_token.revoked_at),
        'last_used_at', core.rfc3339(p_token.last_used_at)
    );
end;
$$;

comment on function core.token_body(core.tokens) is
'A token as JSON, without its hash.';
revoke all on function core.token_body(core.tokens) from public;
