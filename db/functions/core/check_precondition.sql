-- core.check_precondition: whether a write may be applied to the current version. If-Match wins over base_version.
-- PT428 precondition_required; PT412 version_mismatch; PT409 version_conflict; PT422 version_unknown.
create or replace function core.check_precondition(
    p_if_match text[],
    p_base_version bigint,
    p_current_version bigint
)
returns void
language plpgsql
immutable
parallel safe
security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
    v_detail constant text := jsonb_build_object('current_version', p_current_version)::text;
begin
    if p_if_match is not null then
        if '*' <> all(p_if_match) and p_current_version::text <> all(p_if_match) then
            raise exception 'the page is at version %: read it again and repeat your change', p_current_version
                using errcode = 'PT412', constraint = 'version_mismatch', detail = v_detail;
        end if;
    elsif p_base_version is null then
        raise exception 'say which version you changed: If-Match or base_version (If-Match: * overwrites any)'
            using errcode = 'PT428', constraint = 'precondition_required';
    elsif p_base_version > p_current_version or p_base_version < 1 then
        raise exception 'there is no version % yet: the page is at version %', p_base_version, p_current_version
            using errcode = 'PT422', constraint = 'version_unknown', detail = v_detail;
    elsif p_base_version < p_current_version then
        raise exception 'the page is at version %, your change was made at %: read it again and repeat your change',
            p_current_version, p_base_version
            using errcode = 'PT409', constraint = 'version_conflict', detail = v_detail;
    end if;
end;
$$;

comment on function core.check_precondition(text[], bigint, bigint) is
'Whether a write may be applied to the current version. PT428 precondition_required; PT412 version_mismatch;
PT409 version_conflict; PT422 version_unknown.';
revoke all on function core.check_precondition(text[], bigint, bigint) from public;
