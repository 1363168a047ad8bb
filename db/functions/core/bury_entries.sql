-- core.bury_entries: entries that are given up leave the queue and become dead letters; returns how many. They are
-- named by row id: the caller has locked them, so none can move. A dead letter that was there already takes the newer
-- failure.
create or replace function core.bury_entries(
    p_row_ids tid[],
    p_codes text[],
    p_errors text[],
    p_now timestamptz
)
returns integer
language plpgsql
volatile
parallel unsafe
security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
    v_count integer;
begin
    with lost as (
        delete from core.indexing_queue as q
        using unnest(p_row_ids, p_codes, p_errors) as f (row_id, code, error)
        where q.ctid = f.row_id
        returning q.workspace_id, q.page_id, q.no, q.op, q.generation, q.attempts, q.enqueued_at, f.code, f.error
    )
    insert into core.indexing_dead_letters as d
        (workspace_id, page_id, no, op, generation, attempts, enqueued_at, died_at, error_code, error, fingerprint)
    select
        l.workspace_id, l.page_id, l.no, l.op, l.generation, l.attempts, l.enqueued_at, p_now, l.code, l.error,
        core.error_fingerprint(l.code, l.error)
    from lost as l
    order by l.workspace_id, l.page_id, l.no
    on conflict (workspace_id, page_id, no) do update
    set
        op = excluded.op, generation = excluded.generation, attempts = excluded.attempts,
        enqueued_at = excluded.enqueued_at, died_at = excluded.died_at, error_code = excluded.error_code,
        error = excluded.error, fingerprint = excluded.fingerprint, discarded_at = null;
    get diagnostics v_count = row_count;
    if v_count > 0 then
        perform core.count_indexing('dead', v_count);
    end if;
    return v_count;
end;
$$;

comment on function core.bury_entries(tid[], text[], text[], timestamptz) is
'Moves locked queue rows to the dead letters, with code and error of each; returns how many.';
revoke all on function core.bury_entries(tid[], text[], text[], timestamptz) from public;
