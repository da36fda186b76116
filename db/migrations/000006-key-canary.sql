-- The canary: one app for which each next key signs first, once it has been published for its lead.

create table signing_key_canary (
  one       boolean primary key default true check (one),
  client_id text not null references clients on delete cascade,
  named_at  timestamptz not null default clock_timestamp()
);
create trigger changed after insert or update or delete on signing_key_canary for each statement execute function bump_change_counter('keys');

-- Since when a standby may have signed for a canary, whichever app that was; never taken back.
alter table signing_keys add column canary_at timestamptz;

-- As before, and for standbys that have signed for a canary:
--   KEY03 none does before its publish lead is over
--   KEY02 it goes the way of what has signed: it retires, and is not removed at once
--   KEY05 that it may have signed stays written
create or replace function hold_signing_key_law() returns trigger language plpgsql as $$
declare
  moment constant timestamptz := clock_timestamp();
  in_emergency constant boolean := coalesce(new.reason, '') like 'emergency:%';
begin
  if tg_op = 'INSERT' then
    if new.state in ('removed', 'revoked')
       or (new.state = 'retired' and new.reason is distinct from 'imported')
       or (new.state = 'active' and not in_emergency and exists (select from signing_keys where alg = new.alg))
       or new.canary_at is not null then
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
     or (old.removable_at is not null and (new.removable_at is null or new.removable_at < old.removable_at))
     or (old.canary_at is not null and new.canary_at is distinct from old.canary_at) then
    raise exception 'what was written about signing key % stays', new.kid using errcode = 'KEY05';
  end if;
  if new.canary_at is distinct from old.canary_at then
    if old.state <> 'pending' or new.state <> 'pending' then
      raise exception 'signing key % is no standby', new.kid using errcode = 'KEY02';
    end if;
    if moment < old.promotable_at or new.canary_at < old.promotable_at then
      raise exception 'signing key % may not sign before %', new.kid, old.promotable_at using errcode = 'KEY03';
    end if;
  end if;

  if new.state = old.state then
    return new;
  end if;
  if (old.state, new.state) not in (
       ('pending', 'active'), ('pending', 'removed'), ('pending', 'revoked'), ('pending', 'retired'),
       ('active', 'retired'), ('active', 'revoked'),
       ('retired', 'removed'), ('retired', 'revoked'))
     or (old.state = 'pending' and new.state = 'removed' and old.canary_at is not null)
     or (old.state = 'pending' and new.state = 'retired' and old.canary_at is null) then
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

-- What becomes of it. Token requests of the canary by the key that signed the answer: those of the key before are
-- the measure. Counted in memory and added up here now and then.
create table canary_uses (
  kid             text not null references signing_keys,
  client_id       text not null references clients on delete cascade,
  token_requests  bigint not null,
  refreshes       bigint not null,
  early_refreshes bigint not null,                  -- that came before half of the access token's life was over
  first_at        timestamptz not null default now(),
  last_at         timestamptz not null default now(),
  primary key (kid, client_id)
);

-- How often a verifier asked for the JWKS because it had met the key and did not know it.
alter table jwks_sightings add column misses bigint not null default 0, add column missed_at timestamptz;

create or replace function forget_jwks_sightings() returns trigger language plpgsql as $$
begin
  delete from jwks_sightings where kid = new.kid;
  delete from canary_uses where kid = new.kid;
  return null;
end $$;
