-- core.model_index: a model's approximate index over core.block_embeddings: its name, the statement that makes it, and
-- whether it is there (NULL: there, but not valid: a concurrent build was cut short). Found by its predicate, for two
-- models' names may be the same but for signs that a name of an index has not. No row above 4,000 dimensions: pgvector
-- indexes up to 2,000, and 4,000 at half precision; above that search is exact.
create or replace function core.model_index(
    p_model text,
    p_dimensions integer
)
returns table (name text, statement text, is_valid boolean)
language plpgsql
stable
parallel safe
security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
    v_type constant text := case when p_dimensions <= 2000 then 'vector' else 'halfvec' end;
    v_slug constant text := left(regexp_replace(lower(p_model), '[^a-z0-9]+', '_', 'g'), 38);
begin
    if p_dimensions > 4000 then
        return;
    end if;
    select c.relname, case when i.indisvalid then true end
    into name, is_valid
    from pg_index as i
    inner join pg_class as c on c.oid = i.indexrelid
    where i.indrelid = 'core.block_embeddings'::regclass
        and pg_get_expr(i.indpred, i.indrelid) = format('(model = %L::text)', p_model)
    order by i.indisvalid desc
    limit 1;
    if name is null then
        is_valid := false;
        name := 'block_embeddings_' || v_slug || '_ix';
        if to_regclass('core.' || name) is not null then
            name := 'block_embeddings_' || v_slug || '_' || left(md5(p_model), 6);
        end if;
    end if;
    statement := format(
        'create index %I on core.block_embeddings using hnsw ((vec::public.%s(%s)) public.%s_cosine_ops) '
        'where model = %L', name, v_type, p_dimensions, v_type, p_model
    );
    return next;
end;
$$;

comment on function core.model_index(text, integer) is
'Name, statement and presence of a model''s HNSW index (NULL: invalid); no row above 4,000 dimensions.';
revoke all on function core.model_index(text, integer) from public;
