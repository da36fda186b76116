-- Everything one deployment knows. All times are timestamptz; all names plural snake_case.

-- People ---------------------------------------------------------------------
create table accounts (
  id             text primary key check (length(id) between 1 and 255),
  login          text not null unique,              -- normalised email: what is unique and looked up
  email          text not null,                     -- as the person wrote it
  email_verified boolean not null default false,
  name           text,
  claims         jsonb not null default '{}',       -- OpenID Connect Core §5.1 claims besides the columns
  is_admin       boolean not null default false,
  disabled_at    timestamptz,
  created_at     timestamptz not null default now(),
  updated_at     timestamptz not null default now()
);

create table passwords (
  account_id text primary key references accounts on delete cascade,
  hash       text not null,                         -- PHC string
  changed_at timestamptz not null default now()
);

-- Failed sign-ins, shared by all processes. A key is a digest of what is counted
-- (account and source, source, account), so the table names nobody; the first 16
-- bytes stand for the account. `failures` drains with time, so it has fractions.
create table sign_in_attempts (
  key             bytea primary key,
  failures        double precision not null,
  last_failure_at timestamptz not null,
  blocked_until   timestamptz not null,
  expires_at      timestamptz not null
);
create index on sign_in_attempts (expires_at);

-- Relying parties and APIs -----------------------------------------------------
create table apis (
  audience    text primary key,
  scopes      text[] not null default '{}',
  ttl_seconds integer check (ttl_seconds between 1 and 86400),
  alg         text not null default 'ES256',
  created_at  timestamptz not null default now()
);

create table clients (
  id            text primary key check (length(id) between 1 and 255),
  name          text not null,
  preset        text not null check (preset in ('spa', 'web', 'native', 'service', 'device')),
  first_party   boolean not null default false,
  secret_digest bytea,                              -- SHA-256; the secret is shown once and kept nowhere
  metadata      jsonb not null default '{}',        -- redirect URIs, origins, methods …: see clients/client.ts
  created_at    timestamptz not null default now(),
  updated_at    timestamptz not null default now()
);

create table client_apis (
  client_id text not null references clients on delete cascade,
  audience  text not null references apis on delete restrict,
  position  smallint not null,                      -- 0 is the default audience
  primary key (client_id, audience)
);
create index on client_apis (audience);

-- Protocol state ---------------------------------------------------------------
-- One row a session, interaction, code, token, grant … of the engine. `id` is the
-- SHA-256 of the value a browser or client holds, so a dump opens nothing.
create table artifacts (
  model       smallint not null,                    -- storage/protocol/artifact-models.ts
  id          bytea not null,
  payload     jsonb not null,
  grant_id    text,
  account_id  text,
  client_id   text,
  uid         text,                                 -- of a session; of an interaction's trail
  user_code   bytea,
  consumed_at timestamptz,
  created_at  timestamptz not null default now(),
  expires_at  timestamptz not null,
  primary key (model, id)
) with (fillfactor = 85);
create index artifacts_by_grant on artifacts (grant_id) where grant_id is not null;
create index artifacts_by_account on artifacts (account_id) where account_id is not null;
create index artifacts_by_client on artifacts (client_id) where client_id is not null;
create index artifacts_by_uid on artifacts (uid) where uid is not null;
create unique index artifacts_by_user_code on artifacts (user_code) where user_code is not null;
create index artifacts_by_expiry on artifacts (expires_at);

-- Signing keys -------------------------------------------------------------------
-- pending (published, the standby) -> active (signs) -> retired (verifies) -> removed; revoked from any of the three.
create type signing_key_state as enum ('pending', 'active', 'retired', 'removed', 'revoked');

