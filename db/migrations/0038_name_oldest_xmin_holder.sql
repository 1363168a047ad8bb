-- squawk-ignore-file ban-drop-function
-- Who keeps vacuum from removing dead rows, beside since when. Older rows do not know. core.oldest_xmin takes the place
-- of a function that said since when only.
set local role quire_owner;

alter table core.indexing_stats add column oldest_xmin_holder text;
comment on column core.indexing_stats.oldest_xmin_holder is
'Who that is: pid, role, application and state, a gid or a slot''s name; never a query. NULL: nobody for a second.';

drop function if exists core.oldest_xmin_seconds(timestamptz);
