-- core.lock_leased: locks the queue rows that a lease still holds, in key order (waiting for saves that hold one), of
-- some places or all (NULL): their places, row ids (good while they are locked) and generations now. The arrays of a
-- lease are in key order and each look-up is a lateral one, so the order of locks is that of the keys: it is the saves'
-- order, too. A row is looked up where the claim left it, and by its key only if it is not there (edited since, the
-- table rewritten): a key that was queued again and again leads past all its dead rows while an old snapshot is held.
-- Decide in a later statement: under a snapshot taken after the locks.
create or replace function core.lock_leased(
    p_lease_id uuid,
    p_workspace_ids uuid[],
    p_page_ids uuid[],
    p_nos integer[],
    p_row_ids tid[],
    p_places integer[]
)
returns table (places integer[], row_ids tid[], generations integer[])
language plpgsql
volatile
parallel unsafe
security invoker
set search_path = pg_catalog, pg_temp
as $$
begin
    return query
    select
        coalesce(array_agg(s.place), '{}'), coalesce(array_agg(s.row_id), '{}'), coalesce(array_agg(s.generation), '{}')
    from (
        select
            k.place::integer, case when h.is_it then h.row_id else m.row_id end as row_id,
            case when h.is_it then h.generation else m.generation end as generation
        from (
            select a.place, a.workspace_id, a.page_id, a.no, a.row_id
            from unnest(p_workspace_ids, p_page_ids, p_nos, p_row_ids) with ordinality
                as a (workspace_id, page_id, no, row_id, place)
            where p_places is null or a.place = any(p_places)
            offset 0
        ) as k
        left join lateral (
            -- is_it: another row of this lease may have come to this place
            select
                q.ctid as row_id, q.generation,
                q.workspace_id = k.workspace_id and q.page_id = k.page_id and q.no = k.no as is_it
            from core.indexing_queue as q
            where q.ctid = k.row_id and q.lease_id = p_lease_id
            limit 1
            for update
        ) as h on true
        left join lateral (
            select q.ctid as row_id, q.generation
            from core.indexing_queue as q
            where h.is_it is not true
                and q.workspace_id = k.workspace_id and q.page_id = k.page_id and q.no = k.no
                and q.lease_id = p_lease_id
            limit 1
            for update
        ) as m on true
        where h.is_it or m.row_id is not null
        offset 0
    ) as s;
end;
$$;

comment on function core.lock_leased(uuid, uuid[], uuid[], integer[], tid[], integer[]) is
'Locks the queue rows that a lease still holds, in key order; their places, row ids and generations.';
revoke all on function core.lock_leased(uuid, uuid[], uuid[], integer[], tid[], integer[]) from public;
