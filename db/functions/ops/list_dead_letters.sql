-- ops.list_dead_letters: dead letters, the newest first, at most p_limit (1 to 1000). p_filter: see
-- core.dead_letter_conditions; {} are all open ones. Each row has the cursor that goes on behind it. PT400 bad_filter,
-- bad_limit, bad_cursor.
create or replace function ops.list_dead_letters(
    p_filter jsonb default '{}',
    p_limit integer default 50,
    p_cursor text default null
)
returns table (
    workspace_id uuid,
    page_id uuid,
    no integer,
    block_id text,
    op text,
    attempts smallint,
    error_code text,
    error text,
    fingerprint text,
    enqueued_at timestamptz,
    died_at timestamptz,
    discarded_at timestamptz,
    cursor text
)
language plpgsql
stable
parallel safe
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_conditions text := core.dead_letter_conditions(p_filter);
    v_key jsonb;
begin
    perform core.check_limit(p_limit, 1000);
    if p_cursor is not null then
        v_key := core.decode_cursor(p_cursor, '{timestamptz,uuid,uuid,integer}');
        v_conditions := v_conditions || format(
            ' and (d.died_at, d.workspace_id, d.page_id, d.no) < (%L::timestamptz, %L::uuid, %L::uuid, %L::integer)',
            v_key ->> 0, v_key ->> 1, v_key ->> 2, v_key ->> 3
        );
    end if;
    return query execute
        'select d.workspace_id, d.page_id, d.no, b.id::text, d.op, d.attempts, d.error_code, d.error, d.fingerprint,'
        || ' d.enqueued_at, d.died_at, d.discarded_at,'
        || ' core.encode_cursor(jsonb_build_array(d.died_at, d.workspace_id, d.page_id, d.no))'
        || ' from (select d.* from core.indexing_dead_letters as d where ' || v_conditions
        || ' order by d.died_at desc, d.workspace_id desc, d.page_id desc, d.no desc limit $1) as d'
        || ' left join core.blocks as b on b.workspace_id = d.workspace_id and b.page_id = d.page_id and b.no = d.no'
        || ' order by d.died_at desc, d.workspace_id desc, d.page_id desc, d.no desc'
    using p_limit;
end;
$$;

comment on function ops.list_dead_letters(jsonb, integer, text) is
'Dead letters of the indexing queue that match a filter, newest first, keyset pages by cursor.
PT400 bad_filter, bad_limit, bad_cursor.';
revoke all on function ops.list_dead_letters(jsonb, integer, text) from public;
grant execute on function ops.list_dead_letters(jsonb, integer, text) to quire_monitor;
