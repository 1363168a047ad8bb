-- core.oldest_xmin_seconds: since when somebody keeps vacuum from removing dead rows: a session or a walsender of this
-- database, a prepared transaction, a replication slot. Slots and walsenders have no time: theirs is that of the
-- statistics row whose next transaction id theirs was. Needs pg_read_all_stats (db/roles.sql) to see other sessions.
create or replace function core.oldest_xmin_seconds(
    p_now timestamptz
)
returns double precision
language sql
volatile
parallel unsafe
security invoker
set search_path = pg_catalog, pg_temp
as $$
    with holders as (
        select a.xact_start as since, a.backend_xmin as xmin
        from pg_stat_activity as a
        where a.backend_xmin is not null and a.pid <> pg_backend_pid()
            and (a.datname = current_database() or a.datname is null)
        union all
        select p.prepared, p.transaction
        from pg_prepared_xacts as p
        where p.database = current_database()
        union all
        select null, s.xmin
        from pg_replication_slots as s
        where s.xmin is not null
    )
    select greatest(coalesce(extract(epoch from p_now - min(coalesce(
        h.since,
        (
            select s.measured_at
            from core.indexing_stats as s
            where s.next_xid <= pg_snapshot_xmax(pg_current_snapshot())::text::bigint - age(h.xmin)
            order by s.at desc
            limit 1
        ),
        (select s.measured_at from core.indexing_stats as s order by s.at limit 1)
    ))), 0), 0)::double precision
    from holders as h;
$$;

comment on function core.oldest_xmin_seconds(timestamptz) is
'Seconds since when a session, prepared transaction or replication slot keeps dead rows from being removed; 0: nobody.';
revoke all on function core.oldest_xmin_seconds(timestamptz) from public;
