-- Accounts and the sessions they are signed in with.

create table users (
    id uuid not null,
    email text not null,
    email_key text not null,
    password_hash text not null,
    role text not null default 'user',
    created_at timestamptz not null default now(),
    password_changed_at timestamptz not null default now(),
    disabled_at timestamptz,
    constraint users_pkey primary key (id),
    constraint users_email_key_unique unique (email_key),
    -- 64 characters before the @ and 255 after it are the most that RFC 5321 (section 4.5.3.1) lets a server rely on.
    constraint users_email_length check (char_length(email) between 3 and 320),
    constraint users_email_key_length check (char_length(email_key) between 3 and 320),
    constraint users_password_hash_length check (char_length(password_hash) between 1 and 512),
    constraint users_role_known check (role in ('user', 'admin'))
);

comment on table users is 'People who may sign in.';
comment on column users.id is 'UUIDv7, made by the application; sorts by time of sign-up.';
comment on column users.email is 'Address as it was typed at sign-up; shown, never compared.';
comment on column users.email_key is 'Normalised address, which is what makes an account unique.';
comment on column users.password_hash is 'Argon2id hash in PHC string form, parameters included.';
comment on column users.role is 'What the account may do: user or admin.';
comment on column users.created_at is 'Moment of sign-up.';
comment on column users.password_changed_at is 'Moment at which the present password was set.';
comment on column users.disabled_at is 'Moment from which the account may no longer sign in; null while it may.';

-- A refresh rewrites the row in place; the pages keep some room for it.
create table sessions (
    id uuid not null,
    user_id uuid not null,
    -- 32 bits hold one refresh a second for 68 years.
    -- squawk-ignore prefer-bigint-over-int
    generation integer not null default 0,
    created_at timestamptz not null default now(),
    rotated_at timestamptz not null default now(),
    expires_at timestamptz not null,
    revoked_at timestamptz,
    revoke_reason text,
    user_agent text,
    ip_address inet,
    constraint sessions_pkey primary key (id),
    constraint sessions_user_id_fkey foreign key (user_id) references users (id) on delete cascade,
    constraint sessions_generation_range check (generation >= 0),
    constraint sessions_rotated_at_order check (rotated_at >= created_at),
    constraint sessions_expires_at_order check (expires_at > created_at),
    constraint sessions_revocation_complete check ((revoked_at is null) = (revoke_reason is null)),
    constraint sessions_revoke_reason_length check (char_length(revoke_reason) between 1 and 64),
    constraint sessions_user_agent_length check (char_length(user_agent) <= 512)
) with (fillfactor = 80);

-- Serves the list of a user's devices, newest first, and the cascade from users.
create index sessions_user_id_created_at_idx on sessions (user_id, created_at desc);
-- These two serve the purge of sessions that ended long ago.
create index sessions_expires_at_idx on sessions (expires_at);
create index sessions_revoked_at_idx on sessions (revoked_at) where revoked_at is not null;

comment on table sessions is 'One row for each sign-in; its refresh tokens are told apart by the generation.';
comment on column sessions.id is 'UUIDv7, made by the application; part of every refresh token of the session.';
comment on column sessions.user_id is 'Who is signed in.';
comment on column sessions.generation is 'Number of refreshes so far; only a token of this generation may refresh.';
comment on column sessions.created_at is 'Moment of sign-in.';
comment on column sessions.rotated_at is 'Moment of the latest refresh, or of the sign-in.';
comment on column sessions.expires_at is 'When it ends by itself: idle since its latest refresh, or too old, whichever is first.';
comment on column sessions.revoked_at is 'Moment at which the session was ended early; null while it was not.';
comment on column sessions.revoke_reason is 'Why it was ended early, as a word the application knows; null while it was not.';
comment on column sessions.user_agent is 'User-Agent header at sign-in, cut to 512 characters, for the list of devices.';
comment on column sessions.ip_address is 'Address of the client at sign-in, for the list of devices.';
