-- core.read_selection: the body of a replay or discard: {"filter": {..}, "limit": 1000}. The filter must be there, and
-- {} stands for all, so that nobody asks for all by mistake. PT400 of core.parse_body, bad_limit; PT422
-- document_not_object, unknown_member, member_missing.
create or replace function core.read_selection(
    p_body text
)
returns table (filter jsonb, max_entries integer)
language plpgsql
immutable
parallel safe
security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
    v_body constant jsonb := core.parse_body(p_body, 8);
    v_unknown text;
begin
    if jsonb_typeof(v_body) <> 'object' then
        raise exception 'the body is an object: {"filter": {..}}'
            using errcode = 'PT422', constraint = 'document_not_object', detail = '{"pointer": ""}';
    end if;
    select k into v_unknown from jsonb_object_keys(v_body) as k where k not in ('filter', 'limit') limit 1;
    if found then
        raise exception 'the body has the members filter and limit, not "%"', left(v_unknown, 64)
            using errcode = 'PT422', constraint = 'unknown_member', detail = '{"pointer": ""}';
    elsif not v_body ? 'filter' then
        raise exception 'the member "filter" is missing: {} stands for all'
            using errcode = 'PT422', constraint = 'member_missing', detail = '{"pointer": "/filter"}';
    elsif v_body ? 'limit' and (
        jsonb_typeof(v_body -> 'limit') <> 'number' or v_body ->> 'limit' !~ '^[0-9]{1,5}$'
    ) then
        raise exception 'limit must be 1 to 10000' using errcode = 'PT400', constraint = 'bad_limit',
            detail = '{"minimum": 1, "maximum": 10000}';
    end if;
    filter := v_body -> 'filter';
    max_entries := coalesce((v_body ->> 'limit')::integer, 1000);
    return next;
end;
$$;

comment on function core.read_selection(text) is
'Filter and limit in the body of a replay or discard. PT400 bad_limit and others of core.parse_body; PT422
document_not_object, unknown_member, member_missing.';
revoke all on function core.read_selection(text) from public;
