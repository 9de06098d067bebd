-- Conversations, their messages, and the generations that write the answers.

create table conversations (
    id uuid not null,
    user_id uuid not null,
    title text not null default '',
    title_source text not null default 'words',
    created_at timestamptz not null default now(),
    active_at timestamptz not null default now(),
    archived_at timestamptz,
    constraint conversations_pkey primary key (id),
    constraint conversations_user_id_fkey foreign key (user_id) references users (id) on delete cascade,
    -- Lets messages refer to both, so that a message cannot belong to another user than its conversation.
    constraint conversations_id_user_id_unique unique (id, user_id),
    constraint conversations_title_length check (char_length(title) <= 200),
    constraint conversations_title_source_known check (title_source in ('words', 'model', 'user'))
);

-- Serves the lists of archived ones and of the others, newest activity first, and the cascade from users.
create index conversations_user_id_active_at_idx
on conversations (user_id, (archived_at is not null), active_at desc, id desc);

comment on table conversations is 'A tree of messages of one user.';
comment on column conversations.id is 'UUIDv7, made by the application.';
comment on column conversations.user_id is 'Whose it is; nobody else may know that it exists.';
comment on column conversations.title is 'What lists show; empty until there is something to say.';
comment on column conversations.title_source is 'Who made the title: words (the first ones of it), model or user. Only words are replaced by a model.';
comment on column conversations.created_at is 'Moment of its making; of the original, where it was imported.';
comment on column conversations.active_at is 'Moment at which something was last asked in it.';
comment on column conversations.archived_at is 'Moment from which the usual list leaves it out; null while it does not.';

create table messages (
    conversation_id uuid not null,
    id uuid not null,
    user_id uuid not null,
    parent_id uuid,
    role text not null,
    state text not null default 'complete',
    content text not null default '',
    thinking text,
    images bytea [] not null default '{}',
    tool_calls jsonb not null default '[]',
    tool_call_id text,
    tool_name text,
    model text,
    created_at timestamptz not null default now(),
    -- A word of every message names its user, so that the index finds the words of one user without passing by those of
    -- all others. PostgreSQL refuses a vector of a megabyte; words beyond the first 100,000 characters are not found.
    search tsvector generated always as (
        case
            when content = '' then null
            else
                to_tsvector('simple', left(content, 100000))
                || array_to_tsvector(array['user:' || user_id::text])
        end
    ) stored,
    constraint messages_pkey primary key (conversation_id, id),
    constraint messages_conversation_id_fkey foreign key (conversation_id, user_id)
    references conversations (id, user_id) on delete cascade,
    constraint messages_parent_id_fkey foreign key (conversation_id, parent_id)
    references messages (conversation_id, id) on delete cascade,
    constraint messages_parent_id_order check (parent_id <> id),
    constraint messages_role_known check (role in ('system', 'user', 'assistant', 'tool')),
    constraint messages_state_known check (state in ('complete', 'running', 'cancelled', 'failed', 'interrupted')),
    constraint messages_state_of_answers check (state = 'complete' or role = 'assistant'),
    constraint messages_tool_calls_array check (jsonb_typeof(tool_calls) = 'array'),
    constraint messages_tool_call_id_length check (char_length(tool_call_id) <= 256),
    constraint messages_tool_name_length check (char_length(tool_name) <= 256),
    constraint messages_model_length check (char_length(model) between 1 and 256)
);

-- Serves the children of a message: siblings, and the cascade.
create index messages_parent_id_idx on messages (conversation_id, parent_id);
-- Serves the search for words that are in many messages: the newest come first.
create index messages_user_id_idx on messages (user_id, id desc);
-- Serves the search for all other words. A search reads the pending list from end to end; so it is kept short.
create index messages_search_idx on messages using gin (search) with (gin_pending_list_limit = 512);

