-- core.indexable_blocks: what can be indexed, as it is now: every block, and number 0 for title and properties. A
-- page's deletion is not looked at here: a join inside would keep conditions on the key from reaching the tables.
create or replace view core.indexable_blocks as
select
    b.workspace_id,
    b.page_id,
    b.no,
    b.id as block_id,
    b.type,
    b.data,
    b.ver,
    core.block_text(b.type, b.data) as body
from core.blocks as b
union all
select
    p.workspace_id,
    p.id as page_id,
    0 as no,
    ''::text collate "C" as block_id,
    'page'::text as type,
    p.properties as data,
    p.version as ver,
    p.title as body
from core.pages as p;

comment on view core.indexable_blocks is
'Blocks and, as number 0, titles with properties: the source of search entries. Includes blocks of deleted pages.';
comment on column core.indexable_blocks.workspace_id is 'Workspace.';
comment on column core.indexable_blocks.page_id is 'Page.';
comment on column core.indexable_blocks.no is 'Block number; 0 is title and properties.';
comment on column core.indexable_blocks.block_id is 'Id of the block; empty for number 0.';
comment on column core.indexable_blocks.type is 'Type of the block; page for number 0.';
comment on column core.indexable_blocks.data is 'The block''s data, or the page''s properties.';
comment on column core.indexable_blocks.ver is
'Page version that last wrote the block; for number 0 the page''s version.';
comment on column core.indexable_blocks.body is 'Plain text.';
