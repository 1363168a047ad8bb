-- core.touch: an entry of core.page_changes.touched: [kind, block id ('': title and properties), pointer or number].
-- With p_gone (a rebase, see core.apply_operations) the number of the client's operation comes last.
create or replace function core.touch(
    p_kind text,
    p_id text,
    p_what text,
    p_gone text[],
    p_n integer
)
returns jsonb
language plpgsql
immutable
parallel safe
security invoker
set search_path = pg_catalog, pg_temp
as $$
begin
    if p_gone is not null then
        return jsonb_build_array(p_kind, p_id, p_what, p_n);
    elsif p_kind = 'set' then
        return jsonb_build_array(p_kind, p_id, p_what);
    elsif p_kind = 'ins' then
        return jsonb_build_array(p_kind, p_id, p_what::integer);
    end if;
    return jsonb_build_array(p_kind, p_id);
end;
$$;

comment on function core.touch(text, text, text, text[], integer) is
'An entry of page_changes.touched: set, ins, del or mov of a block.';
revoke all on function core.touch(text, text, text, text[], integer) from public;
