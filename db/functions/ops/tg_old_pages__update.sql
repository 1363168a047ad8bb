-- ops.tg_old_pages__update: UPDATE on the view public.pages. It counts only while the version it was meant for is the
-- newest: after a wait for another save it answers "UPDATE 0", as a table would. Whether it is allowed is decided by
-- the trigger check_page_version of core.pages, which also records it. SECURITY DEFINER, and so in ops: a trigger
-- runs with the rights of whoever writes. PT409 version_fence, from check_page_version; PT409 old_table_read_only:
-- id, workspace or time of creation changed.
create or replace function ops.tg_old_pages__update()
returns trigger
language plpgsql
volatile
parallel unsafe
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    if (new.id, new.workspace_id, new.created_at) is distinct from (old.id, old.workspace_id, old.created_at) then
        raise exception 'id, workspace_id and created_at of a page cannot be changed'
            using errcode = 'PT409', constraint = 'old_table_read_only',
            detail = jsonb_build_object('table', tg_table_name, 'page_id', old.id)::text;
    end if;
    update core.pages as p
    set title = new.title, properties = new.properties, version = new.version
    where p.workspace_id = old.workspace_id and p.id = old.id and p.version = old.version and p.deleted_at is null
    returning p.updated_at into new.updated_at;
    if not found then
        return null;
    end if;
    return new;
end;
$$;

comment on function ops.tg_old_pages__update() is
'Carries an UPDATE on the view public.pages out on core.pages, if the version it saw is the newest. PT409.';
revoke all on function ops.tg_old_pages__update() from public;
