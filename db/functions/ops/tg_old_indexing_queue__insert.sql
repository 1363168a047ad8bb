-- ops.tg_old_indexing_queue__insert: INSERT on the view public.indexing_queue: transactions of the old application that
-- enqueue what they changed keep working. Blocks that are there are enqueued; what is gone needs nothing.
-- SECURITY DEFINER, and so in ops: a trigger runs with the rights of whoever writes.
create or replace function ops.tg_old_indexing_queue__insert()
returns trigger
language plpgsql
volatile
parallel unsafe
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_workspace_id uuid;
    v_nos integer[];
begin
    new.block_ids := coalesce(new.block_ids, '{}');
    new.action := coalesce(new.action, 'upsert');
    new.status := 'pending';
    new.attempts := 0;
    new.created_at := core.clock();
    new.processed_at := null;
    select p.workspace_id into v_workspace_id
    from core.pages as p
    where p.id = new.page_id and p.deleted_at is null;
    if not found then
        return new;
    end if;
    if cardinality(new.block_ids) = 0 then
        v_nos := array[0];
    else
        -- As the view public.blocks names them: the id itself where it is a UUID, else one made of it.
        select coalesce(array_agg(b.no), '{}') into v_nos
        from core.blocks as b
        where b.workspace_id = v_workspace_id and b.page_id = new.page_id
            and (
                b.id = any(new.block_ids::text[])
                or md5(b.workspace_id::text || '/' || b.page_id::text || '/' || b.id)::uuid = any(new.block_ids)
            );
    end if;
    if cardinality(v_nos) > 0 then
        perform core.enqueue_blocks(v_workspace_id, new.page_id, v_nos, '{}', 100::smallint);
        select min(q.seq) into new.id
        from core.indexing_queue as q
        where q.workspace_id = v_workspace_id and q.page_id = new.page_id and q.no = any(v_nos);
    end if;
    return new;
end;
$$;

comment on function ops.tg_old_indexing_queue__insert() is
'Enqueues the blocks that an INSERT on the view public.indexing_queue names.';
revoke all on function ops.tg_old_indexing_queue__insert() from public;
