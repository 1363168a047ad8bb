-- core.decide_limits: whether a request is within all of several policies, each at its cost; the row that decides comes
-- first. All or nothing: what one refuses takes nothing of the others. decision: allowed; limited (this request went
-- over) or blocked (the key was over before); observed (a dry-run policy would have refused; it refuses nobody);
-- failed_open, failed_closed (the bucket could not be locked). Of a refusal the rows that refuse are answered, the
-- longest wait first, so that Retry-After holds for all; else enforced policies, the fewest points left first.
-- A key in its block, a policy that does not block, and cost 0 are answered by reading: no lock, no write. The rest is
-- one UPSERT a policy, in the order of their names, so that two requests never wait for each other in a circle.
-- Waits 250 ms in all, for the table or for a row. PT400 cost_over_limit.
create or replace function core.decide_limits(
    p_policies text[],
    p_costs integer[],
    p_user_id uuid,
    p_token_id uuid,
    p_workspace_id uuid,
    p_peer text
)
returns setof core.limit_decision
language plpgsql
volatile
parallel unsafe
security invoker
set search_path = pg_catalog, pg_temp
set lock_timeout = '250ms'
set plan_cache_mode = force_generic_plan
as $$
declare
    v_began constant timestamptz := clock_timestamp();
    v_policy core.rate_policies;
    v_policies core.rate_policies[];
    v_keys text[];
    v_costs integer[];
    v_said core.limit_decision[] := '{}';
    v_refused boolean := false;
begin
    if cardinality(p_policies) = 1 then
        select p.* into v_policy from core.rate_policies as p where p.name = p_policies[1];
        if p_costs[1] between 0 and v_policy.points then
            return next core.decide_limit(v_policy, core.limit_key(
                v_policy.per, p_user_id, p_token_id, p_workspace_id, p_peer
            ), p_costs[1]);
            return;
        end if;
    end if;
    select array_agg(p order by p.name), array_agg(c.cost order by p.name), array_agg(
        core.limit_key(p.per, p_user_id, p_token_id, p_workspace_id, p_peer) order by p.name
    ) into v_policies, v_costs, v_keys
    from unnest(p_policies, p_costs) as c (name, cost)
    inner join core.rate_policies as p on p.name = c.name;
    perform core.check_costs(p_policies, v_policies, v_costs);
    begin
        for n in 1 .. cardinality(v_policies) loop
            v_said[n] := core.look_at_limit(v_policies[n], v_keys[n], v_costs[n]);
            v_refused := v_refused or v_policies[n].mode = 'enforce' and (
                v_said[n].decision = 'blocked'
                or v_said[n].decision = 'limited' and (v_policies[n].block_seconds = 0 or v_costs[n] = 0)
            );
        end loop;
    exception
        when lock_not_available then
            for n in 1 .. cardinality(v_policies) loop
                v_said[n] := core.failed_limit(v_policies[n]);
            end loop;
            return query select * from core.rank_limits(v_policies, v_said);
            return;
    end;
    for n in 1 .. cardinality(v_policies) loop
        exit when v_refused;
        -- a dry-run policy in its block, or one that the cost can never fit: seen already
        continue when v_costs[n] = 0 or v_said[n].decision = 'blocked' or v_costs[n] > v_policies[n].points;
        if n > 1 then
            perform set_config('lock_timeout', greatest(
                250 - floor(extract(epoch from clock_timestamp() - v_began) * 1000), 1
            )::integer::text, true);
        end if;
        begin
            v_said[n] := core.take_limit(v_policies[n], v_keys[n], v_costs[n]);
        exception
            when lock_not_available then
                v_said[n] := core.failed_limit(v_policies[n]);
        end;
        if v_policies[n].mode = 'enforce' and v_said[n].decision in ('limited', 'failed_closed') then
            v_refused := true;
            for m in 1 .. n - 1 loop
                perform core.refund_limit(v_policies[m].name, v_keys[m], v_costs[m], v_said[m].hit_at);
            end loop;
        end if;
    end loop;
    return query select * from core.rank_limits(v_policies, v_said);
end;
$$;

comment on function core.decide_limits(text[], integer[], uuid, uuid, uuid, text) is
'Decides a request by several rate policies, all or nothing; the row that decides first. PT400 cost_over_limit.';
revoke all on function core.decide_limits(text[], integer[], uuid, uuid, uuid, text) from public;
