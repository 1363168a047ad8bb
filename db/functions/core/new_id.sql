-- core.new_id: a UUIDv7 (RFC 9562): milliseconds first, so that new rows land together in an index.
-- PostgreSQL 16 and 17 have no uuidv7(); one function for all versions also obeys core.clock().
create or replace function core.new_id()
returns uuid
language plpgsql
volatile
parallel safe
security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
    v_milliseconds constant bytea := substr(int8send(floor(extract(epoch from core.clock()) * 1000)::bigint), 3);
begin
    -- 12 hex digits of time, the version, and the rest of a random UUID, whose variant bits are right already
    return (
        encode(v_milliseconds, 'hex') || '7' || substr(replace(gen_random_uuid()::text, '-', ''), 14)
    )::uuid;
end;
$$;

comment on function core.new_id() is
'A new UUIDv7: ids that the server makes.';
revoke all on function core.new_id() from public;
