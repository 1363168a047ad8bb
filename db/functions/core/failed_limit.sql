-- core.failed_limit: the decision of a policy whose bucket cannot be locked in time: failed_open or failed_closed, as
-- the policy says. A dry-run refuses nobody.
create or replace function core.failed_limit(
    p_policy core.rate_policies
)
returns core.limit_decision
language plpgsql
immutable
parallel safe
security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
    v_said core.limit_decision;
begin
    v_said.policy := p_policy.name;
    v_said.points := p_policy.points;
    v_said.window_seconds := p_policy.window_seconds;
    v_said.decision := case
        when p_policy.mode = 'enforce' and p_policy.on_failure = 'closed' then 'failed_closed'
        else 'failed_open'
    end;
    return v_said;
end;
$$;

comment on function core.failed_limit(core.rate_policies) is
'What a policy decides whose bucket cannot be locked: failed_open or failed_closed.';
revoke all on function core.failed_limit(core.rate_policies) from public;
