-- indexing.write_entries: brings search entries and vectors of leased queue rows up to date; call with few rows at a
-- time, for an HNSW index takes milliseconds a vector. No queue row is locked. Idempotent, and guarded by content
-- version: what is older than what is there is not written. Rows whose lease is gone are left alone (a late worker
-- writes nothing). Text and data are read here, so they are the newest; a vector belongs to the version that was
-- claimed. p_vecs: a vector as text, or NULL for one that need not be embedded again. Returns the number of vectors
-- written.
create or replace function indexing.write_entries(
    p_lease_id uuid,
    p_model text,
    p_workspace_ids uuid[],
    p_page_ids uuid[],
    p_nos integer[],
    p_vers bigint[],
    p_hashes bytea[],
    p_vecs text[]
)
returns integer
language plpgsql
volatile
parallel unsafe
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_now constant timestamptz := core.clock();
    v_live boolean[];
    v_count integer;
begin
    -- per given row: true there is content, false it is gone, NULL the lease is lost
    select array_agg(case when q.no is not null then b.no is not null and p.id is not null end order by a.i)
    into v_live
    from unnest(p_workspace_ids, p_page_ids, p_nos) with ordinality as a (workspace_id, page_id, no, i)
    left join core.indexing_queue as q
        on q.workspace_id = a.workspace_id and q.page_id = a.page_id and q.no = a.no and q.lease_id = p_lease_id
    left join core.indexable_blocks as b on b.workspace_id = a.workspace_id and b.page_id = a.page_id and b.no = a.no
    left join core.pages as p on p.workspace_id = a.workspace_id and p.id = a.page_id and p.deleted_at is null;

    insert into core.search_entries as e
        (workspace_id, page_id, no, block_id, type, ver, body, body_tsv, data, indexed_at)
    select
        b.workspace_id, b.page_id, b.no, b.block_id, b.type, b.ver, b.body,
        core.search_vector(b.type, b.body), b.data, v_now
    from unnest(p_workspace_ids, p_page_ids, p_nos, v_live) as a (workspace_id, page_id, no, live)
    inner join core.indexable_blocks as b
        on b.workspace_id = a.workspace_id and b.page_id = a.page_id and b.no = a.no
    where a.live
    order by b.workspace_id, b.page_id, b.no
    on conflict (workspace_id, page_id, no) do update
    set
        block_id = excluded.block_id, type = excluded.type, ver = excluded.ver, body = excluded.body,
        body_tsv = excluded.body_tsv, data = excluded.data, indexed_at = excluded.indexed_at
    where e.ver < excluded.ver;

    insert into core.block_embeddings as e (workspace_id, page_id, no, model, ver, text_hash, vec)
    select a.workspace_id, a.page_id, a.no, p_model, a.ver, a.text_hash, a.vec::public.vector
    from unnest(p_workspace_ids, p_page_ids, p_nos, p_vers, p_hashes, p_vecs, v_live)
        as a (workspace_id, page_id, no, ver, text_hash, vec, live)
    where a.live and a.vec is not null
    order by a.workspace_id, a.page_id, a.no
    on conflict (workspace_id, page_id, no, model) do update
    set ver = excluded.ver, text_hash = excluded.text_hash, vec = excluded.vec
    where e.ver < excluded.ver;
    get diagnostics v_count = row_count;

    perform core.refresh_vectors(p_model, p_workspace_ids, p_page_ids, p_nos, p_vers, p_hashes, v_live);
    if v_count > 0 then
        perform core.count_indexing('embedded', v_count);
    end if;
    return v_count;
end;
$$;

comment on function indexing.write_entries(uuid, text, uuid[], uuid[], integer[], bigint[], bytea[], text[]) is
'Writes search entries and vectors of leased rows, never an older version over a newer; returns vectors written.';
revoke all on function indexing.write_entries(
    uuid, text, uuid[], uuid[], integer[], bigint[], bytea[], text[]
) from public;
grant execute on function indexing.write_entries(
    uuid, text, uuid[], uuid[], integer[], bigint[], bytea[], text[]
) to quire_worker;
