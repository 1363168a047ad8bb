-- core.repair_log: repairs what core.replay_page finds wrong with the log of a locked page, and says what it did. A row
-- whose operations or pre-images are damaged is written anew where both versions around it prove themselves another
-- way. A row that is missing, or lost on both sides, cannot be made up: it is named, with the last version before it,
-- and stays.
create or replace function core.repair_log(
    p_workspace_id uuid,
    p_page_id uuid
)
returns table (action text, detail jsonb)
language plpgsql
volatile
security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
    v_found record;
    v_old record;
    v_new record;
    v_change record;
begin
    for v_found in
        select damaged.version, min(damaged.problem) as problem
        from core.replay_page(p_workspace_id, p_page_id) as damaged
        group by damaged.version
        order by damaged.version
    loop
        select states.* into v_old
        from core.page_state(p_workspace_id, p_page_id, v_found.version - 1, true) as states;
        select states.* into v_new
        from core.page_state(p_workspace_id, p_page_id, v_found.version, true) as states;
        if v_found.problem not in ('ops', 'undo') or v_new.blocks is null
            or (v_old.blocks is null and v_found.version > 1) then
            return query select 'version_not_repairable', jsonb_build_object(
                'version', v_found.version, 'problem', v_found.problem,
                'last_consistent_version', v_found.version - 1
            );
            continue;
        end if;
        if v_found.version = 1 then
            -- as core.create_page writes it: the whole page
            select
                jsonb_build_array(jsonb_build_object(
                    'op', 'add', 'path', '', 'value', v_new.head || jsonb_build_object('blocks', v_new.blocks)
                )) as ops,
                '{}'::jsonb as undo,
                '[]'::jsonb as touched
            into v_change;
        else
            select made.* into v_change
            from core.make_change(
                v_old.head, v_old.block_order, v_old.blocks, v_new.head, v_new.block_order, v_new.blocks
            ) as made;
        end if;
        update core.page_changes as changes
        set ops = v_change.ops, undo = v_change.undo, touched = v_change.touched
        where changes.workspace_id = p_workspace_id and changes.page_id = p_page_id
            and changes.version = v_found.version;
        return query select 'change_rewritten', jsonb_build_object('version', v_found.version);
    end loop;
end;
$$;

comment on function core.repair_log(uuid, uuid) is
'Writes damaged rows of a page''s log anew where both versions around them prove themselves; what it did, a row each.';
revoke all on function core.repair_log(uuid, uuid) from public;
