-- ops.resume_indexing: workers claim again. True when that is new. Audited. Workers look by themselves within seconds.
create or replace function ops.resume_indexing(
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
    v_paused_at timestamptz;
begin
    select c.paused_at into v_paused_at from core.indexing_control as c where c.paused for update;
    if not found then
        return false;
    end if;
    update core.indexing_control as c
    set paused = false, paused_at = null, paused_by = null, reason = null
    where c.paused;
    perform core.write_audit(
        'indexing.resume', null, jsonb_build_object('paused_at', core.rfc3339(v_paused_at)), p_actor, p_token_id
    );
    return true;
end;
$$;

comment on function ops.resume_indexing(uuid, uuid) is
'Lets workers claim again; whether they could not. Audited.';
revoke all on function ops.resume_indexing(uuid, uuid) from public;
