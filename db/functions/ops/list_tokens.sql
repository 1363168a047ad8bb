-- ops.list_tokens: tokens with their owners, newest first: of a user, or of all; at most p_limit (1 to 1000), older
-- than p_before, the last one read. Hashes stay inside. PT400 bad_limit.
create or replace function ops.list_tokens(
    p_user_id uuid default null,
    p_before uuid default null,
    p_limit integer default 1000
)
returns table (
    id uuid,
    user_id uuid,
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
    perform core.check_limit(p_limit, 1000);
    return query
    select t.id, t.user_id, u.name, t.name, t.scopes, t.created_at, t.expires_at, t.revoked_at, t.last_used_at
    from core.tokens as t
    inner join core.users as u on u.id = t.user_id
    where (p_user_id is null or t.user_id = p_user_id) and (p_before is null or t.id < p_before)
    order by t.id desc
    limit p_limit;
end;
$$;

comment on function ops.list_tokens(uuid, uuid, integer) is
'Tokens with their owners, newest first, keyset pages; never the hashes. PT400 bad_limit.';
revoke all on function ops.list_tokens(uuid, uuid, integer) from public;
