-- The token ledger: a row for each JWT access token issued while CLAVIGER_TOKEN_LEDGER is on. docs/status-list.md tells
-- what comes of it. Names are those of the log of revocations: salted and hashed, so that the two can be joined and
-- neither tells who is in it.
create table issued_tokens (
  slot     smallint not null,  -- the two hours in which it expires, modulo 16
  jti      bytea not null,
  sid      bytea,
  grant_id bytea,
  sub      bytea,
  client   bytea not null,
  kid      bytea not null,
  digest   bytea not null check (length(digest) = 32),  -- SHA-256 of the whole token
  list     bigint not null,                             -- its place in a status list
  idx      integer not null,
  iat      bigint not null,
  exp      bigint not null
) partition by list (slot);
-- A ring of 32 hours: it has a place for every token there can be (none lives for more than a day), so nothing is made
-- ahead and nothing is ever missing; what has expired leaves two hours at a time, by truncate.
do $$
begin
  for slot in 0..15 loop
    execute format('create table issued_tokens_%s partition of issued_tokens for values in (%s)', to_char(slot, 'FM00'), slot);
  end loop;
end $$;
create index on issued_tokens (jti);
create index on issued_tokens (sub) where sub is not null;
create index on issued_tokens (grant_id) where grant_id is not null;
create index on issued_tokens (sid) where sid is not null;

-- One row. Some nodes may still run without the ledger while it is being switched on.
create table token_ledger (
  one           boolean primary key default true check (one),
  complete_from timestamptz  -- every token issued from then on is in the ledger; null: not known
);
insert into token_ledger default values;

-- Lists of 131072 indices. Their names are random, so that a database that was restored gives none a second time.
create table status_lists (
  id        bigint primary key,
  leased    integer not null check (leased between 0 and 131072),
  number    bigint generated always as identity,
  leased_at timestamptz not null default clock_timestamp()
);
create unique index on status_lists (number);

-- Gives the caller `wanted` indices that nobody else was given or will be: those of the list from `first` on.
-- `fresh` is the name of the next list, should there have to be one.
create function lease_status_indices(wanted integer, fresh bigint, out list bigint, out first integer) language plpgsql as $$
begin
  perform pg_advisory_xact_lock(hashtextextended('claviger:status-lists', 0));
  update status_lists s set leased = s.leased + wanted, leased_at = clock_timestamp()
   where s.number = (select max(number) from status_lists) and s.leased + wanted <= 131072
  returning s.id, s.leased - wanted into list, first;
  if list is null then
    insert into status_lists (id, leased) values (fresh, wanted);
    list := fresh;
    first := 0;
  end if;
end $$;

-- After a restore, what was issued since the dump is not in the ledger, and indices of the lists in it were given since.
create function begin_token_ledger_anew() returns trigger language plpgsql as $$
begin
  update token_ledger set complete_from = greatest(complete_from, clock_timestamp() + interval '1 minute')
   where complete_from is not null;
  update status_lists set leased = 131072;
  return null;
end $$;
create trigger restored after update on revocation_feeds for each row when (old.epoch is distinct from new.epoch)
  execute function begin_token_ledger_anew();

-- Empties the slot of hours that are over, and forgets lists of which no token can be alive: an index is used within an
-- hour of its lease. That slot is two before the present one: so long `tokens inspect` can tell of what has expired.
-- Returns whether it emptied one.
create function tidy_token_ledger(at timestamptz default clock_timestamp()) returns boolean language plpgsql as $$
declare
  present constant bigint := floor(extract(epoch from at) / 7200);
  past constant text := 'issued_tokens_' || to_char((present - 2) % 16, 'FM00');
  emptied boolean;
begin
  execute format('select exists (select from %I)', past) into emptied;
  if emptied then
    -- Whoever looks something up waits for no more than this behind us.
    perform set_config('lock_timeout', '500ms', true);
    begin
      execute format('truncate %I', past);
    exception when lock_not_available then
      emptied := false; -- the next round
    end;
  end if;
  delete from status_lists s using revocation_feeds f
   where s.leased_at < at - make_interval(secs => 3600 + f.longest_token_seconds + 600)
     and s.number < (select max(number) from status_lists);
  return emptied;
end $$;
