-- core.write_audit: writes down what an operator does, in the transaction that does it. Without an actor (psql, the
-- command line) it is the database login.
create or replace function core.write_audit(
    p_action text,
    p_workspace_id uuid,
    p_details jsonb,
    p_actor uuid,
    p_token_id uuid
)
returns void
language plpgsql
volatile
parallel unsafe
security invoker
set search_path = pg_catalog, pg_temp
as $$
begin
    insert into core.audit_log (id, at, actor_user_id, actor_token_id, actor_name, action, workspace_id, details)
    values (
        core.new_id(), core.clock(), p_actor, p_token_id,
        coalesce((select u.name from core.users as u where u.id = p_actor), session_user::text),
        p_action, p_workspace_id, p_details
    );
end;
$$;

comment on function core.write_audit(text, uuid, jsonb, uuid, uuid) is
'Adds an entry to core.audit_log: action (such as dead_letters.replay), workspace or NULL, details, actor.';
revoke all on function core.write_audit(text, uuid, jsonb, uuid, uuid) from public;
