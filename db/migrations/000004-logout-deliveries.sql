-- Back-channel logout: which apps are to be told that a person's session has ended, and how far that is.
-- A row is written by the statement that ends the session, so nothing can end without its apps being told.
create table logout_deliveries (
  id            bigint generated always as identity primary key,
  client_id     text not null,                        -- no foreign key: an app that is removed is told, too
  account_id    text not null,
  sid           text not null,                        -- what this client calls the session
  session_uid   text not null,
  uri           text not null,                        -- this and the next two as registered then;
  alg           text not null,                        -- while the client is there, what is registered now counts
  names_session boolean not null,
  created_at    timestamptz not null default now(),
  attempts      smallint not null default 0,
  next_try_at   timestamptz not null default now(),   -- while a node is at it: when that node is taken for dead
  settled_at    timestamptz,
  outcome       text check (outcome in ('delivered', 'failed')),
  last_error    text,
  constraint logout_delivery_is_settled_with_an_outcome check ((settled_at is null) = (outcome is null))
);
create index logout_deliveries_due on logout_deliveries (next_try_at) where settled_at is null;
create index on logout_deliveries (settled_at) where settled_at is not null;
create index on logout_deliveries (account_id);
create index on logout_deliveries (session_uid);

-- Of a session, the clients that were let in through it (by this grant, where one is given) and want to be told.
create function logouts_owed(account_id text, uid text, payload jsonb, by_grant text default null)
returns table (client text, account text, sid text, session_uid text, uri text, alg text, names_session boolean)
language sql stable as $$
  select c.id, $1, a.value->>'sid', $2, c.metadata->>'backchannelLogoutUri', coalesce(c.metadata->>'idTokenAlg', 'ES256'),
         coalesce((c.metadata->>'backchannelLogoutSessionRequired')::boolean, false)
    from jsonb_each($3->'authorizations') as a(client_id, value)
    join clients c on c.id = a.client_id and c.metadata->>'backchannelLogoutUri' is not null
   where a.value ? 'sid' and a.value ? 'grantId' and $1 is not null
     and ($4 is null or a.value->>'grantId' = $4)
$$;

-- Whoever ends a session, by whichever statement, owes. One that merely expires owes nobody: its apps know their own times.
create function owe_logouts() returns trigger language plpgsql as $$
begin
  insert into logout_deliveries (client_id, account_id, sid, session_uid, uri, alg, names_session)
  select * from logouts_owed(old.account_id, old.uid, old.payload);
  return null;
end $$;
create trigger owing after delete on artifacts for each row
  when (old.model = 1 and old.expires_at > now())
  execute function owe_logouts();
