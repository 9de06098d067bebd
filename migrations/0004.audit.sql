-- What happened to accounts and to what opens them, for administrators to look back on.

create table audit_events (
    id uuid not null,
    at timestamptz not null default now(),
    kind text not null,
    actor_id uuid,
    subject_id uuid,
    ip_address inet,
    user_agent text,
    details jsonb not null default '{}',
    constraint audit_events_pkey primary key (id),
    constraint audit_events_kind_shape check (kind ~ '^[a-z_]{1,64}$'),
    constraint audit_events_user_agent_length check (char_length(user_agent) <= 512),
    constraint audit_events_details_object check (jsonb_typeof(details) = 'object')
);

-- These three serve the lists of one kind and of one user, newest first.
create index audit_events_kind_idx on audit_events (kind, id desc);
create index audit_events_actor_id_idx on audit_events (actor_id, id desc) where actor_id is not null;
create index audit_events_subject_id_idx on audit_events (subject_id, id desc) where subject_id is not null;
-- Serves the forgetting of old ones.
create index audit_events_at_idx on audit_events (at);

comment on table audit_events is 'One row for each event. Users are named by their ids only, and rows outlive them.';
comment on column audit_events.id is 'UUIDv7, made by the application; sorts by time.';
comment on column audit_events.at is 'Moment at which it was noted.';
comment on column audit_events.kind is 'What happened, as a word the application knows.';
comment on column audit_events.actor_id is 'Who did it; null for the command line, and while nobody is signed in.';
comment on column audit_events.subject_id is 'Whose account it concerns; null where there is no such account.';
comment on column audit_events.ip_address is 'Address of the client; null where there is none.';
comment on column audit_events.user_agent is 'User-Agent header, cut short; null where there is none.';
comment on column audit_events.details is 'More that belongs to the kind; never a token, a password or an e-mail address.';
