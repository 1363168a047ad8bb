-- core.check_filter: what is refused, and that it is said what would not be.
begin;
select plan(18);

create function pg_temp.said(p_filter jsonb) returns text language plpgsql as $$
declare
    v_said text;
    v_state text;
begin
    perform core.check_filter(p_filter, 'things', array[
        'status', 'workspace_id', 'no', 'text', 'fingerprint', 'discarded', 'finished_after', 'died_before'
    ]);
    return 'right';
exception when others then
    get stacked diagnostics v_said = message_text, v_state = returned_sqlstate;
    return v_state || ' ' || v_said;
end;
$$;
select is(pg_temp.said(f.filter), 'right', f.filter::text) from (
    values
    ('{}'::jsonb), ('{"workspace_id": "00000000-0000-7000-8000-000000000001", "no": 0, "status": "failed"}'),
    ('{"no": "7", "discarded": "false", "text": " "}'), ('{"discarded": true, "fingerprint": "0123456789abcdef"}'),
    ('{"finished_after": "2031-05-05", "died_before": "2031-05-05T12:00:00+02:00"}')
) as f (filter);
select is(pg_temp.said(f.filter), 'PT400 ' || f.said, f.filter::text) from (
    values
    (null::jsonb, 'the filter is an object, such as {"workspace_id": "0190b5a4-8c1e-7a3f-9d2b-1f4c5e6a7b8c"}'),
    ('7', 'the filter is an object, such as {"workspace_id": "0190b5a4-8c1e-7a3f-9d2b-1f4c5e6a7b8c"}'),
    ('{"page_id": 1}', 'a filter of things has no "page_id": it has status, workspace_id, no, text, fingerprint,'
        ' discarded, finished_after, died_before'),
    ('{"workspace_id": "w"}', 'the filter''s workspace_id cannot be "w": it takes a UUID'),
    ('{"no": -0.5}', 'the filter''s no cannot be -0.5: it takes the number of a block, 0 for the title'),
    ('{"no": 2147483648}', 'the filter''s no cannot be 2147483648: it takes the number of a block, 0 for the title'),
    ('{"status": "done"}', 'the filter''s status cannot be "done": it takes pending, processing, completed or failed'),
    ('{"fingerprint": "0123456789ABCDEF"}',
        'the filter''s fingerprint cannot be "0123456789ABCDEF": it takes 16 hexadecimal digits, as the groups show them'),
    ('{"discarded": 2}', 'the filter''s discarded cannot be 2: it takes true or false'),
    ('{"died_before": ""}', 'the filter''s died_before cannot be "": it takes a time, such as 2026-01-31T12:00:00Z'),
    ('{"finished_after": ["2031-05-05"]}',
        'the filter''s finished_after cannot be ["2031-05-05"]: it takes a time, such as 2026-01-31T12:00:00Z'),
    ('{"text": ""}', 'the filter''s text cannot be "": it takes text that is not empty'),
    ('{"text": null}', 'the filter''s text cannot be null: it takes text that is not empty')
) as f (filter, said);
select * from finish();
rollback;
