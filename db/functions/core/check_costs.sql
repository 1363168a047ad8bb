-- core.check_costs: refuses costs that are no number of points, or that an enforced policy could never admit; and a
-- request that names a policy that is not there, which is our own fault. PT400 cost_over_limit.
create or replace function core.check_costs(
    p_names text[],
    p_policies core.rate_policies[],
    p_costs integer[]
)
returns void
language plpgsql
immutable
parallel safe
security invoker
set search_path = pg_catalog, pg_temp
as $$
begin
    if cardinality(p_names) > 0 and cardinality(p_names) = cardinality(p_policies) then
        for n in 1 .. cardinality(p_policies) loop
            if p_costs[n] is null or p_costs[n] < 0
                or p_costs[n] > p_policies[n].points and p_policies[n].mode = 'enforce' then
                raise exception 'the request costs % points, the policy "%" admits at most % at once',
                    p_costs[n], p_policies[n].name, p_policies[n].points
                    using errcode = 'PT400', constraint = 'cost_over_limit',
                    detail = jsonb_build_object(
                        'cost', p_costs[n], 'limit', p_policies[n].points, 'policy', p_policies[n].name
                    )::text;
            end if;
        end loop;
        return;
    end if;
    raise exception 'there is no rate policy of one of these names: %; add a row to core.rate_policies', p_names;
end;
$$;

comment on function core.check_costs(text[], core.rate_policies[], integer[]) is
'Refuses costs that can never be admitted, and policies that are not there. PT400 cost_over_limit.';
revoke all on function core.check_costs(text[], core.rate_policies[], integer[]) from public;
