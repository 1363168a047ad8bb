-- ops.list_tokens: every token with its owner, newest first. Hashes stay inside.
create or replace function ops.list_tokens()
returns table (
    id uuid,
    user_name text,
    name text,
    scopes text[],
    created_at timestamptz,
    expires_at timestamptz,
    revoked_at timestamptz,
    last_used_at timestamptz
)
language plpgsql
stable
parallel safe
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    return query
    select t.id, u.name, t.name, t.scopes, t.created_at, t.expires_at, t.revoked_at, t.last_used_at
    from core.tokens as t
    inner join core.users as u on u.id = t.user_id
    order by t.created_at desc, t.id desc;
end;
$$;

comment on function ops.list_tokens() is 'Tokens with their owners, newest first; never the hashes.';
revoke all on function ops.list_tokens() from public;
