-- indexing.abort_reembedding: the shadow is filled no longer; its name, NULL when there was none. Audited. The vectors
-- that it has stay until they are dropped (indexing.drop_vectors), or go on being filled after all.
create or replace function indexing.abort_reembedding()
returns text
language plpgsql
volatile
parallel unsafe
security definer
set search_path = pg_catalog, pg_temp
set lock_timeout = '10s'
as $$
declare
    v_name text;
begin
    perform pg_advisory_xact_lock(hashtextextended('quire.embedding_models', 0));
    update core.embedding_models as m set state = 'retired' where m.state = 'shadow' returning m.name into v_name;
    if v_name is not null then
        perform core.write_audit('models.abort', null, jsonb_build_object('model', v_name), null, null);
    end if;
    return v_name;
end;
$$;

comment on function indexing.abort_reembedding() is
'The shadow retires unused; returns its name, NULL when there is none.';
revoke all on function indexing.abort_reembedding() from public;
