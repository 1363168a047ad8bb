-- core.lock_leased: locks the queue rows that a lease still holds, in key order (waiting for saves that hold one), of
-- some places or all (NULL): their places, row ids (good while they are locked) and generations now. The arrays of a
-- lease are in key order and each look-up is a lateral one, so the order of locks is that of the keys: it is the saves'
-- order, too. Decide in a later statement: under a snapshot taken after the locks.
create or replace function core.lock_leased(
    p_lease_id uuid,
    p_workspace_ids uuid[],
    p_page_ids uuid[],
    p_nos integer[],
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
        coalesce(array_agg(k.place::integer), '{}'), coalesce(array_agg(h.row_id), '{}'),
        coalesce(array_agg(h.generation), '{}')
    from (
        select a.place, a.workspace_id, a.page_id, a.no
        from unnest(p_workspace_ids, p_page_ids, p_nos) with ordinality as a (workspace_id, page_id, no, place)
        where p_places is null or a.place = any(p_places)
        offset 0
    ) as k
    cross join lateral (
        select q.ctid as row_id, q.generation
        from core.indexing_queue as q
        where q.workspace_id = k.workspace_id and q.page_id = k.page_id and q.no = k.no and q.lease_id = p_lease_id
        limit 1
        for update
    ) as h;
end;
$$;

comment on function core.lock_leased(uuid, uuid[], uuid[], integer[], integer[]) is
'Locks the queue rows that a lease still holds, in key order; their places, row ids and generations.';
revoke all on function core.lock_leased(uuid, uuid[], uuid[], integer[], integer[]) from public;
