-- indexing.claim: leases up to p_limit due entries of one lane and priority, and returns what is to be embedded. Either
-- the first behind the watermark p_after_seq (no workspaces given), or, of several workspaces in turn, p_limit divided
-- by their number of each, behind a watermark of each. A watermark (the last seq that this drainer claimed) lets the
-- scan start behind what is drained: with an old snapshot held open somewhere the index keeps those rows. Lane 1's seq
-- is the due time in microseconds, so that entries that back off are behind the range, not in it. Texts are read by a
-- statement of their own, under a snapshot taken after the lease: a save that committed meanwhile had only locked its
-- waiting entry; one snapshot for both would embed the old text and ack it. Not flushed: a claim that a crash of the
-- server loses was none. While the provider that decides is out (core.provider_out) only what was never put off is
-- leased, to be written without a vector: an outage costs a backlog one claim, and who finds out whether it is over one
-- batch. rows: 0 when there is none. seq: the last one. workspace_rows, workspace_seqs: of each given
-- workspace. stale: places of entries that something has to be written for. places, models, bodies: a text to embed by
-- a model and the place of its entry. waits: core.breaker_wait of each of p_models that is to embed something.
create or replace function indexing.claim(
    p_lane smallint,
    p_priority smallint,
    p_after_seq bigint,
    p_workspace_ids uuid[],
    p_after_seqs bigint[],
    p_limit integer,
    p_lease_id uuid,
    p_lease_seconds double precision,
    p_worker_id uuid,
    p_models text[]
)
returns table (
    rows integer,
    seq bigint,
    workspace_rows integer[],
    workspace_seqs bigint[],
    stale integer[],
    places integer[],
    models text[],
    bodies text[],
    waits double precision[]
)
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
    v_due constant bigint := case p_lane when 0 then 9223372036854775807 else extract(epoch from v_now) * 1000000 end;
    v_out boolean;
    v_several constant integer := cardinality(p_workspace_ids);
    v_workspace_ids uuid[];
    v_page_ids uuid[];
    v_nos integer[];
    v_generations integer[];
    v_seqs bigint[];
    v_vers bigint[];
    v_text_hashes bytea[];
    v_stale boolean[];
    v_row_ids tid[];
begin
    rows := 0;
    if (select c.paused from core.indexing_control as c) then
        return next;
        return;
    end if;
    v_out := core.provider_out(p_priority, p_models, v_now);
    perform set_config('synchronous_commit', 'off', true);
    if v_several = 0 then
        select l.* into v_workspace_ids, v_page_ids, v_nos, v_generations, v_seqs, v_row_ids
        from core.lease_first(p_lane, p_priority, p_after_seq, v_due, p_limit, v_out, p_lease_id, v_now) as l;
    else
        select l.* into v_workspace_ids, v_page_ids, v_nos, v_generations, v_seqs, v_row_ids
        from core.lease_fairly(
            p_lane, p_priority, p_workspace_ids, p_after_seqs, v_due, greatest(p_limit / v_several, 1), v_out,
            p_lease_id, v_now
        ) as l;
        select array_agg(coalesce(s.rows, 0) order by w.place), array_agg(s.seq order by w.place)
        into workspace_rows, workspace_seqs
        from unnest(p_workspace_ids) with ordinality as w (id, place)
        left join (
            select k.id, count(*)::integer as rows, max(k.seq) as seq
            from unnest(v_workspace_ids, v_seqs) as k (id, seq)
            group by k.id
        ) as s on s.id = w.id;
    end if;
    if v_nos is null then
        return next;
        return;
    end if;
    rows := cardinality(v_nos);
    seq := (select max(s) from unnest(v_seqs) as s);
    select r.* into v_vers, v_text_hashes, v_stale, places, models, bodies
    from core.read_leased(v_workspace_ids, v_page_ids, v_nos, p_models) as r;
    stale := array_positions(v_stale, true);
    insert into core.indexing_leases
        (lease_id, worker_id, expires_at, workspace_ids, page_ids, nos, generations, vers, text_hashes, stale, row_ids)
    values (
        p_lease_id, p_worker_id, v_now + make_interval(secs => p_lease_seconds), v_workspace_ids, v_page_ids, v_nos,
        v_generations, v_vers, v_text_hashes, v_stale, v_row_ids
    );
    if cardinality(places) > 0 then
        -- Nobody is sent to find out about a model that these texts do not ask. What is re-embedded and misses the
        -- active model's vector, too, is held by nothing while that is out: it comes again, but not at once.
        waits := array(
            select case when p_priority >= 300 and w.wait > 0 then greatest(w.wait, 5) else w.wait end
            from (
                select case when m = any(models) then core.breaker_wait(m, v_now) end as wait
                from unnest(p_models) as m
            ) as w
        );
    end if;
    return next;
end;
$$;

comment on function indexing.claim(
    smallint, smallint, bigint, uuid[], bigint[], integer, uuid, double precision, uuid, text[]
) is
'Leases due entries of a lane and priority, the first or of several workspaces in turn; and what is to be embedded.';
revoke all on function indexing.claim(
    smallint, smallint, bigint, uuid[], bigint[], integer, uuid, double precision, uuid, text[]
) from public;
grant execute on function indexing.claim(
    smallint, smallint, bigint, uuid[], bigint[], integer, uuid, double precision, uuid, text[]
) to quire_worker;
