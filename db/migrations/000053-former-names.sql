-- What accounts and clients were called, so that the audit log tells of them after they were removed or renamed. A row
-- leaves when no entry of the audit log can be as old: CLAVIGER_EVENT_RETENTION after `until`.
create table former_names (
  id    text not null,                    -- of an account or a client; no two of these are alike
  login text,                             -- of an account, as it signed in
  email text,
  name  text,
  until timestamptz not null default now()
);
create index on former_names (id);
create index on former_names (login) where login is not null;
create index on former_names (until);

create function keep_former_account_name() returns trigger language plpgsql as $$
begin
  insert into former_names (id, login, email, name) values (old.id, old.login, old.email, old.name);
  return null;
end $$;
create trigger name_kept_on_change after update on accounts for each row
  when ((old.login, old.email, old.name) is distinct from (new.login, new.email, new.name))
  execute function keep_former_account_name();
create trigger name_kept after delete on accounts for each row execute function keep_former_account_name();

create function keep_former_client_name() returns trigger language plpgsql as $$
begin
  insert into former_names (id, name) values (old.id, old.name);
  return null;
end $$;
create trigger name_kept_on_change after update on clients for each row when (old.name is distinct from new.name)
  execute function keep_former_client_name();
create trigger name_kept after delete on clients for each row execute function keep_former_client_name();
