-- core.check_search: refuses arguments of a search that cannot be used.
-- PT400 bad_mode, bad_limit, empty_query, query_too_long, bad_contains, embedding_required.
create or replace function core.check_search(
    p_query text,
    p_mode text,
    p_contains text,
    p_limit integer,
    p_embedding text
)
returns void
language plpgsql
immutable
parallel safe
security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
    v_contains jsonb;
begin
    if p_mode is null or p_mode not in ('hybrid', 'text', 'vector') then
        raise exception 'mode is hybrid, text or vector' using errcode = 'PT400', constraint = 'bad_mode';
    elsif p_limit is null or p_limit not between 1 and 100 then
        raise exception 'limit is a number from 1 to 100'
            using errcode = 'PT400', constraint = 'bad_limit', detail = '{"minimum": 1, "maximum": 100}';
    elsif btrim(coalesce(p_query, '')) = '' and p_contains is null then
        raise exception 'nothing to search for: give q, contains or both'
            using errcode = 'PT400', constraint = 'empty_query';
    elsif length(p_query) > 1000 then
        raise exception 'q is longer than 1000 characters'
            using errcode = 'PT400', constraint = 'query_too_long', detail = '{"limit": 1000}';
    elsif length(p_contains) > 4000 then
        raise exception 'contains is longer than 4000 characters'
            using errcode = 'PT400', constraint = 'bad_contains', detail = '{"limit": 4000}';
    elsif p_mode = 'vector' and (p_embedding is null or btrim(coalesce(p_query, '')) = '') then
        raise exception 'a search by vectors needs q and its embedding'
            using errcode = 'PT400', constraint = 'embedding_required';
    end if;
    begin
        v_contains := p_contains::jsonb;
    exception
        -- no JSON; \u0000 and halves of surrogate pairs, which no block can hold; a number beyond numeric
        when data_exception or statement_too_complex then
            v_contains := '[]';
    end;
    if p_contains is not null and jsonb_typeof(v_contains) <> 'object' then
        raise exception 'contains is a JSON object that a block can hold, such as {"checked": true}'
            using errcode = 'PT400', constraint = 'bad_contains';
    end if;
end;
$$;

comment on function core.check_search(text, text, text, integer, text) is
'Refuses unusable search arguments by PT400 bad_mode, bad_limit, empty_query, bad_contains and the like.';
revoke all on function core.check_search(text, text, text, integer, text) from public;
