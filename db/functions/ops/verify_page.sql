-- ops.verify_page: whether a page and its history prove themselves, one row a check: block_order (places and rows of
-- blocks), content_hash (content against what was recorded; ok with "unreckoned" where an older release recorded
-- nothing), snapshots, versions (each from the oldest kept to the newest in the log), replay (operations lead to each
-- recorded hash), undo (pre-images lead back). detail has numbers and versions, no content, and with a damaged log the
-- last version before the first damage. Changes nothing; sees one moment, whoever is saving. No row: no such page.
create or replace function ops.verify_page(
    p_workspace_id uuid,
    p_page_id uuid
)
returns table (check_name text, ok boolean, detail jsonb)
language plpgsql
stable
security definer
rows 6
set search_path = pg_catalog, pg_temp
as $$
begin
    if not exists (
        select from core.pages where pages.workspace_id = p_workspace_id and pages.id = p_page_id
    ) then
        return;
    end if;
    return query
        with live as (
            select found.problem, found.detail from core.check_live(p_workspace_id, p_page_id) as found
        ),

        replayed as (
            select found.version, found.problem from core.replay_page(p_workspace_id, p_page_id) as found
        ),

        snapshots as (
            select jsonb_agg(found.version) as bad
            from core.check_snapshots(p_workspace_id, p_page_id) as found (version)
        ),

        log as (
            select
                checks.check_name, checks.place,
                jsonb_agg(replayed.version order by replayed.version) filter (
                    where replayed.version is not null
                ) as bad,
                jsonb_build_object('last_consistent_version', min(replayed.version) - 1) as last
            from (
                values ('versions', 4, '{missing,ahead}'::text[]), ('replay', 5, '{ops}'), ('undo', 6, '{undo}')
            ) as checks (check_name, place, problems)
            left join replayed on replayed.problem = any(checks.problems)
            group by checks.check_name, checks.place
        )

        select checks.check_name, checks.ok, checks.detail
        from (
            select
                'block_order' as check_name, 1 as place, count(live.detail) = 0 as ok,
                coalesce(min(live.detail::text)::jsonb, '{}') as detail
            from live
            where live.problem = 'order'
            union all
            select
                'content_hash', 2, coalesce(bool_and(live.problem = 'unreckoned'), true),
                coalesce(min((jsonb_build_object('problem', live.problem) || live.detail)::text)::jsonb, '{}')
            from live
            where live.problem <> 'order'
            union all
            select
                'snapshots', 3, snapshots.bad is null,
                jsonb_strip_nulls(jsonb_build_object('versions', snapshots.bad))
            from snapshots
            union all
            select
                log.check_name, log.place, log.bad is null,
                case when log.bad is null then '{}' else jsonb_build_object('versions', log.bad) || log.last end
            from log
        ) as checks
        order by checks.place;
end;
$$;

comment on function ops.verify_page(uuid, uuid) is
'Whether a page and its history prove themselves, one row a check. Changes nothing.';
revoke all on function ops.verify_page(uuid, uuid) from public;
grant execute on function ops.verify_page(uuid, uuid) to quire_monitor;
