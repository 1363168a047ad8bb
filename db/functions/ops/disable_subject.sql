-- ops.disable_subject: from now on JWTs of this subject are refused, whatever their issuer says. True when that is new;
-- false when it was so before or the subject is not known. Audited.
create or replace function ops.disable_subject(
    p_issuer text,
    p_subject text,
    p_actor uuid default null,
    p_token_id uuid default null
)
returns boolean
language plpgsql
volatile
parallel unsafe
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_user_id uuid;
begin
    update core.subjects as s set disabled_at = core.clock()
    where s.issuer = p_issuer and s.subject = p_subject and s.disabled_at is null
    returning s.user_id into v_user_id;
    if v_user_id is null then
        return false;
    end if;
    perform core.write_audit(
        'subjects.disable', null,
        jsonb_build_object('issuer', p_issuer, 'subject', p_subject, 'user_id', v_user_id), p_actor, p_token_id
    );
    return true;
end;
$$;

comment on function ops.disable_subject(text, text, uuid, uuid) is
'Refuses JWTs of a subject from now on; whether that changed anything. Audited.';
revoke all on function ops.disable_subject(text, text, uuid, uuid) from public;
