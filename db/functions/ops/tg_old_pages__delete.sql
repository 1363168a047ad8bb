-- ops.tg_old_pages__delete: DELETE on the view public.pages. Like the API's, it is a version and can be undone; rows go
-- with retention. SECURITY DEFINER, and so in ops: a trigger runs with the rights of whoever writes.
create or replace function ops.tg_old_pages__delete()
returns trigger
language plpgsql
volatile
parallel unsafe
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_now constant timestamptz := core.clock();
    v_nos integer[];
begin
    perform set_config('quire.saving', old.id || ':' || old.version + 1, true);
    update core.pages as p
    set deleted_at = v_now, version = old.version + 1, updated_at = v_now, updated_by = null,
        edited_minute = date_trunc('minute', v_now, 'UTC')
    where p.workspace_id = old.workspace_id and p.id = old.id and p.version = old.version and p.deleted_at is null
    returning p.block_order into v_nos;
    if not found then
        return null;
    end if;
    perform set_config('quire.saving', '', true);
    insert into core.page_changes (workspace_id, page_id, version, at, base_version, kind, ops, undo)
    values (
        old.workspace_id, old.id, old.version + 1, v_now, old.version, 'delete', '[]', '{"blocks": {}}'
    );
    -- not while migrations before 0015 run
    if to_regclass('core.page_snapshots_due') is not null then
        perform core.complete_change(
            old.workspace_id, old.id, old.version + 1, v_now, '[]', p.content_hash
        ) from core.pages as p where p.workspace_id = old.workspace_id and p.id = old.id;
    end if;
    perform core.enqueue_blocks(old.workspace_id, old.id, '{}', 0 || v_nos, 100::smallint);
    return old;
end;
$$;

comment on function ops.tg_old_pages__delete() is 'Deletes a page, restorably, for a DELETE on the view public.pages.';
revoke all on function ops.tg_old_pages__delete() from public;
