-- core.rebase: what becomes of a change that was made at an earlier version. It is applied to that version first, so
-- that its indexes mean what the client saw; compared with what the versions since have touched; and, where nothing
-- collides, applied by block id to the newest. Deterministic (base, log, change), all or nothing; writes nothing.
-- outcome: "clean", with a draft as of core.apply_operations; "conflict", with conflicts [{operation, path, kind,
-- pointer, yours, theirs}, ..] (see core.find_conflicts; test_failed: a test that no longer holds) and rebased_patch,
-- what of the change does not collide, for the newest version; "too_old": more than 200 versions, the log does not
-- reach back, or the base is not known (0). server_patch leads from the base to the newest version. p_change is what
-- core.save_page parsed. PT422 what does not apply to its own base; PT413 limits.
create or replace function core.rebase(
    p_page core.pages,
    p_base_version bigint,
    p_kind text,
    p_change jsonb,
    out outcome text,
    out conflicts jsonb,
    out server_patch jsonb,
    out rebased_patch jsonb,
    out head jsonb,
    out block_order integer[],
    out next_block_no integer,
    out nos integer[],
    out olds jsonb[],
    out blocks jsonb[],
    out ops jsonb[],
    out touched jsonb[]
)
language plpgsql
volatile
security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
    v_base record;
    v_theirs jsonb[];
    v_moved integer[];
    v_gone text[];
    v_put integer[];
    v_mine record;
    v_met record;
    v_canonical jsonb[];
    v_failed jsonb;
begin
    outcome := 'too_old';
    if p_base_version = 0 or p_page.version - p_base_version > 200 then
        return;
    end if;
    select before.* into v_base from core.page_before(p_page, p_base_version) as before;
    if not v_base.rebasable then
        return;
    end if;
    select
        coalesce(jsonb_agg(log.op order by log.version, log.place) filter (where log.op is not null), '[]'),
        coalesce(array_agg(log.touch) filter (where log.touch is not null), '{}')
    into server_patch, v_theirs
    from (
        select changes.version, op.place, op.value as op, null::jsonb as touch
        from core.page_changes as changes
        cross join jsonb_array_elements(changes.ops) with ordinality as op (value, place)
        where changes.workspace_id = p_page.workspace_id and changes.page_id = p_page.id
            and changes.version > p_base_version and changes.version <= p_page.version
        union all
        select null, null, null, touch.value
        from core.page_changes as changes
        cross join jsonb_array_elements(changes.touched) as touch (value)
        where changes.workspace_id = p_page.workspace_id and changes.page_id = p_page.id
            and changes.version > p_base_version and changes.version <= p_page.version
    ) as log;
    v_moved := array(
        select stored.no
        from core.blocks as stored
        where stored.workspace_id = p_page.workspace_id and stored.page_id = p_page.id
            and stored.id in (select entry ->> 1 from unnest(v_theirs) as touch (entry) where entry ->> 0 = 'mov')
    );
    -- put in, removed or moved; not what came and went again
    v_gone := array(
        select entry ->> 1 from unnest(v_theirs) as touch (entry) where entry ->> 0 <> 'set'
        intersect (
            select stored.id
            from core.blocks as stored
            where stored.workspace_id = p_page.workspace_id and stored.page_id = p_page.id
            union all
            select seeds.block ->> 'id' from unnest(v_base.blocks) as seeds (block)
        )
    );
    v_put := v_moved || array(select unnest(p_page.block_order) except select unnest((v_base.page).block_order));

    v_mine := core.make_draft(v_base.page, p_kind, p_change, v_base.nos, v_base.blocks, v_gone);
    select
        coalesce(array_agg(met.id), '{}') as ids, coalesce(array_agg(met.scope), '{}') as scopes,
        coalesce(array_agg(met.pointer), '{}') as pointers, coalesce(array_agg(met.kind), '{}') as kinds,
        coalesce(jsonb_agg(
            jsonb_build_object(
                'kind', met.kind, 'pointer', case when met.id <> '' then '/blocks/' || met.id else '' end || met.place
            )
            || case when p_kind = 'patch'
                then jsonb_build_object('operation', met.n, 'path', p_change -> met.n -> 'path') else '{}' end
            || case when met.yours is null then '{}' else jsonb_build_object('yours', met.yours) end
            || case when met.theirs is null then '{}' else jsonb_build_object('theirs', met.theirs) end
            order by met.n, met.id, met.pointer
        ) filter (where met.kind is not null), '[]') as conflicts
    into v_met
    from core.find_conflicts(
        p_page, v_base.page, v_base.nos, v_base.blocks, v_mine.head, v_mine.block_order, v_mine.nos, v_mine.blocks,
        v_mine.touched, v_theirs
    ) as met;
    conflicts := v_met.conflicts;
    v_canonical := v_mine.canonical;
    -- once more for each test that fails, at most
    for i in 0..cardinality(v_canonical) loop
        begin
            select applied.head, applied.block_order, applied.next_block_no, applied.nos, applied.olds, applied.blocks,
                applied.ops, applied.touched
            into head, block_order, next_block_no, nos, olds, blocks, ops, touched
            from core.apply_operations(
                p_page,
                core.keep_operations(v_canonical, v_met.ids, v_met.scopes, v_met.pointers, v_met.kinds),
                '{}', '{}', null, v_put
            ) as applied;
            exit;
        exception
            when sqlstate 'PT422' then
                get stacked diagnostics v_failed = pg_exception_detail;
                if v_failed ->> 'op' <> 'test' then
                    raise;
                end if;
        end;
        -- a test that held at the base: the patch is refused, and its other operations are tried without it
        conflicts := conflicts || core.failed_test(p_page, p_change, v_failed);
        v_canonical := array(
            select kept.operation
            from unnest(v_canonical) with ordinality as kept (operation, place)
            where not (
                kept.operation ->> 'op' = 'test' and kept.operation -> 'n' = v_failed -> 'operation'
                and kept.operation -> 'path' = v_failed -> 'pointer'
            )
            order by kept.place
        );
    end loop;
    rebased_patch := to_jsonb(ops);
    conflicts := (
        select coalesce(jsonb_agg(found.value order by (found.value ->> 'operation')::integer, found.place), '[]')
        from jsonb_array_elements(conflicts) with ordinality as found (value, place)
    );
    outcome := case when conflicts = '[]' then 'clean' else 'conflict' end;
end;
$$;

comment on function core.rebase(core.pages, bigint, text, jsonb) is
'A change made at an earlier version, as a draft of the newest one or as conflicts. PT422 what does not apply at its
base.';
revoke all on function core.rebase(core.pages, bigint, text, jsonb) from public;
