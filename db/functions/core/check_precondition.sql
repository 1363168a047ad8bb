-- core.check_precondition: whether a write that cannot be rebased may be applied to the current version.
-- PT428 precondition_required; PT412 version_mismatch.
create or replace function core.check_precondition(
    p_if_match text[],
    p_current_version bigint
)
returns void
language plpgsql
immutable
parallel safe
security invoker
set search_path = pg_catalog, pg_temp
as $$
begin
    if core.stale_base(p_if_match, null, p_current_version) is not null then
        raise exception 'the page is at version %: read it again and repeat your change', p_current_version
            using errcode = 'PT412', constraint = 'version_mismatch',
            detail = jsonb_build_object('current_version', p_current_version)::text;
    end if;
end;
$$;

comment on function core.check_precondition(text[], bigint) is
'Whether a write may be applied to the current version. PT428 precondition_required; PT412 version_mismatch.';
revoke all on function core.check_precondition(text[], bigint) from public;
