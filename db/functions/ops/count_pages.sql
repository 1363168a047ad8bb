-- ops.count_pages: how many pages there are, deleted ones too, in one workspace or (NULL) in all. Reads an index of all
-- of them: for commands that show progress, not for metrics.
create or replace function ops.count_pages(
    p_workspace_id uuid
)
returns bigint
language plpgsql
stable
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    return (
        select count(*) from core.pages where p_workspace_id is null or pages.workspace_id = p_workspace_id
    );
end;
$$;

comment on function ops.count_pages(uuid) is
'How many pages there are, deleted ones too, in a workspace or in all.';
revoke all on function ops.count_pages(uuid) from public;
grant execute on function ops.count_pages(uuid) to quire_monitor;
