-- core.limit_key: what a policy counts a request by. A workspace counts for its members only: others would use up
-- points that are not theirs. What the request does not have gives way to its user, and that to its peer.
create or replace function core.limit_key(
    p_per text,
    p_user_id uuid,
    p_token_id uuid,
    p_workspace_id uuid,
    p_peer text
)
returns text
language plpgsql
stable
parallel safe
security invoker
set search_path = pg_catalog, pg_temp
as $$
begin
    if p_per = 'user' and p_user_id is not null then
        return p_user_id::text;
    end if;
    return coalesce(
        case p_per
            when 'token' then p_token_id::text
            when 'workspace' then (
                select m.workspace_id::text from core.workspace_members as m
                where m.workspace_id = p_workspace_id and m.user_id = p_user_id
            )
            when 'peer' then p_peer
        end,
        p_user_id::text, p_peer, 'unknown'
    );
end;
$$;

comment on function core.limit_key(text, uuid, uuid, uuid, text) is
'Key of a request in core.rate_buckets: by user, token, workspace or peer, as the policy says.';
revoke all on function core.limit_key(text, uuid, uuid, uuid, text) from public;
