-- core.check_scopes: refuses scopes that there are not, and ones that the actor's own token lacks: no token begets a
-- stronger one. Without an actor (psql, the command line) it is the database that decided who may. PT422 invalid_value;
-- PT403 scope_not_held.
create or replace function core.check_scopes(
    p_scopes text[],
    p_actor uuid,
    p_token_id uuid
)
returns void
language plpgsql
stable
parallel safe
security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
    v_known constant text[] := array['read', 'write', 'admin', 'metrics', 'bypass_rate_limit'];
    v_held text[];
    v_lacking text;
begin
    if p_scopes is null or cardinality(p_scopes) = 0 or not p_scopes <@ v_known then
        raise exception 'scopes are one or more of %', array_to_string(v_known, ', ')
            using errcode = 'PT422', constraint = 'invalid_value', detail = '{"pointer": "/scopes"}';
    elsif p_actor is null then
        return;
    end if;
    select t.scopes into v_held from core.tokens as t where t.id = p_token_id and t.user_id = p_actor;
    select s.scope into v_lacking
    from unnest(p_scopes) with ordinality as s (scope, place)
    where s.scope <> all (coalesce(v_held, '{}'))
    order by s.place
    limit 1;
    if v_lacking is not null then
        raise exception 'your own token lacks the scope %, so it cannot give it to another', v_lacking
            using errcode = 'PT403', constraint = 'scope_not_held',
            detail = jsonb_build_object('scope', v_lacking)::text;
    end if;
end;
$$;

comment on function core.check_scopes(text[], uuid, uuid) is
'Refuses unknown scopes and ones that the actor''s token lacks. PT422 invalid_value; PT403 scope_not_held.';
revoke all on function core.check_scopes(text[], uuid, uuid) from public;
