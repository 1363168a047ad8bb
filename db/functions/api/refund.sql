-- api.refund: gives back what a request took of its policies, when it failed through no fault of its client (5xx) or
-- was the repetition of one that had been counted (a replayed idempotency key). p_policies, p_costs and p_hits are what
-- api.admit was given and answered (hit_at), and p_actor, p_token_id, p_workspace_id and p_peer who it was. Nothing is
-- freed that was not taken; see core.refund_limit. A bucket that cannot be locked within 250 ms keeps its points.
-- p_instead: a policy that the request counts by after all, with one point, such as that of reading: what is repeated
-- without end costs the server something, too. Where it has no room nothing comes back. NULL: it was free.
-- Returns how many points came back.
create or replace function api.refund(
    p_workspace_id uuid,
    p_actor uuid,
    p_token_id uuid,
    p_peer text,
    p_policies text[],
    p_costs integer[],
    p_hits timestamptz[],
    p_instead text
)
returns table (points integer)
language plpgsql
volatile
parallel unsafe
security definer
set search_path = pg_catalog, pg_temp
set lock_timeout = '250ms'
as $$
declare
    v_hit record;
begin
    points := 0;
    if p_instead is not null and exists (
        select from core.decide_limits(
            array[p_instead], array[1], p_actor, p_token_id, p_workspace_id, p_peer
        ) as d
        where d.decision in ('limited', 'blocked', 'failed_closed')
    ) then
        return next;
        return;
    end if;
    for v_hit in
        select
            p.name, h.cost, h.hit_at,
            core.limit_key(p.per, p_actor, p_token_id, p_workspace_id, p_peer) as key
        from unnest(p_policies, p_costs, p_hits) as h (policy, cost, hit_at)
        inner join core.rate_policies as p on p.name = h.policy
        order by p.name
    loop
        points := points + core.refund_limit(v_hit.name, v_hit.key, v_hit.cost, v_hit.hit_at);
    end loop;
    return next;
exception
    when lock_not_available then
        points := 0;
        return next;
end;
$$;

comment on function api.refund(uuid, uuid, uuid, text, text[], integer[], timestamptz[], text) is
'Gives back the points that a request took, named by what api.admit answered, unless the policy by which it counts
instead has no room; how many came back.';
revoke all on function api.refund(uuid, uuid, uuid, text, text[], integer[], timestamptz[], text) from public;
grant execute on function api.refund(uuid, uuid, uuid, text, text[], integer[], timestamptz[], text) to quire_api;
