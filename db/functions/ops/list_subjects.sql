-- ops.list_subjects: subjects of issuers of JWTs, of a user or of all, by issuer and subject; at most p_limit (1 to
-- 1000) behind the pair p_after_issuer, p_after_subject. PT400 bad_limit.
create or replace function ops.list_subjects(
    p_user_id uuid default null,
    p_after_issuer text default '',
    p_after_subject text default '',
    p_limit integer default 1000
)
returns table (
    issuer text,
    subject text,
    user_id uuid,
    user_name text,
    created_at timestamptz,
    last_seen_at timestamptz,
    disabled_at timestamptz
)
language plpgsql
stable
parallel safe
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    perform core.check_limit(p_limit, 1000);
    return query
    select s.issuer, s.subject, s.user_id, u.name, s.created_at, s.last_seen_at, s.disabled_at
    from core.subjects as s
    inner join core.users as u on u.id = s.user_id
    where (p_user_id is null or s.user_id = p_user_id) and (s.issuer, s.subject) > (p_after_issuer, p_after_subject)
    order by s.issuer, s.subject
    limit p_limit;
end;
$$;

comment on function ops.list_subjects(uuid, text, text, integer) is
'Subjects with their users, keyset pages. PT400 bad_limit.';
revoke all on function ops.list_subjects(uuid, text, text, integer) from public;
