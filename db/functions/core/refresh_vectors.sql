-- core.refresh_vectors: the part of indexing.write_entries that writes no new vector: one whose text is the same takes
-- the new version; one whose text became empty goes; what is gone loses all its vectors.
create or replace function core.refresh_vectors(
    p_workspace_ids uuid[],
    p_page_ids uuid[],
    p_nos integer[],
    p_vers bigint[],
    p_text_hashes bytea[],
    p_places integer[],
    p_gone integer[]
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
    with found as materialized (
        select e.workspace_id, e.page_id, e.no, e.model, p_vers[u.place] as ver,
            u.place = any(p_gone) or p_text_hashes[u.place] = v_empty as obsolete
        from (
            select s.place
            from unnest(p_places) as s (place)
            where s.place = any(p_gone) or p_text_hashes[s.place] is not null
            order by p_workspace_ids[s.place], p_page_ids[s.place], p_nos[s.place]
            offset 0
        ) as u
        cross join lateral (
            select e.workspace_id, e.page_id, e.no, e.model
            from core.block_embeddings as e
            where e.workspace_id = p_workspace_ids[u.place] and e.page_id = p_page_ids[u.place]
                and e.no = p_nos[u.place]
                and (
                    u.place = any(p_gone)
                    or e.ver < p_vers[u.place] and p_text_hashes[u.place] in (v_empty, e.text_hash)
                )
            order by e.workspace_id, e.page_id, e.no, e.model
            for update
        ) as e
    ),
    removed as (
        delete from core.block_embeddings as e
        using found as f
        where f.obsolete
            and e.workspace_id = f.workspace_id and e.page_id = f.page_id and e.no = f.no and e.model = f.model
    )
    update core.block_embeddings as e
    set ver = f.ver
    from found as f
    where not f.obsolete
        and e.workspace_id = f.workspace_id and e.page_id = f.page_id and e.no = f.no and e.model = f.model;
end;
$$;

comment on function core.refresh_vectors(uuid[], uuid[], integer[], bigint[], bytea[], integer[], integer[]) is
'Vectors of unchanged, emptied and deleted blocks of a batch, by place.';
revoke all on function core.refresh_vectors(
    uuid[], uuid[], integer[], bigint[], bytea[], integer[], integer[]
) from public;
