-- Of a hash that another program made: its format, cost and salt, so that importing the same person twice is seen as
-- such even after the hash was renewed. It tells nothing of the password.
alter table passwords add column imported_from text;
