-- ops.thin_page_snapshots_on: the next slice of ops.thin_page_snapshots behind a bookmark that the last call returned;
-- NULL begins anew.
create or replace function ops.thin_page_snapshots_on(
    p_bookmark jsonb,
    p_pages integer
)
returns table (rows integer, more boolean, bookmark jsonb)
language plpgsql
volatile
parallel unsafe
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_zero constant uuid := '00000000-0000-0000-0000-000000000000';
    v_slice record;
begin
    select t.* into v_slice
    from ops.thin_page_snapshots(
        coalesce((p_bookmark ->> 'workspace_id')::uuid, v_zero), coalesce((p_bookmark ->> 'page_id')::uuid, v_zero),
        p_pages
    ) as t;
    more := found;
    rows := coalesce(v_slice.removed, 0);
    if more then
        bookmark := jsonb_build_object('workspace_id', v_slice.workspace_id, 'page_id', v_slice.page_id);
    end if;
    return next;
end;
$$;

comment on function ops.thin_page_snapshots_on(jsonb, integer) is
'Retention of snapshots of the pages behind a bookmark; returns how many went, whether pages are left, the bookmark.';
revoke all on function ops.thin_page_snapshots_on(jsonb, integer) from public;
grant execute on function ops.thin_page_snapshots_on(jsonb, integer) to quire_worker;
