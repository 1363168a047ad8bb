-- indexing.ack: entries of a batch are done. Short: first their queue rows are locked in key order (waiting for saves
-- that hold one), then everything is decided under a snapshot taken after that. done: same generation, and entry and
-- vector of the claimed version or a newer one are there, or for what is gone no entry is left: moves to the history. A
-- save between claim and ack shows in the generation, so blocks and texts need not be read again, nor, of what was in
-- search already at the claim, entry and vector. again: edited in flight (or not written): given back, to settle for a
-- second. What is neither was not this lease's.
-- p_places NULL: the whole batch, and the lease ends with it. p_model: vectors of other models are not waited for.
create or replace function indexing.ack(
    p_lease_id uuid,
    p_model text,
    p_places integer[]
)
returns table (done integer, again integer)
language plpgsql
volatile
parallel unsafe
security definer
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_generic_plan
-- plans made while the queue was empty serve it when it is deep
set enable_seqscan = off
set enable_bitmapscan = off
as $$
#variable_conflict use_column
declare
    v_now constant timestamptz := core.clock();
    v_empty constant bytea := sha256('');
    v_workspace_ids uuid[];
    v_page_ids uuid[];
    v_nos integer[];
    v_generations integer[];
    v_vers bigint[];
    v_text_hashes bytea[];
    v_stale boolean[];
    v_claimed_row_ids tid[];
    v_places integer[];
    v_row_ids tid[];
    v_now_generations integer[];
    v_finished tid[];
    v_edited tid[];
begin
    done := 0;
    again := 0;
    select l.workspace_ids, l.page_ids, l.nos, l.generations, l.vers, l.text_hashes, l.stale, l.row_ids
    into v_workspace_ids, v_page_ids, v_nos, v_generations, v_vers, v_text_hashes, v_stale, v_claimed_row_ids
    from core.indexing_leases as l
    where l.lease_id = p_lease_id;
    if not found then
        return next;
        return;
    end if;
    select k.places, k.row_ids, k.generations
    into v_places, v_row_ids, v_now_generations
    from core.lock_leased(p_lease_id, v_workspace_ids, v_page_ids, v_nos, v_claimed_row_ids, p_places) as k;

    select array_agg(s.row_id) filter (where s.finished), array_agg(s.row_id) filter (where s.finished is not true)
    into v_finished, v_edited
    from (
        select h.row_id, h.generation = v_generations[h.place] and case
            when not h.stale then true
            when v_vers[h.place] is null then e.ver is null
            else e.ver >= v_vers[h.place] and (v_text_hashes[h.place] = v_empty or m.ver >= v_vers[h.place])
        end as finished
        from (
            select k.place, k.row_id, k.generation, coalesce(v_stale[k.place], true) as stale
            from unnest(v_places, v_row_ids, v_now_generations) as k (place, row_id, generation)
        ) as h
        left join lateral (
            select e.ver
            from core.search_entries as e
            where h.stale and e.workspace_id = v_workspace_ids[h.place] and e.page_id = v_page_ids[h.place]
                and e.no = v_nos[h.place]
            limit 1
        ) as e on true
        left join lateral (
            select m.ver
            from core.block_embeddings as m
            where h.stale and m.workspace_id = v_workspace_ids[h.place] and m.page_id = v_page_ids[h.place]
                and m.no = v_nos[h.place] and m.model = p_model
            limit 1
        ) as m on true
    ) as s;

    with removed as (
        delete from core.indexing_queue as q
        where q.ctid = any(v_finished)
        returning q.workspace_id, q.page_id, q.no, q.op, q.attempts, q.enqueued_at
    )
    insert into core.indexing_done (workspace_id, page_id, no, op, attempts, enqueued_at, processed_at)
    select r.workspace_id, r.page_id, r.no, r.op, r.attempts, r.enqueued_at, v_now from removed as r;
    get diagnostics done = row_count;

    if v_edited is not null then
        update core.indexing_queue as q
        set
            lease_id = null, attempts = 0, run_at = v_now + interval '1 second',
            seq = case q.lane when 0 then nextval('core.indexing_seq') else q.seq end
        where q.ctid = any(v_edited);
        get diagnostics again = row_count;
    end if;
    if p_places is null then
        delete from core.indexing_leases as l where l.lease_id = p_lease_id;
    end if;
    if done > 0 then
        perform core.count_indexing('done', done);
    end if;
    return next;
end;
$$;

comment on function indexing.ack(uuid, text, integer[]) is
'Finishes claimed entries that are written; those edited meanwhile are given back. NULL: all of the lease, which ends.';
revoke all on function indexing.ack(uuid, text, integer[]) from public;
grant execute on function indexing.ack(uuid, text, integer[]) to quire_worker;
