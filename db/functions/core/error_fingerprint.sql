-- core.error_fingerprint: what errors of one cause share: 16 hexadecimal digits of the SHA-256 of the code and the
-- message without what differs from case to case (quoted text, UUIDs, hexadecimal and decimal numbers, white space).
create or replace function core.error_fingerprint(
    p_code text,
    p_error text
)
returns text
language sql
immutable
parallel safe
security invoker
set search_path = pg_catalog, pg_temp
as $$
    select left(encode(sha256(convert_to(
        coalesce(p_code, '') || ':' || regexp_replace(
            regexp_replace(
                regexp_replace(
                    regexp_replace(
                        lower(left(coalesce(p_error, ''), 1000)), '"[^"]*"|''[^'']*''|`[^`]*`', '"', 'g'
                    ),
                    '[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|\m[0-9a-f]{12,}\M', '#', 'g'
                ),
                '[0-9]+([.,:][0-9]+)*', '#', 'g'
            ),
            '\s+', ' ', 'g'
        ), 'UTF8'
    )), 'hex'), 16);
$$;

comment on function core.error_fingerprint(text, text) is
'16 hex digits that errors of one cause share: code and message without numbers, ids and quoted text.';
revoke all on function core.error_fingerprint(text, text) from public;
