-- indexing.switch_model: the shadow becomes the active model, the active one retires, in one transaction. The name of
-- the one that retires. Its vectors stay, so that queries already embedded by it find their neighbours. PT409
-- no_reembedding: that model is not the shadow; PT409 reembedding_incomplete: a text has no vector by it yet.
create or replace function indexing.switch_model(
    p_name text
)
returns text
language plpgsql
volatile
parallel unsafe
security definer
set search_path = pg_catalog, pg_temp
set lock_timeout = '10s'
as $$
declare
    v_missing bigint;
    v_old text;
begin
    perform pg_advisory_xact_lock(hashtextextended('quire.embedding_models', 0));
    if not exists (select from core.embedding_models as m where m.name = p_name and m.state = 'shadow') then
        raise exception 'the model % is not being filled', p_name
            using errcode = 'PT409', constraint = 'no_reembedding',
            detail = jsonb_build_object('model', p_name)::text;
    end if;
    v_missing := core.count_missing_vectors(p_name, 1000);
    if v_missing > 0 then
        raise exception '% texts have no vector by the model % yet',
            case when v_missing < 1000 then v_missing::text else '1000 or more' end, p_name
            using errcode = 'PT409', constraint = 'reembedding_incomplete',
            detail = jsonb_build_object('model', p_name, 'missing', v_missing)::text;
    end if;
    update core.embedding_models as m set state = 'retired' where m.state = 'active' returning m.name into v_old;
    update core.embedding_models as m set state = 'active' where m.name = p_name;
    perform core.write_audit('models.switch', null, jsonb_build_object('model', p_name, 'old', v_old), null, null);
    return v_old;
end;
$$;

comment on function indexing.switch_model(text) is
'The filled shadow becomes active; returns who retires. PT409 no_reembedding, reembedding_incomplete.';
revoke all on function indexing.switch_model(text) from public;
