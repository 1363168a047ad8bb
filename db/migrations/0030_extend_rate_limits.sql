-- squawk-ignore-file constraint-missing-not-valid, ban-drop-constraint, ban-drop-function
-- Several policies decide one request, also for who has no token: counted by peer address then. The table of policies
-- has a row each; api.admit comes back with other parameters.
set local role quire_owner;

alter table core.rate_policies drop constraint rate_policies_per_ck;
alter table core.rate_policies add constraint rate_policies_per_ck check (
    per in ('user', 'workspace', 'token', 'peer')
);
comment on column core.rate_policies.per is
'What is counted: user, workspace, token, or peer (network address; an IPv6 one by its /64). Where a request has no such
thing, its user is counted instead, and without a user its peer.';
comment on column core.rate_buckets.key is
'What is counted: the id of the user, workspace or token as text, or the address of a peer.';

create type core.limit_decision as (
    decision text,
    policy text,
    points integer,
    remaining integer,
    window_seconds integer,
    reset_seconds integer,
    retry_after integer,
    hit_at timestamptz
);
comment on type core.limit_decision is
'What a policy says of one request: decision, its name and numbers, seconds until the oldest point comes back, seconds
to wait when refused, and the time under which points were taken (NULL: none were), which a refund names.';

insert into core.rate_policies (name, points, window_seconds, block_seconds, per, mode, on_failure) values
('anonymous', 300, 60, 60, 'peer', 'enforce', 'open'),
('public', 600, 60, 0, 'peer', 'enforce', 'open'),
('metrics', 600, 60, 0, 'peer', 'enforce', 'open')
on conflict (name) do nothing;

drop function if exists api.admit(bytea, text, integer);
drop function if exists core.decide_limit(text, uuid, uuid, integer);
drop function if exists core.hit_limit(text, text, integer, integer, interval, interval);
