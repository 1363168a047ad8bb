-- core.count_missing_vectors: indexed texts that have no vector by a model, or one of an older content, counted up to
-- p_limit (NULL: all). Not those that are dead letters: they get none until somebody edits or replays them. A text that
-- waits to be indexed at all is none of them yet: the worker embeds it with all models in use.
create or replace function core.count_missing_vectors(
    p_model text,
    p_limit bigint
)
returns bigint
language sql
stable
parallel safe
security invoker
set search_path = pg_catalog, pg_temp
as $$
    select count(*)
    from (
        select 1
        from core.search_entries as e
        inner join core.pages as p on p.workspace_id = e.workspace_id and p.id = e.page_id
        left join core.block_embeddings as m
            on m.workspace_id = e.workspace_id and m.page_id = e.page_id and m.no = e.no and m.model = p_model
        where e.body <> ''
            and p.deleted_at is null
            and (m.no is null or m.ver < e.ver)
            and not exists (
                select 1 from core.indexing_dead_letters as d
                where d.workspace_id = e.workspace_id and d.page_id = e.page_id and d.no = e.no
            )
        limit p_limit
    ) as s;
$$;

comment on function core.count_missing_vectors(text, bigint) is
'Indexed texts without an up-to-date vector by a model, up to a limit; dead letters do not count.';
revoke all on function core.count_missing_vectors(text, bigint) from public;
