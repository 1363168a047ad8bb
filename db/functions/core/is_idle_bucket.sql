-- core.is_idle_bucket: whether a rate bucket says nothing any more, so that its key is admitted alike without it: no
-- hit since a time, nor within the policy's window and block, and no block in force. One of a policy that is gone is
-- idle after that time.
create or replace function core.is_idle_bucket(
    p_bucket core.rate_buckets,
    p_before timestamptz
)
returns boolean
language plpgsql
stable
parallel unsafe
security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
    v_now constant timestamptz := core.clock();
    v_window integer;
    v_block integer;
begin
    if p_bucket.hit_at >= p_before or p_bucket.blocked_until > v_now then
        return false;
    end if;
    select p.window_seconds, p.block_seconds into v_window, v_block
    from core.rate_policies as p
    where p.name = p_bucket.policy;
    return not found or p_bucket.hit_at < v_now - make_interval(secs => greatest(v_window, v_block));
end;
$$;

comment on function core.is_idle_bucket(core.rate_buckets, timestamptz) is
'Whether a rate bucket can go without a difference to its key.';
revoke all on function core.is_idle_bucket(core.rate_buckets, timestamptz) from public;
