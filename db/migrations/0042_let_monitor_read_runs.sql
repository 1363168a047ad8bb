-- quire_monitor sees the last run of each task (ops.periodic_state), and may see those before.
set local role quire_owner;

grant select on ops.purge_runs to quire_monitor;
