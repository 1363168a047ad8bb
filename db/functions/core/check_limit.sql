-- core.check_limit: refuses a number of rows that is not 1 to p_most. PT400 bad_limit.
create or replace function core.check_limit(
    p_limit integer,
    p_most integer
)
returns void
language plpgsql
immutable
parallel safe
security invoker
set search_path = pg_catalog, pg_temp
as $$
begin
    if p_limit is null or p_limit not between 1 and p_most then
        raise exception 'limit must be 1 to %, not %', p_most, coalesce(p_limit::text, 'NULL')
            using errcode = 'PT400', constraint = 'bad_limit',
            detail = jsonb_build_object('minimum', 1, 'maximum', p_most)::text;
    end if;
end;
$$;

comment on function core.check_limit(integer, integer) is
'Refuses a limit that is not 1 to p_most. PT400 bad_limit.';
revoke all on function core.check_limit(integer, integer) from public;
