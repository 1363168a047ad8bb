-- ops.discard_dead_letters: dead letters that match a filter are given up, at most p_limit (1 to 10000) a call; while
-- next_filter is not NULL, call again with it. They are no longer listed, counted or alerted about, but stay, marked:
-- search keeps what it has of the block (its text, where that could be written; else what it had before, or nothing),
-- and nothing queues the block again, until its next edit. Can be taken back by a replay with "discarded": true.
-- Audited. PT400 bad_filter, bad_limit.
create or replace function ops.discard_dead_letters(
    p_filter jsonb,
    p_limit integer default 1000,
    p_actor uuid default null,
    p_token_id uuid default null
)
returns table (discarded integer, next_filter jsonb)
language plpgsql
volatile
parallel unsafe
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_now constant timestamptz := core.clock();
    v_found record;
begin
    if core.dead_letter_conditions(p_filter) like 'd.discarded_at is not null%' then
        raise exception 'what is discarded cannot be discarded again: leave "discarded" out of the filter'
            using errcode = 'PT400', constraint = 'bad_filter', detail = '{"parameter": "discarded"}';
    end if;
    select f.* into v_found from core.find_dead_letters(p_filter, p_limit) as f;
    with locked as (
        select d.workspace_id, d.page_id, d.no
        from unnest(v_found.workspace_ids, v_found.page_ids, v_found.nos) as k (workspace_id, page_id, no)
        inner join core.indexing_dead_letters as d
            on d.workspace_id = k.workspace_id and d.page_id = k.page_id and d.no = k.no
        where d.discarded_at is null
        order by d.workspace_id, d.page_id, d.no
        for update of d
    )

    update core.indexing_dead_letters as d
    set discarded_at = v_now
    from locked as l
    where d.workspace_id = l.workspace_id and d.page_id = l.page_id and d.no = l.no;
    get diagnostics discarded = row_count;
    next_filter := v_found.next_filter;
    if discarded > 0 then
        perform core.write_audit(
            'dead_letters.discard', (p_filter ->> 'workspace_id')::uuid,
            jsonb_build_object('filter', p_filter, 'count', discarded), p_actor, p_token_id
        );
    end if;
    return next;
end;
$$;

comment on function ops.discard_dead_letters(jsonb, integer, uuid, uuid) is
'Gives up dead letters that match a filter, up to p_limit a call; go on with next_filter until NULL. The blocks are
not queued again before their next edit. Audited. PT400 bad_filter, bad_limit.';
revoke all on function ops.discard_dead_letters(jsonb, integer, uuid, uuid) from public;
