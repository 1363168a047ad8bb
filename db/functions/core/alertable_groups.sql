-- core.alertable_groups: fingerprints that dead letters have, each with the code of its oldest: one look into the index
-- a group, however many dead letters there are. At most p_limit, in their order from p_from on and then from the first
-- again: with a p_from of chance calls find them all in the end.
create or replace function core.alertable_groups(
    p_from text,
    p_limit integer
)
returns table (fingerprint text, error_code text)
language plpgsql
stable
parallel safe
security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
    v_from text := p_from;
    v_left integer := p_limit;
    v_found integer;
begin
    loop
        return query
        with recursive groups as (
            (
                select d.fingerprint, d.error_code, 1 as place
                from core.indexing_dead_letters as d
                where d.fingerprint >= v_from
                order by d.fingerprint, d.died_at
                limit least(v_left, 1)
            )
            union all
            select n.fingerprint, n.error_code, g.place + 1
            from groups as g
            cross join lateral (
                select d.fingerprint, d.error_code
                from core.indexing_dead_letters as d
                where d.fingerprint > g.fingerprint
                order by d.fingerprint, d.died_at
                limit 1
            ) as n
            where g.place < v_left and (v_from = p_from or g.fingerprint < p_from)
        )

        select g.fingerprint, g.error_code from groups as g
        where v_from = p_from or g.fingerprint < p_from;
        get diagnostics v_found = row_count;
        v_left := v_left - v_found;
        exit when v_left <= 0 or v_from = '';
        v_from := '';
    end loop;
end;
$$;

comment on function core.alertable_groups(text, integer) is
'Fingerprints of dead letters with a code, at most p_limit, from p_from on and then from the first again.';
revoke all on function core.alertable_groups(text, integer) from public;
