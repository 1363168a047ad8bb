-- ops.unblock_limit: lets a key in again, at once and with all of its points: its buckets are taken away, those of one
-- policy or, p_policy NULL, of all. p_key is a key as ops.list_limited shows it, or the name of a user. Audited, unless
-- there was nothing. Returns how many buckets there were.
-- PT404 policy_not_found.
create or replace function ops.unblock_limit(
    p_key text,
    p_policy text default null,
    p_actor uuid default null,
    p_token_id uuid default null
)
returns integer
language plpgsql
volatile
parallel unsafe
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_key text;
    v_count integer;
begin
    if p_policy is not null then
        perform core.check_rate_policy(p_policy);
    end if;
    v_key := coalesce((select u.id::text from core.users as u where u.name = p_key), p_key);
    with locked as (
        select b.policy, b.key
        from core.rate_buckets as b
        where b.key = v_key and (p_policy is null or b.policy = p_policy)
        order by b.policy, b.key
        for update
    )

    delete from core.rate_buckets as b
    using locked as l
    where b.policy = l.policy and b.key = l.key;
    get diagnostics v_count = row_count;
    if v_count > 0 then
        perform core.write_audit(
            'limits.unblock', null,
            jsonb_strip_nulls(jsonb_build_object('key', v_key, 'policy', p_policy, 'count', v_count)),
            p_actor, p_token_id
        );
    end if;
    return v_count;
end;
$$;

comment on function ops.unblock_limit(text, text, uuid, uuid) is
'Gives a user or key all points of a rate policy, or of all, back; how many buckets there were. Audited. PT404
policy_not_found.';
revoke all on function ops.unblock_limit(text, text, uuid, uuid) from public;
