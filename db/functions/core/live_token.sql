-- core.live_token: a token by its id, locked, that nothing has ended yet. PT404 token_not_found; PT409 token_ended when
-- it is revoked, rotated (be its grace over or not) or expired.
create or replace function core.live_token(
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
    v_token core.tokens := core.find_token(p_token_id);
begin
    if v_token.revoked_at is not null or v_token.expires_at <= core.clock() then
        raise exception 'the token is revoked, rotated or expired already: create a new one'
            using errcode = 'PT409', constraint = 'token_ended', detail = jsonb_build_object(
                'revoked_at', core.rfc3339(v_token.revoked_at), 'expires_at', core.rfc3339(v_token.expires_at)
            )::text;
    end if;
    return v_token;
end;
$$;

comment on function core.live_token(uuid) is
'A token by its id, locked, that is neither revoked nor rotated nor expired. PT404 token_not_found; PT409 token_ended.';
revoke all on function core.live_token(uuid) from public;
