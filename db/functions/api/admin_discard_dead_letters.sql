-- api.admin_discard_dead_letters: see ops.discard_dead_letters; p_body is that of core.read_selection. The answer's
-- next is the body of the request that goes on, null at the end. PT403 operator_required; PT400 bad_filter, bad_limit
-- and others of core.read_selection.
create or replace function api.admin_discard_dead_letters(
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
begin
    perform core.check_operator(p_actor, p_token_id);
    return query
    select jsonb_build_object(
        'discarded', r.discarded, 'next', case when r.next_filter is not null then
            jsonb_build_object('filter', r.next_filter, 'limit', s.max_entries)
        end
    )::text
    from core.read_selection(p_body) as s
    cross join lateral ops.discard_dead_letters(s.filter, s.max_entries, p_actor, p_token_id) as r;
end;
$$;

comment on function api.admin_discard_dead_letters(uuid, uuid, text) is
'Gives up dead letters, for operators. PT403 operator_required; PT400 bad_filter, bad_limit.';
revoke all on function api.admin_discard_dead_letters(uuid, uuid, text) from public;
grant execute on function api.admin_discard_dead_letters(uuid, uuid, text) to quire_api;
