-- A change made at an earlier version: what it becomes when others have saved since.
begin;
select plan(103);

insert into core.workspaces (id, name, created_at) values ('00000000-0000-0000-0000-000000000001', 'w', now());
insert into core.users (id, name, created_at) values ('00000000-0000-0000-0000-00000000000a', 'editor', now());
insert into core.workspace_members (workspace_id, user_id, role, created_at)
values ('00000000-0000-0000-0000-000000000001', '00000000-0000-0000-0000-00000000000a', 'editor', now());
create temporary table base (document jsonb);
insert into base
select jsonb_build_object('title', 'T', 'properties', '{"k": [1, 2], "m": {"x": 1}}'::jsonb, 'blocks', jsonb_agg(
    jsonb_build_object('id', id, 'type', 'p', 'data', jsonb_build_object('text', id, 'list', array[1, 2], 'deep', '{"x": 1, "y": 2}'::jsonb))
    order by id
))
from unnest('{a,b,c,d,e}'::text[]) as ids (id);

-- "op path value", or "move from path", separated by "; "
create function pg_temp.ops(p_text text) returns jsonb language sql as $$
    select coalesce(jsonb_agg(
        case
            when part[1] in ('move', 'copy') then jsonb_build_object('op', part[1], 'from', part[2], 'path', part[3])
            when part[1] = 'remove' then jsonb_build_object('op', part[1], 'path', part[2])
            else jsonb_build_object('op', part[1], 'path', part[2], 'value', part[3]::jsonb)
        end
        order by place
    ), '[]')
    from regexp_split_to_table(p_text, '; ') with ordinality as line (text, place)
    cross join regexp_match(line.text, '^(\S+) (\S*) ?(.*)$') as found (part)
$$;
create function pg_temp.document(p_page uuid) returns jsonb language sql as $$
    select body::jsonb - '{id,version}'::text[]
    from api.get_page('00000000-0000-0000-0000-000000000001', '00000000-0000-0000-0000-00000000000a', p_page, null)
$$;
create function pg_temp.save(p_page uuid, p_match text[], p_base bigint, p_body text, p_kind text)
returns jsonb language sql as $$
    select saved.body::jsonb || jsonb_build_object('status', saved.status)
    from core.save_page(
        '00000000-0000-0000-0000-000000000001', '00000000-0000-0000-0000-00000000000a', p_page, p_match, p_base,
        p_body, p_kind, 100::smallint, null
    ) as saved
$$;
create function pg_temp.create_page() returns uuid language sql as $$
    select page_id from api.create_page(
        '00000000-0000-0000-0000-000000000001', '00000000-0000-0000-0000-00000000000a',
        (select document::text from base), 100::smallint
    )
$$;
-- all that a save writes
create function pg_temp.stored(p_page uuid) returns text language sql as $$
    select concat_ws(
        '|', pages::text, (select count(*) from core.page_changes as c where c.page_id = p_page),
        (select string_agg(b::text, ',' order by b.no) from core.blocks as b where b.page_id = p_page),
        (select string_agg(q::text, ',' order by q.no) from core.indexing_queue as q where q.page_id = p_page)
    )
    from core.pages
    where pages.id = p_page
$$;
-- A fresh page at version 1; others save p_theirs (versions separated by " | "); then p_mine comes, made at version 1.
-- What it is answered, with status and with the ids of the blocks after it. Fails where an answer breaks a promise.
create function pg_temp.meet(p_theirs text, p_mine text, p_kind text default 'patch') returns jsonb language plpgsql as $$
declare
    v_page uuid := pg_temp.create_page();
    v_body text := case when p_kind = 'patch' then pg_temp.ops(p_mine)::text else p_mine end;
    v_base jsonb := pg_temp.document(v_page);
    v_theirs text;
    v_now jsonb;
    v_before text;
    v_strict jsonb;
    v_answer jsonb;
    v_resent jsonb;
