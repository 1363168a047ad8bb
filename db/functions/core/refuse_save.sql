-- core.refuse_save: the answer to a save that was made at an earlier version and is not written: status and body, the
-- body with all that is needed to resolve it. p_strict: If-Match was given, which is never rebased (RFC 9110 13.1.1).
-- p_base_version is 0 where it is not known; the rest is what core.rebase found.
create or replace function core.refuse_save(
    p_current_version bigint,
    p_strict boolean,
    p_base_version bigint,
    p_outcome text,
    p_conflicts jsonb,
    p_server_patch jsonb,
    p_rebased_patch jsonb,
    out status smallint,
    out body text
)
language plpgsql
stable
parallel safe
security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
    v_answer jsonb;
    v_slug text;
begin
    status := case when p_strict then 412 else 409 end;
    v_answer := jsonb_build_object('current_version', p_current_version)
        || case when p_base_version = 0 then '{}' else jsonb_build_object('base_version', p_base_version) end;
    if p_outcome <> 'too_old' then
        v_answer := v_answer || jsonb_build_object(
            'server_patch', p_server_patch, 'conflicts', p_conflicts, 'rebased_patch', p_rebased_patch
        );
    end if;
    if p_strict then
        v_slug := 'version_mismatch';
        v_answer := v_answer || jsonb_build_object(
            'detail', format('the page is at version %s: read it again and repeat your change', p_current_version)
        );
    elsif p_outcome = 'too_old' then
        v_slug := 'base_too_old';
        v_answer := v_answer || jsonb_build_object(
            'detail', format(
                'the page is at version %s, too far from %s to merge your change: read it again and repeat it',
                p_current_version, p_base_version
            )
        );
    else
        v_slug := 'version_conflict';
        v_answer := v_answer || jsonb_build_object(
            'detail', format(
                'version %s has changed what you changed at %s: choose for each of the conflicts, then send the rest '
                || '(rebased_patch) at %s', p_current_version, p_base_version, p_current_version
            )
        );
    end if;
    body := (v_answer || jsonb_build_object('code', v_slug))::text;
end;
$$;

comment on function core.refuse_save(bigint, boolean, bigint, text, jsonb, jsonb, jsonb) is
'The answer to a save that cannot be written: 409 version_conflict, base_too_old; 412 version_mismatch.';
revoke all on function core.refuse_save(bigint, boolean, bigint, text, jsonb, jsonb, jsonb) from public;
