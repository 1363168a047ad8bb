-- api.admin_pause_indexing: see ops.pause_indexing; p_body: {"reason": ".."} or {}. Answers with the state. PT403
-- operator_required; PT400 of core.parse_body; PT422 document_not_object, unknown_member, invalid_value.
create or replace function api.admin_pause_indexing(
    p_actor uuid,
    p_token_id uuid,
    p_body text
)
returns table (body text)
language plpgsql
volatile
parallel unsafe
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_body jsonb;
begin
    perform core.check_operator(p_actor, p_token_id);
    v_body := core.parse_body(p_body, 2);
    if jsonb_typeof(v_body) <> 'object' then
        raise exception 'the body is an object: {"reason": ".."}'
            using errcode = 'PT422', constraint = 'document_not_object', detail = '{"pointer": ""}';
    elsif v_body - 'reason' <> '{}' then
        raise exception 'the body has the member reason and no other'
            using errcode = 'PT422', constraint = 'unknown_member', detail = '{"pointer": ""}';
    elsif jsonb_typeof(coalesce(v_body -> 'reason', '""')) <> 'string' then
        raise exception 'the reason is a string'
            using errcode = 'PT422', constraint = 'invalid_value', detail = '{"pointer": "/reason"}';
    end if;
    perform ops.pause_indexing(v_body ->> 'reason', p_actor, p_token_id);
    return query select ops.describe_indexing()::text;
end;
$$;

comment on function api.admin_pause_indexing(uuid, uuid, text) is
'Stops claims of the indexing queue, for operators; answers with the state. PT403 operator_required.';
revoke all on function api.admin_pause_indexing(uuid, uuid, text) from public;
grant execute on function api.admin_pause_indexing(uuid, uuid, text) to quire_api;
