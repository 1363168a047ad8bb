-- core.waiting_blocks: blocks of a workspace whose entries are behind their text, in the order in which search reads
-- them live, so that a save is found at once: edits before imports, the page edited last first, of a page its title and
-- then what was written last. A page's 201st block comes after all others' first 200: one long page does not hide the
-- rest. Bounded work however deep the queue is: edits from the new end of the queue (core.waiting_tail), and what waits
-- of the pages edited last (an edit of a block that waits already keeps its old place in the queue). Entries that wait
-- for a new model only (priority 300) have their text.
create or replace function core.waiting_blocks(
    p_workspace_id uuid,
    p_limit integer
)
returns table (page_id uuid, no integer)
language plpgsql
stable
parallel safe
security invoker
set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
begin
    -- most of the time nothing waits
    if not exists (select 1 from core.indexing_queue as q where q.workspace_id = p_workspace_id) then
        return;
    end if;
    return query
    with newest as materialized (
        select p.id, p.updated_at
        from core.pages as p
        where p.workspace_id = p_workspace_id and p.deleted_at is null
        order by p.edited_minute desc, p.updated_at desc
        limit 200
    ),
    waiting as (
        -- "offset 0", "limit", row comparisons: look-ups by key whatever the statistics say, see core.live_blocks
        (select n.id as page_id, q.no, q.priority < 200 as is_edit, n.updated_at
        from newest as n
        cross join lateral (
            select q.no, q.priority from core.indexing_queue as q
            where (q.workspace_id, q.page_id, q.no) >= (p_workspace_id, n.id, 0)
                and (q.workspace_id, q.page_id, q.no) <= (p_workspace_id, n.id, 2147483647)
                and q.priority < 300 and q.op = 'upsert'
            order by q.workspace_id, q.page_id, q.no
            limit 5000
        ) as q
        limit 5000)
        union
        select t.page_id, t.no, true, p.updated_at
        from core.waiting_tail(p_workspace_id, 5000) as t
        cross join lateral (
            select p.updated_at from core.pages as p
            where p.workspace_id = p_workspace_id and p.id = t.page_id and p.deleted_at is null
            offset 0
        ) as p
        where t.op = 'upsert'
    ),
    placed as (
        select w.page_id, w.no, w.is_edit, w.updated_at, row_number() over (
            partition by w.page_id, w.is_edit
            order by
                w.no > 0,
                case when w.is_edit then (
                    select b.ver from core.blocks as b
                    where b.workspace_id = p_workspace_id and b.page_id = w.page_id and b.no between w.no and w.no
                    order by b.no limit 1
                ) end desc nulls last,
                w.no
        ) as place
        from waiting as w
    )
    select p.page_id, p.no
    from placed as p
    order by p.is_edit desc, p.place > 200, p.updated_at desc, p.page_id, p.place
    limit p_limit;
end;
$$;

comment on function core.waiting_blocks(uuid, integer) is
'Keys of blocks that wait to be indexed, edits before imports, newest pages first, at most p_limit.';
revoke all on function core.waiting_blocks(uuid, integer) from public;
