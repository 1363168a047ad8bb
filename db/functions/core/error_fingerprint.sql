-- core.error_fingerprint: what errors of one cause share: 16 hexadecimal digits of the SHA-256 of the code and the
-- message without what differs from case to case: quoted text, UUIDs, hexadecimal and decimal numbers, white space. An
-- apostrophe inside a word quotes nothing.
create or replace function core.error_fingerprint(
    p_code text,
    p_error text
)
returns text
language plpgsql
immutable
parallel safe
security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
    v_error text := left(coalesce(p_error, ''), 1000);
begin
    v_error := regexp_replace(v_error, '"[^"]*"|`[^`]*`|“[^”]*”', '""', 'g');
    v_error := regexp_replace(v_error, '(^|[^a-zA-Z0-9_])''[^'']*''(?![a-zA-Z0-9_])', '\1""', 'g');
    v_error := regexp_replace(v_error, '[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}', '#', 'g');
    v_error := regexp_replace(v_error, '\m(0x[0-9a-fA-F]+|(?=[a-fA-F]*[0-9])[0-9a-fA-F]{8,})\M', '#', 'g');
    v_error := regexp_replace(v_error, '[0-9]+([.,:][0-9]+)*', '#', 'g');
    v_error := btrim(regexp_replace(v_error, '\s+', ' ', 'g'));
    return left(encode(sha256(convert_to(coalesce(p_code, '') || ':' || v_error, 'UTF8')), 'hex'), 16);
end;
$$;

comment on function core.error_fingerprint(text, text) is
'16 hex digits that errors of one cause share: code and message without numbers, ids and quoted text.';
revoke all on function core.error_fingerprint(text, text) from public;
