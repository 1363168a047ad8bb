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
    elsif p_contains is not null and (p_contains is json object) is not true then
        raise exception 'contains is a JSON object, such as {"checked": true}'
            using errcode = 'PT400', constraint = 'bad_contains';
    elsif p_contains is not null and strpos(p_contains, '\u0000') > 0 then
        raise exception 'contains has \u0000, which no block can hold'
            using errcode = 'PT400', constraint = 'bad_contains';
    elsif p_mode = 'vector' and (p_embedding is null or btrim(coalesce(p_query, '')) = '') then
        raise exception 'a search by vectors needs q and its embedding'
            using errcode = 'PT400', constraint = 'embedding_required';
    end if;
end;
$$;

comment on function core.check_search(text, text, text, integer, text) is
'Refuses unusable search arguments by PT400 bad_mode, bad_limit, empty_query, bad_contains and the like.';
revoke all on function core.check_search(text, text, text, integer, text) from public;
