-- core.waiting_blocks: blocks of a workspace whose entries are behind their text, newest edits first: what search reads
-- live, so that a save is found at once. Bounded work however deep the queue is: edits from the new end of the ready
-- index, then imports by the newest edited pages. Entries that wait for a new model only (priority 300) have their
-- text.
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
    with edits as (
        select q.workspace_id, q.page_id, q.no
        from core.indexing_queue as q
        where q.lane in (0, 1) and q.priority < 200
        order by q.seq desc
        limit 5000
    ),
    imports as (
        select q.page_id, q.no
        from (
            select p.id, p.updated_at
            from core.pages as p
            where p.workspace_id = p_workspace_id
            order by p.edited_minute desc, p.updated_at desc
            limit 100
        ) as p
        inner join core.indexing_queue as q on q.workspace_id = p_workspace_id and q.page_id = p.id
        where q.priority between 200 and 299
        order by p.updated_at desc
        limit p_limit
    )
    select w.page_id, w.no
    from (
        select e.page_id, e.no from edits as e where e.workspace_id = p_workspace_id
        union all
        select i.page_id, i.no from imports as i
    ) as w
    limit p_limit;
end;
$$;

comment on function core.waiting_blocks(uuid, integer) is
'Keys of blocks that wait to be indexed, newest edits first, at most p_limit.';
revoke all on function core.waiting_blocks(uuid, integer) from public;
