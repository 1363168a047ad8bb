-- ops.list_limited: who is limited by a rate policy now, or close to it (p_share of its points is used, 0 to 1):
-- blocked ones first, then by how much of the points is used; at most p_limit (1 to 1000). state: blocked (until then
-- every request is refused), full (nothing fits until then) or close. who is the name behind the key, where it has one.
-- Reads all buckets. PT400 bad_limit.
create or replace function ops.list_limited(
    p_limit integer default 50,
    p_share numeric default 0.8
)
returns table (
    policy text,
    per text,
    mode text,
    key text,
    who text,
    state text,
    used integer,
    points integer,
    until timestamptz
)
language plpgsql
volatile
parallel unsafe
security definer
set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
    v_now constant timestamptz := core.clock();
begin
    perform core.check_limit(p_limit, 1000);
    return query
    with live as (
        select
            p.name, p.per, p.mode, p.points, b.key, b.blocked_until, i.window_span, n.used,
            b.hits[cardinality(b.hits) - n.used + 1] + i.window_span as next_free,
            core.is_blocked(b.blocked_until, v_now, i.window_span, make_interval(secs => p.block_seconds)) as blocked
        from core.rate_buckets as b
        inner join core.rate_policies as p on p.name = b.policy
        cross join lateral (select make_interval(secs => p.window_seconds) as window_span) as i
        cross join lateral (
            select greatest(
                cardinality(b.hits) - width_bucket(v_now - i.window_span, b.hits), 0
            ) as used
        ) as n
    ),

    chosen as (
        select
            l.*,
            case when l.blocked then 'blocked' when l.used >= l.points then 'full' else 'close' end as state
        from live as l
        where l.blocked or l.used > 0 and l.used >= p_share * l.points
        order by l.blocked desc, l.used::numeric / l.points desc, l.name, l.key
        limit p_limit
    )

    select
        c.name, c.per, c.mode, c.key,
        coalesce(
            (select u.name from core.users as u where u.id = i.id),
            (
                select u.name || ', token ' || t.name from core.tokens as t
                inner join core.users as u on u.id = t.user_id
                where t.id = i.id
            ),
            (select w.name from core.workspaces as w where w.id = i.id)
        ),
        c.state, c.used, c.points, case when c.blocked then c.blocked_until else c.next_free end
    from chosen as c
    cross join lateral (
        select case when c.key ~ '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$' then c.key::uuid end as id
    ) as i
    order by c.blocked desc, c.used::numeric / c.points desc, c.name, c.key;
end;
$$;

comment on function ops.list_limited(integer, numeric) is
'Who is limited by a rate policy now, or has used that share of its points. PT400 bad_limit.';
revoke all on function ops.list_limited(integer, numeric) from public;
grant execute on function ops.list_limited(integer, numeric) to quire_monitor;
