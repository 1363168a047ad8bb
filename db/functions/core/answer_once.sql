-- core.answer_once: a write that came with an Idempotency-Key (draft-ietf-httpapi-idempotency-key-header-07): made the
-- first time, answered from core.idempotency_keys ever after, for 24 hours. The row is taken before anything else: a
-- second request that comes while the first is in flight waits for it, and gets its answer. Only finished 2xx and 4xx
-- answers are kept; anything else undoes the row with the write.
-- p_function is the function of schema core that writes; p_request has its arguments, and is what must be the same.
-- PT422 idempotency_key_reused; PT400 idempotency_key_invalid.
create or replace function core.answer_once(
    p_workspace_id uuid,
    p_actor uuid,
    p_key text,
    p_function text,
    p_request jsonb
)
returns core.write_answer
language plpgsql
volatile
security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
    v_now constant timestamptz := core.clock();
    v_hash constant bytea := sha256(convert_to(p_function || p_request::text, 'UTF8'));
    v_kept core.idempotency_keys;
    v_answer core.write_answer;
    v_state text;
    v_slug text;
    v_detail text;
    v_message text;
begin
    -- who is no member learns nothing about keys
    perform core.check_member(p_workspace_id, p_actor, 'viewer');
    if length(p_key) not between 1 and 255 then
        raise exception 'an idempotency key has 1 to 255 characters'
            using errcode = 'PT400', constraint = 'idempotency_key_invalid';
    end if;
    insert into core.idempotency_keys as k (workspace_id, user_id, key, request_hash, created_at)
    values (p_workspace_id, p_actor, p_key, v_hash, v_now)
    on conflict (workspace_id, user_id, key) do update
    set request_hash = excluded.request_hash, created_at = excluded.created_at,
        status = null, page_id = null, version = null, body = null
    where k.created_at < v_now - interval '24 hours'
    returning k.* into v_kept;
    if v_kept.key is null then
        select k.* into strict v_kept
        from core.idempotency_keys as k
        where k.workspace_id = p_workspace_id and k.user_id = p_actor and k.key = p_key;
        if v_kept.request_hash <> v_hash then
            raise exception 'this Idempotency-Key came with another request before: use a new one for each write'
                using errcode = 'PT422', constraint = 'idempotency_key_reused';
        end if;
        return row(v_kept.status, v_kept.page_id, v_kept.version, v_kept.blocks, true, v_kept.body)::core.write_answer;
    end if;

    begin
        v_answer := core.run_write(p_workspace_id, p_actor, p_function, p_request);
    exception
        when others then
            get stacked diagnostics v_state = returned_sqlstate, v_slug = constraint_name,
                v_detail = pg_exception_detail, v_message = message_text;
            if v_state !~ '^PT4' then
                raise;
            end if;
            v_answer := row(substr(v_state, 3)::smallint, null, null, null, false, (
                coalesce(nullif(v_detail, ''), '{}')::jsonb || jsonb_build_object('code', v_slug, 'detail', v_message)
            )::text)::core.write_answer;
    end;
    update core.idempotency_keys as k
    set status = v_answer.status, page_id = v_answer.page_id, version = v_answer.version,
        blocks = v_answer.blocks, body = v_answer.body
    where k.workspace_id = p_workspace_id and k.user_id = p_actor and k.key = p_key;
    return v_answer;
end;
$$;

comment on function core.answer_once(uuid, uuid, text, text, jsonb) is
'A write with an Idempotency-Key: made once, then answered from the record. PT422 idempotency_key_reused.';
revoke all on function core.answer_once(uuid, uuid, text, text, jsonb) from public;
