-- What administrators give to single accounts, and see of what waits.

alter table users add column tokens_per_day bigint;
-- There are as many rows as people: looking at them takes no time.
-- squawk-ignore constraint-missing-not-valid
alter table users add constraint users_tokens_per_day_range check (tokens_per_day between 0 and 1000000000);

comment on column users.tokens_per_day is 'Tokens of models in a day; 0 for any number, null for what the server gives everybody.';

alter table runners add column waiting jsonb not null default '{}';

comment on column runners.waiting is 'Places in the line by the ids of generations that wait, at most a second old; the first thousand.';
