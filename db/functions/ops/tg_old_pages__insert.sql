-- ops.tg_old_pages__insert: INSERT on the view public.pages, as the old application makes a page: one without blocks.
-- SECURITY DEFINER, and so in ops: a trigger runs with the rights of whoever writes, and the old application's role
-- has none on core. 23505: a page of that id is there, in whichever workspace, for the old application knows pages by
-- id alone.
create or replace function ops.tg_old_pages__insert()
returns trigger
language plpgsql
volatile
parallel unsafe
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_now constant timestamptz := core.clock();
begin
    new.id := coalesce(new.id, core.new_id());
    new.title := coalesce(new.title, '');
    new.properties := coalesce(new.properties, '{}');
    new.created_at := coalesce(new.created_at, v_now);
    new.updated_at := v_now;
    new.version := 1;
    if exists (select from core.pages as p where p.id = new.id) then
        raise exception 'there is a page % already', new.id using errcode = '23505', constraint = 'pages_pk';
    end if;
    insert into core.pages (
        workspace_id, id, title, properties, version, created_at, updated_at, edited_minute
    ) values (
        new.workspace_id, new.id, new.title, new.properties, 1, new.created_at, v_now,
        date_trunc('minute', v_now, 'UTC')
    );
    insert into core.page_changes (workspace_id, page_id, version, at, base_version, kind, ops, undo)
    values (
        new.workspace_id, new.id, 1, v_now, 0, 'direct',
        jsonb_build_array(jsonb_build_object(
            'op', 'add', 'path', '',
            'value', jsonb_build_object('title', new.title, 'properties', new.properties, 'blocks', '[]'::jsonb)
        )),
        '{}'
    );
    -- not while migrations before 0015 run
    if to_regclass('core.page_snapshots_due') is not null then
        update core.pages
        set content_hash = core.page_hash(
            jsonb_build_object('title', new.title, 'properties', new.properties), '{}', '{}'
        )
        where pages.workspace_id = new.workspace_id and pages.id = new.id;
        perform core.complete_change(new.workspace_id, new.id, 1, v_now, '[]', p.content_hash)
        from core.pages as p
        where p.workspace_id = new.workspace_id and p.id = new.id;
    end if;
    perform core.enqueue_blocks(new.workspace_id, new.id, array[0], '{}', 100::smallint);
    return new;
end;
$$;

comment on function ops.tg_old_pages__insert() is
'Makes a page out of an INSERT on the view public.pages. 23505 when a page of that id is there.';
revoke all on function ops.tg_old_pages__insert() from public;
