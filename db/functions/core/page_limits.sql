-- core.page_limits: every limit on what a client may send, in one place. Each has its own PT413 slug.
-- Pointers (64 tokens, 2048 bytes) and numbers (100 digits, exponent 400) are limited in jsonpatch.check_operation and
-- jsonpatch.check_document.
create or replace function core.page_limits()
returns table (
    max_body_bytes integer,
    max_operations integer,
    max_whole_operations integer,
    max_block_bytes integer,
    max_blocks integer,
    max_page_bytes integer,
    max_depth integer,
    max_copy_bytes integer
)
language plpgsql
immutable
parallel safe
security invoker
rows 1
set search_path = pg_catalog, pg_temp
as $$
begin
    return query select
        1048576,  -- a body as sent
        1000,  -- operations of a patch
        16,  -- of them, ones whose path or from is the whole document or all of /blocks: each costs the whole page
        262144,  -- a block as JSON text
        10000,  -- blocks of a page
        4194304,  -- a page as JSON text
        64,  -- containers around each other, the document being the first
        1048576;  -- bytes that the copy operations of a patch add
end;
$$;

comment on function core.page_limits() is
'Limits on bodies, patches, blocks and pages: one row.';
revoke all on function core.page_limits() from public;
