-- core.make_snapshot: a snapshot of a page's version, if there is none; whether there is one now. Out of the log and
-- its own content only, so that it may be made whenever.
create or replace function core.make_snapshot(
    p_workspace_id uuid,
    p_page_id uuid,
    p_version bigint
)
returns boolean
language plpgsql
volatile
security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
    v_done boolean;
begin
    if exists (
        select from core.page_snapshots as snapshots
        where snapshots.workspace_id = p_workspace_id and snapshots.page_id = p_page_id
            and snapshots.version = p_version
    ) then
        return true;
    end if;
    insert into core.page_snapshots (workspace_id, page_id, version, at, document, block_order, content_hash)
    select
        p_workspace_id, p_page_id, p_version, coalesce(changes.at, pages.updated_at),
        states.head || jsonb_build_object('blocks', to_jsonb(states.blocks)), states.block_order, states.content_hash
    from core.pages
    cross join core.page_state(p_workspace_id, p_page_id, p_version, true) as states
    left join core.page_changes as changes
        on changes.workspace_id = pages.workspace_id and changes.page_id = pages.id and changes.version = p_version
    where pages.workspace_id = p_workspace_id and pages.id = p_page_id and p_version between 1 and pages.version
        and states.blocks is not null
    on conflict do nothing
    returning true into v_done;
    return coalesce(v_done, false) or exists (
        select from core.page_snapshots as snapshots
        where snapshots.workspace_id = p_workspace_id and snapshots.page_id = p_page_id
            and snapshots.version = p_version
    );
end;
$$;

comment on function core.make_snapshot(uuid, uuid, bigint) is
'Makes a snapshot of a page''s version where there is none; whether there is one now.';
revoke all on function core.make_snapshot(uuid, uuid, bigint) from public;