comment on table messages is 'One thing that was said in a conversation.';
comment on column messages.conversation_id is 'The tree that it belongs to.';
comment on column messages.id is 'UUIDv7, made by the application; sorts by time within a conversation.';
comment on column messages.user_id is 'Whose conversation it is.';
comment on column messages.parent_id is 'What it follows; null at the beginning. Siblings are other versions of the same turn.';
comment on column messages.role is 'Who said it: system, user, assistant or tool.';
comment on column messages.state is 'How far it is; anything but complete is an answer of a model.';
comment on column messages.content is 'The text.';
comment on column messages.thinking is 'What a reasoning model thought before; null where it did not.';
comment on column messages.images is 'Files of images that came with it.';
comment on column messages.tool_calls is 'Tools that the model wanted called, as objects of the API.';
comment on column messages.tool_call_id is 'Of a tool: which call this answers.';
comment on column messages.tool_name is 'Of a tool: its name.';
comment on column messages.model is 'Of an answer: the model that was asked; null elsewhere.';
comment on column messages.created_at is 'Moment at which it was kept; of the original, where it was imported.';
comment on column messages.search is 'Words for the search; null where there is no text.';

create table runners (
    id uuid not null,
    started_at timestamptz not null default now(),
    heartbeat_at timestamptz not null default now(),
    constraint runners_pkey primary key (id)
);

comment on table runners is 'One row for each process that runs generations.';
comment on column runners.id is 'UUIDv7, made by the process when it starts.';
comment on column runners.started_at is 'Moment at which the process was ready.';
comment on column runners.heartbeat_at is 'Changes every second while the process lives.';

create table generations (
    id uuid not null,
    user_id uuid not null,
    runner_id uuid not null,
    conversation_id uuid,
    message_id uuid,
    purpose text not null default 'chat',
    model text not null,
    request_id text,
    state text not null default 'running',
    created_at timestamptz not null default now(),
    cancel_requested_at timestamptz,
    ended_at timestamptz,
    finish_reason text,
    error jsonb,
    prompt_tokens bigint not null default 0,
    completion_tokens bigint not null default 0,
    estimated boolean not null default true,
    timings jsonb not null default '{}',
    dropped uuid [] not null default '{}',
    length bigint not null default 0,
    runs jsonb not null default '[]',
    content text,
    thinking text,
    tool_calls jsonb,
    constraint generations_pkey primary key (id),
    constraint generations_user_id_fkey foreign key (user_id) references users (id) on delete cascade,
    constraint generations_message_id_fkey foreign key (conversation_id, message_id)
    references messages (conversation_id, id) on delete set null,
    constraint generations_purpose_known check (purpose in ('chat', 'title')),
    constraint generations_state_known check (state in ('running', 'complete', 'cancelled', 'failed', 'interrupted')),
    constraint generations_ended_at_complete check ((state = 'running') = (ended_at is null)),
    constraint generations_finish_reason_complete check ((state in ('complete', 'cancelled')) = (finish_reason is not null)),
    constraint generations_error_complete check ((state in ('failed', 'interrupted')) = (error is not null)),
    constraint generations_finish_reason_length check (char_length(finish_reason) between 1 and 64),
    constraint generations_model_length check (char_length(model) between 1 and 256),
    constraint generations_request_id_length check (char_length(request_id) <= 128),
    constraint generations_tokens_range check (prompt_tokens >= 0 and completion_tokens >= 0),
    constraint generations_length_range check (length >= 0)
);

-- Serves the ledger, and the cascade from users.
create index generations_user_id_created_at_idx on generations (user_id, created_at);
-- Serves the list of those that run.
create index generations_running_idx on generations (user_id, id desc) where state = 'running';
-- Serves those who take over from a process that died.
create index generations_runner_id_idx on generations (runner_id) where state = 'running';
-- Serves the reading of messages, and the deleting of them.
create index generations_message_id_idx on generations (conversation_id, message_id);
-- Serves the forgetting of answers that nobody wanted kept.
create index generations_unstored_idx on generations (ended_at) where content is not null;

