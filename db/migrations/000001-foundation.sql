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
-- (account and source, source, account), so the table names nobody.
create table sign_in_attempts (
  key             bytea primary key,
  failures        integer not null,
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
  model       smallint not null,                    -- storage/artifact-models.ts
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
create type signing_key_state as enum ('pending', 'active', 'retired', 'removed', 'revoked');

create table signing_keys (
  kid             text primary key,
  alg             text not null,
  state           signing_key_state not null,
  public_jwk      jsonb not null,
  private_jwe     text,                             -- JWE (dir, A256GCM) under the key-encryption key; null once removed or revoked
  kek_fingerprint text not null,
  created_at      timestamptz not null default now(),
  publish_at      timestamptz not null,             -- when it first stood in the JWKS
  active_at       timestamptz,                      -- when it began to sign
  retired_at      timestamptz,
  removable_at    timestamptz,                      -- nothing it signed can be alive after this
  removed_at      timestamptz,
  revoked_at      timestamptz,
  reason          text
);
create unique index one_active_key_per_algorithm on signing_keys (alg) where state = 'active';
create unique index one_pending_key_per_algorithm on signing_keys (alg) where state = 'pending';

-- Deployment secrets besides signing keys (cookie keys …), wrapped the same way.
create table secrets (
  name            text not null,
  position        integer not null,                 -- 0 is the newest: it signs, all verify
  jwe             text not null,
  kek_fingerprint text not null,
  created_at      timestamptz not null default now(),
  primary key (name, position)
);

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
