-- ops.purge_idempotency_keys: answers kept for repeated requests go after 24 hours, the oldest first, up to p_limit a
-- call; returns how many. One that a request is looking at just now is passed over.
create or replace function ops.purge_idempotency_keys(
    p_limit integer
)
returns integer
language plpgsql
volatile
parallel unsafe
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_floor constant timestamptz := core.retention_floor('purge_idempotency_keys');
    v_count integer;
begin
    with old as (
        select k.workspace_id, k.user_id, k.key
        from core.idempotency_keys as k
        where k.created_at < v_floor
        order by k.created_at
        limit p_limit
        for update skip locked
    )

    delete from core.idempotency_keys as k
    using old as o
    where k.workspace_id = o.workspace_id and k.user_id = o.user_id and k.key = o.key;
    get diagnostics v_count = row_count;
    return v_count;
end;
$$;

comment on function ops.purge_idempotency_keys(integer) is
'Removes answers to repeated requests after 24 hours; returns how many.';
revoke all on function ops.purge_idempotency_keys(integer) from public;
grant execute on function ops.purge_idempotency_keys(integer) to quire_worker;
