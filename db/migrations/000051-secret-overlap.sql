-- After a rotation the secret before it works on until `previous_secret_until`. Of both only the SHA-256 is stored.
alter table clients
  add column secret_rotated_at timestamptz,
  add column previous_secret_digest bytea,
  add column previous_secret_until timestamptz,
  add constraint client_previous_secret_has_an_end check ((previous_secret_digest is null) = (previous_secret_until is null));
