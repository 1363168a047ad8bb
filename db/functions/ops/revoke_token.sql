-- ops.revoke_token: from now on the token is refused, in the grace of a rotation too. True when that is new; false when
-- it was revoked before or there is none of that id. Audited.
create or replace function ops.revoke_token(
    p_token_id uuid,
    p_actor uuid default null,
    p_actor_token_id uuid default null
)
returns boolean
language plpgsql
volatile
parallel unsafe
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_now constant timestamptz := core.clock();
    v_user_id uuid;
begin
    update core.tokens as t set revoked_at = v_now
    where t.id = p_token_id and (t.revoked_at is null or t.revoked_at > v_now)
    returning t.user_id into v_user_id;
    if v_user_id is null then
        return false;
    end if;
    perform core.write_audit(
        'tokens.revoke', null, jsonb_build_object('token_id', p_token_id, 'user_id', v_user_id), p_actor,
        p_actor_token_id
    );
    return true;
end;
$$;

comment on function ops.revoke_token(uuid, uuid, uuid) is
'Revokes a token by its id; whether that changed anything. Audited.';
revoke all on function ops.revoke_token(uuid, uuid, uuid) from public;
