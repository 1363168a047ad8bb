-- core.failed_limit: the decision of a policy whose bucket cannot be locked in time. A dry-run refuses nobody.
create or replace function core.failed_limit(
    p_policy core.rate_policies
)
returns text
language plpgsql
immutable
parallel safe
security invoker
set search_path = pg_catalog, pg_temp
as $$
begin
    return case
        when p_policy.mode = 'enforce' and p_policy.on_failure = 'closed' then 'failed_closed'
        else 'failed_open'
    end;
end;
$$;

comment on function core.failed_limit(core.rate_policies) is
'failed_open or failed_closed, as the policy says.';
revoke all on function core.failed_limit(core.rate_policies) from public;
