-- ops.purge_audit_log: entries of the audit log go after 365 days, the oldest first, up to p_limit a call; returns how
-- many.
create or replace function ops.purge_audit_log(
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
    v_floor constant timestamptz := core.retention_floor('purge_audit_log');
    v_count integer;
begin
    with old as (
        select a.id from core.audit_log as a where a.at < v_floor order by a.at, a.id limit p_limit
        for update skip locked
    )

    delete from core.audit_log as a using old as o where a.id = o.id;
    get diagnostics v_count = row_count;
    return v_count;
end;
$$;

comment on function ops.purge_audit_log(integer) is
'Removes entries of the audit log after 365 days; returns how many.';
revoke all on function ops.purge_audit_log(integer) from public;
grant execute on function ops.purge_audit_log(integer) to quire_worker;
