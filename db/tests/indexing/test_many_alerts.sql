-- core.alertable_groups, indexing.claim_alerts: more groups of dead letters than one call looks at.
begin;
select plan(12);

create function pg_temp.id(p_no integer) returns uuid language sql as $$
    select ('00000000-0000-7000-8000-' || lpad(p_no::text, 12, '0'))::uuid
$$;
create function pg_temp.now(p_time text) returns text language sql as $$
    select set_config('quire.fake_now', '2031-05-05 ' || p_time || '+00', true)
$$;
create function pg_temp.bury(p_no integer, p_fingerprint text) returns void language sql as $$
    insert into core.indexing_dead_letters
        (workspace_id, page_id, no, op, generation, attempts, enqueued_at, died_at, error_code, error, fingerprint)
    values (
        pg_temp.id(1), pg_temp.id(100), p_no, 'upsert', 1, 3, core.clock(), core.clock(), 'code', 'error', p_fingerprint
    )
$$;
create function pg_temp.groups(p_from text, p_limit integer) returns text language sql as $$
    select string_agg(g.fingerprint, ' ') from core.alertable_groups(p_from, p_limit) as g
$$;
create temporary table told (message integer, fingerprint text);
-- messages of 100 groups until one finds nothing, as often as p_runs; each run is ten seconds later
create function pg_temp.send(p_runs integer) returns void language plpgsql as $$
declare
    v_message integer := (select coalesce(max(t.message), 0) from told as t);
begin
    for v_run in 1 .. p_runs loop
        loop
            v_message := v_message + 1;
            insert into told
            select v_message, c.fingerprint from indexing.claim_alerts(pg_temp.id(v_message), 60, 100) as c;
            exit when not found;
            perform indexing.finish_alerts(pg_temp.id(v_message));
        end loop;
        perform set_config('quire.fake_now', (core.clock() + interval '10 s')::text, true);
    end loop;
end;
$$;

select pg_temp.now('12:00:00');
select is(pg_temp.groups('b', 5), null, 'no dead letters, no groups');
select pg_temp.bury(no::integer, fingerprint)
from unnest('{a0,b0,b0,c0,d0}'::text[]) with ordinality as f (fingerprint, no);
select is(pg_temp.groups('', 5), 'a0 b0 c0 d0', 'each once, in their order');
select is(pg_temp.groups('b1', 5), 'c0 d0 a0 b0', 'from one on, and then from the first again: all of them');
select is(pg_temp.groups('c0', 3), 'c0 d0 a0', 'as many as are asked for');
select is(pg_temp.groups('c0', 2), 'c0 d0', 'of the first part only');
select is(pg_temp.groups('e0', 2), 'a0 b0', 'behind the last comes the first');
delete from core.indexing_dead_letters;

select pg_temp.bury(n, left(md5(n::text), 16)) from generate_series(1, 2500) as n;
select setseed(0.5);
insert into told select 0, c.fingerprint from indexing.claim_alerts(pg_temp.id(0), 60, 2500) as c;
select is((select count(*) from told), 1000::bigint, 'one call looks at so many');
select indexing.finish_alerts(pg_temp.id(0));
select pg_temp.send(30);
select is((select count(distinct fingerprint) from told), 2500::bigint, 'within five minutes each was told of');
select is((select count(*) from told), 2500::bigint, 'once');
select pg_temp.bury(2500 + n, left(md5(n::text), 16)) from generate_series(1, 2500, 10) as n;
select pg_temp.now('12:59:00');
select pg_temp.send(3);
select is((select count(*) from told), 2500::bigint, 'and not again within the hour, though more died');
select pg_temp.now('14:00:00');
select pg_temp.send(1);
select is((select count(*) from told), 2750::bigint, 'then of those where more died');
select is(
    (select count(*) from (select from told group by fingerprint having count(*) = 2) as t), 250::bigint, 'once again'
);

select * from finish();
rollback;
