-- What partners are told (OpenID Shared Signals): a journal of what happened to people, sessions and tokens, and the
-- streams that carry it. docs/shared-signals.md tells what they see of it, docs/decisions/0010 why it is a journal of its own.

create table event_streams (
  id                   text primary key check (length(id) between 1 and 64),
  client_id            text not null references clients on delete cascade,  -- the receiver
  method               text not null check (method in ('push', 'poll')),
  endpoint_url         text,                          -- where to push
  authorization_sealed text,                          -- what the receiver wants sent along, sealed
  events_requested     text[],                        -- null: whatever there is
  description          text,
  status               text not null default 'enabled' check (status in ('enabled', 'paused', 'disabled')),
  status_reason        text,
  cursor               bigint not null,               -- up to here everything has been received, or did not concern it
  acked                bigint[] not null default '{}', -- received beyond the cursor
  leased_until         timestamptz not null default '-infinity', -- a node pushes; when it dies, another takes over after this
  failures             integer not null default 0,    -- pushes in a row that did not arrive
  failing_since        timestamptz,
  next_try_at          timestamptz not null default '-infinity',
  last_error           text,
  last_error_at        timestamptz,
  verified_at          timestamptz,                   -- when the receiver last asked for a verification event
  created_at           timestamptz not null default now(),
  updated_at           timestamptz not null default now(),
  check ((method = 'push') = (endpoint_url is not null))
);
create index on event_streams (client_id);

-- Whom a stream does not tell of: 'account acc_…', 'session …'.
create table event_stream_exclusions (
  stream_id text not null references event_streams on delete cascade,
  subject   text not null check (length(subject) <= 1100),
  primary key (stream_id, subject)
);

-- One row, the head of the journal.
create table security_event_heads (
  one   boolean primary key default true check (one),
  seq   bigint not null default 0                     -- the highest number given
);
insert into security_event_heads default values;

create table security_events (
  id         bigint generated always as identity primary key,
  stream_id  text references event_streams on delete cascade, -- null: of interest to every stream
  kind       text not null,                           -- sub sid jti grant client, as of a revocation; account claims credential stream
  cause      text not null,                           -- session.ended, account.disabled …
  account_id text,
  client_id  text,
  value      text,                                    -- of the session, the token
  detail     jsonb not null default '{}',
  actor      text,
  txn        text not null default pg_current_xact_id()::text, -- what happened together
  created_at timestamptz not null default clock_timestamp(),
  seq        bigint
);
create unique index on security_events (seq) where seq is not null;
create index security_events_unpublished on security_events (id) where seq is null;
create index on security_events (stream_id) where stream_id is not null;

-- Numbers what has been committed; two statements for the reason told at publish_revocations.
create function publish_security_events() returns bigint language plpgsql as $$
declare
  head bigint;
  numbered bigint;
begin
  select seq into head from security_event_heads for update skip locked;
  if not found then
    return null;
  end if;
  update security_events e set seq = head + s.number
    from (select id, row_number() over (order by id) as number
            from (select id from security_events where seq is null order by id limit 5000) as waiting) as s
   where e.id = s.id and e.seq is null;
  get diagnostics numbered = row_count;
  if numbered > 0 then
    update security_event_heads set seq = head + numbered;
  end if;
  return numbered;
end $$;

-- Whose session or grant it was: the session is gone when somebody asks.
alter table revocations add column account_id text, add column client_id text;

-- All of the following write in the transaction of what happened, and nothing while nobody listens.

-- Grants that end with their session are not told of: the end of the session says it.
create function note_revocations() returns trigger language plpgsql as $$
begin
  if not exists (select from event_streams) then
    return null;
  end if;
  insert into security_events (kind, cause, account_id, client_id, value, actor)
  select (array['jti', 'sid', 'grant', 'sub', 'client'])[r.kind], r.cause,
         case r.kind when 4 then r.value else r.account_id end,
         case r.kind when 5 then r.value else r.client_id end,
         case when r.kind < 3 then r.value end, r.actor
    from added r
   where r.kind <= 5 and r.value is not null
     and (r.kind <> 3 or not exists (select from added where kind = 2))
   order by r.id;
  return null;
end $$;
create trigger noted after insert on revocations referencing new table as added
  for each statement execute function note_revocations();

create function note_account_change() returns trigger language plpgsql as $$
declare
  before jsonb;
  after jsonb;
  changed jsonb;
begin
  if not exists (select from event_streams) then
    return null;
  end if;
  if tg_op = 'DELETE' then
    insert into security_events (kind, cause, account_id) values ('account', 'account.removed', old.id);
    return null;
  end if;
  if (old.disabled_at is null) <> (new.disabled_at is null) then
    insert into security_events (kind, cause, account_id)
    values ('account', case when new.disabled_at is null then 'account.enabled' else 'account.disabled' end, new.id);
  end if;
  before := old.claims || jsonb_build_object('name', old.name, 'email', old.email, 'email_verified', old.email_verified);
  after := new.claims || jsonb_build_object('name', new.name, 'email', new.email, 'email_verified', new.email_verified);
  if before <> after then
    select jsonb_object_agg(claim, after->claim) into changed
      from jsonb_object_keys(before || after) as claim
     where before->claim is distinct from after->claim;
    insert into security_events (kind, cause, account_id, detail)
    values ('claims', 'account.changed', new.id, jsonb_build_object('claims', changed));
  end if;
  return null;
end $$;
create trigger noted after update or delete on accounts for each row execute function note_account_change();

-- A hash that is only made anew, stronger, is the same password.
create function note_password_change() returns trigger language plpgsql as $$
declare
  account text := case when tg_op = 'DELETE' then old.account_id else new.account_id end;
begin
  if not exists (select from event_streams) or not exists (select from accounts where id = account) then
    return null;
  end if;
  insert into security_events (kind, cause, account_id)
  values ('credential', case tg_op when 'INSERT' then 'password.created' when 'UPDATE' then 'password.changed' else 'password.removed' end, account);
  return null;
end $$;
create trigger noted after insert or delete on passwords for each row execute function note_password_change();
create trigger noted_change after update on passwords for each row when (old.changed_at is distinct from new.changed_at)
  execute function note_password_change();
