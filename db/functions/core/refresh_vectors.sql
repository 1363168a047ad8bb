-- core.refresh_vectors: the part of indexing.write_entries that writes no new vector: one whose text is the same takes
-- the new version; one whose text became empty goes; what is gone (p_live false) loses its entry and all its vectors.
create or replace function core.refresh_vectors(
    p_model text,
    p_workspace_ids uuid[],
    p_page_ids uuid[],
    p_nos integer[],
    p_vers bigint[],
    p_hashes bytea[],
    p_live boolean[]
)
returns void
language plpgsql
volatile
parallel unsafe
security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
    v_empty constant bytea := sha256('');
begin
    with same as (
        select e.workspace_id, e.page_id, e.no, a.ver
        from unnest(p_workspace_ids, p_page_ids, p_nos, p_vers, p_hashes, p_live)
            as a (workspace_id, page_id, no, ver, text_hash, live)
        inner join core.block_embeddings as e
            on e.workspace_id = a.workspace_id and e.page_id = a.page_id and e.no = a.no and e.model = p_model
        where a.live and e.text_hash = a.text_hash and e.ver < a.ver
        order by e.workspace_id, e.page_id, e.no
        for update of e
    )
    update core.block_embeddings as e
    set ver = s.ver
    from same as s
    where e.workspace_id = s.workspace_id and e.page_id = s.page_id and e.no = s.no and e.model = p_model;

    with gone as (
        select e.workspace_id, e.page_id, e.no, e.model
        from unnest(p_workspace_ids, p_page_ids, p_nos, p_vers, p_hashes, p_live)
            as a (workspace_id, page_id, no, ver, text_hash, live)
        inner join core.block_embeddings as e
            on e.workspace_id = a.workspace_id and e.page_id = a.page_id and e.no = a.no
        where not a.live or a.live and a.text_hash = v_empty and e.ver < a.ver
        order by e.workspace_id, e.page_id, e.no, e.model
        for update of e
    )
    delete from core.block_embeddings as e
    using gone as g
    where e.workspace_id = g.workspace_id and e.page_id = g.page_id and e.no = g.no and e.model = g.model;

    with gone as (
        select e.workspace_id, e.page_id, e.no
        from unnest(p_workspace_ids, p_page_ids, p_nos, p_live) as a (workspace_id, page_id, no, live)
        inner join core.search_entries as e
            on e.workspace_id = a.workspace_id and e.page_id = a.page_id and e.no = a.no
        where not a.live
        order by e.workspace_id, e.page_id, e.no
        for update of e
    )
    delete from core.search_entries as e
    using gone as g
    where e.workspace_id = g.workspace_id and e.page_id = g.page_id and e.no = g.no;
end;
$$;

comment on function core.refresh_vectors(text, uuid[], uuid[], integer[], bigint[], bytea[], boolean[]) is
'Vectors of unchanged, emptied and deleted blocks, and the entries of deleted ones. NULL in p_live: not touched.';
revoke all on function core.refresh_vectors(text, uuid[], uuid[], integer[], bigint[], bytea[], boolean[]) from public;