begin
    foreach v_theirs in array string_to_array(p_theirs, ' | ') loop
        perform pg_temp.save(v_page, '{*}', null, pg_temp.ops(v_theirs)::text, 'patch');
    end loop;
    v_now := pg_temp.document(v_page);
    v_before := pg_temp.stored(v_page);
    v_strict := pg_temp.save(v_page, '{1}', null, v_body, p_kind);
    if v_strict ->> 'status' <> '412' or v_strict ->> 'code' <> 'version_mismatch' then
        raise exception 'If-Match is never rebased: %', v_strict;
    elsif pg_temp.stored(v_page) <> v_before then
        raise exception 'a 412 wrote something';
    end if;
    v_answer := pg_temp.save(v_page, null, 1, v_body, p_kind);
    if jsonpatch.apply(v_base, v_answer -> 'server_patch', 10000) <> v_now then
        raise exception 'server_patch does not lead from the base to the version before: %', v_answer;
    elsif v_answer ->> 'status' = '200' then
        if jsonpatch.apply(v_now, v_answer -> 'applied_patch') <> pg_temp.document(v_page) then
            raise exception 'applied_patch does not lead to the new version: %', v_answer;
        elsif v_strict -> 'conflicts' <> '[]' or v_strict -> 'server_patch' <> v_answer -> 'server_patch'
            or v_strict -> 'rebased_patch' <> v_answer -> 'applied_patch' and v_answer -> 'applied_patch' <> '[]' then
            raise exception 'the 412 did not say what would come: %, %', v_strict, v_answer;
        end if;
    else
        if pg_temp.stored(v_page) <> v_before then
            raise exception 'a conflict wrote something';
        elsif v_strict - '{status,code,detail}'::text[] <> v_answer - '{status,code,detail}'::text[] then
            raise exception '409 and 412 say different things: %, %', v_answer, v_strict;
        elsif v_answer ->> 'code' <> 'version_conflict' or v_answer ->> 'base_version' <> '1' then
            raise exception 'not a conflict: %', v_answer;
        end if;
        v_now := jsonpatch.apply(v_now, v_answer -> 'rebased_patch');
        v_resent := pg_temp.save(
            v_page, null, (v_answer ->> 'current_version')::bigint, v_answer ->> 'rebased_patch', 'patch'
        );
        if v_resent ->> 'status' <> '200' or v_resent ->> 'rebased' <> 'false' or pg_temp.document(v_page) <> v_now then
            raise exception 'rebased_patch cannot be sent at the current version: %, %', v_answer, v_resent;
        end if;
    end if;
    return v_answer || jsonb_build_object('document', pg_temp.document(v_page), 'order', (
        select string_agg(block ->> 'id', ' ') from jsonb_array_elements(pg_temp.document(v_page) -> 'blocks') as block
    ));
end;
$$;
-- "operation kind pointer yours theirs" of each conflict, - for an absent value; or "clean"
create function pg_temp.conflicts(p_theirs text, p_mine text, p_kind text default 'patch') returns text language sql as $$
    select coalesce(string_agg(
        concat_ws(
            ' ', met.value ->> 'operation', met.value ->> 'kind', met.value ->> 'pointer',
            coalesce(case when jsonb_typeof(met.value -> 'yours') = 'object' and met.value -> 'yours' ? 'data' then 'block'
                else met.value ->> 'yours' end, '-'),
            coalesce(case when jsonb_typeof(met.value -> 'theirs') = 'object' and met.value -> 'theirs' ? 'data' then 'block'
                else met.value ->> 'theirs' end, '-')
        ), ', ' order by met.place
    ) filter (where met.value is not null), case when answer ->> 'status' = '200' then 'clean' else 'refused without a reason' end)
    from pg_temp.meet(p_theirs, p_mine, p_kind) as answer
    left join jsonb_array_elements(answer -> 'conflicts') with ordinality as met (value, place) on true
    group by answer
$$;
create function pg_temp.placed(p_theirs text, p_mine text) returns text language sql as $$
    select concat_ws(' ', nullif(met ->> 'status', '200'), met ->> 'order') from pg_temp.meet(p_theirs, p_mine) as met
$$;
create function pg_temp.problem(p_sql text) returns text language plpgsql as $$
declare
    v_state text;
    v_slug text;
    v_detail text;
