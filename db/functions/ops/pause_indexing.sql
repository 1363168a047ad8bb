-- ops.pause_indexing: from now on workers claim nothing; what they hold they finish. Saves go on and the queue grows;
-- search finds what waits by its text. True when that is new. Audited with the reason.
create or replace function ops.pause_indexing(
    p_reason text default null,
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
begin
    update core.indexing_control as c
    set
        paused = true, paused_at = core.clock(), reason = left(p_reason, 1000),
        paused_by = coalesce((select u.name from core.users as u where u.id = p_actor), session_user::text)
    where not c.paused;
    if not found then
        return false;
    end if;
    perform core.write_audit(
        'indexing.pause', null, jsonb_strip_nulls(jsonb_build_object('reason', left(p_reason, 1000))),
        p_actor, p_token_id
    );
    return true;
end;
$$;

comment on function ops.pause_indexing(text, uuid, uuid) is
'Stops claims of the indexing queue until ops.resume_indexing; whether that is new. Audited.';
revoke all on function ops.pause_indexing(text, uuid, uuid) from public;
