-- ops.set_indexing_scaling: the settings that ops.workers_wanted reckons with, all three. Audited. 22023.
create or replace function ops.set_indexing_scaling(
    p_target_seconds double precision default 60,
    p_cooldown_seconds double precision default 300,
    p_provider_limit double precision default null
)
returns void
language plpgsql
volatile
parallel unsafe
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    perform core.check_scaling(p_target_seconds, p_cooldown_seconds, p_provider_limit);
    update core.indexing_scaling
    set target_seconds = p_target_seconds, cooldown_seconds = p_cooldown_seconds, provider_limit = p_provider_limit;
    perform core.write_audit(
        'indexing.scaling', null,
        jsonb_build_object(
            'target_seconds', p_target_seconds, 'cooldown_seconds', p_cooldown_seconds,
            'provider_limit', p_provider_limit
        ),
        null, null
    );
end;
$$;

comment on function ops.set_indexing_scaling(double precision, double precision, double precision) is
'Sets within how many seconds a backlog is to be gone, the cooldown before fewer workers are wanted, and how many
entries a second the embedding provider takes (NULL: no limit). 22023.';
revoke all on function ops.set_indexing_scaling(double precision, double precision, double precision) from public;
