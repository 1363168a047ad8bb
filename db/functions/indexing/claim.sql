-- indexing.claim: leases up to p_limit due entries of one lane and priority class, in order, behind a watermark, and
-- returns what is needed to embed them. The watermark (the last priority and seq that this drainer claimed) lets the
-- scan start behind what it has drained already: with an old snapshot held open somewhere the index keeps those rows.
-- Lane 1's seq is the due time in microseconds, so that entries that back off are behind the range, not in it. Two
-- statements: the text is read under a snapshot taken after the lease. A save that committed while the first ran had
-- only locked its waiting entry; one snapshot for both would embed the old text and ack it.
create or replace function indexing.claim(
    p_lane smallint,
    p_low smallint,
    p_high smallint,
    p_after_priority smallint,
    p_after_seq bigint,
    p_limit integer,
    p_lease_id uuid,
    p_lease_seconds double precision,
    p_model text
)
returns table (
    workspace_id uuid,
    page_id uuid,
    no integer,
    op text,
    generation integer,
    attempts smallint,
    priority smallint,
    seq bigint,
    ver bigint,
    body text,
    text_hash bytea,
    embed_needed boolean
)
language plpgsql
volatile
parallel unsafe
security definer
set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
    v_now constant timestamptz := core.clock();
    v_due constant bigint := case p_lane when 0 then 9223372036854775807 else extract(epoch from v_now) * 1000000 end;
begin
    with due as materialized (
        select q.workspace_id, q.page_id, q.no
        from core.indexing_queue as q
        where q.lane = p_lane
            and (q.priority, q.seq) > (p_after_priority, p_after_seq)
            and q.priority between p_low and p_high
            and q.seq <= v_due
            and q.lease_until is null
            and q.run_at <= v_now
        order by q.lane, q.priority, q.seq
        limit p_limit
        for update skip locked
    )
    update core.indexing_queue as q
    set lease_id = p_lease_id, lease_until = v_now + make_interval(secs => p_lease_seconds), attempts = q.attempts + 1
    from due as d
    where q.workspace_id = d.workspace_id and q.page_id = d.page_id and q.no = d.no;
    if not found then
        return;
    end if;

    return query
    select
        q.workspace_id, q.page_id, q.no,
        case when b.no is null or p.deleted_at is not null then 'delete' else 'upsert' end,
        q.generation, q.attempts, q.priority, q.seq,
        coalesce(b.ver, 0), coalesce(b.body, ''), h.text_hash,
        b.body <> '' and p.deleted_at is null and e.text_hash is distinct from h.text_hash
    from core.indexing_queue as q
    left join core.indexable_blocks as b on b.workspace_id = q.workspace_id and b.page_id = q.page_id and b.no = q.no
    left join core.pages as p on p.workspace_id = q.workspace_id and p.id = q.page_id
    left join core.block_embeddings as e
        on e.workspace_id = q.workspace_id and e.page_id = q.page_id and e.no = q.no and e.model = p_model
    cross join lateral (select sha256(convert_to(coalesce(b.body, ''), 'UTF8'))) as h (text_hash)
    where q.lease_id = p_lease_id
    order by q.priority, q.seq;
end;
$$;

comment on function indexing.claim(
    smallint, smallint, smallint, smallint, bigint, integer, uuid, double precision, text
) is
'Leases due entries of a lane and priority range behind a watermark, with what embedding needs. One claim a lease id.';
revoke all on function indexing.claim(
    smallint, smallint, smallint, smallint, bigint, integer, uuid, double precision, text
) from public;
grant execute on function indexing.claim(
    smallint, smallint, smallint, smallint, bigint, integer, uuid, double precision, text
) to quire_worker;