create table signing_keys (
  kid             text primary key check (length(kid) between 1 and 128),
  alg             text not null,
  state           signing_key_state not null,
  public_jwk      jsonb not null,
  private_jwe     text,                             -- JWE (dir, A256GCM) under the key-encryption key
  kek_fingerprint text not null,
  created_at      timestamptz not null default now(),
  publish_at      timestamptz not null,             -- when it first stood in the JWKS
  promotable_at   timestamptz not null,             -- its publish lead is over: from here on it may sign
  promote_at      timestamptz,                      -- asked for by hand, ahead of the schedule
  active_at       timestamptz,                      -- when it began to sign
  retired_at      timestamptz,
  removable_at    timestamptz,                      -- nothing it signed can be alive after this
  removed_at      timestamptz,
  revoked_at      timestamptz,
  reason          text,
  constraint signing_key_shows_no_private_member check (not public_jwk ?| array['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k', 'priv']),
  constraint signing_key_private_half_goes check ((private_jwe is null) = (state in ('removed', 'revoked'))),
  constraint signing_key_lead_follows_publication check (promotable_at > publish_at),
  constraint signing_key_dates_match_state check (
    case state
      when 'pending' then active_at is null and retired_at is null
      when 'active'  then active_at is not null and retired_at is null
      when 'retired' then retired_at is not null and removable_at > retired_at
      when 'removed' then removed_at is not null
      when 'revoked' then revoked_at is not null
    end)
);
create unique index one_active_key_per_algorithm on signing_keys (alg) where state = 'active';
create unique index one_pending_key_per_algorithm on signing_keys (alg) where state = 'pending';

-- The law of a key's life, so that a fault in one node cannot break it. This server's clock decides.
-- Each refusal has its own SQLSTATE:
--   KEY01 a key enters as a standby, as the first of its algorithm, or imported to verify
--   KEY02 there is no way from the one state to the other
--   KEY03 it has not been published for its lead; only a reason that begins with 'emergency:' skips it
--   KEY04 what it signed may be alive: too early to remove
--   KEY05 what was once written about it stays
--   KEY06 keys are history and are never deleted
--   KEY07 an algorithm has both a key that signs and a standby, or neither (checked at commit)
--   KEY08 what rests in the deployment rests under one key-encryption key: a node that missed its change adds nothing
create function hold_signing_key_law() returns trigger language plpgsql as $$
declare
  moment constant timestamptz := clock_timestamp();
  in_emergency constant boolean := coalesce(new.reason, '') like 'emergency:%';
begin
  if tg_op = 'INSERT' then
    if new.state in ('removed', 'revoked')
       or (new.state = 'retired' and new.reason is distinct from 'imported')
       or (new.state = 'active' and not in_emergency and exists (select from signing_keys where alg = new.alg)) then
      raise exception 'signing key % may not begin as %', new.kid, new.state using errcode = 'KEY01';
    end if;
    if exists (select from signing_keys where private_jwe is not null and kek_fingerprint <> new.kek_fingerprint) then
      raise exception 'signing key % is wrapped under %, but the others are not', new.kid, new.kek_fingerprint using errcode = 'KEY08';
    end if;
    return new;
  end if;

  if (new.kid, new.alg, new.public_jwk, new.created_at, new.publish_at, new.promotable_at)
       is distinct from (old.kid, old.alg, old.public_jwk, old.created_at, old.publish_at, old.promotable_at)
     or (old.active_at is not null and new.active_at is distinct from old.active_at)
     or (old.retired_at is not null and new.retired_at is distinct from old.retired_at)
     or (old.removable_at is not null and (new.removable_at is null or new.removable_at < old.removable_at)) then
    raise exception 'what was written about signing key % stays', new.kid using errcode = 'KEY05';
  end if;

  if new.state = old.state then
    return new;
  end if;
  if (old.state, new.state) not in (
       ('pending', 'active'), ('pending', 'removed'), ('pending', 'revoked'),
       ('active', 'retired'), ('active', 'revoked'),
       ('retired', 'removed'), ('retired', 'revoked')) then
    raise exception 'signing key % cannot go from % to %', new.kid, old.state, new.state using errcode = 'KEY02';
  end if;
  if new.state = 'active' and not in_emergency and (moment < old.promotable_at or new.active_at < old.promotable_at) then
    raise exception 'signing key % may not sign before %', new.kid, old.promotable_at using errcode = 'KEY03';
  end if;
  if (old.state, new.state) = ('retired', 'removed') and moment < old.removable_at then
    raise exception 'signing key % may not be removed before %', new.kid, old.removable_at using errcode = 'KEY04';
  end if;
  return new;
