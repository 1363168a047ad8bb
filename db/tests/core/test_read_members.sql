-- core.read_members: a body as an object of known members.
begin;
select plan(36);

create function pg_temp.read(p_body text, p_needed text[] default '{}') returns text language plpgsql as $$
declare
    v_state text;
    v_slug text;
    v_detail text;
begin
    return core.read_members(
        p_body, '{"name": "text", "scopes": "texts", "user_id": "uuid", "at": "time", "grace": "seconds"}', p_needed
    )::text;
exception when others then
    get stacked diagnostics v_state = returned_sqlstate, v_slug = constraint_name, v_detail = pg_exception_detail;
    return concat_ws(' ', v_state, v_slug, (nullif(v_detail, '')::jsonb) ->> 'pointer');
end;
$$;

select is(pg_temp.read(b.body, b.needed), b.said, coalesce(nullif(b.body, ''), 'nothing') || ' gives ' || b.said) from (
    values
    ('{}', '{}'::text[], '{}'),
    ('{"name": "Ann"}', '{name}', '{"name": "Ann"}'),
    ('{"name": null}', '{}', '{}'),
    ('{"name": null}', '{name}', 'PT422 member_missing /name'),
    ('{}', '{name}', 'PT422 member_missing /name'),
    ('{"nome": "Ann"}', '{name}', 'PT422 unknown_member '),
    ('[]', '{}', 'PT422 document_not_object '),
    ('null', '{}', 'PT422 document_not_object '),
    ('', '{}', 'PT400 malformed_json'),
    ('{"name": "a", "name": "b"}', '{}', 'PT400 duplicate_key'),
    ('{"name": "\u0000"}', '{}', 'PT400 nul_character'),
    ('{"name": ""}', '{}', 'PT422 invalid_value /name'),
    ('{"name": " "}', '{}', 'PT422 invalid_value /name'),
    ('{"name": "a\nb"}', '{}', 'PT422 invalid_value /name'),
    ('{"name": 1}', '{}', 'PT422 invalid_value /name'),
    ('{"scopes": ["read"]}', '{}', '{"scopes": ["read"]}'),
    ('{"scopes": "read"}', '{}', 'PT422 invalid_value /scopes'),
    ('{"scopes": [1]}', '{}', 'PT422 invalid_value /scopes'),
    ('{"scopes": [["read"]]}', '{}', 'PT422 invalid_value /scopes'),
    ('{"user_id": "018f6f43-7c1e-7d3a-9b1e-2f6d0c4a5b6c"}', '{}', '{"user_id": "018f6f43-7c1e-7d3a-9b1e-2f6d0c4a5b6c"}'),
    ('{"user_id": "{018f6f43-7c1e-7d3a-9b1e-2f6d0c4a5b6c}"}', '{}', 'PT422 invalid_value /user_id'),
    ('{"user_id": "me"}', '{}', 'PT422 invalid_value /user_id'),
    ('{"at": "2030-01-31T12:00:00Z"}', '{}', '{"at": "2030-01-31T12:00:00Z"}'),
    ('{"at": "2030-01-31T12:00:00.123+05:30"}', '{}', '{"at": "2030-01-31T12:00:00.123+05:30"}'),
    ('{"at": "2030-02-31T12:00:00Z"}', '{}', 'PT422 invalid_value /at'),
    ('{"at": "2030-01-31T12:00:00+99:00"}', '{}', 'PT422 invalid_value /at'),
    ('{"at": "tomorrow"}', '{}', 'PT422 invalid_value /at'),
    ('{"at": "infinity"}', '{}', 'PT422 invalid_value /at'),
    ('{"at": 5}', '{}', 'PT422 invalid_value /at'),
    ('{"grace": 0}', '{}', '{"grace": 0}'),
    ('{"grace": 2592000}', '{}', '{"grace": 2592000}'),
    ('{"grace": 2592001}', '{}', 'PT422 invalid_value /grace'),
    ('{"grace": -1}', '{}', 'PT422 invalid_value /grace'),
    ('{"grace": 1.5}', '{}', 'PT422 invalid_value /grace'),
    ('{"grace": 1e300}', '{}', 'PT422 invalid_value /grace'),
    ('{"grace": "1"}', '{}', 'PT422 invalid_value /grace')
) as b (body, needed, said);

select * from finish();
rollback;
