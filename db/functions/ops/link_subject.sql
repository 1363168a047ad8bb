-- ops.link_subject: who an issuer of JWTs calls p_subject is this user; again: another user, or let in again after
-- ops.disable_subject. Audited. 23503 unknown user; PT422 invalid_value.
create or replace function ops.link_subject(
    p_issuer text,
    p_subject text,
    p_user_id uuid,
    p_actor uuid default null,
    p_token_id uuid default null
)
returns void
language plpgsql
volatile
parallel unsafe
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    if coalesce(length(p_issuer) not between 1 and 500 or length(p_subject) not between 1 and 255, true) then
        raise exception 'an issuer has 1 to 500 characters, a subject 1 to 255'
            using errcode = 'PT422', constraint = 'invalid_value', detail = '{"pointer": "/subject"}';
    end if;
    insert into core.subjects as s (issuer, subject, user_id, created_at)
    values (p_issuer, p_subject, p_user_id, core.clock())
    on conflict (issuer, subject) do update set user_id = excluded.user_id, disabled_at = null;
    perform core.write_audit(
        'subjects.link', null,
        jsonb_build_object('issuer', p_issuer, 'subject', p_subject, 'user_id', p_user_id), p_actor, p_token_id
    );
end;
$$;

comment on function ops.link_subject(text, text, uuid, uuid, uuid) is
'Makes a subject of an issuer of JWTs act as a user. Audited. 23503 unknown user; PT422 invalid_value.';
revoke all on function ops.link_subject(text, text, uuid, uuid, uuid) from public;