comment on table generations is 'The making of one answer. Its row stays when the answer is deleted: it is the ledger.';
comment on column generations.id is 'UUIDv7, made by the application.';
comment on column generations.user_id is 'Who asked.';
comment on column generations.runner_id is 'Process that runs it, or ran it; its row in runners goes when it ends.';
comment on column generations.conversation_id is 'Where the answer is kept; null where it is not.';
comment on column generations.message_id is 'The answer; null where it is not kept.';
comment on column generations.purpose is 'chat, or title: the name of a conversation, which the user did not ask for.';
comment on column generations.model is 'Model that was asked.';
comment on column generations.request_id is 'Request that asked, to be found in the logs.';
comment on column generations.state is 'running, or how it ended; it ends once.';
comment on column generations.created_at is 'Moment at which it was taken on.';
comment on column generations.cancel_requested_at is 'Moment at which somebody wanted it stopped; null while nobody did.';
comment on column generations.ended_at is 'Moment of the end; null while it runs.';
comment on column generations.finish_reason is 'Why the answer ended; null while it runs, and where an error did it.';
comment on column generations.error is 'What a client is told of the error; null where there was none.';
comment on column generations.prompt_tokens is 'Tokens that the model read.';
comment on column generations.completion_tokens is 'Tokens that the model wrote.';
comment on column generations.estimated is 'Whether the tokens are our own count and not the model server''s.';
comment on column generations.timings is 'Where the time went, in milliseconds, as the API shows it.';
comment on column generations.dropped is 'Messages that were left out of the prompt because they did not fit.';
comment on column generations.length is 'Size of the whole answer in positions; 0 while it runs.';
comment on column generations.runs is 'Order of thinking, content and tool calls in the answer: pairs of kind and length.';
comment on column generations.content is 'Text of an ended answer that is not a message, for a day; else null.';
comment on column generations.thinking is 'Likewise what was thought.';
comment on column generations.tool_calls is 'Likewise the tools that the model wanted called.';

create table generation_chunks (
    generation_id uuid not null,
    position bigint not null,
    kind text not null,
    body text not null,
    tokens bigint not null,
    constraint generation_chunks_pkey primary key (generation_id, position),
    constraint generation_chunks_generation_id_fkey foreign key (generation_id)
    references generations (id) on delete cascade,
    constraint generation_chunks_kind_known check (kind in ('thinking', 'content', 'tool_calls')),
    constraint generation_chunks_position_range check (position >= 0)
) with (autovacuum_vacuum_scale_factor = 0.05);

comment on table generation_chunks is 'What running answers have grown by; gone when they end.';
comment on column generation_chunks.generation_id is 'The answer.';
comment on column generation_chunks.position is 'Size of the answer before this chunk.';
comment on column generation_chunks.kind is 'What grew: thinking, content or tool_calls.';
comment on column generation_chunks.body is 'The text; of tool_calls, a JSON array of pieces as the API shows them.';
comment on column generation_chunks.tokens is 'How many tokens it is at least.';

create table idempotency_keys (
    user_id uuid not null,
    key text not null,
    body_hash bytea not null,
    generation_id uuid not null,
    created_at timestamptz not null default now(),
    constraint idempotency_keys_pkey primary key (user_id, key),
    constraint idempotency_keys_generation_id_unique unique (generation_id),
    constraint idempotency_keys_generation_id_fkey foreign key (generation_id)
    references generations (id) on delete cascade,
    constraint idempotency_keys_key_length check (char_length(key) between 1 and 255),
    constraint idempotency_keys_body_hash_length check (octet_length(body_hash) = 32)
);

-- Serves the forgetting of keys after a day.
create index idempotency_keys_created_at_idx on idempotency_keys (created_at);

comment on table idempotency_keys is 'Requests that may be repeated without being answered twice.';
comment on column idempotency_keys.user_id is 'Who asked.';
comment on column idempotency_keys.key is 'The Idempotency-Key header.';
comment on column idempotency_keys.body_hash is 'SHA-256 of what was asked.';
comment on column idempotency_keys.generation_id is 'What answers it.';
comment on column idempotency_keys.created_at is 'Moment at which the key came first.';
