-- A name that apps are told as `preferred_username`; optional, unique whatever its case. Nobody signs in by it.
alter table accounts add column username text check (length(username) between 1 and 64);
create unique index accounts_username on accounts (lower(username)) where username is not null;
