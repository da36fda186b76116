-- Ends what came of a code or refresh token that is presented after it was spent, and records it: all in the
-- transaction that found the value spent. Returns the event, or null where there is nothing to end: the value is
-- unknown or expired, was never spent, is still within its grace, belongs to no grant, or another request came first.
-- Each statement in here has a snapshot of its own, taken after the request that spent the value has committed,
-- so the tokens of that request are seen and deleted.
create function end_replayed(of_model smallint, of_id bytea, grace_seconds integer, from_source text, by_request text)
returns jsonb language plpgsql as $$
declare
  spent artifacts;
  account text;
  client text;
  event jsonb;
begin
  -- Parallel replays wait here for each other. The first one deletes the row, so the others find nothing.
  select * into spent from artifacts a
   where a.model = of_model and a.id = of_id and a.expires_at > now() and a.grant_id is not null
     and a.consumed_at is not null
     and not (grace_seconds > 0 and a.consumed_at > now() - make_interval(secs => grace_seconds))
     for update;
  if not found then
    return null;
  end if;
  account := spent.payload->>'accountId';
  client := spent.payload->>'clientId';
  delete from artifacts where grant_id = spent.grant_id;
  insert into revocations (kind, value, account_id, client_id, cause)
  values (3, grant_claim(spent.grant_id), account, client, 'grant.revoked'); -- 3: a grant
  event := jsonb_build_object(
    'kind', case of_model when 5 then 'refresh-token.reused' else 'code.reused' end, -- 5: RefreshToken
    'accountId', account, 'clientId', client, 'grantId', spent.grant_id);
  -- "clavevnt": writers of events take turns, so that ids become visible in order.
  perform pg_advisory_xact_lock(7164210430026246772);
  insert into events (at, kind, actor, account_id, client_id, source, request_id, detail)
  values (clock_timestamp(), event->>'kind', coalesce('client:' || client, 'anonymous'), account, client,
          from_source, by_request, jsonb_build_object('grantId', spent.grant_id));
  return event;
end $$;
