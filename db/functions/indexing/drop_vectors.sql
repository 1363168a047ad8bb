-- indexing.drop_vectors: removes a retired model's vectors, those of a slice of pages a call, in key order behind the
-- last one. No row: the end is reached, and the model is marked as dropped, audited. Drop its index first: each row is
-- then cheap. PT409 model_in_use: not a retired one.
create or replace function indexing.drop_vectors(
    p_model text,
    p_after_workspace_id uuid,
    p_after_page_id uuid,
    p_pages integer
)
returns table (workspace_id uuid, page_id uuid, deleted integer)
language plpgsql
volatile
parallel unsafe
security definer
set search_path = pg_catalog, pg_temp
set lock_timeout = '10s'
as $$
#variable_conflict use_column
declare
    v_workspace_id uuid;
    v_page_id uuid;
begin
    perform pg_advisory_xact_lock(hashtextextended('quire.embedding_models', 0));
    if not exists (select from core.embedding_models as m where m.name = p_model and m.state = 'retired') then
        raise exception 'the model % is not a retired one', p_model
            using errcode = 'PT409', constraint = 'model_in_use', detail = jsonb_build_object('model', p_model)::text;
    end if;
    select s.workspace_id, s.page_id
    into v_workspace_id, v_page_id
    from (
        select e.workspace_id, e.page_id
        from core.block_embeddings as e
        where (e.workspace_id, e.page_id) > (p_after_workspace_id, p_after_page_id)
        group by e.workspace_id, e.page_id
        order by e.workspace_id, e.page_id
        limit p_pages
    ) as s
    order by s.workspace_id desc, s.page_id desc
    limit 1;
    if not found then
        update core.embedding_models as m set dropped_at = core.clock() where m.name = p_model;
        perform core.write_audit('models.drop', null, jsonb_build_object('model', p_model), null, null);
        return;
    end if;
    delete from core.block_embeddings as e
    where (e.workspace_id, e.page_id) > (p_after_workspace_id, p_after_page_id)
        and (e.workspace_id, e.page_id) <= (v_workspace_id, v_page_id)
        and e.model = p_model;
    get diagnostics deleted = row_count;
    workspace_id := v_workspace_id;
    page_id := v_page_id;
    return next;
end;
$$;

comment on function indexing.drop_vectors(text, uuid, uuid, integer) is
'Removes a retired model''s vectors from the next pages after a key; returns the last page. PT409 model_in_use.';
revoke all on function indexing.drop_vectors(text, uuid, uuid, integer) from public;
