-- When the confirmation code was made, in seconds since 1970; the code itself is stored as a hash.
ALTER TABLE user ADD COLUMN confirm_code_date integer;