begin
    execute p_sql;
    return 'none';
exception when others then
    get stacked diagnostics v_state = returned_sqlstate, v_slug = constraint_name, v_detail = pg_exception_detail;
    return concat_ws(
        ' ', v_state, v_slug, nullif(v_detail, '')::jsonb ->> 'operation', nullif(v_detail, '')::jsonb ->> 'pointer'
    );
end;
$$;

-- the whole answer, once
select is(
    pg_temp.meet('replace /blocks/a/data/text "t"', 'replace /title "M"; replace /blocks/0/data/text "m"') - '{document,order}'::text[],
    '{"status": 409, "code": "version_conflict", "base_version": 1, "current_version": 2,
        "detail": "version 2 has changed what you changed at 1: choose for each of the conflicts, then send the rest (rebased_patch) at 2",
        "server_patch": [{"op": "replace", "path": "/blocks/0/data/text", "value": "t"}],
        "conflicts": [{"operation": 1, "path": "/blocks/0/data/text", "kind": "write_write", "pointer": "/blocks/a/data/text", "yours": "m", "theirs": "t"}],
        "rebased_patch": [{"op": "replace", "path": "/title", "value": "M"}]}',
    'a conflict is answered with both sides and with what is left'
);
select is(
    pg_temp.meet('replace /blocks/a/data/text "t"', 'replace /blocks/1/data/text "m"') - '{document,order}'::text[],
    '{"status": 200, "version": 3, "rebased": true, "base_version": 1,
        "server_patch": [{"op": "replace", "path": "/blocks/0/data/text", "value": "t"}],
        "applied_patch": [{"op": "replace", "path": "/blocks/1/data/text", "value": "m"}]}',
    'edits that do not meet are both saved'
);

