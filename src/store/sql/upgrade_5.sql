CREATE TABLE shape (id UBIGINT NOT NULL, field VARCHAR NOT NULL, value VARCHAR NOT NULL);
ALTER TABLE interaction ADD COLUMN shape UBIGINT;
ALTER TABLE interaction ADD COLUMN user_key UINTEGER;
ALTER TABLE interaction ADD COLUMN session_key UINTEGER;
ALTER TABLE interaction ADD COLUMN slots UTINYINT;
ALTER TABLE interaction ADD COLUMN input_least BIGINT;
ALTER TABLE interaction ADD COLUMN input_most BIGINT;
ALTER TABLE interaction ADD COLUMN output_least BIGINT;
ALTER TABLE interaction ADD COLUMN output_most BIGINT;
ALTER TABLE interaction ADD COLUMN temperature_least BIGINT;
ALTER TABLE interaction ADD COLUMN temperature_most BIGINT;
ALTER TABLE interaction ADD COLUMN first_token_least BIGINT;
ALTER TABLE interaction ADD COLUMN first_token_most BIGINT;
ALTER TABLE interaction ADD COLUMN fill_least BIGINT;
ALTER TABLE interaction ADD COLUMN fill_most BIGINT
