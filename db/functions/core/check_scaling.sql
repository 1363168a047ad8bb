-- core.check_scaling: refuses settings of scaling that mean nothing. 22023 names the one.
create or replace function core.check_scaling(
    p_target_seconds double precision,
    p_cooldown_seconds double precision,
    p_provider_limit double precision
)
returns void
language plpgsql
immutable
parallel safe
security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
    v_wrong constant text := case
        when p_target_seconds is null or not p_target_seconds between 1 and 86400
            then format('the target is %s seconds: it takes 1 to 86400', p_target_seconds)
        when p_cooldown_seconds is null or not p_cooldown_seconds between 0 and 86400
            then format('the cooldown is %s seconds: it takes 0 to 86400', p_cooldown_seconds)
        when not p_provider_limit between 0.001 and 1000000000
            then format('the provider''s limit is %s entries a second: it takes 0.001 or more, or NULL', p_provider_limit)
    end;
begin
    if v_wrong is not null then
        raise exception '%', v_wrong using errcode = '22023';
    end if;
end;
$$;

comment on function core.check_scaling(double precision, double precision, double precision) is
'Refuses settings of scaling that mean nothing. 22023.';
revoke all on function core.check_scaling(double precision, double precision, double precision) from public;
