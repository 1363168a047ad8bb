-- indexing.start_reembedding: from now on a model is filled beside the active one: it becomes the shadow, which the
-- worker embeds edits with too. True when it was not yet the shadow: audited then. Called again it changes how the
-- model is reached. PT409 model_active: it is in use already; PT409 reembedding_running: another model is being filled;
-- PT409 model_dimensions; PT400 bad_model.
create or replace function indexing.start_reembedding(
    p_name text,
    p_dimensions integer,
    p_config jsonb
)
returns boolean
language plpgsql
volatile
parallel unsafe
security definer
set search_path = pg_catalog, pg_temp
set lock_timeout = '10s'
as $$
declare
    v_model core.embedding_models;
    v_shadow text;
begin
    v_model := core.check_model(p_name, p_dimensions, p_config);
    if v_model.state = 'active' then
        raise exception 'the model % is the active one already', p_name
            using errcode = 'PT409', constraint = 'model_active', detail = jsonb_build_object('model', p_name)::text;
    end if;
    select m.name into v_shadow from core.embedding_models as m where m.state = 'shadow' and m.name <> p_name;
    if found then
        raise exception 'the model % is being filled: let that end, or give it up with `quire reembed --abort`', v_shadow
            using errcode = 'PT409', constraint = 'reembedding_running',
            detail = jsonb_build_object('model', v_shadow)::text;
    end if;
    insert into core.embedding_models as m (name, dimensions, state, created_at, config)
    values (p_name, p_dimensions, 'shadow', core.clock(), p_config)
    on conflict (name) do update
    set state = 'shadow', dropped_at = null, config = excluded.config;
    if v_model.state is not distinct from 'shadow' then
        return false;
    end if;
    perform core.write_audit(
        'models.fill', null, jsonb_build_object('model', p_name, 'dimensions', p_dimensions), null, null
    );
    return true;
end;
$$;

comment on function indexing.start_reembedding(text, integer, jsonb) is
'Makes a model the shadow that is filled beside the active one. PT409 model_active, reembedding_running, ..; PT400.';
revoke all on function indexing.start_reembedding(text, integer, jsonb) from public;
