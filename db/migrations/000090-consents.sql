-- What a person allowed a guest app: remembered until the app wants more or the person withdraws it.
create table consents (
  account_id text not null references accounts on delete cascade,
  client_id  text not null references clients on delete cascade,
  scopes     text[] not null default '{}',
  claims     text[] not null default '{}',
  apis       jsonb not null default '{}',           -- audience -> array of scopes
  allowed_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  primary key (account_id, client_id)
);
create index on consents (client_id);
