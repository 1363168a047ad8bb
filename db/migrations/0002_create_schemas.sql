-- The rooms of the house. Nothing is granted to PUBLIC but the pure functions of jsonpatch.
create schema core authorization quire_owner;
create schema jsonpatch authorization quire_owner;
create schema api authorization quire_owner;
create schema indexing authorization quire_owner;
create schema procrastinate authorization quire_owner;
-- The migration runner made schema ops for its ledger.
alter schema ops owner to quire_owner;

comment on schema core is 'Tables and internal functions. No grants: reached through api, indexing and ops.';
comment on schema jsonpatch is 'RFC 6901, 6902 and 7396 on any jsonb: pure, immutable functions that anyone may use.';
comment on schema api is 'What the HTTP layer calls as quire_api: one function a request, after api.admit.';
comment on schema indexing is 'What workers call as quire_worker: claim, write, ack, fail, renew, sweep.';
comment on schema ops is 'What operators, metrics and the scheduler call.';
comment on schema procrastinate is 'Objects of the procrastinate library (the executor of workers), untouched.';

grant usage on schema jsonpatch to public;
grant usage on schema api to quire_api;
grant usage on schema indexing, ops, procrastinate to quire_worker;
grant usage on schema ops to quire_monitor;
-- Every function's own file grants what is wanted; PUBLIC gets nothing by default.
alter default privileges for role quire_owner revoke execute on functions from public;
