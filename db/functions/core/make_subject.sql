-- core.make_subject: a user for a subject that is seen for the first time; its id. The user's name is the subject's at
-- its issuer, never a name that somebody else has: an identity provider must not be able to become an existing user.
create or replace function core.make_subject(
    p_issuer text,
    p_subject text
)
returns uuid
language plpgsql
volatile
parallel unsafe
security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
    v_name text := left(regexp_replace(p_subject, '[[:cntrl:]]', '', 'g'), 100) || ' ('
        || left(regexp_replace(p_issuer, '^https?://', ''), 90) || ')';
    v_user_id uuid;
begin
    -- Of two first requests one makes it.
    perform pg_advisory_xact_lock(hashtextextended(p_issuer || ' ' || p_subject, 0));
    select s.user_id into v_user_id from core.subjects as s where s.issuer = p_issuer and s.subject = p_subject;
    if found then
        return v_user_id;
    end if;
    if exists (select from core.users as u where u.name = v_name) then
        v_name := left(v_name, 160) || ' ' || core.new_id();
    end if;
    v_user_id := ops.create_user(v_name);
    perform ops.link_subject(p_issuer, p_subject, v_user_id);
    return v_user_id;
end;
$$;

comment on function core.make_subject(text, text) is
'Makes a user for a subject of an issuer of JWTs that is seen for the first time. Audited.';
revoke all on function core.make_subject(text, text) from public;
