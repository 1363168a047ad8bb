-- core.tg_pages__mark_recent: an edited page is a recent one, whoever edits it: the API, the old application, whatever
-- comes. The trigger's condition holds only for the first edit after ops.sweep_recent_pages put the page aside; all
-- other saves leave pages.recent as it is (so that they stay HOT) and do not get here.
create or replace function core.tg_pages__mark_recent()
returns trigger
language plpgsql
volatile
parallel unsafe
security invoker
set search_path = pg_catalog, pg_temp
as $$
begin
    new.recent := true;
    return new;
end;
$$;

comment on function core.tg_pages__mark_recent() is 'Takes a page that is edited again into pages_updated_recent_idx.';
revoke all on function core.tg_pages__mark_recent() from public;

-- After check_page_version, by name: that one may set edited_minute itself. By edited_minute, because it is what lists
-- go by, so that maintenance which moves it is covered too.
create or replace trigger mark_recent_page
before update on core.pages
for each row when (not new.recent and new.edited_minute is distinct from old.edited_minute)
execute function core.tg_pages__mark_recent();
comment on trigger mark_recent_page on core.pages is
'The first edit after the sweep makes the page recent again: see pages.recent.';
