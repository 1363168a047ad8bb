-- core.parse_body: a request's body as jsonb, or the reason why not.
-- jsonb keeps the last of duplicate keys silently and has no NUL; numbers keep their precision.
-- PT413 body_too_large, too_deep, number_too_large; PT400 malformed_json, nul_character, lone_surrogate, duplicate_key.
create or replace function core.parse_body(
    p_body text,
    p_max_depth integer
)
returns jsonb
language plpgsql
immutable
parallel safe
security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
    v_max_bytes constant integer := (core.page_limits()).max_body_bytes;
    v_body jsonb;
    v_state text;
    v_context text;
    v_detail text;
    v_line integer;
begin
    if octet_length(p_body) > v_max_bytes then
        raise exception 'the body has % bytes, more than %: send it in parts', octet_length(p_body), v_max_bytes
            using errcode = 'PT413', constraint = 'body_too_large',
            detail = jsonb_build_object('limit', v_max_bytes)::text;
    end if;
    begin
        v_body := p_body::jsonb;
    exception
        when invalid_text_representation or untranslatable_character or numeric_value_out_of_range
            or statement_too_complex then
            get stacked diagnostics v_state = returned_sqlstate, v_detail = pg_exception_detail,
                v_context = pg_exception_context;
    end;
    if v_body is null then
        -- only the line: what the context quotes is the customer's own and stays out of logs
        v_line := coalesce(substring(v_context from 'JSON data, line (\d+)')::integer, 1);
        case
            when v_state = '22P05' then
                raise exception 'line %: \u0000 cannot be stored: leave it out', v_line
                    using errcode = 'PT400', constraint = 'nul_character',
                    detail = jsonb_build_object('line', v_line)::text;
            when v_state = '22003' then
                raise exception 'a number has more than 100 digits or an exponent beyond 400: send it as a string'
                    using errcode = 'PT413', constraint = 'number_too_large',
                    detail = '{"digits": 100, "exponent": 400}';
            when v_state = '54001' then
                raise exception 'the JSON is nested more than % levels deep: make it flatter', p_max_depth
                    using errcode = 'PT413', constraint = 'too_deep',
                    detail = jsonb_build_object('limit', p_max_depth)::text;
            when v_detail like 'Unicode % surrogate %' then
                raise exception 'line %: a \uD800-\uDFFF escape that is not half of a pair', v_line
                    using errcode = 'PT400', constraint = 'lone_surrogate',
                    detail = jsonb_build_object('line', v_line)::text;
            else
                raise exception 'line %: the body is not JSON', v_line
                    using errcode = 'PT400', constraint = 'malformed_json',
                    detail = jsonb_build_object('line', v_line)::text;
        end case;
    elsif p_body is not json with unique keys then
        raise exception 'an object in the body has a key twice: only one of them could be kept'
            using errcode = 'PT400', constraint = 'duplicate_key';
    end if;
    perform jsonpatch.check_document(v_body, p_max_depth);
    return v_body;
end;
$$;

comment on function core.parse_body(text, integer) is
'A request body as jsonb. PT413 body_too_large, too_deep, number_too_large; PT400 malformed_json, nul_character,
lone_surrogate, duplicate_key.';
revoke all on function core.parse_body(text, integer) from public;
