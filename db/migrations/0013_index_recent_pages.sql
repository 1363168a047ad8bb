-- A flag for the pages of the last week, so that they can have a small index of their own (0014): "the last 7 days" is
-- no predicate that an index may have, for it is another one tomorrow. ops.sweep_recent_pages takes the flag off, the
-- trigger mark_recent_page sets it again at the next edit. A constant default: no row is rewritten.
set local role quire_owner;
alter table core.pages add column recent boolean not null default true;
comment on column core.pages.recent is
'False once ops.sweep_recent_pages has found the page unedited for more than 8 days; true from its next edit on. A page
edited in the last 7 days is always true, also where the sweep never ran.';
comment on index core.pages_workspace_updated_idx is
'Pages of a workspace, newest first, keyset pagination: lists that go further back than pages_updated_recent_idx.';
