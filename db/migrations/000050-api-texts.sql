-- What people read about an API on the consent page: its display name, and a text for each of its scopes (scope -> text).
alter table apis
  add column name text,
  add column scope_texts jsonb not null default '{}';
