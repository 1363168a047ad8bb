-- api.admit_subject: what api.admit is for tokens, for somebody whom an issuer of JWTs vouches for; the signature, the
-- issuer, the audience and the times were checked before (app/identity.py), and p_scopes comes out of the claims. Who
-- the subject is says core.subjects. p_create: whether one that was never seen gets a user. p_role: what it becomes in
-- p_workspace_id where it is no member yet; NULL: nothing. A claim cannot give the scopes admin and bypass_rate_limit.
-- decision: unknown_subject (not linked, or disabled), which counts against the policy anonymous, by peer, as an
-- unknown token does, or that policy's refusal, user_id NULL either way; else as api.admit has it; token_id is NULL.
-- What is counted per token is counted by user. PT400 cost_over_limit.
create or replace function api.admit_subject(
    p_issuer text,
    p_subject text,
    p_scopes text[],
    p_policies text[],
    p_costs integer[],
    p_workspace_id uuid,
    p_peer text,
    p_create boolean,
    p_role text
)
returns table (
    decision text,
    user_id uuid,
    token_id uuid,
    scopes text[],
    policy text,
    points integer,
    remaining integer,
    window_seconds integer,
    reset_seconds integer,
    retry_after integer,
    hit_at timestamptz
)
language plpgsql
volatile
parallel unsafe
security definer
set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
    v_now constant timestamptz := core.clock();
    v_subject record;
begin
    select s.user_id, s.last_seen_at, s.disabled_at into v_subject
    from core.subjects as s
    where s.issuer = p_issuer and s.subject = p_subject;
    if v_subject.disabled_at is not null or (v_subject.user_id is null and not p_create) then
        return query
        select
            case when d.decision in ('limited', 'blocked', 'failed_closed') then d.decision else 'unknown_subject' end,
            null::uuid, null::uuid, null::text[], d.policy, d.points, d.remaining, d.window_seconds,
            d.reset_seconds, d.retry_after, d.hit_at
        from core.decide_limits(array['anonymous'], array[1], null, null, null, p_peer) as d;
        return;
    end if;
    user_id := coalesce(v_subject.user_id, core.make_subject(p_issuer, p_subject));
    scopes := array(
        select s.scope from unnest(p_scopes) as s (scope) where s.scope in ('read', 'write', 'metrics')
    );
    if v_subject.last_seen_at is null or v_subject.last_seen_at < date_trunc('hour', v_now, 'UTC') then
        update core.subjects as s set last_seen_at = date_trunc('hour', v_now, 'UTC')
        where (s.issuer, s.subject) = (
            select l.issuer, l.subject from core.subjects as l
            where l.issuer = p_issuer and l.subject = p_subject
            for no key update skip locked
        );
    end if;
    perform core.grant_by_claim(p_workspace_id, user_id, p_role);
    if coalesce(cardinality(p_policies), 0) = 0 then
        decision := 'allowed';
        return next;
        return;
    end if;
    -- Its user stands in for a token: what is counted per token is counted by user.
    return query
    select
        d.decision, user_id, token_id, scopes, d.policy, d.points, d.remaining, d.window_seconds, d.reset_seconds,
        d.retry_after, d.hit_at
    from core.decide_limits(p_policies, p_costs, user_id, user_id, p_workspace_id, p_peer) as d;
end;
$$;

comment on function api.admit_subject(text, text, text[], text[], integer[], uuid, text, boolean, text) is
'Whom an issuer of JWTs vouches for, and the rate policies'' decision on the request. decision: unknown_subject, or as
api.admit has it. PT400 cost_over_limit.';
revoke all on function api.admit_subject(text, text, text[], text[], integer[], uuid, text, boolean, text) from public;
grant execute on function api.admit_subject(text, text, text[], text[], integer[], uuid, text, boolean, text)
to quire_api;
