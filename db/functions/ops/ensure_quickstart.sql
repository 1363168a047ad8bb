-- ops.ensure_quickstart: the first workspace and its user, made once; whether two known tokens (NULL: none known) are
-- still good for it. is_new says that the workspace was made just now, by this transaction.
create or replace function ops.ensure_quickstart(p_token_hash bytea, p_admin_token_hash bytea)
returns table (workspace_id uuid, user_id uuid, is_new boolean, token_is_valid boolean, admin_token_is_valid boolean)
language plpgsql
volatile
parallel unsafe
security definer
set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
    v_hash bytea;
    v_valid boolean[] := '{}';
begin
    perform pg_advisory_xact_lock(hashtextextended('quire:quickstart', 0));
    user_id := coalesce(ops.find_user('quickstart'), ops.create_user('quickstart'));
    -- Once made, it is found by its owner: people may rename it.
    select m.workspace_id into workspace_id
    from core.workspace_members as m
    where m.user_id = ensure_quickstart.user_id and m.role = 'owner'
    order by m.created_at, m.workspace_id
    limit 1;
    is_new := workspace_id is null;
    if is_new then
        workspace_id := ops.create_workspace('Quickstart');
        perform ops.add_member(workspace_id, user_id, 'owner');
    end if;
    foreach v_hash in array array[p_token_hash, p_admin_token_hash] loop
        v_valid := v_valid || exists (
            select from core.tokens as t
            where
                t.token_hash = v_hash and t.user_id = ensure_quickstart.user_id
                and t.revoked_at is null and coalesce(t.expires_at > core.clock(), true)
        );
    end loop;
    token_is_valid := v_valid[1];
    admin_token_is_valid := v_valid[2];
    return next;
end;
$$;

comment on function ops.ensure_quickstart(bytea, bytea) is
'Makes the first workspace and its user unless they are there; says whether two tokens (by sha256) are still good.';
revoke all on function ops.ensure_quickstart(bytea, bytea) from public;
