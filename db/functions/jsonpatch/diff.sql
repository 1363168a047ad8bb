-- jsonpatch.diff: an RFC 6902 patch that turns one document into the other:
-- jsonpatch.apply(p_from, jsonpatch.diff(p_from, p_to)) = p_to, by jsonb's equality (1 = 1.0). '[]' for equal ones.
-- The patch may have more operations than jsonpatch.apply lets pass: then raise that limit there.
create or replace function jsonpatch.diff(
    p_from jsonb,
    p_to jsonb
)
returns jsonb
language plpgsql
immutable
strict
parallel safe
security invoker
set search_path = pg_catalog, pg_temp
as $$
begin
    return coalesce(
        (
            select jsonb_agg(operations.operation order by operations.position)
            from jsonpatch.diff_values(p_from, p_to, '') with ordinality as operations (operation, position)
        ),
        '[]'
    );
end;
$$;

comment on function jsonpatch.diff(jsonb, jsonb) is
'An RFC 6902 patch that turns one document into the other; ''[]'' where they are equal.';
revoke all on function jsonpatch.diff(jsonb, jsonb) from public;
grant execute on function jsonpatch.diff(jsonb, jsonb) to public;
