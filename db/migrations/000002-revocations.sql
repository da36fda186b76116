-- What became void before its time: a log that only grows, numbered in the order in which entries became
-- public, from which verifiers learn. docs/revocation-feed.md tells what they see of it.

-- One row, the head of the log.
create table revocation_feeds (
  one                   boolean primary key default true check (one),
  epoch                 uuid not null default gen_random_uuid(),
  salt                  bytea not null default uuid_send(gen_random_uuid()) check (length(salt) = 16),
  seq                   bigint not null default 0,    -- the highest number given
  floor                 bigint not null default 0,    -- entries up to here may have been removed
  place                 text,                         -- which database this is; another one after a restore
  longest_token_seconds integer not null default 600  -- no access token lives longer; never sinks
);
insert into revocation_feeds default values;

create table revocations (
  id         bigint generated always as identity primary key,
  kind       smallint not null check (kind between 1 and 7), -- 1 jti 2 sid 3 grant 4 sub 5 client 6 kid 7 issuer
  value      text check (length(value) between 1 and 1024),  -- null: a node remembered the key when a restored database did not
  key        bytea not null check (length(key) = 16),        -- of kind and value, salted: what the feed shows
  not_before bigint,                                         -- void is what was issued earlier (seconds); null: all
  created_at timestamptz not null default clock_timestamp(),
  expires_at timestamptz not null,                           -- nothing that it names can be valid any more
  cause      text not null,                                  -- session.ended, account.disabled …
  actor      text,
  pub_seq    bigint
);
create unique index on revocations (pub_seq) where pub_seq is not null;
create index revocations_unpublished on revocations (id) where pub_seq is null;
create index on revocations (expires_at);
create index on revocations (key);

create function revocation_key(kind smallint, value text, salt bytea) returns bytea language sql immutable parallel safe as $$
  select substring(sha256(salt || set_byte('\x00'::bytea, 0, kind) || convert_to(value, 'UTF8')) for 16)
$$;

-- A grant's name in tokens: half of the digest that it is stored under.
create function grant_claim(grant_id text) returns text language sql immutable parallel safe as $$
  select translate(rtrim(encode(substring(sha256(convert_to(grant_id, 'UTF8')) for 16), 'base64'), '='), '+/', '-_')
$$;

-- Revoking at T makes void what was issued in the second of T and before; and what was issued since the last
-- cut-off of the same name, which is stamped no earlier than that. Callers hold the row that the name belongs to.
create function next_cut_off(kind smallint, value text) returns bigint language sql volatile as $$
  select greatest(floor(extract(epoch from clock_timestamp()))::bigint, max(r.not_before)) + 1
    from revocation_feeds f
    left join revocations r on r.key = revocation_key($1, $2, f.salt) and r.kind = $1
$$;

create function complete_revocation() returns trigger language plpgsql as $$
declare
  feed revocation_feeds;
begin
  select * into strict feed from revocation_feeds;
  if new.value is not null then
    new.key := revocation_key(new.kind, new.value, feed.salt);
  end if;
  -- The minute is for clocks.
  new.expires_at := coalesce(new.expires_at, clock_timestamp() + make_interval(secs => feed.longest_token_seconds + 60));
  new.pub_seq := null;
  return new;
end $$;
create trigger complete before insert on revocations for each row execute function complete_revocation();

-- Nothing is ever un-revoked. REV01: an entry only gets its number; REV02: and goes when it has expired.
create function hold_revocation_law() returns trigger language plpgsql as $$
begin
  if tg_op = 'DELETE' then
    if old.expires_at > clock_timestamp() then
      raise exception 'revocation % has not expired', old.id using errcode = 'REV02';
    end if;
    return old;
  end if;
  if old.pub_seq is not null or (to_jsonb(new) - 'pub_seq') is distinct from (to_jsonb(old) - 'pub_seq') then
    raise exception 'what was written in revocation % stays', old.id using errcode = 'REV01';
  end if;
  return new;
end $$;
create trigger law before update or delete on revocations for each row execute function hold_revocation_law();

-- Numbers what has been committed. Two statements on purpose: the first takes the lock, the second has a snapshot
-- that was taken after it, so no number is given twice and none is left out. Every node calls it; the lock picks one.
-- A transaction that stays open delays its own entries only.
-- Null: another is at it. Readers are told in here and not by those who revoke: a NOTIFY takes a lock at commit.
create function publish_revocations() returns bigint language plpgsql as $$
declare
  head bigint;
  numbered bigint;
begin
  select seq into head from revocation_feeds for update skip locked;
  if not found then
    return null;
  end if;
  update revocations r set pub_seq = head + s.number
    from (select id, row_number() over (order by id) as number
            from (select id from revocations where pub_seq is null order by id limit 5000) as waiting) as s
   where r.id = s.id and r.pub_seq is null;
  get diagnostics numbered = row_count;
  if numbered > 0 then
    update revocation_feeds set seq = head + numbered;
    perform pg_notify('claviger_revocations', '');
  end if;
  return numbered;
end $$;

-- The first call in a database that a dump was restored into draws a new epoch: numbers may come again there.
-- The cluster, the timeline (a standby that was promoted), the database and the table itself tell one from another.
create function settle_revocation_feed() returns boolean language plpgsql as $$
declare
  here text := (select oid from pg_database where datname = current_database()) || '/' || 'revocation_feeds'::regclass::oid;
  before text;
begin
  begin
    here := (select s.system_identifier || '/' || c.timeline_id || '/' from pg_control_system() s, pg_control_checkpoint() c) || here;
  exception when insufficient_privilege then
    null; -- some hosts hide these; the others have to do
  end;
  select place into before from revocation_feeds;
  if before is not distinct from here then
    return false;
  end if;
  update revocation_feeds set place = here, epoch = case when place is null then epoch else gen_random_uuid() end
   where place is distinct from here;
  return before is not null;
end $$;

-- What an account was issued before this second is void; what is issued later is stamped no earlier.
alter table accounts add column revoked_before bigint;

-- No entry may leave the log before the longest-lived token it concerns.
create function raise_longest_token() returns trigger language plpgsql as $$
begin
  update revocation_feeds set longest_token_seconds = new.ttl_seconds where longest_token_seconds < new.ttl_seconds;
  return null;
end $$;
create trigger raised after insert or update on apis for each row when (new.ttl_seconds is not null)
  execute function raise_longest_token();
update revocation_feeds
   set longest_token_seconds = greatest(longest_token_seconds, (select max(ttl_seconds) from apis));
