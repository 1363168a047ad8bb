-- core.count_dead_codes: open dead letters by error code, for metrics: the 20 most frequent codes, the rest as other.
-- Bounded work: 100,000 are looked at.
create or replace function core.count_dead_codes()
returns table (error_code text, entries bigint)
language plpgsql
stable
parallel safe
security invoker
set search_path = pg_catalog, pg_temp
as $$
begin
    return query
    with codes as (
        select l.error_code as code, count(*) as entries
        from (
            select d.error_code from core.indexing_dead_letters as d where d.discarded_at is null limit 100000
        ) as l
        group by l.error_code
    ),

    labelled as (
        select
            case when row_number() over (order by c.entries desc, c.code) <= 20 then c.code else 'other' end as label,
            c.entries as entries
        from codes as c
    )

    select n.label, sum(n.entries)::bigint from labelled as n group by n.label;
end;
$$;

comment on function core.count_dead_codes() is
'Open dead letters by error code, at most 21 rows.';
revoke all on function core.count_dead_codes() from public;
