-- Roles of Quire. They are cluster-wide, so they live outside the migrations. Idempotent; run by `quire migrate` when a
-- role is missing and the login may create roles, otherwise by a DBA: psql -f db/roles.sql.
--
--   quire_owner        nologin; owns every object; nobody works as it but migrations and maintenance. Reads statistics
--                      (pg_read_all_stats) to say which session keeps vacuum from working
--   quire_migrator     a login for `quire migrate`, member of quire_owner
--   quire_api          what app/ works as: may EXECUTE functions of schema api, and nothing else
--   quire_worker       what worker/ works as: may EXECUTE functions of schema indexing and ops' periodic ones
--   quire_monitor      reads pg_stat views (pg_monitor) and ops' reading functions
--   quire_maintenance  VACUUM, index builds and detaches: has the owner's rights
--   quire_analyst      nologin; people who read tables by SQL are members of it (create role ann login in role
--                      quire_analyst), and see the rows of the workspaces that ops.add_reader gave them
--
-- quire_api and quire_worker are siblings: neither is a member of the other, neither has a grant on a table of core.
-- Passwords are yours to set: \password quire_api (docs/production-roles.md has the rest: pg_hba, TLS, PgBouncer)
do $roles$
declare
    v_role text;
    v_grant record;
begin
    if not exists (select 1 from pg_roles where rolname = 'quire_owner') then
        create role quire_owner nologin;
    end if;
    if not exists (select 1 from pg_roles where rolname = 'quire_analyst') then
        create role quire_analyst nologin;
    end if;
    foreach v_role in array array[
        'quire_migrator', 'quire_api', 'quire_worker', 'quire_monitor', 'quire_maintenance'
    ] loop
        if not exists (select 1 from pg_roles where rolname = v_role) then
            execute format('create role %I login', v_role);
        end if;
        -- The login that migrates may act as each of them (PostgreSQL 16: ADMIN alone is not enough to SET ROLE).
        if not pg_has_role(current_user, v_role, 'member') or not pg_has_role(current_user, v_role, 'set') then
            execute format('grant %I to current_user', v_role);
        end if;
    end loop;
    if not pg_has_role(current_user, 'quire_owner', 'member') or not pg_has_role(current_user, 'quire_owner', 'set') then
        grant quire_owner to current_user;
    end if;
    if not pg_has_role('quire_migrator', 'quire_owner', 'member') then
        grant quire_owner to quire_migrator;
    end if;
    if not pg_has_role('quire_maintenance', 'quire_owner', 'member') then
        grant quire_owner to quire_maintenance;
    end if;
    -- Roles of the server: a login with CREATEROLE alone may not give them away.
    for v_grant in
        select g.given, g.taker, g.without
        from (
            values
            ('pg_monitor', 'quire_monitor', '/metrics lacks what the server knows of tables and sessions'),
            ('pg_read_all_stats', 'quire_owner', 'nobody is told which session keeps vacuum from working')
        ) as g (given, taker, without)
        where not pg_has_role(g.taker, g.given, 'member')
    loop
        if pg_has_role(current_user, v_grant.given, 'member with admin option') then
            execute format('grant %I to %I', v_grant.given, v_grant.taker);
        else
            raise warning 'a superuser has to say: grant % to %; without it %',
                v_grant.given, v_grant.taker, v_grant.without;
        end if;
    end loop;
    -- Only a superuser may take these away, so it is said rather than done.
    for v_role in
        select r.rolname from pg_roles as r
        where r.rolname ~ '^quire_(owner|api|worker|monitor|maintenance|migrator|analyst)$' and (
            r.rolsuper or r.rolcreatedb or r.rolcreaterole or r.rolreplication or r.rolbypassrls
            or r.rolname in ('quire_owner', 'quire_analyst') and r.rolcanlogin
        )
    loop
        raise warning '% has attributes that it should not have: alter role % nosuperuser nocreatedb nocreaterole '
            'noreplication nobypassrls%', v_role, v_role, case when v_role ~ 'owner|analyst' then ' nologin' else '' end;
    end loop;
end;
$roles$;

alter role quire_api set statement_timeout = '10s';
alter role quire_api set lock_timeout = '5s';
alter role quire_api set idle_in_transaction_session_timeout = '30s';
alter role quire_worker set statement_timeout = '60s';
alter role quire_worker set lock_timeout = '10s';
alter role quire_worker set idle_in_transaction_session_timeout = '30s';
alter role quire_monitor set statement_timeout = '2s';
