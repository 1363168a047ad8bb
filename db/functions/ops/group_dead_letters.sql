-- ops.group_dead_letters: dead letters that match a filter by what is wrong (error fingerprint), the largest group
-- first, at most p_limit (1 to 1000): how many, in how many workspaces, since when, the newest message as a sample,
-- when an alert was sent about it. PT400 bad_filter, bad_limit.
create or replace function ops.group_dead_letters(
    p_filter jsonb default '{}',
    p_limit integer default 50
)
returns table (
    fingerprint text,
    error_code text,
    entries bigint,
    workspaces bigint,
    first_died_at timestamptz,
    last_died_at timestamptz,
    sample text,
    alerted_at timestamptz
)
language plpgsql
stable
parallel safe
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    perform core.check_limit(p_limit, 1000);
    return query execute
        'select g.fingerprint, s.error_code, g.entries, g.workspaces, g.first_died_at, g.last_died_at, s.error,'
        || ' a.sent_at from (select d.fingerprint, count(*) as entries, count(distinct d.workspace_id) as workspaces,'
        || ' min(d.died_at) as first_died_at, max(d.died_at) as last_died_at from core.indexing_dead_letters as d'
        || ' where ' || core.dead_letter_conditions(p_filter) || ' group by d.fingerprint'
        || ' order by count(*) desc, d.fingerprint limit $1) as g'
        || ' cross join lateral (select d.error_code, d.error from core.indexing_dead_letters as d'
        || ' where d.fingerprint = g.fingerprint and d.died_at = g.last_died_at and '
        || core.dead_letter_conditions(p_filter) || ' limit 1) as s'
        || ' left join core.indexing_alerts as a on a.fingerprint = g.fingerprint'
        || ' order by g.entries desc, g.fingerprint'
    using p_limit;
end;
$$;

comment on function ops.group_dead_letters(jsonb, integer) is
'Dead letters that match a filter, grouped by error fingerprint, largest group first. PT400 bad_filter, bad_limit.';
revoke all on function ops.group_dead_letters(jsonb, integer) from public;
grant execute on function ops.group_dead_letters(jsonb, integer) to quire_monitor;
