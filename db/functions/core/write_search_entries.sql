-- core.write_search_entries: the part of indexing.write_entries that writes no vector: entries whose text or data is
-- behind are written as the blocks are now, those of what is gone are removed. Returns the places of what is gone.
create or replace function core.write_search_entries(
    p_workspace_ids uuid[],
    p_page_ids uuid[],
    p_nos integer[],
    p_vers bigint[],
    p_places integer[],
    p_now timestamptz
)
returns integer[]
language plpgsql
volatile
parallel unsafe
security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
    v_gone integer[];
begin
    with content as materialized (
        select k.place, k.workspace_id, k.page_id, k.no, case k.no when 0 then '' else b.id end as block_id,
            case k.no when 0 then 'page' else b.type end as type,
            case k.no when 0 then p.properties else b.data end as data, p.title,
            case k.no when 0 then p.version else b.ver end as ver, e.ver as entry_ver
        from (
            select u.place, p_workspace_ids[u.place] as workspace_id, p_page_ids[u.place] as page_id,
                p_nos[u.place] as no
            from unnest(p_places) as u (place)
            offset 0
        ) as k
        left join lateral (
            select p.version, p.title, p.properties
            from core.pages as p
            where p.workspace_id = k.workspace_id and p.id = k.page_id and p.deleted_at is null
            limit 1
        ) as p on true
        left join lateral (
            select b.ver, b.id, b.type, b.data
            from core.blocks as b
            where b.workspace_id = k.workspace_id and b.page_id = k.page_id and b.no = k.no and p.version is not null
            limit 1
        ) as b on true
        left join lateral (
            select e.ver
            from core.search_entries as e
            where e.workspace_id = k.workspace_id and e.page_id = k.page_id and e.no = k.no
            limit 1
        ) as e on true
    ),
    written as (
        insert into core.search_entries as e
            (workspace_id, page_id, no, block_id, type, ver, body, body_tsv, data, indexed_at)
        select c.workspace_id, c.page_id, c.no, c.block_id, c.type, c.ver, t.body, core.search_vector(c.type, t.body),
            c.data, p_now
        from content as c
        cross join lateral (
            select case c.no when 0 then c.title else core.block_text(c.type, c.data) end as body offset 0
        ) as t
        where c.ver is not null and (c.entry_ver is null or c.entry_ver < c.ver)
        order by c.workspace_id, c.page_id, c.no
        on conflict (workspace_id, page_id, no) do update
        set
            block_id = excluded.block_id, type = excluded.type, ver = excluded.ver, body = excluded.body,
            body_tsv = excluded.body_tsv, data = excluded.data, indexed_at = excluded.indexed_at
        where e.ver < excluded.ver
    )
    select coalesce(array_agg(c.place order by c.workspace_id, c.page_id, c.no) filter (where c.ver is null), '{}')
    into v_gone
    from content as c;

    if v_gone <> '{}' then
        with gone as (
            select e.workspace_id, e.page_id, e.no
            from unnest(v_gone) as u (place)
            inner join core.search_entries as e
                on e.workspace_id = p_workspace_ids[u.place] and e.page_id = p_page_ids[u.place]
                    and e.no = p_nos[u.place]
            order by e.workspace_id, e.page_id, e.no
            for update of e
        )
        delete from core.search_entries as e
        using gone as g
        where e.workspace_id = g.workspace_id and e.page_id = g.page_id and e.no = g.no;
    end if;
    return v_gone;
end;
$$;

comment on function core.write_search_entries(uuid[], uuid[], integer[], bigint[], integer[], timestamptz) is
'Search entries of some places of a batch, as their blocks are now; the places of what is gone.';
revoke all on function core.write_search_entries(
    uuid[], uuid[], integer[], bigint[], integer[], timestamptz
) from public;
