-- core.rank_limits: the answers of several policies to one request, the one that decides first. When an enforced one
-- refuses, those that refuse alone, the longest wait first; else enforced ones before dry-run ones, the fewest points
-- left first. What a dry-run policy would have refused is observed.
create or replace function core.rank_limits(
    p_policies core.rate_policies[],
    p_said core.limit_decision[]
)
returns setof core.limit_decision
language plpgsql
immutable
parallel safe
security invoker
set search_path = pg_catalog, pg_temp
as $$
begin
    return query
    with judged as (
        select
            p.mode = 'enforce' as enforced,
            p.mode = 'enforce' and s.decision in ('limited', 'blocked', 'failed_closed') as refuses,
            case when p.mode = 'dry-run' and s.decision in ('limited', 'blocked') then 'observed' else s.decision end
            as verdict,
            s.*
        from unnest(p_said) with ordinality as s
        inner join unnest(p_policies) with ordinality as p on p.ordinality = s.ordinality
    )

    select
        j.verdict, j.policy, j.points, j.remaining, j.window_seconds, j.reset_seconds, j.retry_after, j.hit_at
    from judged as j
    where j.refuses or not exists (select from judged as o where o.refuses)
    order by
        j.enforced desc, (j.refuses and j.verdict <> 'failed_closed') desc, j.retry_after desc nulls last,
        j.remaining nulls last, j.policy;
end;
$$;

comment on function core.rank_limits(core.rate_policies[], core.limit_decision[]) is
'Answers of several policies to one request, the one that decides first.';
revoke all on function core.rank_limits(core.rate_policies[], core.limit_decision[]) from public;