end $$;
create trigger law before insert or update on signing_keys for each row execute function hold_signing_key_law();

create function keep_signing_keys() returns trigger language plpgsql as $$
begin
  raise exception 'signing keys are history: they are removed or revoked, never deleted' using errcode = 'KEY06';
end $$;
create trigger kept before delete or truncate on signing_keys for each statement execute function keep_signing_keys();

create function hold_standby_law() returns trigger language plpgsql as $$
begin
  if (select count(*) filter (where state = 'active') <> count(*) filter (where state = 'pending')
        from signing_keys where alg = new.alg and state in ('active', 'pending')) then
    raise exception 'algorithm % must have both a key that signs and a standby', new.alg using errcode = 'KEY07';
  end if;
  return null;
end $$;
create constraint trigger standby after insert or update on signing_keys
  deferrable initially deferred for each row execute function hold_standby_law();

-- Who has fetched the JWKS while a key stood in it. Counted in memory and added up here now and then.
create table jwks_sightings (
  kid      text not null references signing_keys,
  verifier text not null check (length(verifier) <= 200),  -- '': those that do not say who they are
  fetches  bigint not null,
  first_at timestamptz not null default now(),
  last_at  timestamptz not null default now(),
  primary key (kid, verifier)
);

create function forget_jwks_sightings() returns trigger language plpgsql as $$
begin
  delete from jwks_sightings where kid = new.kid;
  return null;
end $$;
create trigger unseen after update on signing_keys for each row
  when (new.state in ('removed', 'revoked') and old.state is distinct from new.state)
  execute function forget_jwks_sightings();

-- Deployment secrets besides signing keys (cookie keys …), wrapped the same way.
create table secrets (
  name            text not null,
  generation      integer not null check (generation > 0),  -- the highest is the newest: it signs, all verify
  jwe             text not null,
  kek_fingerprint text not null,
  created_at      timestamptz not null default now(),
  primary key (name, generation)
);

create function hold_one_kek_law() returns trigger language plpgsql as $$
begin
  if exists (select from secrets where kek_fingerprint <> new.kek_fingerprint)
     or exists (select from signing_keys where private_jwe is not null and kek_fingerprint <> new.kek_fingerprint) then
    raise exception 'secret % is wrapped under %, but the others are not', new.name, new.kek_fingerprint using errcode = 'KEY08';
  end if;
  return new;
end $$;
create trigger law before insert on secrets for each row execute function hold_one_kek_law();

-- The audit log ------------------------------------------------------------------
create table events (
  id         bigint generated always as identity primary key,
  at         timestamptz not null default now(),
  kind       text not null,                         -- sign-in.rejected, key.promoted …
  actor      text not null,                         -- account:acc_…, client:…, cli:<user>, schedule
  account_id text,
  client_id  text,
  source     text,                                  -- client address as trusted
  request_id text,
  detail     jsonb not null default '{}'
);
create index on events (at);
create index on events (account_id, id) where account_id is not null;

-- What running nodes cache -------------------------------------------------------
-- Bumped by triggers; nodes listen on channel claviger_changes (payload: topic)
-- and poll this table beneath.
create table change_counters (
  topic   text primary key,
  version bigint not null default 1
);
insert into change_counters (topic) values ('clients'), ('keys'), ('secrets');

create function bump_change_counter() returns trigger language plpgsql as $$
begin
  update change_counters set version = version + 1 where topic = tg_argv[0];
  perform pg_notify('claviger_changes', tg_argv[0]);
  return null;
end $$;

create trigger changed after insert or update or delete on clients for each statement execute function bump_change_counter('clients');
create trigger changed after insert or update or delete on client_apis for each statement execute function bump_change_counter('clients');
create trigger changed after insert or update or delete on apis for each statement execute function bump_change_counter('clients');
create trigger changed after insert or update or delete on signing_keys for each statement execute function bump_change_counter('keys');
create trigger changed after insert or update or delete on secrets for each statement execute function bump_change_counter('secrets');
