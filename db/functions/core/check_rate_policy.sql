-- core.check_rate_policy: refuses the name of a rate policy that is not there. PT404 policy_not_found.
create or replace function core.check_rate_policy(
    p_name text
)
returns void
language plpgsql
stable
parallel safe
security invoker
set search_path = pg_catalog, pg_temp
as $$
begin
    if not exists (select from core.rate_policies as p where p.name = p_name) then
        raise exception 'there is no rate policy "%": `quire limits list` shows those there are', p_name
            using errcode = 'PT404', constraint = 'policy_not_found';
    end if;
end;
$$;

comment on function core.check_rate_policy(text) is
'Refuses the name of a rate policy that is not there. PT404 policy_not_found.';
revoke all on function core.check_rate_policy(text) from public;
