-- indexing.heartbeat: a worker process says that it lives, every 10 seconds. PT400 bad_worker.
create or replace function indexing.heartbeat(
    p_worker_id uuid,
    p_host text,
    p_pid integer,
    p_concurrency integer,
    p_models text[],
    p_done bigint
)
returns void
language plpgsql
volatile
parallel unsafe
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_now constant timestamptz := core.clock();
begin
    if p_worker_id is null or p_host is null or p_pid is null or p_concurrency is null or p_models is null
        or p_done is null
    then
        raise exception 'a worker''s id, host, pid, concurrency, models and done are all needed'
        using errcode = 'PT400', constraint = 'bad_worker';
    end if;
    insert into core.indexing_workers as w (id, host, pid, started_at, seen_at, concurrency, models, done)
    values (p_worker_id, left(p_host, 255), p_pid, v_now, v_now, p_concurrency, p_models, p_done)
    on conflict (id) do update
    set seen_at = excluded.seen_at, concurrency = excluded.concurrency, models = excluded.models, done = excluded.done;
end;
$$;

comment on function indexing.heartbeat(uuid, text, integer, integer, text[], bigint) is
'A worker process lives: every 10 seconds; without, it counts no more after 30. PT400 bad_worker.';
revoke all on function indexing.heartbeat(uuid, text, integer, integer, text[], bigint) from public;
grant execute on function indexing.heartbeat(uuid, text, integer, integer, text[], bigint) to quire_worker;
