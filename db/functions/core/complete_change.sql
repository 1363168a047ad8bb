-- core.complete_change: what migration 0015 has added to the log, for a version that the old application made: what it
-- touched, its hash, an order for its snapshot. Apart from the row itself, because the old application writes while the
-- database is being migrated, from 0009 on: the caller asks whether the columns are there.
create or replace function core.complete_change(
    p_workspace_id uuid,
    p_page_id uuid,
    p_version bigint,
    p_at timestamptz,
    p_touched jsonb,
    p_content_hash numeric
)
returns void
language plpgsql
volatile
parallel unsafe
security invoker
set search_path = pg_catalog, pg_temp
as $$
begin
    update core.page_changes
    set touched = p_touched, content_hash = p_content_hash
    where page_changes.workspace_id = p_workspace_id and page_changes.page_id = p_page_id
        and page_changes.version = p_version and page_changes.at = p_at;
    if p_version = 1 or p_version % 10 = 0 then
        insert into core.page_snapshots_due (workspace_id, page_id, version)
        values (p_workspace_id, p_page_id, p_version);
    end if;
end;
$$;

comment on function core.complete_change(uuid, uuid, bigint, timestamptz, jsonb, numeric) is
'Touched places, hash and snapshot order of a version that the old application made.';
revoke all on function core.complete_change(uuid, uuid, bigint, timestamptz, jsonb, numeric) from public;
