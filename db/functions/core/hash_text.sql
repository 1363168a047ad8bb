-- core.hash_text: the first 8 bytes of the sha256 of a text, as a number 0 <= h < 2^64. PostgreSQL's own hash functions
-- are not promised to stay the same from release to release; sha256 (FIPS 180-4) is. Zeros at the end of a JSON
-- number's fraction are left out: 1 and 1.0 are equal to jsonb, so that a save may store one where its log has the
-- other.
create or replace function core.hash_text(
    p_text text
)
returns numeric
language plpgsql
immutable
strict
parallel safe
security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
    v_text text := p_text;
begin
    if v_text ~ '\.\d*0(?!\d)' then
        -- strings are matched as a whole and put back as they are
        v_text := regexp_replace(v_text, '("(?:[^"\\]|\\.)*")|\.0+(?!\d)|(\.\d*[1-9])0+(?!\d)', '\1\2', 'g');
    end if;
    return ('0x' || encode(substr(sha256(convert_to(v_text, 'UTF8')), 1, 8), 'hex'))::numeric;
end;
$$;

comment on function core.hash_text(text) is
'64 bits of sha256 as a number from 0: what content hashes are sums of.';
revoke all on function core.hash_text(text) from public;
