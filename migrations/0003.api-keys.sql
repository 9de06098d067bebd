-- Keys with which programs sign in.

-- Noting a use rewrites the row in place; the pages keep some room for it.
create table api_keys (
    id uuid not null,
    user_id uuid not null,
    name text not null,
    prefix text not null,
    digest bytea not null,
    scopes text [] not null,
    created_at timestamptz not null default now(),
    expires_at timestamptz,
    last_used_at timestamptz,
    revoked_at timestamptz,
    constraint api_keys_pkey primary key (id),
    constraint api_keys_user_id_fkey foreign key (user_id) references users (id) on delete cascade,
    constraint api_keys_prefix_unique unique (prefix),
    constraint api_keys_name_length check (char_length(name) between 1 and 100),
    constraint api_keys_prefix_shape check (prefix ~ '^[a-z2-7]{8}$'),
    constraint api_keys_digest_length check (octet_length(digest) = 32),
    constraint api_keys_scopes_known check (cardinality(scopes) between 1 and 2 and scopes <@ array['chat', 'read']),
    constraint api_keys_expires_at_order check (expires_at > created_at)
) with (fillfactor = 80);

-- Serves the list of a user's keys, newest first, and the cascade from users.
create index api_keys_user_id_idx on api_keys (user_id, id desc);
-- Serves the purge of keys that were revoked long ago.
create index api_keys_revoked_at_idx on api_keys (revoked_at) where revoked_at is not null;

comment on table api_keys is 'One row for each key that a user made.';
comment on column api_keys.id is 'UUIDv7, made by the application.';
comment on column api_keys.user_id is 'Whose it is, and for whom whoever has it acts.';
comment on column api_keys.name is 'What its owner calls it.';
comment on column api_keys.prefix is 'Public part of the key, by which it is found and told from others.';
comment on column api_keys.digest is 'SHA-256 of the whole key, of which nothing else is kept.';
comment on column api_keys.scopes is 'What it is for: chat, read or both.';
comment on column api_keys.created_at is 'Moment of its making.';
comment on column api_keys.expires_at is 'Moment from which it no longer works; null where it has no end.';
comment on column api_keys.last_used_at is 'Moment of a use, at most a minute before the latest; null while it was never used.';
comment on column api_keys.revoked_at is 'Moment at which its owner ended it; null while nobody did.';
