-- indexing.leave: a worker process stops, and is not counted any more.
create or replace function indexing.leave(
    p_worker_id uuid
)
returns boolean
language plpgsql
volatile
parallel unsafe
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    delete from core.indexing_workers as w where w.id = p_worker_id;
    return found;
end;
$$;

comment on function indexing.leave(uuid) is 'A worker process stops; whether it was known.';
revoke all on function indexing.leave(uuid) from public;
grant execute on function indexing.leave(uuid) to quire_worker;
