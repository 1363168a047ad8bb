-- core.alertable_groups: fingerprints that dead letters have, each with the code of its newest: one look into the index
-- a group, however many dead letters there are. At most p_limit.
create or replace function core.alertable_groups(
    p_limit integer
)
returns table (fingerprint text, error_code text)
language plpgsql
stable
parallel safe
security invoker
set search_path = pg_catalog, pg_temp
as $$
begin
    return query
    with recursive groups as (
        (
            select d.fingerprint, d.error_code, 1 as place
            from core.indexing_dead_letters as d
            order by d.fingerprint desc, d.died_at desc
            limit 1
        )
        union all
        select n.fingerprint, n.error_code, g.place + 1
        from groups as g
        cross join lateral (
            select d.fingerprint, d.error_code
            from core.indexing_dead_letters as d
            where d.fingerprint < g.fingerprint
            order by d.fingerprint desc, d.died_at desc
            limit 1
        ) as n
        where g.place < p_limit
    )

    select g.fingerprint, g.error_code from groups as g;
end;
$$;

comment on function core.alertable_groups(integer) is
'Fingerprints of dead letters with their newest code, at most p_limit.';
revoke all on function core.alertable_groups(integer) from public;
