-- core.oldest_xmin: since when somebody keeps vacuum from removing dead rows, and who: of this database's sessions,
-- walsenders (queries of a standby with hot_standby_feedback), prepared transactions and replication slots the one with
-- the oldest transaction id. A VACUUM keeps nothing from others. Not before its transaction began, nor before the
-- statistics row with a smaller next transaction id: a long transaction takes new snapshots unless it is repeatable
-- read, and slots have no time of their own. No query text: it may quote what users wrote. Needs pg_read_all_stats
-- (db/roles.sql) to see other sessions.
create or replace function core.oldest_xmin(
    p_now timestamptz
)
returns table (seconds double precision, holder text)
language plpgsql
volatile
parallel unsafe
security invoker
set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
    v_since timestamptz;
    v_age bigint;
begin
    select h.since, h.age, h.holder into v_since, v_age, holder
    from (
        select
            a.xact_start as since,
            greatest(age(a.backend_xid), age(a.backend_xmin)) as age,  -- NULLs do not count
            concat_ws(
                ', ', case when a.backend_type = 'walsender' then 'standby ' || a.application_name end,
                'pid ' || coalesce(a.leader_pid, a.pid),
                case
                    when a.backend_type not in ('client backend', 'walsender', 'parallel worker') then a.backend_type
                end,
                'role ' || a.usename,
                case when a.backend_type <> 'walsender' then 'application ' || nullif(a.application_name, '') end,
                case when a.backend_type = 'walsender' then 'from ' || host(a.client_addr) end,
                a.state
            ) as holder
        from pg_stat_activity as a
        where coalesce(a.backend_xid, a.backend_xmin) is not null and a.pid <> pg_backend_pid()
            and (a.datname = current_database() or a.datname is null)
            and not exists (
                select from pg_stat_progress_vacuum as v where v.pid = coalesce(a.leader_pid, a.pid)
            )
        union all
        select p.prepared, age(p.transaction), format('prepared transaction %L, role %s', p.gid, p.owner)
        from pg_prepared_xacts as p
        where p.database = current_database()
        union all
        select
            null, age(s.xmin),
            format('replication slot %s, %s', s.slot_name, coalesce('used by pid ' || s.active_pid, 'not in use'))
        from pg_replication_slots as s
        where s.xmin is not null
    ) as h
    order by h.age desc, h.since, h.holder
    limit 1;
    if v_age is not null then
        v_since := coalesce(
            greatest(v_since, (
                select s.measured_at
                from core.indexing_stats as s
                where s.next_xid < pg_snapshot_xmax(pg_current_snapshot())::text::bigint - v_age
                order by s.at desc
                limit 1
            )),
            (select s.measured_at from core.indexing_stats as s order by s.at limit 1)
        );
    end if;
    seconds := greatest(coalesce(extract(epoch from p_now - v_since), 0), 0);
    if seconds < 1 then
        holder := null;  -- somebody always has a snapshot
    end if;
    return next;
end;
$$;

comment on function core.oldest_xmin(timestamptz) is
'Seconds since when a session, standby, prepared transaction or replication slot keeps dead rows from being removed, and
which one: what to look for, never a query. Under a second: NULL.';
revoke all on function core.oldest_xmin(timestamptz) from public;
