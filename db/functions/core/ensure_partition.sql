-- core.ensure_partition: one partition of a range-partitioned core table, made beside it and then attached: `create
-- table .. partition of` would lock the parent against everybody. Rows that wait in the default partition move over.
create or replace function core.ensure_partition(
    p_table text,
    p_suffix text,
    p_column text,
    p_from timestamptz,
    p_to timestamptz
)
returns boolean
language plpgsql
volatile
parallel unsafe
security invoker
set search_path = pg_catalog, pg_temp
set lock_timeout = '2s'
as $$
declare
    v_name constant text := p_table || '_p' || p_suffix;
    v_default constant text := p_table || '_default';
    v_found boolean;
begin
    if to_regclass('core.' || v_name) is not null then
        return false;
    end if;
    execute format('create table core.%I (like core.%I including all)', v_name, p_table);
    execute format('alter table core.%I enable row level security', v_name);
    execute format(
        'comment on table core.%I is %L', v_name, format('Rows of core.%s from %s to before %s.', p_table, p_from, p_to)
    );
    -- The lock that the attach needs anyway, before the rows are looked at: none can come in between.
    execute format('lock table core.%I in access exclusive mode', v_default);
    execute format(
        'with moved as (delete from core.%I where %I >= $1 and %I < $2 returning *)'
        ' insert into core.%I select * from moved',
        v_default, p_column, p_column, v_name
    ) using p_from, p_to;
    execute format(
        'alter table core.%I attach partition core.%I for values from (%L) to (%L)', p_table, v_name, p_from, p_to
    );
    return true;
exception
    when lock_not_available then
        raise warning 'core.% is not made yet: its table is locked; it is tried again', v_name;
        return false;
end;
$$;

comment on function core.ensure_partition(text, text, text, timestamptz, timestamptz) is
'Makes a missing partition by attaching; whether it did. Gives way after 2 s of waiting for a lock.';
revoke all on function core.ensure_partition(text, text, text, timestamptz, timestamptz) from public;
