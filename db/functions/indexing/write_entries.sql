-- indexing.write_entries: brings search entries and vectors of a batch up to date. A vector is fresh at first: searches
-- compare it exactly, and indexing.settle_vectors moves it into the approximate index when it is quiet. With too many
-- fresh ones of its model (core.most_fresh) it goes there at once: call this with few at a time, for an HNSW index
-- takes milliseconds a vector. No queue row is locked. Idempotent, and guarded by content version: what is older than
-- what is there is not written. A worker whose lease is gone writes nothing. Text and data are read here, so they are
-- the newest; a vector belongs to the version that was claimed. Not flushed by itself: the ack is, and with it all that
-- came before. p_places: an entry; p_models, p_vecs: a vector (as text) of it by a model, or both NULL.
-- Returns the number of vectors written. 22000: a vector without the dimensions of its model; nothing is written.
create or replace function indexing.write_entries(
    p_lease_id uuid,
    p_places integer[],
    p_models text[],
    p_vecs text[]
)
returns integer
language plpgsql
volatile
parallel unsafe
security definer
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_generic_plan
set enable_seqscan = off
set enable_bitmapscan = off
as $$
declare
    v_now constant timestamptz := core.clock();
    v_workspace_ids uuid[];
    v_page_ids uuid[];
    v_nos integer[];
    v_vers bigint[];
    v_text_hashes bytea[];
    v_places constant integer[] := array(select distinct p.place from unnest(p_places) as p (place));
    v_gone integer[];
    v_full text[];
    v_vecs constant public.vector[] := p_vecs;
    v_wrong record;
    v_count integer;
begin
    perform set_config('synchronous_commit', 'off', true);
    select l.workspace_ids, l.page_ids, l.nos, l.vers, l.text_hashes
    into v_workspace_ids, v_page_ids, v_nos, v_vers, v_text_hashes
    from core.indexing_leases as l
    where l.lease_id = p_lease_id;
    if not found then
        return 0;
    end if;
    v_gone := core.write_search_entries(v_workspace_ids, v_page_ids, v_nos, v_vers, v_places, v_now);

    select a.model, public.vector_dims(a.vec) as given, m.dimensions into v_wrong
    from unnest(p_models, v_vecs) as a (model, vec)
    inner join core.embedding_models as m on m.name = a.model and m.dimensions <> public.vector_dims(a.vec)
    limit 1;
    if found then
        raise exception 'a vector of % has % dimensions, not %', v_wrong.model, v_wrong.given, v_wrong.dimensions
            using errcode = '22000';
    end if;
    v_full := array(
        select m.name from core.embedding_models as m where m.fresh_vectors >= core.most_fresh(m.dimensions)
    );
    insert into core.block_embeddings as e (
        workspace_id, page_id, no, model, ver, text_hash, vec, fresh_vec, fresh_since
    )
    select
        v_workspace_ids[a.place], v_page_ids[a.place], v_nos[a.place], a.model, v_vers[a.place], v_text_hashes[a.place],
        case when a.model = any(v_full) then a.vec end,
        case when a.model <> all(v_full) then a.vec end,
        case when a.model <> all(v_full) then v_now end
    from unnest(p_places, p_models, v_vecs) as a (place, model, vec)
    where a.vec is not null and v_text_hashes[a.place] is not null and not a.place = any(v_gone)
    order by v_workspace_ids[a.place], v_page_ids[a.place], v_nos[a.place], a.model
    on conflict (workspace_id, page_id, no, model) do update
    set ver = excluded.ver, text_hash = excluded.text_hash,
        vec = excluded.vec, fresh_vec = excluded.fresh_vec, fresh_since = excluded.fresh_since
    where e.ver < excluded.ver;
    get diagnostics v_count = row_count;

    perform core.refresh_vectors(v_workspace_ids, v_page_ids, v_nos, v_vers, v_text_hashes, v_places, v_gone);
    if v_count > 0 then
        perform core.count_indexing('embedded', v_count);
    end if;
    return v_count;
end;
$$;

comment on function indexing.write_entries(uuid, integer[], text[], text[]) is
'Writes search entries and vectors of a batch, never an older version over a newer; returns vectors written.';
revoke all on function indexing.write_entries(uuid, integer[], text[], text[]) from public;
grant execute on function indexing.write_entries(uuid, integer[], text[], text[]) to quire_worker;
