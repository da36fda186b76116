-- When the lifetime of an API's tokens last changed. Tokens from before that moment may live longer than the lifetime says.
alter table apis add column ttl_changed_at timestamptz;
