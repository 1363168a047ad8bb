-- ops.purge_deleted_pages: pages deleted 30 days ago go for good, with blocks, log, snapshots, names and what search
-- still has of them; up to p_limit a call, in key order. Returns how many. Several workers may call it at once. A page
-- that is being restored is passed over.
create or replace function ops.purge_deleted_pages(
    p_limit integer
)
returns integer
language plpgsql
volatile
parallel unsafe
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_floor constant timestamptz := core.retention_floor('purge_deleted_pages');
    v_page record;
    v_count integer := 0;
begin
    for v_page in
        select pages.workspace_id, pages.id
        from core.pages
        where pages.deleted_at < v_floor
        order by pages.workspace_id, pages.id
        limit p_limit
        for update skip locked
    loop
        -- queue first, as a save does after its page row
        with waiting as (
            select q.no
            from core.indexing_queue as q
            where q.workspace_id = v_page.workspace_id and q.page_id = v_page.id
            order by q.no
            for update
        )

        delete from core.indexing_queue as q
        using waiting as w
        where q.workspace_id = v_page.workspace_id and q.page_id = v_page.id and q.no = w.no;
        delete from core.indexing_dead_letters as d
        where d.workspace_id = v_page.workspace_id and d.page_id = v_page.id;
        delete from core.block_embeddings as e
        where e.workspace_id = v_page.workspace_id and e.page_id = v_page.id;
        delete from core.search_entries as s
        where s.workspace_id = v_page.workspace_id and s.page_id = v_page.id;
        delete from core.page_changes as c
        where c.workspace_id = v_page.workspace_id and c.page_id = v_page.id;
        delete from core.page_snapshots_due as d
        where d.workspace_id = v_page.workspace_id and d.page_id = v_page.id;
        -- blocks, snapshots and names go with it
        delete from core.pages as p
        where p.workspace_id = v_page.workspace_id and p.id = v_page.id;
        v_count := v_count + 1;
    end loop;
    return v_count;
end;
$$;

comment on function ops.purge_deleted_pages(integer) is
'Removes pages deleted 30 days ago with everything of theirs, in key order; returns how many.';
revoke all on function ops.purge_deleted_pages(integer) from public;
grant execute on function ops.purge_deleted_pages(integer) to quire_worker;
