-- core.stale_base: the version that a write was made at when it is not the current one; NULL when it is. If-Match wins
-- over base_version: of its ETags the newest that can be a version before this one counts, 0 when there is none.
-- PT428 precondition_required; PT422 version_unknown.
create or replace function core.stale_base(
    p_if_match text[],
    p_base_version bigint,
    p_current_version bigint
)
returns bigint
language plpgsql
immutable
parallel safe
security invoker
set search_path = pg_catalog, pg_temp
as $$
begin
    if p_if_match is not null then
        if '*' = any(p_if_match) or p_current_version::text = any(p_if_match) then
            return null;
        end if;
        return (
            select coalesce(max(tags.tag::bigint), 0)
            from unnest(p_if_match) as tags (tag)
            where case when tags.tag ~ '^[1-9][0-9]{0,17}$' then tags.tag::bigint < p_current_version else false end
        );
    elsif p_base_version is null then
        raise exception 'say which version you changed: If-Match or base_version (If-Match: * overwrites any)'
            using errcode = 'PT428', constraint = 'precondition_required';
    elsif p_base_version > p_current_version or p_base_version < 1 then
        raise exception 'there is no version % yet: the page is at version %', p_base_version, p_current_version
            using errcode = 'PT422', constraint = 'version_unknown',
            detail = jsonb_build_object('current_version', p_current_version)::text;
    end if;
    return nullif(p_base_version, p_current_version);
end;
$$;

comment on function core.stale_base(text[], bigint, bigint) is
'The version a write was made at when it is not the current one. PT428 precondition_required; PT422 version_unknown.';
revoke all on function core.stale_base(text[], bigint, bigint) from public;
