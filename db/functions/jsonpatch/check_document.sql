-- jsonpatch.check_document: refuses JSON that is small to send and dear to handle.
-- Depth is the number of containers around each other: [] has 1, [[]] has 2.
-- PT413 too_deep; PT413 number_too_large: more than 100 significant digits, or an exponent beyond +-400.
-- Never by way of the text of the document: [1e131071] is 22 bytes of jsonb and prints as 131,074 characters.
create or replace function jsonpatch.check_document(
    p_document jsonb,
    p_max_depth integer default 64
)
returns void
language plpgsql
immutable
strict
parallel safe
security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
    v_numbers jsonb;
begin
    -- Eight bytes a level are the least: a small document needs no look, unless it is small because it is compressed.
    if (pg_column_size(p_document) >= 8 * p_max_depth or pg_column_compression(p_document) is not null)
        and jsonb_path_exists(
        p_document, format('strict $.**{%s} ? (@.type() == "object" || @.type() == "array")', p_max_depth)::jsonpath
    ) then
        raise exception 'the JSON is nested more than % levels deep: make it flatter', p_max_depth
            using errcode = 'PT413', constraint = 'too_deep',
            detail = jsonb_build_object('limit', p_max_depth)::text;
    end if;
    -- strict: lax mode would open each array twice. jsonb_path_query as a set takes quadratic time.
    v_numbers := jsonb_path_query_array(p_document, 'strict $.** ? (@.type() == "number")');
    if v_numbers <> '[]' and exists (
        select 1
        from jsonb_array_elements(v_numbers) as numbers (number)
        where
            -- in this order, so that only numbers of a bounded length are ever printed
            case
                when abs(numbers.number::numeric) < 1e16 and scale(numbers.number::numeric) <= 16 then false
                when abs(numbers.number::numeric) >= 1e401 or scale(numbers.number::numeric) > 500 then true
                else length(trim(both '0' from translate(numbers.number::numeric::text, '-.', ''))) > 100
            end
    ) then
        raise exception 'a number has more than 100 digits or an exponent beyond 400: send it as a string'
            using errcode = 'PT413', constraint = 'number_too_large',
            detail = '{"digits": 100, "exponent": 400}';
    end if;
end;
$$;

comment on function jsonpatch.check_document(jsonb, integer) is
'Refuses JSON that is dear to handle. PT413 too_deep; PT413 number_too_large.';
revoke all on function jsonpatch.check_document(jsonb, integer) from public;
grant execute on function jsonpatch.check_document(jsonb, integer) to public;