-- write_write
select is(pg_temp.conflicts('replace /blocks/a/data/text "m"', 'replace /blocks/a/data/text "m"'), 'clean', 'the same value at one place');
select is(pg_temp.meet('replace /blocks/a/data/text "m"', 'replace /blocks/a/data/text "m"') - '{document,order,server_patch}'::text[], '{"status": 200, "version": 2, "rebased": true, "base_version": 1, "applied_patch": []}', 'leaves nothing to do: no new version');
select is(pg_temp.conflicts('replace /blocks/a/data/text "s" | replace /blocks/a/data/text "t"', 'replace /blocks/a/data/text "m"'), '0 write_write /blocks/a/data/text m t', 'theirs is what is there now');
select is(pg_temp.conflicts('replace /blocks/a/data/text "t"', 'replace /blocks/a/data/text "m"; replace /blocks/a/data/text "n"'), '0 write_write /blocks/a/data/text n t, 1 write_write /blocks/a/data/text n t', 'yours is the end of the patch');
select is(pg_temp.conflicts('replace /blocks/a/data/deep {"x": 5}', 'replace /blocks/a/data/deep/x 9'), '0 write_write /blocks/a/data/deep {"x": 9, "y": 2} {"x": 5}', 'inside of what they replaced');
select is(pg_temp.conflicts('replace /blocks/a/data/deep/x 9', 'replace /blocks/a/data/deep {"x": 5}'), '0 write_write /blocks/a/data/deep {"x": 5} {"x": 9, "y": 2}', 'around what they replaced');
select is(pg_temp.conflicts('replace /blocks/a/data/deep {"x": 9, "y": 2}', 'replace /blocks/a/data/deep/x 9'), 'clean', 'one inside the other with equal ends');
select is(pg_temp.conflicts('replace /blocks/a/data/deep/x 5', 'replace /blocks/a/data/deep/y 6'), 'clean', 'two members of one object');
select is(pg_temp.meet('replace /blocks/a/data/deep/x 5', 'replace /blocks/a/data/deep/y 6') #> '{document,blocks,0,data,deep}', '{"x": 5, "y": 6}', 'have both values');
select is(pg_temp.conflicts('add /blocks/a/data/textual 1', 'replace /blocks/a/data/text "m"'), 'clean', 'a name that only begins alike');
select is(pg_temp.conflicts('replace /blocks/a/data/text "t"', 'replace /blocks/a {"type": "q", "data": {}}'), '0 write_write /blocks/a block block', 'a whole block over an edit inside');
select is(pg_temp.conflicts('replace /blocks/a {"type": "q", "data": {}}', 'replace /blocks/a/type "h"'), '0 write_write /blocks/a block block', 'an edit inside a replaced block');
select is(pg_temp.conflicts('add /blocks/a/data/list/0 0', 'replace /blocks/a/data/list/1 9'), '0 write_write /blocks/a/data/list [1, 9] [0, 1, 2]', 'an insertion into an array writes all of it');
select is(pg_temp.conflicts('replace /blocks/a/data/list/0 0', 'remove /blocks/a/data/list/1'), '0 write_write /blocks/a/data/list [1] [0, 2]', 'so does a removal');
select is(pg_temp.conflicts('replace /blocks/a/data/list/0 0', 'move /blocks/a/data/list/1 /blocks/a/data/list/0'), '0 write_write /blocks/a/data/list [2, 1] [0, 2]', 'and a move');
select is(pg_temp.conflicts('replace /blocks/a/data/list/0 0', 'replace /blocks/a/data/list/1 9'), 'clean', 'elements replaced in their places');
select is(pg_temp.conflicts('remove /blocks/a/data/text', 'replace /blocks/a/data/text "m"'), '0 write_write /blocks/a/data/text m -', 'what they removed is absent');
select is(pg_temp.conflicts('replace /blocks/a/data/text "t"', 'remove /blocks/a/data/text'), '0 write_write /blocks/a/data/text - t', 'what the patch removes too');
select is(pg_temp.conflicts('remove /blocks/a/data/text', 'remove /blocks/a/data/text'), 'clean', 'both removed it');
select is(pg_temp.conflicts('replace /blocks/a/data/text "t"', 'move /blocks/a/data/text /blocks/a/data/u'), '0 write_write /blocks/a/data/text - t', 'a move writes where it takes from');
select is(pg_temp.conflicts('add /blocks/a/data/u "t"', 'move /blocks/a/data/text /blocks/a/data/u'), '0 write_write /blocks/a/data/u a t', 'and where it puts');
select is(pg_temp.conflicts('replace /blocks/a/data/text "t"', 'move /blocks/a/data/text /blocks/b/data/u'), '0 write_write /blocks/a/data/text - t', 'from one block to another too');
select is(pg_temp.conflicts('replace /blocks/a/data/text "t"', 'copy /blocks/a/data/text /blocks/b/data/u'), 'clean', 'a copy only reads');
select is(pg_temp.meet('replace /blocks/a/data/text "t"', 'copy /blocks/a/data/text /blocks/b/data/u') #>> '{document,blocks,1,data,u}', 'a', 'what was there at its base');
select is(pg_temp.conflicts('replace /blocks/a/data/text "t"', 'replace /blocks/b/data/text "m"; replace /blocks/a/data/text "m"; replace /blocks/c/data/text "m"'), '1 write_write /blocks/a/data/text m t', 'one of three operations');
select is(pg_temp.meet('replace /blocks/a/data/text "t"', 'replace /blocks/b/data/text "m"; replace /blocks/a/data/text "m"; remove /blocks/c') ->> 'rebased_patch', '[{"op": "replace", "path": "/blocks/1/data/text", "value": "m"}, {"op": "remove", "path": "/blocks/2"}]', 'the others are ready to be sent');
-- title and properties
select is(pg_temp.conflicts('replace /title "t"', 'replace /title "m"'), '0 write_write /title m t', 'the title');
select is(pg_temp.conflicts('replace /title "m"', 'replace /title "m"'), 'clean', 'the same title');
select is(pg_temp.conflicts('replace /title "t"', 'replace /properties/k 1; replace /blocks/a/data/text "m"'), 'clean', 'the title, a property and a block');
select is(pg_temp.conflicts('add /properties/n 1', 'add /properties/n 2; add /properties/o 3'), '0 write_write /properties/n 2 1', 'a property');
select is(pg_temp.conflicts('replace /properties {}', 'replace /properties/m/x 2'), '0 write_write /properties {"k": [1, 2], "m": {"x": 2}} {}', 'inside of all properties');
select is(pg_temp.conflicts('add /properties/k/0 0', 'add /properties/k/- 3'), '0 write_write /properties/k [1, 2, 3] [0, 1, 2]', 'an array in properties');

-- write_deleted, delete_written
select is(pg_temp.conflicts('remove /blocks/a', 'replace /blocks/a/data/text "m"'), '0 write_deleted /blocks/a block -', 'a block that is gone cannot be written');
select is(pg_temp.conflicts('remove /blocks/a', 'move /blocks/a /blocks/2'), '0 write_deleted /blocks/a block -', 'nor moved');
select is(pg_temp.conflicts('replace /blocks/a/data/text "t"', 'remove /blocks/a'), '0 delete_written /blocks/a - block', 'a block that was written is not removed');
select is(pg_temp.conflicts('move /blocks/a /blocks/2', 'remove /blocks/a'), '0 delete_written /blocks/a - block', 'nor one that was moved');
select is(pg_temp.conflicts('remove /blocks/a', 'remove /blocks/0'), 'clean', 'both removed it');
select is(pg_temp.placed('remove /blocks/a', 'remove /blocks/0; remove /blocks/0'), 'c d e', 'and the patch one more');
select is(pg_temp.conflicts('remove /blocks/a', 'replace /blocks/a/data/text "m"; remove /blocks/a'), 'clean', 'nor does it matter what the patch wrote into it before');
select is(pg_temp.conflicts('remove /blocks/a | add /blocks/0 {"id": "a", "type": "p"}', 'replace /blocks/a/data/text "m"'), '0 write_write /blocks/a block block', 'a block that they removed and put in again was written');
select is(pg_temp.conflicts('remove /blocks/a | add /blocks/0 {"id": "a", "type": "p"}', 'remove /blocks/a'), '0 delete_written /blocks/a - block', 'and moved');
select is(pg_temp.conflicts('replace /blocks/a/data/text "t"', 'remove /blocks/a; add /blocks/- {"id": "a", "type": "p"}'), '1 write_write /blocks/a block block', 'one that the patch removes and puts in again as well');
select is(pg_temp.conflicts('replace /blocks/a/data/text "t"', 'remove /blocks/a; add /blocks [{"id": "a", "type": "p"}]'), '1 write_write /blocks/a block block', 'also by a new list of blocks');
select is(pg_temp.placed('replace /blocks/a {"type": "q", "data": {}}', 'remove /blocks/a; add /blocks/- {"id": "a", "type": "q"}'), 'b c d e a', 'with equal ends it only moves');
select is(pg_temp.conflicts('move /blocks/a /blocks/2', 'remove /blocks/a; add /blocks/- {"id": "a", "type": "p", "data": {"z": {}}}; add /blocks/a/data/z/q 1; replace /title "M"'), '0 move_move /blocks/a block block', 'and meets a move as a move');

-- move_move
select is(pg_temp.conflicts('move /blocks/a /blocks/4', 'move /blocks/a /blocks/1'), '0 move_move /blocks/a block block', 'two places for one block');
select is(pg_temp.conflicts('move /blocks/a /blocks/2', 'move /blocks/a /blocks/2'), 'clean', 'behind the same neighbour');
select is(pg_temp.conflicts('move /blocks/a /blocks/2 | move /blocks/e /blocks/0', 'move /blocks/a /blocks/2'), 'clean', 'wherever it stands');
select is(pg_temp.conflicts('move /blocks/c /blocks/0', 'move /blocks/c /blocks/0'), 'clean', 'both to the start');
select is(pg_temp.placed('move /blocks/a /blocks/4', 'replace /blocks/a/data/text "m"'), 'b c d e a', 'a move and an edit of one block');
select is(pg_temp.placed('replace /blocks/a/data/text "t"', 'move /blocks/a /blocks/4'), 'b c d e a', 'the other way round');
select is(pg_temp.placed('move /blocks/a /blocks/4', 'move /blocks/b /blocks/3'), 'c d b e a', 'moves of two blocks');

-- insert_insert
select is(pg_temp.conflicts('add /blocks/0 {"id": "n", "type": "p"}', 'add /blocks/- {"id": "n", "type": "q"}'), '0 insert_insert /blocks/n block block', 'one id for two blocks');
select is(pg_temp.placed('add /blocks/0 {"id": "n", "type": "p"}', 'add /blocks/- {"id": "n", "type": "p"}'), 'n a b c d e', 'equal blocks are one, where it was first put');
select is(pg_temp.conflicts('add /blocks/0 {"id": "n", "type": "q"}', 'add /blocks/- {"id": "n", "type": "p"}; replace /blocks/n/type "q"'), 'clean', 'equal in the end');
select is(pg_temp.placed('add /blocks/0 {"id": "n", "type": "p"}', 'add /blocks/- {"id": "n", "type": "q"}; add /blocks/- {"id": "o", "type": "p"}'), '409 n a b c d e o', 'what comes behind a block that is not put in comes behind its neighbour');

-- test_failed
select is(pg_temp.conflicts('replace /blocks/a/data/text "t"', 'test /blocks/0/data/text "a"; replace /blocks/b/data/text "m"'), '0 test_failed /blocks/a/data/text a t', 'a test of what they wrote');
select is(pg_temp.meet('replace /blocks/a/data/text "t"', 'test /blocks/0/data/text "a"; replace /blocks/b/data/text "m"') #>> '{conflicts,0,path}', '/blocks/0/data/text', 'the path is as it was sent');
select is(pg_temp.conflicts('add /blocks/0 {"id": "n", "type": "p"}', 'test /blocks/0/data/text "a"; replace /blocks/b/data/text "m"'), 'clean', 'a test by index is of the block that stood there');
select is(pg_temp.conflicts('replace /blocks/b/data/text "t"', 'replace /title "M"; test /title "M"; replace /title "N"; test /title "N"'), 'clean', 'tests are made in their order');
select is(pg_temp.conflicts('replace /title "t"', 'test /title "T"; replace /blocks/a/data/text "m"; test /properties/m/x 1'), '0 test_failed /title T t', 'a test of the title');
select is(pg_temp.conflicts('replace /title "t" | replace /properties/m/x 2', 'test /title "T"; replace /blocks/a/data/text "m"; test /properties/m {"x": 1}'), '0 test_failed /title T t, 2 test_failed /properties/m {"x": 1} {"x": 2}', 'each that fails is named');
select is(pg_temp.conflicts('remove /blocks/a/data/text', 'test /blocks/a/data/text "a"'), '0 test_failed /blocks/a/data/text a -', 'a test of what is gone');
select is(pg_temp.conflicts('remove /blocks/a', 'test /blocks/a/data/text "a"'), '0 test_failed /blocks/a/data/text a -', 'or in a block that is gone');
select is(pg_temp.conflicts('replace /blocks/a/data/text "t"', 'test /blocks/a/data/text "a"; replace /blocks/a/data/text "m"'), '1 write_write /blocks/a/data/text m t', 'a test of what is in conflict is not counted twice');
select is(pg_temp.conflicts('replace /blocks/a/data/text "m"', 'test /blocks/a/data/text "a"; replace /blocks/a/data/text "m"'), '0 test_failed /blocks/a/data/text a m', 'but made where both ends are equal');
select is((select (met #>> '{conflicts,0,kind}') || ' ' || (met #>> '{conflicts,0,pointer}') from pg_temp.meet('replace /title "t"', format('test  %s; replace /blocks/a/data/text "m"', (select document from base))) as met), 'test_failed ', 'a test of the whole document fails on any change');

-- an index means the block that had it at the base
select is(pg_temp.meet('add /blocks/0 {"id": "n", "type": "p"}', 'replace /blocks/0/data/text "m"') #>> '{document,blocks,1,data,text}', 'm', 'others have put a block in front');
select is(pg_temp.placed('add /blocks/0 {"id": "n", "type": "p"}', 'remove /blocks/1'), 'n a c d e', 'a removal by index');
select is(pg_temp.meet('add /blocks/0 {"id": "n", "type": "p"}', 'remove /blocks/0; replace /blocks/0/data/text "m"') #>> '{document,blocks,1}', '{"id": "b", "data": {"deep": {"x": 1, "y": 2}, "list": [1, 2], "text": "m"}, "type": "p"}', 'after the operations in front of it');
select is(pg_temp.placed('remove /blocks/0 | remove /blocks/0', 'move /blocks/4 /blocks/3'), 'c e d', 'both indexes of a move');
select is(pg_temp.meet('add /blocks/0 {"id": "n", "type": "p"} | remove /blocks/b', 'replace /blocks/4/data/text "m"') ->> 'applied_patch', '[{"op": "replace", "path": "/blocks/4/data/text", "value": "m"}]', 'what was applied has indexes of the new version');

-- places
select is(pg_temp.placed('add /blocks/1 {"id": "t", "type": "p"}', 'add /blocks/1 {"id": "m", "type": "p"}'), 'a t m b c d e', 'committed first stays in front');
select is(pg_temp.placed('add /blocks/0 {"id": "t", "type": "p"}', 'add /blocks/0 {"id": "m", "type": "p"}'), 't m a b c d e', 'at the start');
select is(pg_temp.placed('add /blocks/- {"id": "t", "type": "p"}', 'add /blocks/- {"id": "m", "type": "p"}'), 'a b c d e t m', 'at the end');
select is(pg_temp.placed('add /blocks/1 {"id": "t", "type": "p"} | add /blocks/2 {"id": "u", "type": "p"}', 'add /blocks/1 {"id": "m", "type": "p"}; add /blocks/2 {"id": "n", "type": "p"}'), 'a t u m n b c d e', 'several of each keep their order');
select is(pg_temp.placed('add /blocks/c {"id": "t", "type": "p"}', 'add /blocks/c {"id": "m", "type": "p"}'), 'a b t m c d e', 'in front of a block by its id');
select is(pg_temp.placed('remove /blocks/b', 'add /blocks/2 {"id": "m", "type": "p"}'), 'a m c d e', 'behind a block that is gone');
select is(pg_temp.placed('remove /blocks/a | remove /blocks/b', 'add /blocks/2 {"id": "m", "type": "p"}'), 'm c d e', 'behind none that is left');
select is(pg_temp.placed('remove /blocks/a | add /blocks/0 {"id": "t", "type": "p"}', 'add /blocks/1 {"id": "m", "type": "p"}'), 't m b c d e', 'behind the one that they put in its place');
select is(pg_temp.placed('move /blocks/b /blocks/4', 'add /blocks/2 {"id": "m", "type": "p"}'), 'a m c d e b', 'a block that moved away does not take it along');
select is(pg_temp.placed('move /blocks/e /blocks/1', 'add /blocks/1 {"id": "m", "type": "p"}'), 'a e m b c d', 'behind one that was moved there');
select is(pg_temp.placed('remove /blocks/c', 'move /blocks/a /blocks/2'), 'b a d e', 'a move behind a block that is gone');
select is(pg_temp.placed('remove /blocks/c', 'remove /blocks/b; add /blocks/1 {"id": "m", "type": "p"}; add /blocks/3 {"id": "n", "type": "p"}'), 'a m n d e', 'beside blocks that both sides took out');

-- whole documents and merge patches
select is(pg_temp.conflicts('replace /blocks/a/data/text "t"', (select jsonb_set(document, '{blocks,1,data,text}', '"m"')::text from base), 'put'), 'clean', 'a whole document is rebased as what it changes');
select is(pg_temp.meet('add /blocks/0 {"id": "n", "type": "p"}', (select (document #- '{blocks,4}')::text from base), 'put') ->> 'order', 'n a b c d', 'which is no removal of what it has not seen');
select is(pg_temp.conflicts('replace /blocks/a/data/text "t"', (select jsonb_set(document, '{blocks,0,data,text}', '"m"')::text from base), 'put'), 'write_write /blocks/a/data/text m t', 'or refused, without numbers of operations');
select is(pg_temp.conflicts('replace /blocks/a/data/text "t"', '{"title": "M", "properties": {"k": null}}', 'merge'), 'clean', 'a merge patch');
select is(pg_temp.conflicts('replace /properties/k 5', '{"title": "M", "properties": {"k": null}}', 'merge'), 'write_write /properties/k - 5', 'one that meets theirs');

-- what does not apply to its own base is refused, whatever is there now
create temporary table late as select pg_temp.create_page() as page;
select pg_temp.save(page, '{*}', null, '[{"op": "add", "path": "/blocks/0", "value": {"id": "n", "type": "p"}}]', 'patch') from late;
select is(pg_temp.problem($q$ select pg_temp.save(page, null, 1, '[{"op": "remove", "path": "/blocks/n"}]', 'patch') from late $q$), 'PT422 block_not_found 0 /blocks/n', 'a block of later');
select is(pg_temp.problem($q$ select pg_temp.save(page, null, 1, '[{"op": "test", "path": "/title", "value": "no"}]', 'patch') from late $q$), 'PT422 patch_test_failed 0 /title', 'a test that did not hold then');

-- too old: more than 200 versions
select count(pg_temp.save(page, '{*}', null, jsonb_build_array(jsonb_build_object('op', 'add', 'path', '/blocks/e/data/n', 'value', n))::text, 'patch')) from late cross join generate_series(3, 201) as n;
select is(pg_temp.save(page, null, 1, '[{"op": "test", "path": "/title", "value": "T"}]', 'patch') - 'server_patch', '{"status": 200, "rebased": true, "version": 201, "base_version": 1, "applied_patch": []}', '200 versions are not too many') from late;
select pg_temp.save(page, '{*}', null, '[{"op": "add", "path": "/blocks/e/data/n", "value": 0}]', 'patch') from late;
select is(pg_temp.save(page, null, 1, '[{"op": "replace", "path": "/title", "value": "M"}]', 'patch'), '{"status": 409, "code": "base_too_old", "base_version": 1, "current_version": 202, "detail": "the page is at version 202, too far from 1 to merge your change: read it again and repeat it"}', '201 are') from late;
select is(pg_temp.save(page, '{1}', null, '[{"op": "replace", "path": "/title", "value": "M"}]', 'patch') - 'detail', '{"status": 412, "code": "version_mismatch", "base_version": 1, "current_version": 202}', 'for an If-Match too') from late;
select is(pg_temp.save(page, '{x,1,150,999}', null, '[{"op": "replace", "path": "/title", "value": "M"}]', 'patch') - '{detail,server_patch}'::text[], '{"status": 412, "code": "version_mismatch", "base_version": 150, "current_version": 202, "conflicts": [], "rebased_patch": [{"op": "replace", "path": "/title", "value": "M"}]}', 'of several the newest that is known counts') from late;
select is(pg_temp.save(page, '{x}', null, '[{"op": "replace", "path": "/title", "value": "M"}]', 'patch') - 'detail', '{"status": 412, "code": "version_mismatch", "current_version": 202}', 'none is known') from late;
update core.page_changes set touched = null where page_id = (select page from late) and version = 195;
select is(pg_temp.save(page, null, 195, '[]', 'patch') ->> 'status', '200', 'a base above a version that did not say what it touched') from late;
select is(pg_temp.save(page, null, 194, '[]', 'patch') ->> 'code', 'base_too_old', 'and one below it') from late;
delete from core.page_changes where page_id = (select page from late) and version = 198;
select is(pg_temp.save(page, null, 198, '[]', 'patch') ->> 'status', '200', 'a base above a gap in the log') from late;
select is(pg_temp.save(page, null, 197, '[]', 'patch') ->> 'code', 'base_too_old', 'and one below it') from late;
select is((select version from core.pages, late where id = page), 202::bigint, 'none of these was written');

select * from finish();
rollback;
