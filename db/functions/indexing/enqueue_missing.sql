-- indexing.enqueue_missing: queues, at the lowest priority, blocks that have no entry, or no vector of its content by a
-- model: while a new model is filled, after an adoption, or should an entry ever be lost. A slice of at most p_pages
-- pages a call, in key order behind the last one; no row: the end is reached. A slice ends with the page that makes it
-- a thousand rows: a save of a block that is being queued waits for this transaction. Rows are inserted in key order,
-- as a save does.
create or replace function indexing.enqueue_missing(
    p_model text,
    p_after_workspace_id uuid,
    p_after_page_id uuid,
    p_pages integer
)
returns table (workspace_id uuid, page_id uuid, enqueued integer)
language plpgsql
volatile
parallel unsafe
security definer
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_generic_plan
-- a page's rows by their keys, also where the statistics say that there are none
set enable_seqscan = off
as $$
#variable_conflict use_column
declare
    v_now constant timestamptz := core.clock();
    v_page record;
    v_count integer;
begin
    for v_page in
        select p.workspace_id, p.id
        from core.pages as p
        where (p.workspace_id, p.id) > (p_after_workspace_id, p_after_page_id)
        order by p.workspace_id, p.id
        limit p_pages
    loop
        insert into core.indexing_queue (workspace_id, page_id, no, priority, run_at, enqueued_at)
        select b.workspace_id, b.page_id, b.no, 300, v_now, v_now
        from core.pages as p
        inner join core.indexable_blocks as b on b.workspace_id = p.workspace_id and b.page_id = p.id
        left join core.search_entries as e
            on e.workspace_id = b.workspace_id and e.page_id = b.page_id and e.no = b.no
        left join core.block_embeddings as m
            on m.workspace_id = b.workspace_id and m.page_id = b.page_id and m.no = b.no and m.model = p_model
        where p.workspace_id = v_page.workspace_id and p.id = v_page.id and p.deleted_at is null
            and (e.no is null or (m.no is null or m.ver < e.ver) and e.body <> '')
            and not exists (
                select 1 from core.indexing_dead_letters as d
                where d.workspace_id = b.workspace_id and d.page_id = b.page_id and d.no = b.no
            )
        order by b.workspace_id, b.page_id, b.no
        on conflict (workspace_id, page_id, no) do nothing;
        get diagnostics v_count = row_count;
        enqueued := coalesce(enqueued, 0) + v_count;
        workspace_id := v_page.workspace_id;
        page_id := v_page.id;
        exit when enqueued >= 1000;
    end loop;
    if page_id is not null then
        return next;
    end if;
end;
$$;

comment on function indexing.enqueue_missing(text, uuid, uuid, integer) is
'Queues blocks without entry or vector of the next pages after a key, priority 300; returns the last page looked at.';
revoke all on function indexing.enqueue_missing(text, uuid, uuid, integer) from public;
grant execute on function indexing.enqueue_missing(text, uuid, uuid, integer) to quire_worker;
