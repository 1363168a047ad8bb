-- core.page_limits: every limit on what a client may send, in one place. Each has its own PT413 slug.
-- Pointers (64 tokens, 2048 bytes) and numbers (100 digits, exponent 400) are limited in jsonpatch.check_operation and
-- jsonpatch.check_document.
create or replace function core.page_limits(
    out max_body_bytes integer,
    out max_operations integer,
    out max_whole_operations integer,
    out max_block_bytes integer,
    out max_blocks integer,
    out max_page_bytes integer,
    out max_depth integer,
    out max_copy_bytes integer
)
language plpgsql
immutable
parallel safe
security invoker
set search_path = pg_catalog, pg_temp
as $$
begin
    max_body_bytes := 1048576;  -- a body as sent
    max_operations := 1000;  -- of a patch
    -- of them, ones whose path or from is the whole document or all of /blocks: each costs the whole page
    max_whole_operations := 16;
    max_block_bytes := 262144;  -- a block as JSON text
    max_blocks := 10000;  -- of a page
    max_page_bytes := 4194304;  -- a page as JSON text
    max_depth := 64;  -- containers around each other, the document being the first
    max_copy_bytes := 1048576;  -- that the copy operations of a patch add
end;
$$;

comment on function core.page_limits() is
'Limits on bodies, patches, blocks and pages: one row.';
revoke all on function core.page_limits() from public;
