-- ops.sweep_recent_pages: takes pages that nobody edited for 8 days out of pages_updated_recent_idx, at most p_limit of
-- them; returns how many. Lists go by that index for up to 7 days: the eighth is for their clock and for days of 25
-- hours. Where it never runs, lists stay right and the index grows as large as pages_workspace_updated_idx.
-- Rows that a save holds are left for the next call; what a save changed meanwhile is looked at again under the lock.
create or replace function ops.sweep_recent_pages(
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
    v_before constant timestamptz := date_trunc('minute', core.clock() - interval '8 days', 'UTC');
    v_count integer;
begin
    with old as materialized (
        select p.workspace_id, p.id
        from core.pages as p
        where p.recent and p.edited_minute < v_before
        limit p_limit
    ),
    locked as materialized (
        select p.workspace_id, p.id
        from core.pages as p
        inner join old as o on o.workspace_id = p.workspace_id and o.id = p.id
        where p.recent and p.edited_minute < v_before
        order by p.workspace_id, p.id
        for update of p skip locked
    )
    update core.pages as p
    set recent = false
    from locked as l
    where p.workspace_id = l.workspace_id and p.id = l.id;
    get diagnostics v_count = row_count;
    return v_count;
end;
$$;

comment on function ops.sweep_recent_pages(integer) is
'Takes up to p_limit pages unedited for 8 days out of pages_updated_recent_idx; returns how many.';
revoke all on function ops.sweep_recent_pages(integer) from public;
grant execute on function ops.sweep_recent_pages(integer) to quire_worker;

comment on index core.pages_updated_recent_idx is
'Pages of a workspace edited in the last week: small, and so in memory, however many old ones there are.';
