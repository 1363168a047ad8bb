-- core.live_blocks: the lexemes of what waits to be indexed, made now, in the order of core.waiting_blocks: at most
-- p_limit blocks and about p_characters of text, the rest is left to the worker. Parsing is what costs: a block may
-- hold 256 KB.
create or replace function core.live_blocks(
    p_workspace_id uuid,
    p_limit integer,
    p_characters integer
)
returns table (page_id uuid, no integer, tsv tsvector)
language plpgsql
stable
parallel safe
security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
    v_left integer := p_characters;
    v_block record;
begin
    -- Not sorted again: a sort would read every text before the first. "between .. order by .. limit 1": a look-up a
    -- row, by the whole key. Without statistics a join read the whole workspace; and where workspace and page seem to
    -- say it all, "no = .." read each page's blocks through blocks_id_uq.
    for v_block in
        select w.page_id, w.no, b.type, b.body
        from core.waiting_blocks(p_workspace_id, p_limit) as w
        cross join lateral (
            select i.type, i.body
            from core.indexable_blocks as i
            where i.workspace_id = p_workspace_id and i.page_id = w.page_id
                and i.no between w.no and w.no
            order by i.no
            limit 1
        ) as b
    loop
        page_id := v_block.page_id;
        no := v_block.no;
        tsv := core.search_vector(v_block.type, v_block.body);
        return next;
        v_left := v_left - length(v_block.body);
        exit when v_left <= 0;
    end loop;
end;
$$;

comment on function core.live_blocks(uuid, integer, integer) is
'Lexemes of waiting blocks as they are now: at most p_limit blocks, about p_characters of text.';
revoke all on function core.live_blocks(uuid, integer, integer) from public;
