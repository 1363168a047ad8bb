-- core.page_floor: the lowest version of a page from which on every version can still be had: its first one, or the
-- version that its oldest change row in the log was made of (by the undo in it). Retention takes whole months of the
-- log from its old end, so what is below is purged, and a row missing above is damage. Below the floor single versions
-- may still be there as snapshots.
create or replace function core.page_floor(
    p_workspace_id uuid,
    p_page_id uuid
)
returns bigint
language plpgsql
stable
security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
    v_first bigint;
begin
    select changes.version into v_first
    from core.page_changes as changes
    where changes.workspace_id = p_workspace_id and changes.page_id = p_page_id
    order by changes.version
    limit 1;
    if v_first is not null then
        return greatest(v_first - 1, 1);
    end if;
    return (
        select pages.version from core.pages where pages.workspace_id = p_workspace_id and pages.id = p_page_id
    );
end;
$$;

comment on function core.page_floor(uuid, uuid) is
'The lowest version of a page from which on every version can still be had.';
revoke all on function core.page_floor(uuid, uuid) from public;
