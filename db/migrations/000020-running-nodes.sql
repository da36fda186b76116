-- Every serving process writes its row each second, and reads it through each of its long-lived connections: a
-- connection that does not see the new beat does not speak to the server that new connections reach.
create table running_nodes (
  id             uuid primary key,
  -- Host name and process number, for people.
  name           text not null,
  beat           bigint not null,
  seen_at        timestamptz not null default clock_timestamp(),
  -- The last question (node_questions) that the node has answered, and how far it had read the log of revocations then.
  answered       bigint not null default 0,
  followed_epoch uuid,
  followed_seq   bigint
) with (fillfactor = 50);

-- A command asks all nodes what they have read by raising this number and a NOTIFY.
create table node_questions (
  number    bigint not null,
  singleton boolean primary key default true check (singleton)
);
insert into node_questions (number) values (0);

-- As before, but the timeline is the one that is written now: the last checkpoint names the old timeline until long
-- after a standby was promoted.
create or replace function settle_revocation_feed() returns boolean language plpgsql as $$
declare
  here text := (select oid from pg_database where datname = current_database()) || '/' || 'revocation_feeds'::regclass::oid;
  before text;
begin
  begin
    here := ('x' || substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8))::bit(32)::int || '/' || here;
    here := (select system_identifier from pg_control_system()) || '/' || here;
  exception when others then
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
