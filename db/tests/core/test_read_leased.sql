begin;
select plan(8);
insert into core.workspaces (id, name, created_at) values ('00000000-0000-7000-8000-000000000001', 'w', now());
-- 101: all there; 102: blocks, entries and vectors each missing here and there; 103: deleted; 104: nothing indexed yet
insert into core.pages (workspace_id, id, title, version, block_order, deleted_at)
select
    '00000000-0000-7000-8000-000000000001', ('00000000-0000-7000-8000-000000000' || n)::uuid, 'Title ' || n, 7,
    array(select generate_series(1, 40)), case n when 103 then now() end
from generate_series(101, 104) as n;
insert into core.blocks (workspace_id, page_id, no, id, type, data, ver)
select p.workspace_id, p.id, n, 'b' || n, 'paragraph', jsonb_build_object('text', 'text ' || n), mod(n, 4) + 1
from core.pages as p
cross join generate_series(1, 40) as n
where p.title <> 'Title 102' or mod(n, 7) <> 0;
insert into core.search_entries
select p.workspace_id, p.id, n, 'b' || n, 'paragraph', greatest(7 * (n = 0)::integer, mod(n, 3) + 2), '', '', '{}', now()
from core.pages as p
cross join generate_series(0, 40) as n
where p.title <> 'Title 104' and (p.title <> 'Title 102' or mod(n, 5) <> 1);
insert into core.embedding_models (name, dimensions, state, created_at)
values ('m1', 3, 'retired', now()), ('m2', 3, 'retired', now());
insert into core.block_embeddings (workspace_id, page_id, no, model, ver, text_hash, vec)
select
    p.workspace_id, p.id, n, m, case n when 0 then 7 else mod(n, 4) + 1 - (mod(n, 11) = 0)::integer end,
    case mod(n, 2) when 0 then sha256(convert_to('text ' || n, 'UTF8')) else sha256('') end, '[1,2,3]'
from core.pages as p
cross join generate_series(0, 40) as n
cross join (values ('m1'), ('m2')) as v (m)
where p.title <> 'Title 104' and (p.title <> 'Title 102' or mod(n, 6) <> length(m) + right(m, 1)::integer);

-- One entry at a time: what a batch has to answer for it.
create function pg_temp.one(p_page_id uuid, p_no integer, p_models text[])
returns text language sql as $$
    with c as (
        select
            case
                when p.id is null then null
                when p_no = 0 then p.version
                else (select b.ver from core.blocks as b where b.page_id = p_page_id and b.no = p_no)
            end as ver,
            (select e.ver from core.search_entries as e where e.page_id = p_page_id and e.no = p_no) as entry_ver,
            case p_no when 0 then p.title else 'text ' || p_no end as body
        from (values (1)) as v (one)
        left join core.pages as p on p.id = p_page_id and p.deleted_at is null
    ),
    m as (
        select m.name, e.text_hash
        from c
        cross join unnest(p_models) as m (name)
        left join core.block_embeddings as e on e.page_id = p_page_id and e.no = p_no and e.model = m.name
        where c.ver is not null and (e.ver is null or e.ver < c.ver)
    )
    select format(
        '%s %s %s %s', c.ver, c.ver is null or c.entry_ver is null or c.entry_ver < c.ver or exists (select from m),
        case when exists (select from m) then encode(sha256(convert_to(c.body, 'UTF8')), 'hex') end,
        (select string_agg(m.name || '=' || c.body, ',' order by m.name) from m
        where m.text_hash is distinct from sha256(convert_to(c.body, 'UTF8')))
    )
    from c
$$;
-- What is wrong in a batch of the pages' entries that p_which chooses, in key order.
create function pg_temp.wrong(p_which text, p_models text[], out entries integer, out wrong text[])
language plpgsql as $$
begin
    execute format($q$
        with k as materialized (
            select array_agg(s.workspace_id) as workspace_ids, array_agg(s.id) as page_ids, array_agg(s.n) as nos
            from (
                select p.workspace_id, p.id, n from core.pages as p cross join generate_series(0, 40) as n
                where %s order by p.workspace_id, p.id, n
            ) as s
        ),
        r as materialized (
            select k.*, r.* from k cross join core.read_leased(k.workspace_ids, k.page_ids, k.nos, $1) as r
        ),
        answers as (
            select a.page_id, a.no, format(
                '%%s %%s %%s %%s', a.ver, a.stale, encode(a.text_hash, 'hex'), (
                    select string_agg(w.model || '=' || w.body, ',' order by w.model)
                    from r cross join unnest(r.places, r.models, r.bodies) as w (place, model, body)
                    where w.place = a.place
                )) as answer
            from r
            cross join unnest(r.page_ids, r.nos, r.vers, r.stale, r.text_hashes) with ordinality
                as a (page_id, no, ver, stale, text_hash, place)
        )
        select count(*), coalesce(
            array_agg(format('%%s %%s: %%s', right(a.page_id::text, 3), a.no, a.answer))
            filter (where a.answer is distinct from pg_temp.one(a.page_id, a.no, $1)), '{}')
        from answers as a
    $q$, p_which) into entries, wrong using p_models;
end;
$$;

select is(pg_temp.wrong('true', '{m1}'), row(164, '{}'::text[]), 'whole pages');
select is(pg_temp.wrong('true', '{m1,m2}'), row(164, '{}'::text[]), 'whole pages, two models');
select is(pg_temp.wrong('true', '{}'), row(164, '{}'::text[]), 'whole pages, no model');
select is(pg_temp.wrong('n > 3 and n < 30', '{m1,m2}'), row(104, '{}'::text[]), 'parts of pages, without their titles');
select is(pg_temp.wrong('mod(n, 2) = 0', '{m1}'), row(84, '{}'::text[]), 'every other entry');
select is(pg_temp.wrong('mod(n, 9) = 0', '{m1,m2}'), row(20, '{}'::text[]), 'few entries of a page');
select is(pg_temp.wrong('n = 17', '{m1,m2}'), row(4, '{}'::text[]), 'an entry of a page');
select is(pg_temp.wrong('n = 0', '{m1,m2}'), row(4, '{}'::text[]), 'titles alone');
select * from finish();
rollback;
