-- core.drop_change_month: takes a month off the log of pages: its partition, and its rows in the default one. Whether
-- it did: a partition that somebody reads is left for the next call. Older versions of a page that have a later time,
-- because a clock was set back, go with it: the log must not end in holes.
create or replace function core.drop_change_month(
    p_month timestamptz
)
returns boolean
language plpgsql
volatile
parallel unsafe
security invoker
set search_path = pg_catalog, pg_temp
set lock_timeout = '2s'
as $$
declare
    v_to constant timestamptz := (p_month at time zone 'UTC' + interval '1 month') at time zone 'UTC';
    v_name constant text := 'page_changes_p' || to_char(p_month at time zone 'UTC', 'YYYYMM');
begin
    delete from core.page_changes as late
    where late.at >= v_to and late.at < v_to + interval '1 day' and exists (
        select from core.page_changes as gone
        where gone.workspace_id = late.workspace_id and gone.page_id = late.page_id and gone.version > late.version
            and gone.at >= p_month and gone.at < v_to
    );
    delete from core.page_changes_default as strays where strays.at >= p_month and strays.at < v_to;
    if to_regclass('core.' || v_name) is not null then
        execute format('drop table core.%I', v_name);
    end if;
    return true;
exception
    when lock_not_available then
        raise warning 'core.% is old but in use; it is dropped at the next call', v_name;
        return false;
end;
$$;

comment on function core.drop_change_month(timestamptz) is
'Takes a month off the log of pages; whether it did. Gives way after 2 s of waiting for a lock.';
revoke all on function core.drop_change_month(timestamptz) from public;
