-- ops.set_rate_policy: changes a rate policy; what is NULL stays as it is. Counts from the next request on, for the
-- hits already in the log too; a block that is longer than the policy now has ends at once (core.is_blocked). Audited
-- with what was and what is, unless nothing changes. Returns whether something did.
-- PT404 policy_not_found; PT422 invalid_value.
create or replace function ops.set_rate_policy(
    p_name text,
    p_points integer default null,
    p_window_seconds integer default null,
    p_block_seconds integer default null,
    p_per text default null,
    p_mode text default null,
    p_on_failure text default null,
    p_actor uuid default null,
    p_token_id uuid default null
)
returns boolean
language plpgsql
volatile
parallel unsafe
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_old core.rate_policies;
    v_new core.rate_policies;
    v_wrong text;
begin
    v_wrong := case
        when p_points not between 1 and 10000 then 'points must be 1 to 10000'
        when p_window_seconds not between 1 and 86400 then 'the window must be 1 to 86400 seconds'
        when p_block_seconds not between 0 and 86400 then 'the block must be 0 to 86400 seconds'
        when p_per not in ('user', 'workspace', 'token', 'peer') then 'per must be user, workspace, token or peer'
        when p_mode not in ('enforce', 'dry-run') then 'the mode must be enforce or dry-run'
        when p_on_failure not in ('open', 'closed') then 'on failure must be open or closed'
    end;
    if v_wrong is not null then
        raise exception '%', v_wrong using errcode = 'PT422', constraint = 'invalid_value';
    end if;
    perform core.check_rate_policy(p_name);
    select p.* into v_old from core.rate_policies as p where p.name = p_name for update;
    update core.rate_policies as p
    set
        points = coalesce(p_points, p.points), window_seconds = coalesce(p_window_seconds, p.window_seconds),
        block_seconds = coalesce(p_block_seconds, p.block_seconds), per = coalesce(p_per, p.per),
        mode = coalesce(p_mode, p.mode), on_failure = coalesce(p_on_failure, p.on_failure)
    where p.name = p_name
    returning p.* into v_new;
    if v_old = v_new then
        return false;
    end if;
    perform core.write_audit(
        'limits.set', null,
        jsonb_build_object('policy', p_name, 'from', to_jsonb(v_old) - 'name', 'to', to_jsonb(v_new) - 'name'),
        p_actor, p_token_id
    );
    return true;
end;
$$;

comment on function ops.set_rate_policy(text, integer, integer, integer, text, text, text, uuid, uuid) is
'Changes a rate policy, NULL keeps; whether that is new. Audited. PT404 policy_not_found; PT422 invalid_value.';
revoke all on function ops.set_rate_policy(text, integer, integer, integer, text, text, text, uuid, uuid) from public;
