-- core.tg_pages__check_version: the fence around the content of core.pages.
-- Functions announce the version they make (quire.saving = page id:version) and pass. Maintenance that touches no
-- content passes. The old application's UPDATE of title and properties that raises the version by one passes, is
-- recorded in the log and queued for indexing. Anything else would lose history: PT409 version_fence.
-- Security definer: the old application's role may update its columns of the page, but has no right on log and queue.
create or replace function core.tg_pages__check_version()
returns trigger
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_now timestamptz;
    v_old jsonb;
    v_new jsonb;
    v_undo jsonb;
begin
    -- what every save of a function does, first
    if new.version = old.version + 1 and current_setting('quire.saving', true) = new.id || ':' || new.version
        and (new.workspace_id, new.id) = (old.workspace_id, old.id) then
        return new;
    end if;
    v_old := jsonb_build_object('title', old.title, 'properties', old.properties);
    v_new := jsonb_build_object('title', new.title, 'properties', new.properties);
    if v_new = v_old and new.version = old.version and new.next_block_no = old.next_block_no
        and new.block_order = old.block_order and new.deleted_at is not distinct from old.deleted_at then
        return new;
    elsif new.version = old.version + 1 and (new.workspace_id, new.id) = (old.workspace_id, old.id) then
        if new.next_block_no = old.next_block_no and new.block_order = old.block_order
            and old.deleted_at is null and new.deleted_at is null and new.created_at = old.created_at then
            v_now := core.clock();
            new.updated_at := v_now;
            new.edited_minute := date_trunc('minute', v_now, 'UTC');
            new.updated_by := null;
            v_undo := '{"blocks": {}}'
                || case when new.title <> old.title then v_old - 'properties' else '{}' end
                || case when new.properties <> old.properties then v_old - 'title' else '{}' end;
            insert into core.page_changes (workspace_id, page_id, version, at, base_version, actor, kind, ops, undo)
            values (
                new.workspace_id, new.id, new.version, v_now, old.version, null, 'direct',
                jsonpatch.diff(v_old, v_new), v_undo
            );
            -- not while migrations before 0015 run
            if to_jsonb(new) ? 'content_hash' then
                new.content_hash := core.change_hash(
                    old.content_hash, v_old, v_new, old.block_order, new.block_order, '{}', '{}', '{}'
                );
                perform core.complete_change(
                    new.workspace_id, new.id, new.version, v_now,
                    case when new.title <> old.title then '[["set", "", "/title"]]' else '[]'::jsonb end
                    || case when new.properties <> old.properties then '[["set", "", "/properties"]]' else '[]'::jsonb
                    end, new.content_hash
                );
            end if;
            if v_new <> v_old then
                perform core.enqueue_blocks(new.workspace_id, new.id, array[0], '{}', 100::smallint);
            end if;
            return new;
        end if;
    end if;
    raise exception 'page % has version %: content is changed through functions, or by raising the version by one',
        old.id, old.version
        using errcode = 'PT409', constraint = 'version_fence',
        detail = jsonb_build_object('page_id', old.id, 'current_version', old.version)::text;
end;
$$;

comment on function core.tg_pages__check_version() is
'Fence around page content: lets functions, maintenance and the old application''s updates by. PT409 version_fence.';
revoke all on function core.tg_pages__check_version() from public;

create or replace trigger check_page_version
before update on core.pages
for each row execute function core.tg_pages__check_version();
comment on trigger check_page_version on core.pages is
'Content changes raise the version by one and are recorded. PT409 version_fence.';
