-- core.decide_limit: whether a request is within one policy, at a cost of 0 up to its points: see core.decide_limits,
-- which asks this for a request that has but one, as most have. Looks first where that may be all: a key in its block,
-- a policy that does not block, and cost 0 need no write. A key that has not been over needs no look: the hit decides.
create or replace function core.decide_limit(
    p_policy core.rate_policies,
    p_key text,
    p_cost integer
)
returns core.limit_decision
language plpgsql
volatile
parallel unsafe
security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
    v_blocks constant boolean := p_policy.block_seconds > 0;
    v_take boolean;
    v_said core.limit_decision;
begin
    begin
        if v_blocks and p_cost > 0 then
            v_take := not exists (
                select from core.rate_buckets as b
                where b.policy = p_policy.name and b.key = p_key and b.blocked_until is not null
            );
        end if;
        if v_take is not true then
            v_said := core.look_at_limit(p_policy, p_key, p_cost);
            v_take := p_cost > 0 and v_said.decision <> 'blocked' and (v_said.decision = 'allowed' or v_blocks);
        end if;
        if v_take then
            v_said := core.take_limit(p_policy, p_key, p_cost);
        end if;
    exception
        when lock_not_available then
            v_said := core.failed_limit(p_policy);
    end;
    if p_policy.mode = 'dry-run' and v_said.decision in ('limited', 'blocked') then
        v_said.decision := 'observed';
    end if;
    return v_said;
end;
$$;

comment on function core.decide_limit(core.rate_policies, text, integer) is
'Decides a request of a key by one rate policy.';
revoke all on function core.decide_limit(core.rate_policies, text, integer) from public;
