export interface paths {
    "/health": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Answer while the process lives; touches no dependency
         * @description Answer while the process lives; touches no dependency.
         */
        get: operations["getHealth"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/openai/v1/chat/completions": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Answer as OpenAI's API does: whole, or with ``"stream": true`` as chunks in server-sent events
         * @description Answer as OpenAI's API does: whole, or with ``"stream": true`` as chunks in server-sent events.
         *
         *     No conversation is kept, and the answer is cancelled when whoever asked goes away, unless the request has an
         *     ``Idempotency-Key``: then it may be sent again, as for /v1/chat.
         */
        post: operations["createChatCompletion"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/openai/v1/models": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Return the models of the model servers that the caller may use
         * @description Return the models of the model servers that the caller may use.
         */
        get: operations["listOpenAIModels"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/openai/v1/models/{model_id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Return one of them; its name may have slashes in it
         * @description Return one of them; its name may have slashes in it.
         */
        get: operations["getOpenAIModel"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/admin/audit": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Return what happened to accounts, sessions and API keys in the last 180 days, the newest first
         * @description Return what happened to accounts, sessions and API keys in the last 180 days, the newest first.
         *
         *     Of each kind there are the newest 100,000.
         */
        get: operations["listAuditEvents"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/admin/generations": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Return the running generations of everybody, on every server, the newest first. What is said stays theirs
         * @description Return the running generations of everybody, on every server, the newest first. What is said stays theirs.
         */
        get: operations["listRunningGenerations"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/admin/generations/{generation_id}/cancel": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Stop a generation of anybody, on whichever server it runs, and return how far it is then
         * @description Stop a generation of anybody, on whichever server it runs, and return how far it is then.
         *
         *     One that has ended stays as it is. Should the server that runs it not have stopped it within two seconds, the state
         *     is still ``running``.
         */
        post: operations["cancelGenerationOfUser"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/admin/model-servers": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Return the model servers; answers within two seconds, whatever they do
         * @description Return the model servers; answers within two seconds, whatever they do.
         */
        get: operations["listModelServers"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/admin/usage": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Return requests and tokens of everybody, by day, user and model, or some of these
         * @description Return requests and tokens of everybody, by day, user and model, or some of these.
         */
        get: operations["getUsageOfAll"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/admin/users": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Return accounts, the newest first
         * @description Return accounts, the newest first.
         */
        get: operations["listUsers"];
        put?: never;
        /**
         * Make an account, also where sign-up is closed
         * @description Make an account, also where sign-up is closed.
         */
        post: operations["createUser"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/admin/users/{user_id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Return an account with its figures
         * @description Return an account with its figures.
         */
        get: operations["getUser"];
        put?: never;
        post?: never;
        /**
         * Delete an account with everything that belongs to it: conversations, usage, sessions and keys
         * @description Delete an account with everything that belongs to it: conversations, usage, sessions and keys.
         *
         *     One's own is deleted at /v1/me, with the password.
         */
        delete: operations["deleteUser"];
        options?: never;
        head?: never;
        /**
         * Change an account. Within five seconds it counts on every server
         * @description Change an account. Within five seconds it counts on every server.
         *
         *     Nobody can take the role from themselves or disable themselves, and the last administrator stays one.
         */
        patch: operations["changeUser"];
        trace?: never;
    };
    "/v1/admin/users/{user_id}/api-keys": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Return somebody's keys that were not revoked
         * @description Return somebody's keys that were not revoked.
         */
        get: operations["listApiKeysOfUser"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/admin/users/{user_id}/api-keys/{key_id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post?: never;
        /**
         * End one of somebody's keys. Within five seconds no server takes it any more
         * @description End one of somebody's keys. Within five seconds no server takes it any more.
         */
        delete: operations["revokeApiKeyOfUser"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/admin/users/{user_id}/sessions": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Return the devices on which somebody is signed in
         * @description Return the devices on which somebody is signed in.
         */
        get: operations["listSessionsOfUser"];
        put?: never;
        post?: never;
        /**
         * Sign somebody out everywhere. API keys stay
         * @description Sign somebody out everywhere. API keys stay.
         */
        delete: operations["endSessionsOfUser"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/admin/users/{user_id}/sessions/{session_id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post?: never;
        /**
         * Sign out one of somebody's devices
         * @description Sign out one of somebody's devices.
         */
        delete: operations["endSessionOfUser"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/api-keys": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Return the keys that were not revoked; those that have expired are among them
         * @description Return the keys that were not revoked; those that have expired are among them.
         */
        get: operations["listApiKeys"];
        put?: never;
        /**
         * Make a key. It goes where an access token goes; only its hash is kept
         * @description Make a key. It goes where an access token goes; only its hash is kept.
         */
        post: operations["makeApiKey"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/api-keys/{key_id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post?: never;
        /**
         * End a key. Within five seconds no server takes it any more
         * @description End a key. Within five seconds no server takes it any more.
         */
        delete: operations["revokeApiKey"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/auth/login": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Open a session
         * @description Open a session.
         */
        post: operations["login"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/auth/logout": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * End the session that asks
         * @description End the session that asks.
         */
        post: operations["logout"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/auth/refresh": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Exchange a refresh token, from the body or else from the cookie, for new tokens
         * @description Exchange a refresh token, from the body or else from the cookie, for new tokens.
         */
        post: operations["refresh"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/auth/sessions": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Return the devices that are signed in, the newest sign-in first
         * @description Return the devices that are signed in, the newest sign-in first.
         */
        get: operations["listSessions"];
        put?: never;
        post?: never;
        /**
         * Sign out every device but the one that asks. API keys stay
         * @description Sign out every device but the one that asks. API keys stay.
         */
        delete: operations["endOtherSessions"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/auth/sessions/{session_id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post?: never;
        /**
         * Sign out one device
         * @description Sign out one device.
         */
        delete: operations["endSession"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/auth/signup": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Make an account and sign it in
         * @description Make an account and sign it in.
         */
        post: operations["signUp"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/chat": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Answer as server-sent events, as lines of JSON where NDJSON is accepted, or whole with ``"stream": false``
         * @description Answer as server-sent events, as lines of JSON where NDJSON is accepted, or whole with ``"stream": false``.
         *
         *     An answer that is kept goes on for a minute when nobody follows it, and GET /v1/generations/{id}/events comes back
         *     to it; one that is not is cancelled when whoever asked goes away. ``on_disconnect`` changes either. A request with
         *     an ``Idempotency-Key`` may be sent again within a day: it is not asked twice.
         */
        post: operations["chat"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/conversations": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Return the archived conversations, or else all others, the newest activity first
         * @description Return the archived conversations, or else all others, the newest activity first.
         */
        get: operations["listConversations"];
        put?: never;
        /**
         * Make a conversation without messages
         * @description Make a conversation without messages.
         */
        post: operations["createConversation"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/conversations/import": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Make a conversation of one that was exported, under new ids
         * @description Make a conversation of one that was exported, under new ids.
         */
        post: operations["importConversation"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/conversations/{conversation_id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Return a conversation without its messages
         * @description Return a conversation without its messages.
         */
        get: operations["getConversation"];
        put?: never;
        post?: never;
        /**
         * Delete a conversation with its messages, and cancel what is being written in it
         * @description Delete a conversation with its messages, and cancel what is being written in it.
         */
        delete: operations["deleteConversation"];
        options?: never;
        head?: never;
        /**
         * Rename a conversation, archive it or bring it back
         * @description Rename a conversation, archive it or bring it back.
         */
        patch: operations["changeConversation"];
        trace?: never;
    };
    "/v1/conversations/{conversation_id}/export": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Return a whole conversation as a file
         * @description Return a whole conversation as a file.
         */
        get: operations["exportConversation"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/conversations/{conversation_id}/messages": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Return messages, the newest first: all of them, or a path with the ids of the siblings of each
         * @description Return messages, the newest first: all of them, or a path with the ids of the siblings of each.
         *
         *     A page ends early where it has become large.
         */
        get: operations["listMessages"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/generations": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Return the caller's running generations, the newest first, without their text
         * @description Return the caller's running generations, the newest first, without their text.
         */
        get: operations["listGenerations"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/generations/{generation_id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Return a generation with its text so far. Of an answer that is not kept, the text is there for a day
         * @description Return a generation with its text so far. Of an answer that is not kept, the text is there for a day.
         */
        get: operations["getGeneration"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/generations/{generation_id}/cancel": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Stop a generation, on whichever server it runs, and return it with what it had come to
         * @description Stop a generation, on whichever server it runs, and return it with what it had come to.
         *
         *     One that has ended stays as it is. Should the server that runs it not have stopped it within two seconds, the state
         *     is still ``running``.
         */
        post: operations["cancelGeneration"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/generations/{generation_id}/events": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Send the events of a generation: all, or those after the one that ``Last-Event-ID`` or ``after`` names
         * @description Send the events of a generation: all, or those after the one that ``Last-Event-ID`` or ``after`` names.
         *
         *     They are those of the stream that POST /v1/chat began, in the same forms. 204, which tells a browser not to come
         *     again, if there is none left.
         */
        get: operations["followGeneration"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/me": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Return the account
         * @description Return the account.
         */
        get: operations["getMe"];
        put?: never;
        post?: never;
        /**
         * Delete the account and everything that belongs to it. The last administrator stays
         * @description Delete the account and everything that belongs to it. The last administrator stays.
         */
        delete: operations["deleteMe"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/me/password": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        /**
         * Set another password; every session ends, and this device gets the tokens of a new one. API keys stay
         * @description Set another password; every session ends, and this device gets the tokens of a new one. API keys stay.
         */
        put: operations["changePassword"];
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/models": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Return the models of the model servers that the caller may use
         * @description Return the models of the model servers that the caller may use.
         */
        get: operations["listModels"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/search": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Return the best of the newest thousand messages with the words, the best first
         * @description Return the best of the newest thousand messages with the words, the best first.
         *
         *     The cursor counts: a message that comes meanwhile may move another one to a second page, or from it.
         */
        get: operations["search"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/usage": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Return requests and tokens by day and model
         * @description Return requests and tokens by day and model.
         */
        get: operations["getUsage"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
}
export type webhooks = Record<string, never>;
export interface components {
    schemas: {
        /**
         * Account
         * @description An account as administrators see it.
         *
         *     ``tokens_per_day`` is its own quota: null for that of the server, 0 for any number.
         */
        Account: {
            /** Format: date-time */
            created_at: string;
            /** @default null */
            disabled_at: string | null;
            email: string;
            /** Format: uuid */
            id: string;
            role: components["schemas"]["Role"];
            tokens_per_day: number | null;
        };
        /**
         * Answer
         * @description A complete answer; the same facts as the frames of its stream.
         */
        Answer: {
            /** @default null */
            conversation_id?: string | null;
            /** Format: date-time */
            created_at: string;
            /** @default [] */
            dropped?: string[];
            finish_reason: components["schemas"]["FinishReason"];
            /** Format: uuid */
            generation_id: string;
            message: components["schemas"]["ChatMessage"];
            /** @default null */
            message_id?: string | null;
            model: string;
            /** @default null */
            parent_id?: string | null;
            timings: components["schemas"]["Timings"];
            usage: components["schemas"]["Usage"];
        };
        /**
         * ApiKeyBody
         * @description What the key is called, and what it is to be good for.
         */
        ApiKeyBody: {
            /** @default null */
            expires_in_days?: number | null;
            name: string;
            /** @description What the key is for; `chat` goes with reading. */
            scopes: components["schemas"]["KeyScope"][];
        };
        /**
         * AuditEvent
         * @description An event as administrators see it: who (``actor_id``) did what (``kind``) to whose account (``subject_id``).
         */
        AuditEvent: {
            actor_id: string | null;
            /** Format: date-time */
            at: string;
            details: {
                [key: string]: unknown;
            };
            /** Format: uuid */
            id: string;
            ip_address: string | null;
            kind: string;
            subject_id: string | null;
            user_agent: string | null;
        };
        /**
         * CalledFunction
         * @description A function that the model called; ``arguments`` is JSON text.
         */
        CalledFunction: {
            /** @default null */
            arguments?: string | null;
            name: string;
        };
        /**
         * CalledTool
         * @description A tool that the model called.
         */
        CalledTool: {
            function: components["schemas"]["CalledFunction"];
            /** @default null */
            id?: string | null;
            /** @default null */
            type?: "function" | null;
        };
        /**
         * CancelAfter
         * @description Go on for so many seconds without a viewer.
         */
        CancelAfter: {
            cancel_after: number;
        };
        /**
         * ChatBody
         * @description What to ask, how to answer, and what to keep.
         *
         *     ``store`` keeps question and answer as a new conversation. ``conversation_id`` continues one: ``messages`` are then
         *     the new ones, after ``parent_id``, or after the newest message without it; null begins anew. No messages: what
         *     ``parent_id`` says is answered again.
         */
        ChatBody: {
            /** @default null */
            conversation_id?: string | null;
            /** @default null */
            format?: "json" | {
                [key: string]: unknown;
            } | null;
            /** @default [] */
            messages?: components["schemas"]["ChatMessage"][];
            model: string;
            /** @default null */
            on_disconnect?: ("cancel" | "continue") | components["schemas"]["CancelAfter"] | null;
            /** @default {} */
            options?: components["schemas"]["ChatOptions"];
            parent_id?: string | null;
            /** @default null */
            store?: boolean | null;
            /** @default true */
            stream?: boolean;
            /** @default null */
            think?: boolean | ("high" | "low" | "medium") | null;
            /** @default [] */
            tools?: components["schemas"]["Tool"][];
        };
        /**
         * ChatMessage
         * @description One message of a conversation.
         *
         *     ``images`` are the bytes of image files (base64 in JSON). ``thinking`` is what a reasoning model thought before it
         *     answered. ``tool_calls`` belongs to the assistant, ``tool_call_id`` and ``tool_name`` to the tool that answers.
         */
        ChatMessage: {
            /** @default  */
            content?: string;
            /** @default [] */
            images?: string[];
            role: components["schemas"]["ChatRole"];
            /** @default null */
            thinking?: string | null;
            /** @default null */
            tool_call_id?: string | null;
            /** @default [] */
            tool_calls?: components["schemas"]["ToolCall"][];
            /** @default null */
            tool_name?: string | null;
        };
        /**
         * ChatOptions
         * @description How to sample. What is None is left to the model server.
         *
         *     The bounds are those that Ollama and OpenAI agree on; ``max_tokens`` counts completion tokens only.
         */
        ChatOptions: {
            /** @default null */
            frequency_penalty?: number | null;
            /** @default null */
            max_tokens?: number | null;
            /** @default null */
            presence_penalty?: number | null;
            /** @default null */
            seed?: number | null;
            /** @default [] */
            stop?: string[];
            /** @default null */
            temperature?: number | null;
            /** @default null */
            top_k?: number | null;
            /** @default null */
            top_p?: number | null;
        };
        /**
         * ChatRole
         * @description Who speaks in a message.
         * @enum {unknown}
         */
        ChatRole: "assistant" | "system" | "tool" | "user";
        /**
         * Chunk
         * @description One event of a stream. The one with the ``usage``, if that was asked for, has no choices.
         */
        Chunk: {
            choices: components["schemas"]["ChunkChoice"][];
            created: number;
            id: string;
            model: string;
            /** @enum {unknown} */
            object: "chat.completion.chunk";
            /** @default null */
            usage?: components["schemas"]["TokenCounts"] | null;
        };
        /**
         * ChunkChoice
         * @description The one answer that there is.
         */
        ChunkChoice: {
            delta: components["schemas"]["ChunkDelta"];
            finish_reason: string | null;
            index: number;
        };
        /**
         * ChunkDelta
         * @description What a chunk adds to the message. ``reasoning_content`` is what the model thinks before it answers.
         */
        ChunkDelta: {
            /** @default null */
            content?: string | null;
            /** @default null */
            reasoning_content?: string | null;
            /** @default null */
            role?: string | null;
            /** @default [] */
            tool_calls?: components["schemas"]["ToolCallPiece"][];
        };
        /**
         * Completion
         * @description A whole answer, and what is known of it.
         */
        Completion: {
            choices: components["schemas"]["CompletionChoice"][];
            created: number;
            id: string;
            model: string;
            /** @enum {unknown} */
            object: "chat.completion";
            usage: components["schemas"]["TokenCounts"];
        };
        /**
         * CompletionBody
         * @description What to ask and how to answer. No conversation is kept, whatever ``store`` says.
         *
         *     ``tool_choice`` with the name of a function offers the model that one only. ``n`` is 1.
         */
        CompletionBody: {
            /**
             * @description Not supported.
             * @default null
             */
            audio?: null;
            /** @default null */
            frequency_penalty?: number | null;
            /**
             * @description Not supported.
             * @default null
             */
            function_call?: null;
            /**
             * @description Not supported.
             * @default null
             */
            functions?: null;
            /** @default null */
            logit_bias?: {
                [key: string]: number;
            } | null;
            /** @default null */
            logprobs?: boolean | null;
            /** @default null */
            max_completion_tokens?: number | null;
            /** @default null */
            max_tokens?: number | null;
            messages: components["schemas"]["MessageIn"][];
            /** @default null */
            modalities?: "text"[] | null;
            model: string;
            /** @default null */
            n?: 1 | null;
            /** @default null */
            parallel_tool_calls?: boolean | null;
            /** @default null */
            presence_penalty?: number | null;
            /** @default null */
            reasoning_effort?: ("high" | "low" | "max" | "medium" | "minimal" | "none" | "xhigh") | null;
            /** @default null */
            response_format?: (components["schemas"]["TextFormat"] | components["schemas"]["JsonFormat"] | components["schemas"]["SchemaFormat"]) | null;
            /** @default null */
            seed?: number | null;
            /** @default null */
            stop?: string[] | string | null;
            /** @default null */
            stream?: boolean | null;
            /** @default null */
            stream_options?: components["schemas"]["StreamOptions"] | null;
            /** @default null */
            temperature?: number | null;
            /** @default null */
            tool_choice?: ("auto" | "none" | "required") | components["schemas"]["NamedTool"] | null;
            /** @default null */
            tools?: components["schemas"]["OfferedTool"][] | null;
            /** @default null */
            top_k?: number | null;
            /** @default null */
            top_logprobs?: 0 | null;
            /** @default null */
            top_p?: number | null;
            /**
             * @description Not supported.
             * @default null
             */
            web_search_options?: null;
        };
        /**
         * CompletionChoice
         * @description The one answer that there is.
         */
        CompletionChoice: {
            finish_reason: string;
            index: number;
            logprobs: null;
            message: components["schemas"]["CompletionMessage"];
        };
        /**
         * CompletionMessage
         * @description A whole answer; ``content`` is null where there are only tool calls.
         */
        CompletionMessage: {
            content: string | null;
            /** @default null */
            reasoning_content?: string | null;
            refusal: null;
            /** @enum {unknown} */
            role: "assistant";
            /** @default [] */
            tool_calls?: components["schemas"]["ToolCall"][];
        };
        /**
         * Context
         * @description The conversation did not fit into the model's context: these messages were left out, the oldest first.
         */
        Context: {
            dropped: string[];
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            event: "context";
        };
        /**
         * Conversation
         * @description A tree of messages; ``title`` is empty until there is something to say.
         *
         *     ``active_at`` is the moment at which something was last asked in it, ``archived_at`` the one from which the usual
         *     list leaves it out, or None.
         */
        Conversation: {
            /** Format: date-time */
            active_at: string;
            /** @default null */
            archived_at?: string | null;
            /** Format: date-time */
            created_at: string;
            /** Format: uuid */
            id: string;
            title: string;
        };
        /**
         * ConversationBody
         * @description A new conversation. Without ``title`` it gets one when there is something to say.
         */
        ConversationBody: {
            /** @default null */
            title?: string | null;
        };
        /**
         * ConversationChange
         * @description What is to change of a conversation; what is left out stays.
         */
        ConversationChange: {
            archived?: boolean;
            title?: string;
        };
        /**
         * CredentialsBody
         * @description Who signs up or in. ``transport`` says how the refresh token is to come: for browsers, as a cookie.
         */
        CredentialsBody: {
            /** Format: email */
            email: string;
            password: string;
            /**
             * @default body
             * @enum {unknown}
             */
            transport?: "body" | "cookie";
        };
        /**
         * DailyUsage
         * @description What one model took on one day of UTC.
         */
        DailyUsage: {
            completion_tokens: number;
            /** Format: date */
            day: string;
            estimated_requests: number;
            failed_requests: number;
            model: string;
            prompt_tokens: number;
            requests: number;
        };
        /**
         * DeleteBody
         * @description The password, so that nobody loses an account to an unattended screen.
         */
        DeleteBody: {
            password: string;
        };
        /**
         * Document
         * @description A whole conversation; ``messages`` are in the order in which they were made, the oldest first.
         */
        Document: {
            /** Format: date-time */
            active_at: string;
            /** Format: date-time */
            created_at: string;
            /** @enum {unknown} */
            format: "deepersensor.conversation";
            messages: components["schemas"]["DocumentMessage"][];
            title: string;
            /** @enum {unknown} */
            version: 1;
        };
        /**
         * DocumentMessage
         * @description A message of a document. Its ids mean something within the document only.
         *
         *     ``images`` are the bytes of image files (base64 in JSON).
         */
        DocumentMessage: {
            content: string;
            /** Format: date-time */
            created_at: string;
            /** Format: uuid */
            id: string;
            /** @default [] */
            images?: string[];
            /** @default null */
            model?: string | null;
            parent_id: string | null;
            role: components["schemas"]["ChatRole"];
            /** @default complete */
            state?: components["schemas"]["MessageState"];
            /** @default null */
            thinking?: string | null;
            /** @default null */
            tool_call_id?: string | null;
            /** @default [] */
            tool_calls?: components["schemas"]["ToolCall"][];
            /** @default null */
            tool_name?: string | null;
        };
        /**
         * Done
         * @description The answer is complete, or was stopped on purpose. It has been saved, unless the database is out of reach.
         */
        Done: {
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            event: "done";
            finish_reason: components["schemas"]["FinishReason"];
            /** @default null */
            message_id?: string | null;
            timings: components["schemas"]["Timings"];
            usage: components["schemas"]["Usage"];
        };
        /**
         * ErrorBody
         * @description What is said of an error.
         *
         *     ``request_id`` finds it in the logs. ``retry_after`` is the number of seconds after which asking again makes sense;
         *     a stream has no other place for it.
         */
        ErrorBody: {
            code: components["schemas"]["ErrorCode"];
            /** @default [] */
            details?: components["schemas"]["ErrorDetail"][];
            message: string;
            /** @default null */
            request_id?: string | null;
            /** @default null */
            retry_after?: number | null;
        };
        /**
         * ErrorCode
         * @description Every code that a client can meet; the list is closed.
         * @enum {unknown}
         */
        ErrorCode: "answer_incomplete" | "body_too_large" | "conflict" | "context_too_long" | "database_unavailable" | "email_taken" | "forbidden" | "internal_error" | "interrupted" | "invalid_credentials" | "invalid_refresh_token" | "invalid_request" | "invalid_token" | "method_not_allowed" | "model_not_found" | "model_out_of_memory" | "model_protocol_broken" | "model_server_error" | "model_server_failed" | "model_server_overloaded" | "model_server_rejected" | "model_server_timed_out" | "model_server_unreachable" | "not_found" | "overloaded" | "rate_limited" | "refresh_token_reused" | "shutting_down" | "unauthenticated" | "unsupported_media_type" | "validation_failed";
        /**
         * ErrorDetail
         * @description One fault of a request: ``message`` in words, ``field`` as a JSON path such as ``$.messages[0].role``.
         */
        ErrorDetail: {
            /** @default null */
            field?: string | null;
            message: string;
        };
        /**
         * ErrorEnvelope
         * @description The body of every response that is not a success.
         */
        ErrorEnvelope: {
            error: components["schemas"]["ErrorBody"];
        };
        /**
         * Failed
         * @description The answer will not be completed.
         */
        Failed: {
            error: components["schemas"]["ErrorBody"];
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            event: "error";
        };
        /**
         * FinishReason
         * @description Why an answer ended.
         * @enum {unknown}
         */
        FinishReason: "cancelled" | "content_filter" | "length" | "stop" | "tool_calls";
        /** Frame */
        Frame: components["schemas"]["Start"] | components["schemas"]["Queued"] | components["schemas"]["Context"] | components["schemas"]["Piece"] | components["schemas"]["Done"] | components["schemas"]["Failed"];
        /**
         * FunctionCall
         * @description A function that the model wants called; ``arguments`` is JSON text, which a model may well get wrong.
         */
        FunctionCall: {
            /** @default {} */
            arguments?: string;
            name: string;
        };
        /**
         * FunctionCallDelta
         * @description A piece of a function call: the name comes once, ``arguments`` in fragments to be joined.
         */
        FunctionCallDelta: {
            /** @default  */
            arguments?: string;
            /** @default null */
            name?: string | null;
        };
        /**
         * FunctionDefinition
         * @description A function that the model may call; ``parameters`` is a JSON Schema object.
         */
        FunctionDefinition: {
            /** @default null */
            description?: string | null;
            name: string;
            /** @default null */
            parameters?: {
                [key: string]: unknown;
            } | null;
        };
        /**
         * FunctionName
         * @description Which function.
         */
        FunctionName: {
            name: string;
        };
        /**
         * FunctionPiece
         * @description A piece of a function call; the name comes once, ``arguments`` in fragments to be joined.
         */
        FunctionPiece: {
            arguments: string;
            /** @default null */
            name?: string | null;
        };
        /**
         * GenerationView
         * @description A generation. ``position`` is that of the last thing in ``message``: the events after it are what is missing.
         */
        GenerationView: {
            /** @default null */
            conversation_id?: string | null;
            /** Format: date-time */
            created_at: string;
            /** @default [] */
            dropped?: string[];
            /** @default null */
            error?: components["schemas"]["ErrorBody"] | null;
            /** @default null */
            finish_reason?: components["schemas"]["FinishReason"] | null;
            /** Format: uuid */
            id: string;
            /** @default null */
            message?: components["schemas"]["ChatMessage"] | null;
            /** @default null */
            message_id?: string | null;
            model: string;
            /** @default null */
            parent_id?: string | null;
            /** @default null */
            position?: number | null;
            /** @enum {unknown} */
            state: "cancelled" | "complete" | "failed" | "interrupted" | "running";
            /** @default null */
            timings?: components["schemas"]["Timings"] | null;
            /** @default null */
            usage?: components["schemas"]["Usage"] | null;
        };
        /**
         * Health
         * @description The process lives.
         */
        Health: {
            /**
             * @default ok
             * @enum {unknown}
             */
            status: "ok";
        };
        /**
         * ImagePart
         * @description An image.
         */
        ImagePart: {
            image_url: components["schemas"]["ImageUrl"];
            /** @enum {unknown} */
            type: "image_url";
        };
        /**
         * ImageUrl
         * @description An image as a data URL (RFC 2397) in base64; this server fetches none from elsewhere.
         */
        ImageUrl: {
            url: string;
        };
        /**
         * JsonFormat
         * @description Any JSON object.
         */
        JsonFormat: {
            /** @enum {unknown} */
            type: "json_object";
        };
        /**
         * KeyList
         * @description Keys, the newest first.
         */
        KeyList: {
            items: components["schemas"]["NamedKey"][];
        };
        /**
         * KeyScope
         * @description What an API key is for. Whoever may chat may also read.
         * @enum {unknown}
         */
        KeyScope: "chat" | "read";
        /**
         * ListedModel
         * @description A model. ``max_model_len`` is its context in tokens, by the name that vLLM gives it.
         */
        ListedModel: {
            created: number;
            id: string;
            /** @default null */
            max_model_len?: number | null;
            /** @enum {unknown} */
            object: "model";
            owned_by: string;
        };
        /**
         * ListedModels
         * @description All of them.
         */
        ListedModels: {
            data: components["schemas"]["ListedModel"][];
            /** @enum {unknown} */
            object: "list";
        };
        /**
         * MadeKey
         * @description A key that was just made; ``key`` is the whole of it, and is shown this once.
         */
        MadeKey: {
            /** Format: date-time */
            created_at: string;
            expires_at: string | null;
            /** Format: uuid */
            id: string;
            key: string;
            last_used_at: string | null;
            name: string;
            prefix: string;
            scopes: components["schemas"]["KeyScope"][];
        };
        /**
         * Match
         * @description A message with the words.
         *
         *     ``highlights`` are pairs of places in ``snippet``, counted in code points: where a word begins and where it ends.
         */
        Match: {
            /** Format: uuid */
            conversation_id: string;
            conversation_title: string;
            /** Format: date-time */
            created_at: string;
            highlights: number[][];
            /** Format: uuid */
            message_id: string;
            role: components["schemas"]["ChatRole"];
            snippet: string;
        };
        /**
         * Message
         * @description One thing that was said in a conversation.
         *
         *     ``content`` is empty while the answer is written: the text so far is to be had from its generation. ``siblings``
         *     are the ids of all messages with the same parent, this one included, the oldest first; they come with a path.
         */
        Message: {
            content: string;
            /** Format: uuid */
            conversation_id: string;
            /** Format: date-time */
            created_at: string;
            /** @default null */
            error?: components["schemas"]["ErrorBody"] | null;
            /** @default null */
            finish_reason?: components["schemas"]["FinishReason"] | null;
            /** @default null */
            generation_id?: string | null;
            /** Format: uuid */
            id: string;
            /** @default [] */
            images?: string[];
            /** @default null */
            model?: string | null;
            parent_id: string | null;
            role: components["schemas"]["ChatRole"];
            /** @default [] */
            siblings?: string[];
            state: components["schemas"]["MessageState"];
            /** @default null */
            thinking?: string | null;
            /** @default null */
            timings?: components["schemas"]["Timings"] | null;
            /** @default null */
            tool_call_id?: string | null;
            /** @default [] */
            tool_calls?: components["schemas"]["ToolCall"][];
            /** @default null */
            tool_name?: string | null;
            /** @default null */
            usage?: components["schemas"]["Usage"] | null;
        };
        /**
         * MessageIn
         * @description A message. ``developer`` is another name for ``system``.
         */
        MessageIn: {
            /** @default null */
            content?: string | (components["schemas"]["TextPart"] | components["schemas"]["RefusalPart"] | components["schemas"]["ImagePart"])[] | null;
            /** @default null */
            reasoning_content?: string | null;
            /** @enum {unknown} */
            role: "assistant" | "developer" | "system" | "tool" | "user";
            /** @default null */
            tool_call_id?: string | null;
            /** @default null */
            tool_calls?: components["schemas"]["CalledTool"][] | null;
        };
        /**
         * MessageState
         * @description How far a message is; anything but complete is an answer of a model.
         * @enum {unknown}
         */
        MessageState: "cancelled" | "complete" | "failed" | "interrupted" | "running";
        /**
         * Model
         * @description A model that can be asked; everything but the name is None where the model server does not tell.
         *
         *     ``size`` in bytes, ``context_length`` in tokens: as many as the model's next request has. ``loaded`` says whether it
         *     is in memory now. ``capabilities`` are the words of Ollama: completion, tools, vision, thinking, embedding.
         */
        Model: {
            /** @default null */
            capabilities?: string[] | null;
            /** @default null */
            context_length?: number | null;
            /** @default null */
            family?: string | null;
            /** @default null */
            loaded?: boolean | null;
            /** @default null */
            modified_at?: string | null;
            name: string;
            /** @default null */
            parameter_size?: string | null;
            /** @default null */
            quantization?: string | null;
            /** @default null */
            size?: number | null;
        };
        /**
         * ModelServer
         * @description A model server as seen by the process that was asked.
         *
         *     ``ready`` tells whether it answers now, ``error`` by which error it does not, or last did not. It is asked while
         *     its ``state`` is ``up``; when it is ``open`` others are asked in its place, ``half_open`` when one answer is to show
         *     whether it works again. ``in_flight`` are answers of this process that it was chosen for, also those that wait for
         *     it. ``models`` is what it has, and ``loaded`` what it has in memory.
         */
        ModelServer: {
            error: components["schemas"]["ErrorCode"] | null;
            in_flight: number;
            loaded: string[];
            models: string[];
            name: string;
            ready: boolean;
            /** @enum {unknown} */
            state: "half_open" | "open" | "up";
        };
        /**
         * ModelServerList
         * @description The model servers.
         */
        ModelServerList: {
            items: components["schemas"]["ModelServer"][];
        };
        /**
         * NamedKey
         * @description A key as its owner sees it in the list.
         *
         *     ``prefix`` is what stands between the first ``_`` and the second. ``last_used_at`` may be a minute behind.
         */
        NamedKey: {
            /** Format: date-time */
            created_at: string;
            expires_at: string | null;
            /** Format: uuid */
            id: string;
            last_used_at: string | null;
            name: string;
            prefix: string;
            scopes: components["schemas"]["KeyScope"][];
        };
        /**
         * NamedSchema
         * @description A JSON Schema.
         */
        NamedSchema: {
            /** @default null */
            schema?: {
                [key: string]: unknown;
            } | null;
        };
        /**
         * NamedTool
         * @description The tool that the model has to use.
         */
        NamedTool: {
            function: components["schemas"]["FunctionName"];
            /** @enum {unknown} */
            type: "function";
        };
        /**
         * OfferedFunction
         * @description A function that the model may call.
         */
        OfferedFunction: {
            /** @default null */
            description?: string | null;
            name: string;
            /** @default null */
            parameters?: {
                [key: string]: unknown;
            } | null;
        };
        /**
         * OfferedTool
         * @description A tool that the model may use.
         */
        OfferedTool: {
            function: components["schemas"]["OfferedFunction"];
            /** @enum {unknown} */
            type: "function";
        };
        /**
         * OpenAIError
         * @description What is said of an error. ``param`` is the place in the body that is wrong, such as ``messages[0].role``.
         */
        OpenAIError: {
            code: string;
            message: string;
            param: string | null;
            type: string;
        };
        /**
         * OpenAIErrorEnvelope
         * @description The body of every response below /openai that is not a success.
         */
        OpenAIErrorEnvelope: {
            error: components["schemas"]["OpenAIError"];
        };
        /**
         * Page[Account]
         * @description A part of a list; ``cursor`` leads to the next part, and is null in the last one.
         */
        Page_Account_: {
            cursor: string | null;
            items: components["schemas"]["Account"][];
        };
        /**
         * Page[AuditEvent]
         * @description A part of a list; ``cursor`` leads to the next part, and is null in the last one.
         */
        Page_AuditEvent_: {
            cursor: string | null;
            items: components["schemas"]["AuditEvent"][];
        };
        /**
         * Page[Conversation]
         * @description A part of a list; ``cursor`` leads to the next part, and is null in the last one.
         */
        Page_Conversation_: {
            cursor: string | null;
            items: components["schemas"]["Conversation"][];
        };
        /**
         * Page[GenerationView]
         * @description A part of a list; ``cursor`` leads to the next part, and is null in the last one.
         */
        Page_GenerationView_: {
            cursor: string | null;
            items: components["schemas"]["GenerationView"][];
        };
        /**
         * Page[Match]
         * @description A part of a list; ``cursor`` leads to the next part, and is null in the last one.
         */
        Page_Match_: {
            cursor: string | null;
            items: components["schemas"]["Match"][];
        };
        /**
         * Page[Message]
         * @description A part of a list; ``cursor`` leads to the next part, and is null in the last one.
         */
        Page_Message_: {
            cursor: string | null;
            items: components["schemas"]["Message"][];
        };
        /**
         * Page[RunningOfSomebody]
         * @description A part of a list; ``cursor`` leads to the next part, and is null in the last one.
         */
        Page_RunningOfSomebody_: {
            cursor: string | null;
            items: components["schemas"]["RunningOfSomebody"][];
        };
        /**
         * PasswordBody
         * @description The present password and the one that is to replace it; ``transport`` as at sign-up.
         */
        PasswordBody: {
            current_password: string;
            new_password: string;
            /**
             * @default body
             * @enum {unknown}
             */
            transport?: "body" | "cookie";
        };
        /**
         * Piece
         * @description What the answer grew by: thinking, content or tool calls, one of the three.
         */
        Piece: {
            /** @default  */
            content?: string;
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            event: "delta";
            /** @default  */
            thinking?: string;
            /** @default [] */
            tool_calls?: components["schemas"]["ToolCallDelta"][];
        };
        /**
         * Queued
         * @description The model server works on others first. It comes again when that changes; at position 0 the wait is over.
         *
         *     ``position`` counts from 1, which is next. ``estimate_ms`` is how long it takes until then, where that is known.
         */
        Queued: {
            /** @default null */
            estimate_ms?: number | null;
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            event: "queued";
            position: number;
        };
        /**
         * RefreshBody
         * @description The refresh token, unless it comes as the cookie.
         */
        RefreshBody: {
            /** @default null */
            refresh_token?: string | null;
        };
        /**
         * RefusalPart
         * @description Words with which a model once refused something.
         */
        RefusalPart: {
            refusal: string;
            /** @enum {unknown} */
            type: "refusal";
        };
        /**
         * Role
         * @description What an account may do.
         * @enum {unknown}
         */
        Role: "admin" | "user";
        /**
         * RunningOfSomebody
         * @description A running generation, without anything of what is asked and answered.
         *
         *     ``prompt_tokens`` is an estimate, ``completion_tokens`` what was written down of it so far. ``position`` is its
         *     place in the line as of a second ago, null when it does not wait. ``title``, as ``purpose``, is the name that the
         *     model gives to a conversation. ``runner_id`` is the process.
         */
        RunningOfSomebody: {
            cancel_requested_at: string | null;
            completion_tokens: number;
            /** Format: date-time */
            created_at: string;
            email: string;
            /** Format: uuid */
            id: string;
            model: string;
            position: number | null;
            prompt_tokens: number;
            /** @enum {unknown} */
            purpose: "chat" | "title";
            /** Format: uuid */
            runner_id: string;
            /** Format: uuid */
            user_id: string;
        };
        /**
         * SchemaFormat
         * @description JSON of a schema.
         */
        SchemaFormat: {
            json_schema: components["schemas"]["NamedSchema"];
            /** @enum {unknown} */
            type: "json_schema";
        };
        /**
         * SessionList
         * @description Sessions, the newest sign-in first.
         */
        SessionList: {
            items: components["schemas"]["SessionView"][];
        };
        /**
         * SessionView
         * @description A device that is signed in; ``current`` is the one that asks.
         */
        SessionView: {
            /** Format: date-time */
            created_at: string;
            current: boolean;
            /** Format: date-time */
            expires_at: string;
            /** Format: uuid */
            id: string;
            ip_address: string | null;
            /** Format: date-time */
            last_used_at: string;
            user_agent: string | null;
        };
        /**
         * SignedIn
         * @description The account, and the tokens of its new session.
         */
        SignedIn: {
            access_token: string;
            expires_in: number;
            refresh_token?: string;
            /**
             * @default Bearer
             * @enum {unknown}
             */
            token_type: "Bearer";
            user: components["schemas"]["User"];
        };
        /**
         * Start
         * @description The generation exists, and which it is.
         *
         *     ``message_id`` is the answer's and ``parent_id`` that of the message it answers, where the answer is kept.
         */
        Start: {
            /** @default null */
            conversation_id?: string | null;
            /** Format: date-time */
            created_at: string;
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            event: "start";
            /** Format: uuid */
            generation_id: string;
            /** @default null */
            message_id?: string | null;
            model: string;
            /** @default null */
            parent_id?: string | null;
        };
        /**
         * StreamOptions
         * @description What to put into a stream besides the answer.
         */
        StreamOptions: {
            /** @default null */
            include_usage?: boolean | null;
        };
        /**
         * TextFormat
         * @description Any text.
         */
        TextFormat: {
            /** @enum {unknown} */
            type: "text";
        };
        /**
         * TextPart
         * @description Words.
         */
        TextPart: {
            text: string;
            /** @enum {unknown} */
            type: "text";
        };
        /**
         * Timings
         * @description Where the time of one generation went, in milliseconds; None where nobody told.
         *
         *     ``queue_ms`` waiting for admission, ``connect_ms`` reaching the model server, ``load_ms`` loading the model,
         *     ``prefill_ms`` reading the prompt, ``decode_ms`` writing the answer. ``first_token_ms`` and ``total_ms`` count from
         *     the start of the request.
         */
        Timings: {
            /** @default null */
            connect_ms?: number | null;
            /** @default null */
            decode_ms?: number | null;
            /** @default null */
            first_token_ms?: number | null;
            /** @default null */
            load_ms?: number | null;
            /** @default null */
            prefill_ms?: number | null;
            /** @default null */
            queue_ms?: number | null;
            /** @default null */
            total_ms?: number | null;
        };
        /**
         * TokenCounts
         * @description Tokens of one answer.
         */
        TokenCounts: {
            completion_tokens: number;
            prompt_tokens: number;
            total_tokens: number;
        };
        /**
         * Tokens
         * @description What a client needs from now on. ``expires_in`` counts the seconds of the access token.
         *
         *     ``refresh_token`` is absent where it goes as a cookie, which no script can read.
         */
        Tokens: {
            access_token: string;
            expires_in: number;
            refresh_token?: string;
            /**
             * @default Bearer
             * @enum {unknown}
             */
            token_type: "Bearer";
        };
        /**
         * Tool
         * @description A tool that the model may use. Functions are the only kind.
         */
        Tool: {
            function: components["schemas"]["FunctionDefinition"];
            /**
             * @default function
             * @enum {unknown}
             */
            type?: "function";
        };
        /**
         * ToolCall
         * @description One call of a tool in a finished message; ``id`` pairs it with the tool message that answers it.
         */
        ToolCall: {
            function: components["schemas"]["FunctionCall"];
            id: string;
            /**
             * @default function
             * @enum {unknown}
             */
            type?: "function";
        };
        /**
         * ToolCallDelta
         * @description A piece of the tool call at ``index``; ``id`` comes with its first piece.
         */
        ToolCallDelta: {
            /** @default {} */
            function?: components["schemas"]["FunctionCallDelta"];
            /** @default null */
            id?: string | null;
            index: number;
        };
        /**
         * ToolCallPiece
         * @description A piece of the tool call at ``index``; ``id`` and ``type`` come with its first piece.
         */
        ToolCallPiece: {
            function: components["schemas"]["FunctionPiece"];
            /** @default null */
            id?: string | null;
            index: number;
            /** @default null */
            type?: string | null;
        };
        /**
         * Totals
         * @description What requests took together, those included that ended badly.
         *
         *     ``estimated_requests`` are those whose tokens are our own count, ``failed_requests`` those that ended with an error.
         */
        Totals: {
            completion_tokens: number;
            estimated_requests: number;
            failed_requests: number;
            prompt_tokens: number;
            requests: number;
        };
        /**
         * Usage
         * @description Tokens of one generation; ``estimated`` when they are our count and not the model server's.
         */
        Usage: {
            /** @default 0 */
            completion_tokens?: number;
            /** @default false */
            estimated?: boolean;
            /** @default 0 */
            prompt_tokens?: number;
        };
        /**
         * UsageReport
         * @description What was used from one day to another, both included; only what has ended is counted.
         *
         *     ``totals`` are of all pages. The newest day is first, on each day the newest user.
         */
        UsageReport: {
            cursor: string | null;
            /** Format: date */
            from: string;
            items: components["schemas"]["UsageRow"][];
            /** Format: date */
            to: string;
            totals: components["schemas"]["Totals"];
        };
        /**
         * UsageRow
         * @description What was used of one model by one user on one day of UTC; null is what was not told apart.
         */
        UsageRow: {
            completion_tokens: number;
            day: string | null;
            email: string | null;
            estimated_requests: number;
            failed_requests: number;
            model: string | null;
            prompt_tokens: number;
            requests: number;
            user_id: string | null;
        };
        /**
         * UsageView
         * @description What was used from one day to another, both included.
         *
         *     Only what has ended is counted. ``items`` has the newest day first, and no row for a day without requests.
         */
        UsageView: {
            /** Format: date */
            from: string;
            items: components["schemas"]["DailyUsage"][];
            /** Format: date */
            to: string;
            totals: components["schemas"]["Totals"];
        };
        /**
         * User
         * @description An account as its owner sees it.
         *
         *     ``email`` is spelled as it was given at sign-up; uniqueness is decided on a normalised form kept elsewhere.
         *     ``disabled_at`` is the moment from which the account may no longer sign in, or None.
         */
        User: {
            /** Format: date-time */
            created_at: string;
            /** @default null */
            disabled_at: string | null;
            email: string;
            /** Format: uuid */
            id: string;
            role: components["schemas"]["Role"];
        };
        /**
         * UserBody
         * @description The account that is to be made.
         */
        UserBody: {
            /** Format: email */
            email: string;
            password: string;
            /** @default user */
            role?: components["schemas"]["Role"];
        };
        /**
         * UserChange
         * @description What is to change. Whoever is disabled loses all sessions, and what is being answered is cancelled.
         */
        UserChange: {
            disabled?: boolean;
            role?: components["schemas"]["Role"];
            tokens_per_day?: number | null;
        };
        /**
         * UserDetails
         * @description An account, how much there is of what belongs to it, and what it used in the last 30 days.
         */
        UserDetails: {
            api_keys: number;
            conversations: number;
            /** Format: date-time */
            created_at: string;
            /** @default null */
            disabled_at: string | null;
            email: string;
            /** Format: uuid */
            id: string;
            last_seen_at: string | null;
            role: components["schemas"]["Role"];
            running: number;
            sessions: number;
            tokens_per_day: number | null;
            usage: components["schemas"]["Totals"];
        };
        /**
         * WhoseGeneration
         * @description Whose a generation is, what for, and how far.
         */
        WhoseGeneration: {
            /** Format: uuid */
            id: string;
            /** @enum {unknown} */
            purpose: "chat" | "title";
            /** @enum {unknown} */
            state: "cancelled" | "complete" | "failed" | "interrupted" | "running";
            /** Format: uuid */
            user_id: string;
        };
    };
    responses: {
        /** @description - `invalid_request`: The request cannot be understood. */
        "400.invalid_request": {
            headers: {
                RateLimit: components["headers"]["RateLimit"];
                "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                "X-Request-ID": components["headers"]["X-Request-ID"];
                [name: string]: unknown;
            };
            content: {
                "application/json": components["schemas"]["ErrorEnvelope"] & {
                    error?: {
                        /** @enum {string} */
                        code?: "invalid_request";
                    };
                };
            };
        };
        /** @description - `invalid_credentials`: The e-mail address or the password is wrong. */
        "401.invalid_credentials": {
            headers: {
                RateLimit: components["headers"]["RateLimit"];
                "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                "WWW-Authenticate": components["headers"]["WWW-Authenticate"];
                "X-Request-ID": components["headers"]["X-Request-ID"];
                [name: string]: unknown;
            };
            content: {
                "application/json": components["schemas"]["ErrorEnvelope"] & {
                    error?: {
                        /** @enum {string} */
                        code?: "invalid_credentials";
                    };
                };
            };
        };
        /**
         * @description - `invalid_refresh_token`: The session has ended. Sign in again.
         *     - `refresh_token_reused`: This refresh token was used before, so its session was ended. Sign in again.
         */
        "401.invalid_refresh_token.refresh_token_reused": {
            headers: {
                RateLimit: components["headers"]["RateLimit"];
                "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                "WWW-Authenticate": components["headers"]["WWW-Authenticate"];
                "X-Request-ID": components["headers"]["X-Request-ID"];
                [name: string]: unknown;
            };
            content: {
                "application/json": components["schemas"]["ErrorEnvelope"] & {
                    error?: {
                        /** @enum {string} */
                        code?: "invalid_refresh_token" | "refresh_token_reused";
                    };
                };
            };
        };
        /** @description - `invalid_token`: The access token is missing, expired or not valid. Refresh it or sign in again. */
        "401.invalid_token": {
            headers: {
                RateLimit: components["headers"]["RateLimit"];
                "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                "WWW-Authenticate": components["headers"]["WWW-Authenticate"];
                "X-Request-ID": components["headers"]["X-Request-ID"];
                [name: string]: unknown;
            };
            content: {
                "application/json": components["schemas"]["ErrorEnvelope"] & {
                    error?: {
                        /** @enum {string} */
                        code?: "invalid_token";
                    };
                };
            };
        };
        /**
         * @description - `invalid_token`: The access token is missing, expired or not valid. Refresh it or sign in again.
         *     - `unauthenticated`: Sign in to do this.
         */
        "401.invalid_token.unauthenticated": {
            headers: {
                RateLimit: components["headers"]["RateLimit"];
                "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                "WWW-Authenticate": components["headers"]["WWW-Authenticate"];
                "X-Request-ID": components["headers"]["X-Request-ID"];
                [name: string]: unknown;
            };
            content: {
                "application/json": components["schemas"]["ErrorEnvelope"] & {
                    error?: {
                        /** @enum {string} */
                        code?: "invalid_token" | "unauthenticated";
                    };
                };
            };
        };
        /** @description - `forbidden`: Your account may not do this. */
        "403.forbidden": {
            headers: {
                RateLimit: components["headers"]["RateLimit"];
                "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                "X-Request-ID": components["headers"]["X-Request-ID"];
                [name: string]: unknown;
            };
            content: {
                "application/json": components["schemas"]["ErrorEnvelope"] & {
                    error?: {
                        /** @enum {string} */
                        code?: "forbidden";
                    };
                };
            };
        };
        /**
         * @description - `model_not_found`: There is no such model. GET /v1/models lists those that can be used.
         *     - `not_found`: There is no such thing here.
         */
        "404.model_not_found.not_found": {
            headers: {
                RateLimit: components["headers"]["RateLimit"];
                "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                "X-Request-ID": components["headers"]["X-Request-ID"];
                [name: string]: unknown;
            };
            content: {
                "application/json": components["schemas"]["ErrorEnvelope"] & {
                    error?: {
                        /** @enum {string} */
                        code?: "model_not_found" | "not_found";
                    };
                };
            };
        };
        /** @description - `not_found`: There is no such thing here. */
        "404.not_found": {
            headers: {
                RateLimit: components["headers"]["RateLimit"];
                "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                "X-Request-ID": components["headers"]["X-Request-ID"];
                [name: string]: unknown;
            };
            content: {
                "application/json": components["schemas"]["ErrorEnvelope"] & {
                    error?: {
                        /** @enum {string} */
                        code?: "not_found";
                    };
                };
            };
        };
        /** @description - `conflict`: This conflicts with the present state. */
        "409.conflict": {
            headers: {
                RateLimit: components["headers"]["RateLimit"];
                "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                "X-Request-ID": components["headers"]["X-Request-ID"];
                [name: string]: unknown;
            };
            content: {
                "application/json": components["schemas"]["ErrorEnvelope"] & {
                    error?: {
                        /** @enum {string} */
                        code?: "conflict";
                    };
                };
            };
        };
        /** @description - `email_taken`: There is an account with this e-mail address already. */
        "409.email_taken": {
            headers: {
                RateLimit: components["headers"]["RateLimit"];
                "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                "X-Request-ID": components["headers"]["X-Request-ID"];
                [name: string]: unknown;
            };
            content: {
                "application/json": components["schemas"]["ErrorEnvelope"] & {
                    error?: {
                        /** @enum {string} */
                        code?: "email_taken";
                    };
                };
            };
        };
        /** @description - `body_too_large`: The request body is too large. */
        "413.body_too_large": {
            headers: {
                RateLimit: components["headers"]["RateLimit"];
                "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                "X-Request-ID": components["headers"]["X-Request-ID"];
                [name: string]: unknown;
            };
            content: {
                "application/json": components["schemas"]["ErrorEnvelope"] & {
                    error?: {
                        /** @enum {string} */
                        code?: "body_too_large";
                    };
                };
            };
        };
        /** @description - `unsupported_media_type`: Send the body as JSON, with the header Content-Type: application/json. */
        "415.unsupported_media_type": {
            headers: {
                RateLimit: components["headers"]["RateLimit"];
                "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                "X-Request-ID": components["headers"]["X-Request-ID"];
                [name: string]: unknown;
            };
            content: {
                "application/json": components["schemas"]["ErrorEnvelope"] & {
                    error?: {
                        /** @enum {string} */
                        code?: "unsupported_media_type";
                    };
                };
            };
        };
        /**
         * @description - `context_too_long`: The conversation is too long for this model's context. Shorten it or choose another model.
         *     - `model_server_rejected`: The model server refused the request. The model may not support what was asked of it.
         *     - `validation_failed`: A value in the request is not allowed.
         */
        "422.context_too_long.model_server_rejected.validation_failed": {
            headers: {
                RateLimit: components["headers"]["RateLimit"];
                "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                "X-Request-ID": components["headers"]["X-Request-ID"];
                [name: string]: unknown;
            };
            content: {
                "application/json": components["schemas"]["ErrorEnvelope"] & {
                    error?: {
                        /** @enum {string} */
                        code?: "context_too_long" | "model_server_rejected" | "validation_failed";
                    };
                };
            };
        };
        /** @description - `validation_failed`: A value in the request is not allowed. */
        "422.validation_failed": {
            headers: {
                RateLimit: components["headers"]["RateLimit"];
                "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                "X-Request-ID": components["headers"]["X-Request-ID"];
                [name: string]: unknown;
            };
            content: {
                "application/json": components["schemas"]["ErrorEnvelope"] & {
                    error?: {
                        /** @enum {string} */
                        code?: "validation_failed";
                    };
                };
            };
        };
        /** @description - `rate_limited`: Too many requests. Wait as long as the Retry-After header says. */
        "429.rate_limited": {
            headers: {
                RateLimit: components["headers"]["RateLimit"];
                "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                "Retry-After": components["headers"]["Retry-After"];
                "X-Request-ID": components["headers"]["X-Request-ID"];
                [name: string]: unknown;
            };
            content: {
                "application/json": components["schemas"]["ErrorEnvelope"] & {
                    error?: {
                        /** @enum {string} */
                        code?: "rate_limited";
                    };
                };
            };
        };
        /** @description - `internal_error`: Something went wrong on our side. The request id helps to find out what. */
        "500.internal_error": {
            headers: {
                RateLimit: components["headers"]["RateLimit"];
                "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                "X-Request-ID": components["headers"]["X-Request-ID"];
                [name: string]: unknown;
            };
            content: {
                "application/json": components["schemas"]["ErrorEnvelope"] & {
                    error?: {
                        /** @enum {string} */
                        code?: "internal_error";
                    };
                };
            };
        };
        /** @description - `internal_error`: Something went wrong on our side. The request id helps to find out what. */
        "500.internal_error.unlimited": {
            headers: {
                "X-Request-ID": components["headers"]["X-Request-ID"];
                [name: string]: unknown;
            };
            content: {
                "application/json": components["schemas"]["ErrorEnvelope"] & {
                    error?: {
                        /** @enum {string} */
                        code?: "internal_error";
                    };
                };
            };
        };
        /**
         * @description - `answer_incomplete`: The answer broke off before it was complete.
         *     - `model_out_of_memory`: The model server has not enough memory for this model.
         *     - `model_protocol_broken`: The model server sent something that cannot be understood.
         *     - `model_server_error`: The model server failed.
         *     - `model_server_failed`: The model server failed.
         *     - `model_server_unreachable`: The model server cannot be reached.
         */
        "502.answer_incomplete.model_out_of_memory.model_protocol_broken.model_server_error.model_server_failed.model_server_unreachable": {
            headers: {
                RateLimit: components["headers"]["RateLimit"];
                "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                "X-Request-ID": components["headers"]["X-Request-ID"];
                [name: string]: unknown;
            };
            content: {
                "application/json": components["schemas"]["ErrorEnvelope"] & {
                    error?: {
                        /** @enum {string} */
                        code?: "answer_incomplete" | "model_out_of_memory" | "model_protocol_broken" | "model_server_error" | "model_server_failed" | "model_server_unreachable";
                    };
                };
            };
        };
        /**
         * @description - `database_unavailable`: The server cannot reach its database. Try again shortly.
         *     - `interrupted`: The server that wrote this answer was interrupted. What it had written until then is kept.
         *     - `model_server_overloaded`: The model server is busy. Try again shortly.
         *     - `overloaded`: The server is busy. Try again shortly.
         *     - `shutting_down`: The server is shutting down. Try again shortly.
         */
        "503.database_unavailable.interrupted.model_server_overloaded.overloaded.shutting_down": {
            headers: {
                RateLimit: components["headers"]["RateLimit"];
                "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                "Retry-After": components["headers"]["Retry-After"];
                "X-Request-ID": components["headers"]["X-Request-ID"];
                [name: string]: unknown;
            };
            content: {
                "application/json": components["schemas"]["ErrorEnvelope"] & {
                    error?: {
                        /** @enum {string} */
                        code?: "database_unavailable" | "interrupted" | "model_server_overloaded" | "overloaded" | "shutting_down";
                    };
                };
            };
        };
        /**
         * @description - `database_unavailable`: The server cannot reach its database. Try again shortly.
         *     - `model_server_overloaded`: The model server is busy. Try again shortly.
         *     - `overloaded`: The server is busy. Try again shortly.
         */
        "503.database_unavailable.model_server_overloaded.overloaded": {
            headers: {
                RateLimit: components["headers"]["RateLimit"];
                "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                "Retry-After": components["headers"]["Retry-After"];
                "X-Request-ID": components["headers"]["X-Request-ID"];
                [name: string]: unknown;
            };
            content: {
                "application/json": components["schemas"]["ErrorEnvelope"] & {
                    error?: {
                        /** @enum {string} */
                        code?: "database_unavailable" | "model_server_overloaded" | "overloaded";
                    };
                };
            };
        };
        /**
         * @description - `database_unavailable`: The server cannot reach its database. Try again shortly.
         *     - `overloaded`: The server is busy. Try again shortly.
         */
        "503.database_unavailable.overloaded": {
            headers: {
                RateLimit: components["headers"]["RateLimit"];
                "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                "Retry-After": components["headers"]["Retry-After"];
                "X-Request-ID": components["headers"]["X-Request-ID"];
                [name: string]: unknown;
            };
            content: {
                "application/json": components["schemas"]["ErrorEnvelope"] & {
                    error?: {
                        /** @enum {string} */
                        code?: "database_unavailable" | "overloaded";
                    };
                };
            };
        };
        /** @description - `model_server_timed_out`: The model server took too long. */
        "504.model_server_timed_out": {
            headers: {
                RateLimit: components["headers"]["RateLimit"];
                "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                "X-Request-ID": components["headers"]["X-Request-ID"];
                [name: string]: unknown;
            };
            content: {
                "application/json": components["schemas"]["ErrorEnvelope"] & {
                    error?: {
                        /** @enum {string} */
                        code?: "model_server_timed_out";
                    };
                };
            };
        };
        /**
         * @description - `context_length_exceeded`: The conversation is too long for this model's context. Shorten it or choose another model.
         *     - `invalid_request`: The request cannot be understood.
         *     - `model_server_rejected`: The model server refused the request. The model may not support what was asked of it.
         *     - `validation_failed`: A value in the request is not allowed. model: Expected `str`, got `int`
         */
        "openai.400.context_length_exceeded.invalid_request.model_server_rejected.validation_failed": {
            headers: {
                RateLimit: components["headers"]["RateLimit"];
                "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                "X-Request-ID": components["headers"]["X-Request-ID"];
                [name: string]: unknown;
            };
            content: {
                "application/json": components["schemas"]["OpenAIErrorEnvelope"] & {
                    error?: {
                        /** @enum {string} */
                        code?: "context_length_exceeded" | "invalid_request" | "model_server_rejected" | "validation_failed";
                    };
                };
            };
        };
        /**
         * @description - `context_length_exceeded`: The conversation is too long for this model's context. Shorten it or choose another model.
         *     - `model_server_rejected`: The model server refused the request. The model may not support what was asked of it.
         */
        "openai.400.context_length_exceeded.model_server_rejected": {
            headers: {
                RateLimit: components["headers"]["RateLimit"];
                "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                "X-Request-ID": components["headers"]["X-Request-ID"];
                [name: string]: unknown;
            };
            content: {
                "application/json": components["schemas"]["OpenAIErrorEnvelope"] & {
                    error?: {
                        /** @enum {string} */
                        code?: "context_length_exceeded" | "model_server_rejected";
                    };
                };
            };
        };
        /** @description - `invalid_api_key`: The API key is missing or not a key of this server. Make one with POST /v1/api-keys; it begins with dsk_. */
        "openai.401.invalid_api_key": {
            headers: {
                RateLimit: components["headers"]["RateLimit"];
                "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                "WWW-Authenticate": components["headers"]["WWW-Authenticate"];
                "X-Request-ID": components["headers"]["X-Request-ID"];
                [name: string]: unknown;
            };
            content: {
                "application/json": components["schemas"]["OpenAIErrorEnvelope"] & {
                    error?: {
                        /** @enum {string} */
                        code?: "invalid_api_key";
                    };
                };
            };
        };
        /** @description - `forbidden`: Your account may not do this. */
        "openai.403.forbidden": {
            headers: {
                RateLimit: components["headers"]["RateLimit"];
                "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                "X-Request-ID": components["headers"]["X-Request-ID"];
                [name: string]: unknown;
            };
            content: {
                "application/json": components["schemas"]["OpenAIErrorEnvelope"] & {
                    error?: {
                        /** @enum {string} */
                        code?: "forbidden";
                    };
                };
            };
        };
        /** @description - `model_not_found`: There is no such model. GET /openai/v1/models lists those that can be used. */
        "openai.404.model_not_found": {
            headers: {
                RateLimit: components["headers"]["RateLimit"];
                "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                "X-Request-ID": components["headers"]["X-Request-ID"];
                [name: string]: unknown;
            };
            content: {
                "application/json": components["schemas"]["OpenAIErrorEnvelope"] & {
                    error?: {
                        /** @enum {string} */
                        code?: "model_not_found";
                    };
                };
            };
        };
        /** @description - `conflict`: This conflicts with the present state. */
        "openai.409.conflict": {
            headers: {
                RateLimit: components["headers"]["RateLimit"];
                "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                "X-Request-ID": components["headers"]["X-Request-ID"];
                [name: string]: unknown;
            };
            content: {
                "application/json": components["schemas"]["OpenAIErrorEnvelope"] & {
                    error?: {
                        /** @enum {string} */
                        code?: "conflict";
                    };
                };
            };
        };
        /** @description - `body_too_large`: The request body is too large. */
        "openai.413.body_too_large": {
            headers: {
                RateLimit: components["headers"]["RateLimit"];
                "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                "X-Request-ID": components["headers"]["X-Request-ID"];
                [name: string]: unknown;
            };
            content: {
                "application/json": components["schemas"]["OpenAIErrorEnvelope"] & {
                    error?: {
                        /** @enum {string} */
                        code?: "body_too_large";
                    };
                };
            };
        };
        /** @description - `unsupported_media_type`: Send the body as JSON, with the header Content-Type: application/json. */
        "openai.415.unsupported_media_type": {
            headers: {
                RateLimit: components["headers"]["RateLimit"];
                "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                "X-Request-ID": components["headers"]["X-Request-ID"];
                [name: string]: unknown;
            };
            content: {
                "application/json": components["schemas"]["OpenAIErrorEnvelope"] & {
                    error?: {
                        /** @enum {string} */
                        code?: "unsupported_media_type";
                    };
                };
            };
        };
        /** @description - `rate_limit_exceeded`: Too many requests. Wait as long as the Retry-After header says. */
        "openai.429.rate_limit_exceeded": {
            headers: {
                RateLimit: components["headers"]["RateLimit"];
                "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                "Retry-After": components["headers"]["Retry-After"];
                "X-Request-ID": components["headers"]["X-Request-ID"];
                [name: string]: unknown;
            };
            content: {
                "application/json": components["schemas"]["OpenAIErrorEnvelope"] & {
                    error?: {
                        /** @enum {string} */
                        code?: "rate_limit_exceeded";
                    };
                };
            };
        };
        /**
         * @description - `rate_limit_exceeded`: Too many requests. Wait as long as the Retry-After header says.
         *     - `insufficient_quota`: Too many requests. Wait as long as the Retry-After header says.
         */
        "openai.429.rate_limit_exceeded.insufficient_quota": {
            headers: {
                RateLimit: components["headers"]["RateLimit"];
                "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                "Retry-After": components["headers"]["Retry-After"];
                "X-Request-ID": components["headers"]["X-Request-ID"];
                [name: string]: unknown;
            };
            content: {
                "application/json": components["schemas"]["OpenAIErrorEnvelope"] & {
                    error?: {
                        /** @enum {string} */
                        code?: "insufficient_quota" | "rate_limit_exceeded";
                    };
                };
            };
        };
        /** @description - `internal_error`: Something went wrong on our side. The request id helps to find out what. */
        "openai.500.internal_error": {
            headers: {
                RateLimit: components["headers"]["RateLimit"];
                "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                "X-Request-ID": components["headers"]["X-Request-ID"];
                [name: string]: unknown;
            };
            content: {
                "application/json": components["schemas"]["OpenAIErrorEnvelope"] & {
                    error?: {
                        /** @enum {string} */
                        code?: "internal_error";
                    };
                };
            };
        };
        /**
         * @description - `answer_incomplete`: The answer broke off before it was complete.
         *     - `model_out_of_memory`: The model server has not enough memory for this model.
         *     - `model_protocol_broken`: The model server sent something that cannot be understood.
         *     - `model_server_error`: The model server failed.
         *     - `model_server_failed`: The model server failed.
         *     - `model_server_unreachable`: The model server cannot be reached.
         */
        "openai.502.answer_incomplete.model_out_of_memory.model_protocol_broken.model_server_error.model_server_failed.model_server_unreachable": {
            headers: {
                RateLimit: components["headers"]["RateLimit"];
                "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                "X-Request-ID": components["headers"]["X-Request-ID"];
                [name: string]: unknown;
            };
            content: {
                "application/json": components["schemas"]["OpenAIErrorEnvelope"] & {
                    error?: {
                        /** @enum {string} */
                        code?: "answer_incomplete" | "model_out_of_memory" | "model_protocol_broken" | "model_server_error" | "model_server_failed" | "model_server_unreachable";
                    };
                };
            };
        };
        /**
         * @description - `database_unavailable`: The server cannot reach its database. Try again shortly.
         *     - `interrupted`: The server that wrote this answer was interrupted. What it had written until then is kept.
         *     - `model_server_overloaded`: The model server is busy. Try again shortly.
         *     - `overloaded`: The server is busy. Try again shortly.
         *     - `shutting_down`: The server is shutting down. Try again shortly.
         */
        "openai.503.database_unavailable.interrupted.model_server_overloaded.overloaded.shutting_down": {
            headers: {
                RateLimit: components["headers"]["RateLimit"];
                "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                "Retry-After": components["headers"]["Retry-After"];
                "X-Request-ID": components["headers"]["X-Request-ID"];
                [name: string]: unknown;
            };
            content: {
                "application/json": components["schemas"]["OpenAIErrorEnvelope"] & {
                    error?: {
                        /** @enum {string} */
                        code?: "database_unavailable" | "interrupted" | "model_server_overloaded" | "overloaded" | "shutting_down";
                    };
                };
            };
        };
        /**
         * @description - `database_unavailable`: The server cannot reach its database. Try again shortly.
         *     - `model_server_overloaded`: The model server is busy. Try again shortly.
         *     - `overloaded`: The server is busy. Try again shortly.
         */
        "openai.503.database_unavailable.model_server_overloaded.overloaded": {
            headers: {
                RateLimit: components["headers"]["RateLimit"];
                "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                "Retry-After": components["headers"]["Retry-After"];
                "X-Request-ID": components["headers"]["X-Request-ID"];
                [name: string]: unknown;
            };
            content: {
                "application/json": components["schemas"]["OpenAIErrorEnvelope"] & {
                    error?: {
                        /** @enum {string} */
                        code?: "database_unavailable" | "model_server_overloaded" | "overloaded";
                    };
                };
            };
        };
        /** @description - `model_server_timed_out`: The model server took too long. */
        "openai.504.model_server_timed_out": {
            headers: {
                RateLimit: components["headers"]["RateLimit"];
                "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                "X-Request-ID": components["headers"]["X-Request-ID"];
                [name: string]: unknown;
            };
            content: {
                "application/json": components["schemas"]["OpenAIErrorEnvelope"] & {
                    error?: {
                        /** @enum {string} */
                        code?: "model_server_timed_out";
                    };
                };
            };
        };
    };
    parameters: never;
    requestBodies: never;
    headers: {
        /** @description The name of the file: the title of the conversation. */
        "Content-Disposition": string;
        /** @description What is left of them (`r`), and in how many seconds there is more (`t`), `"user";r=299;t=1`. */
        RateLimit: string;
        /** @description The limits that apply: so many requests (`q`) in so many seconds (`w`), `"user";q=300;w=30`. */
        "RateLimit-Policy": string;
        /** @description After how many seconds asking again makes sense. */
        "Retry-After": number;
        /** @description The refresh token for a browser; where a session ends, its removal. */
        "Set-Cookie": string;
        /** @description How to sign in. */
        "WWW-Authenticate": "Bearer";
        /** @description Names the request in the logs of the server: what the request said, or a new id. */
        "X-Request-ID": string;
    };
    pathItems: never;
}
export type $defs = Record<string, never>;
export interface operations {
    getHealth: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Success */
            200: {
                headers: {
                    "X-Request-ID": components["headers"]["X-Request-ID"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Health"];
                };
            };
            500: components["responses"]["500.internal_error.unlimited"];
        };
    };
    createChatCompletion: {
        parameters: {
            query?: never;
            header?: {
                /** @description A request that comes with the key of an earlier one is not asked again. */
                "Idempotency-Key"?: string;
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["CompletionBody"];
            };
        };
        responses: {
            /** @description Success */
            200: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "X-Request-ID": components["headers"]["X-Request-ID"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Completion"];
                    "text/event-stream": {
                        data: "[DONE]" | string;
                    };
                };
            };
            400: components["responses"]["openai.400.context_length_exceeded.invalid_request.model_server_rejected.validation_failed"];
            401: components["responses"]["openai.401.invalid_api_key"];
            403: components["responses"]["openai.403.forbidden"];
            404: components["responses"]["openai.404.model_not_found"];
            409: components["responses"]["openai.409.conflict"];
            413: components["responses"]["openai.413.body_too_large"];
            415: components["responses"]["openai.415.unsupported_media_type"];
            429: components["responses"]["openai.429.rate_limit_exceeded.insufficient_quota"];
            500: components["responses"]["openai.500.internal_error"];
            502: components["responses"]["openai.502.answer_incomplete.model_out_of_memory.model_protocol_broken.model_server_error.model_server_failed.model_server_unreachable"];
            503: components["responses"]["openai.503.database_unavailable.interrupted.model_server_overloaded.overloaded.shutting_down"];
            504: components["responses"]["openai.504.model_server_timed_out"];
        };
    };
    listOpenAIModels: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Success */
            200: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "X-Request-ID": components["headers"]["X-Request-ID"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ListedModels"];
                };
            };
            400: components["responses"]["openai.400.context_length_exceeded.model_server_rejected"];
            401: components["responses"]["openai.401.invalid_api_key"];
            429: components["responses"]["openai.429.rate_limit_exceeded"];
            500: components["responses"]["openai.500.internal_error"];
            502: components["responses"]["openai.502.answer_incomplete.model_out_of_memory.model_protocol_broken.model_server_error.model_server_failed.model_server_unreachable"];
            503: components["responses"]["openai.503.database_unavailable.model_server_overloaded.overloaded"];
            504: components["responses"]["openai.504.model_server_timed_out"];
        };
    };
    getOpenAIModel: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                model_id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Success */
            200: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "X-Request-ID": components["headers"]["X-Request-ID"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ListedModel"];
                };
            };
            400: components["responses"]["openai.400.context_length_exceeded.model_server_rejected"];
            401: components["responses"]["openai.401.invalid_api_key"];
            404: components["responses"]["openai.404.model_not_found"];
            429: components["responses"]["openai.429.rate_limit_exceeded"];
            500: components["responses"]["openai.500.internal_error"];
            502: components["responses"]["openai.502.answer_incomplete.model_out_of_memory.model_protocol_broken.model_server_error.model_server_failed.model_server_unreachable"];
            503: components["responses"]["openai.503.database_unavailable.model_server_overloaded.overloaded"];
            504: components["responses"]["openai.504.model_server_timed_out"];
        };
    };
    listAuditEvents: {
        parameters: {
            query?: {
                /** @description Where the page begins: the `cursor` of the page before, as it is; left out, the first. */
                cursor?: string;
                /** @description How many items a page has at most. */
                limit?: number;
                /** @description Only events of this kind. */
                kind?: "account_created" | "account_deleted" | "account_disabled" | "account_enabled" | "api_key_made" | "api_key_revoked" | "api_key_used_after_expiry" | "api_key_used_after_revocation" | "generation_cancelled" | "logged_in" | "login_failed" | "password_changed" | "password_refused" | "quota_changed" | "refresh_token_reused" | "role_changed" | "session_revoked" | "signed_up";
                /** @description Only what this user did, or what was done to the account. */
                user_id?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Success */
            200: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "X-Request-ID": components["headers"]["X-Request-ID"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Page_AuditEvent_"];
                };
            };
            401: components["responses"]["401.invalid_token"];
            403: components["responses"]["403.forbidden"];
            422: components["responses"]["422.validation_failed"];
            429: components["responses"]["429.rate_limited"];
            500: components["responses"]["500.internal_error"];
            503: components["responses"]["503.database_unavailable.overloaded"];
        };
    };
    listRunningGenerations: {
        parameters: {
            query?: {
                /** @description Where the page begins: the `cursor` of the page before, as it is; left out, the first. */
                cursor?: string;
                /** @description How many items a page has at most. */
                limit?: number;
                /** @description Only what this user asked. */
                user_id?: string;
                /** @description Only what this model was asked. */
                model?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Success */
            200: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "X-Request-ID": components["headers"]["X-Request-ID"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Page_RunningOfSomebody_"];
                };
            };
            401: components["responses"]["401.invalid_token"];
            403: components["responses"]["403.forbidden"];
            422: components["responses"]["422.validation_failed"];
            429: components["responses"]["429.rate_limited"];
            500: components["responses"]["500.internal_error"];
            503: components["responses"]["503.database_unavailable.overloaded"];
        };
    };
    cancelGenerationOfUser: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                generation_id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Success */
            200: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "X-Request-ID": components["headers"]["X-Request-ID"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["WhoseGeneration"];
                };
            };
            401: components["responses"]["401.invalid_token"];
            403: components["responses"]["403.forbidden"];
            404: components["responses"]["404.not_found"];
            422: components["responses"]["422.validation_failed"];
            429: components["responses"]["429.rate_limited"];
            500: components["responses"]["500.internal_error"];
            503: components["responses"]["503.database_unavailable.overloaded"];
        };
    };
    listModelServers: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Success */
            200: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "X-Request-ID": components["headers"]["X-Request-ID"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ModelServerList"];
                };
            };
            401: components["responses"]["401.invalid_token"];
            403: components["responses"]["403.forbidden"];
            422: components["responses"]["422.validation_failed"];
            429: components["responses"]["429.rate_limited"];
            500: components["responses"]["500.internal_error"];
            503: components["responses"]["503.database_unavailable.overloaded"];
        };
    };
    getUsageOfAll: {
        parameters: {
            query?: {
                /** @description First day, in UTC; left out, the one with which there are 30 days. */
                from?: string;
                /** @description Last day, in UTC; left out, today. There are 366 days at most. */
                to?: string;
                /** @description What is told apart: words out of day, user and model, with commas between them. */
                by?: string;
                /** @description Only what this user asked. */
                user_id?: string;
                /** @description Only what this model was asked. */
                model?: string;
                /** @description Where the page begins: the `cursor` of the page before, as it is; left out, the first. */
                cursor?: string;
                /** @description How many items a page has at most. */
                limit?: number;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Success */
            200: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "X-Request-ID": components["headers"]["X-Request-ID"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["UsageReport"];
                };
            };
            401: components["responses"]["401.invalid_token"];
            403: components["responses"]["403.forbidden"];
            422: components["responses"]["422.validation_failed"];
            429: components["responses"]["429.rate_limited"];
            500: components["responses"]["500.internal_error"];
            503: components["responses"]["503.database_unavailable.overloaded"];
        };
    };
    listUsers: {
        parameters: {
            query?: {
                /** @description Where the page begins: the `cursor` of the page before, as it is; left out, the first. */
                cursor?: string;
                /** @description How many items a page has at most. */
                limit?: number;
                /** @description Only accounts with this in their e-mail address. */
                search?: string;
                /** @description Only accounts of this role. */
                role?: "admin" | "user";
                /** @description Only accounts that may sign in, or may not. */
                state?: "active" | "disabled";
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Success */
            200: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "X-Request-ID": components["headers"]["X-Request-ID"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Page_Account_"];
                };
            };
            401: components["responses"]["401.invalid_token"];
            403: components["responses"]["403.forbidden"];
            422: components["responses"]["422.validation_failed"];
            429: components["responses"]["429.rate_limited"];
            500: components["responses"]["500.internal_error"];
            503: components["responses"]["503.database_unavailable.overloaded"];
        };
    };
    createUser: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["UserBody"];
            };
        };
        responses: {
            /** @description Success */
            201: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "X-Request-ID": components["headers"]["X-Request-ID"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["UserDetails"];
                };
            };
            400: components["responses"]["400.invalid_request"];
            401: components["responses"]["401.invalid_token"];
            403: components["responses"]["403.forbidden"];
            409: components["responses"]["409.email_taken"];
            413: components["responses"]["413.body_too_large"];
            415: components["responses"]["415.unsupported_media_type"];
            422: components["responses"]["422.validation_failed"];
            429: components["responses"]["429.rate_limited"];
            500: components["responses"]["500.internal_error"];
            503: components["responses"]["503.database_unavailable.overloaded"];
        };
    };
    getUser: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                user_id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Success */
            200: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "X-Request-ID": components["headers"]["X-Request-ID"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["UserDetails"];
                };
            };
            401: components["responses"]["401.invalid_token"];
            403: components["responses"]["403.forbidden"];
            404: components["responses"]["404.not_found"];
            422: components["responses"]["422.validation_failed"];
            429: components["responses"]["429.rate_limited"];
            500: components["responses"]["500.internal_error"];
            503: components["responses"]["503.database_unavailable.overloaded"];
        };
    };
    deleteUser: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                user_id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Success */
            204: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "X-Request-ID": components["headers"]["X-Request-ID"];
                    [name: string]: unknown;
                };
                content?: never;
            };
            401: components["responses"]["401.invalid_token"];
            403: components["responses"]["403.forbidden"];
            404: components["responses"]["404.not_found"];
            409: components["responses"]["409.conflict"];
            422: components["responses"]["422.validation_failed"];
            429: components["responses"]["429.rate_limited"];
            500: components["responses"]["500.internal_error"];
            503: components["responses"]["503.database_unavailable.overloaded"];
        };
    };
    changeUser: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                user_id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["UserChange"];
            };
        };
        responses: {
            /** @description Success */
            200: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "X-Request-ID": components["headers"]["X-Request-ID"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["UserDetails"];
                };
            };
            400: components["responses"]["400.invalid_request"];
            401: components["responses"]["401.invalid_token"];
            403: components["responses"]["403.forbidden"];
            404: components["responses"]["404.not_found"];
            409: components["responses"]["409.conflict"];
            413: components["responses"]["413.body_too_large"];
            415: components["responses"]["415.unsupported_media_type"];
            422: components["responses"]["422.validation_failed"];
            429: components["responses"]["429.rate_limited"];
            500: components["responses"]["500.internal_error"];
            503: components["responses"]["503.database_unavailable.overloaded"];
        };
    };
    listApiKeysOfUser: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                user_id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Success */
            200: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "X-Request-ID": components["headers"]["X-Request-ID"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["KeyList"];
                };
            };
            401: components["responses"]["401.invalid_token"];
            403: components["responses"]["403.forbidden"];
            404: components["responses"]["404.not_found"];
            422: components["responses"]["422.validation_failed"];
            429: components["responses"]["429.rate_limited"];
            500: components["responses"]["500.internal_error"];
            503: components["responses"]["503.database_unavailable.overloaded"];
        };
    };
    revokeApiKeyOfUser: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                user_id: string;
                key_id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Success */
            204: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "X-Request-ID": components["headers"]["X-Request-ID"];
                    [name: string]: unknown;
                };
                content?: never;
            };
            401: components["responses"]["401.invalid_token"];
            403: components["responses"]["403.forbidden"];
            404: components["responses"]["404.not_found"];
            422: components["responses"]["422.validation_failed"];
            429: components["responses"]["429.rate_limited"];
            500: components["responses"]["500.internal_error"];
            503: components["responses"]["503.database_unavailable.overloaded"];
        };
    };
    listSessionsOfUser: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                user_id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Success */
            200: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "X-Request-ID": components["headers"]["X-Request-ID"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["SessionList"];
                };
            };
            401: components["responses"]["401.invalid_token"];
            403: components["responses"]["403.forbidden"];
            404: components["responses"]["404.not_found"];
            422: components["responses"]["422.validation_failed"];
            429: components["responses"]["429.rate_limited"];
            500: components["responses"]["500.internal_error"];
            503: components["responses"]["503.database_unavailable.overloaded"];
        };
    };
    endSessionsOfUser: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                user_id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Success */
            204: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "X-Request-ID": components["headers"]["X-Request-ID"];
                    [name: string]: unknown;
                };
                content?: never;
            };
            401: components["responses"]["401.invalid_token"];
            403: components["responses"]["403.forbidden"];
            404: components["responses"]["404.not_found"];
            422: components["responses"]["422.validation_failed"];
            429: components["responses"]["429.rate_limited"];
            500: components["responses"]["500.internal_error"];
            503: components["responses"]["503.database_unavailable.overloaded"];
        };
    };
    endSessionOfUser: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                user_id: string;
                session_id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Success */
            204: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "X-Request-ID": components["headers"]["X-Request-ID"];
                    [name: string]: unknown;
                };
                content?: never;
            };
            401: components["responses"]["401.invalid_token"];
            403: components["responses"]["403.forbidden"];
            404: components["responses"]["404.not_found"];
            422: components["responses"]["422.validation_failed"];
            429: components["responses"]["429.rate_limited"];
            500: components["responses"]["500.internal_error"];
            503: components["responses"]["503.database_unavailable.overloaded"];
        };
    };
    listApiKeys: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Success */
            200: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "X-Request-ID": components["headers"]["X-Request-ID"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["KeyList"];
                };
            };
            401: components["responses"]["401.invalid_token"];
            403: components["responses"]["403.forbidden"];
            422: components["responses"]["422.validation_failed"];
            429: components["responses"]["429.rate_limited"];
            500: components["responses"]["500.internal_error"];
            503: components["responses"]["503.database_unavailable.overloaded"];
        };
    };
    makeApiKey: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["ApiKeyBody"];
            };
        };
        responses: {
            /** @description Success */
            201: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "X-Request-ID": components["headers"]["X-Request-ID"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["MadeKey"];
                };
            };
            400: components["responses"]["400.invalid_request"];
            401: components["responses"]["401.invalid_token.unauthenticated"];
            403: components["responses"]["403.forbidden"];
            409: components["responses"]["409.conflict"];
            413: components["responses"]["413.body_too_large"];
            415: components["responses"]["415.unsupported_media_type"];
            422: components["responses"]["422.validation_failed"];
            429: components["responses"]["429.rate_limited"];
            500: components["responses"]["500.internal_error"];
            503: components["responses"]["503.database_unavailable.overloaded"];
        };
    };
    revokeApiKey: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                key_id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Success */
            204: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "X-Request-ID": components["headers"]["X-Request-ID"];
                    [name: string]: unknown;
                };
                content?: never;
            };
            401: components["responses"]["401.invalid_token"];
            403: components["responses"]["403.forbidden"];
            404: components["responses"]["404.not_found"];
            422: components["responses"]["422.validation_failed"];
            429: components["responses"]["429.rate_limited"];
            500: components["responses"]["500.internal_error"];
            503: components["responses"]["503.database_unavailable.overloaded"];
        };
    };
    login: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["CredentialsBody"];
            };
        };
        responses: {
            /** @description Success */
            200: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Set-Cookie": components["headers"]["Set-Cookie"];
                    "X-Request-ID": components["headers"]["X-Request-ID"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["SignedIn"];
                };
            };
            400: components["responses"]["400.invalid_request"];
            401: components["responses"]["401.invalid_credentials"];
            403: components["responses"]["403.forbidden"];
            413: components["responses"]["413.body_too_large"];
            415: components["responses"]["415.unsupported_media_type"];
            422: components["responses"]["422.validation_failed"];
            429: components["responses"]["429.rate_limited"];
            500: components["responses"]["500.internal_error"];
            503: components["responses"]["503.database_unavailable.overloaded"];
        };
    };
    logout: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Success */
            204: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Set-Cookie": components["headers"]["Set-Cookie"];
                    "X-Request-ID": components["headers"]["X-Request-ID"];
                    [name: string]: unknown;
                };
                content?: never;
            };
            401: components["responses"]["401.invalid_token"];
            403: components["responses"]["403.forbidden"];
            422: components["responses"]["422.validation_failed"];
            429: components["responses"]["429.rate_limited"];
            500: components["responses"]["500.internal_error"];
            503: components["responses"]["503.database_unavailable.overloaded"];
        };
    };
    refresh: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: {
            content: {
                "application/json": components["schemas"]["RefreshBody"] | null;
            };
        };
        responses: {
            /** @description Success */
            200: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Set-Cookie": components["headers"]["Set-Cookie"];
                    "X-Request-ID": components["headers"]["X-Request-ID"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Tokens"];
                };
            };
            400: components["responses"]["400.invalid_request"];
            401: components["responses"]["401.invalid_refresh_token.refresh_token_reused"];
            403: components["responses"]["403.forbidden"];
            413: components["responses"]["413.body_too_large"];
            415: components["responses"]["415.unsupported_media_type"];
            422: components["responses"]["422.validation_failed"];
            429: components["responses"]["429.rate_limited"];
            500: components["responses"]["500.internal_error"];
            503: components["responses"]["503.database_unavailable.overloaded"];
        };
    };
    listSessions: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Success */
            200: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "X-Request-ID": components["headers"]["X-Request-ID"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["SessionView"][];
                };
            };
            401: components["responses"]["401.invalid_token"];
            403: components["responses"]["403.forbidden"];
            422: components["responses"]["422.validation_failed"];
            429: components["responses"]["429.rate_limited"];
            500: components["responses"]["500.internal_error"];
            503: components["responses"]["503.database_unavailable.overloaded"];
        };
    };
    endOtherSessions: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Success */
            204: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "X-Request-ID": components["headers"]["X-Request-ID"];
                    [name: string]: unknown;
                };
                content?: never;
            };
            401: components["responses"]["401.invalid_token"];
            403: components["responses"]["403.forbidden"];
            422: components["responses"]["422.validation_failed"];
            429: components["responses"]["429.rate_limited"];
            500: components["responses"]["500.internal_error"];
            503: components["responses"]["503.database_unavailable.overloaded"];
        };
    };
    endSession: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                session_id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Success */
            204: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "X-Request-ID": components["headers"]["X-Request-ID"];
                    [name: string]: unknown;
                };
                content?: never;
            };
            401: components["responses"]["401.invalid_token"];
            403: components["responses"]["403.forbidden"];
            404: components["responses"]["404.not_found"];
            422: components["responses"]["422.validation_failed"];
            429: components["responses"]["429.rate_limited"];
            500: components["responses"]["500.internal_error"];
            503: components["responses"]["503.database_unavailable.overloaded"];
        };
    };
    signUp: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["CredentialsBody"];
            };
        };
        responses: {
            /** @description Success */
            201: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Set-Cookie": components["headers"]["Set-Cookie"];
                    "X-Request-ID": components["headers"]["X-Request-ID"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["SignedIn"];
                };
            };
            400: components["responses"]["400.invalid_request"];
            403: components["responses"]["403.forbidden"];
            409: components["responses"]["409.email_taken"];
            413: components["responses"]["413.body_too_large"];
            415: components["responses"]["415.unsupported_media_type"];
            422: components["responses"]["422.validation_failed"];
            429: components["responses"]["429.rate_limited"];
            500: components["responses"]["500.internal_error"];
            503: components["responses"]["503.database_unavailable.overloaded"];
        };
    };
    chat: {
        parameters: {
            query?: never;
            header?: {
                /** @description A request that comes with the key of an earlier one is not asked again. */
                "Idempotency-Key"?: string;
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["ChatBody"];
            };
        };
        responses: {
            /** @description Success */
            200: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "X-Request-ID": components["headers"]["X-Request-ID"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Answer"];
                    "application/x-ndjson": Omit<components["schemas"]["Frame"], "event"> & {
                        id?: number;
                    };
                    "text/event-stream": {
                        data: string;
                        /** @enum {string} */
                        event: "start" | "queued" | "context" | "delta" | "done" | "error";
                        id?: string;
                    };
                };
            };
            400: components["responses"]["400.invalid_request"];
            401: components["responses"]["401.invalid_token"];
            403: components["responses"]["403.forbidden"];
            404: components["responses"]["404.model_not_found.not_found"];
            409: components["responses"]["409.conflict"];
            413: components["responses"]["413.body_too_large"];
            415: components["responses"]["415.unsupported_media_type"];
            422: components["responses"]["422.context_too_long.model_server_rejected.validation_failed"];
            429: components["responses"]["429.rate_limited"];
            500: components["responses"]["500.internal_error"];
            502: components["responses"]["502.answer_incomplete.model_out_of_memory.model_protocol_broken.model_server_error.model_server_failed.model_server_unreachable"];
            503: components["responses"]["503.database_unavailable.interrupted.model_server_overloaded.overloaded.shutting_down"];
            504: components["responses"]["504.model_server_timed_out"];
        };
    };
    listConversations: {
        parameters: {
            query?: {
                archived?: boolean;
                /** @description Where the page begins: the `cursor` of the page before, as it is; left out, the first. */
                cursor?: string;
                /** @description How many items a page has at most. */
                limit?: number;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Success */
            200: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "X-Request-ID": components["headers"]["X-Request-ID"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Page_Conversation_"];
                };
            };
            401: components["responses"]["401.invalid_token"];
            422: components["responses"]["422.validation_failed"];
            429: components["responses"]["429.rate_limited"];
            500: components["responses"]["500.internal_error"];
            503: components["responses"]["503.database_unavailable.overloaded"];
        };
    };
    createConversation: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: {
            content: {
                "application/json": components["schemas"]["ConversationBody"] | null;
            };
        };
        responses: {
            /** @description Success */
            201: {
                headers: {
                    /** @description Where the conversation is. */
                    Location: string;
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "X-Request-ID": components["headers"]["X-Request-ID"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Conversation"];
                };
            };
            400: components["responses"]["400.invalid_request"];
            401: components["responses"]["401.invalid_token.unauthenticated"];
            403: components["responses"]["403.forbidden"];
            413: components["responses"]["413.body_too_large"];
            415: components["responses"]["415.unsupported_media_type"];
            422: components["responses"]["422.validation_failed"];
            429: components["responses"]["429.rate_limited"];
            500: components["responses"]["500.internal_error"];
            503: components["responses"]["503.database_unavailable.overloaded"];
        };
    };
    importConversation: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["Document"];
            };
        };
        responses: {
            /** @description Success */
            201: {
                headers: {
                    /** @description Where the conversation is. */
                    Location: string;
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "X-Request-ID": components["headers"]["X-Request-ID"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Conversation"];
                };
            };
            400: components["responses"]["400.invalid_request"];
            401: components["responses"]["401.invalid_token.unauthenticated"];
            403: components["responses"]["403.forbidden"];
            413: components["responses"]["413.body_too_large"];
            415: components["responses"]["415.unsupported_media_type"];
            422: components["responses"]["422.validation_failed"];
            429: components["responses"]["429.rate_limited"];
            500: components["responses"]["500.internal_error"];
            503: components["responses"]["503.database_unavailable.overloaded"];
        };
    };
    getConversation: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                conversation_id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Success */
            200: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "X-Request-ID": components["headers"]["X-Request-ID"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Conversation"];
                };
            };
            401: components["responses"]["401.invalid_token"];
            404: components["responses"]["404.not_found"];
            422: components["responses"]["422.validation_failed"];
            429: components["responses"]["429.rate_limited"];
            500: components["responses"]["500.internal_error"];
            503: components["responses"]["503.database_unavailable.overloaded"];
        };
    };
    deleteConversation: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                conversation_id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Success */
            204: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "X-Request-ID": components["headers"]["X-Request-ID"];
                    [name: string]: unknown;
                };
                content?: never;
            };
            401: components["responses"]["401.invalid_token"];
            403: components["responses"]["403.forbidden"];
            404: components["responses"]["404.not_found"];
            422: components["responses"]["422.validation_failed"];
            429: components["responses"]["429.rate_limited"];
            500: components["responses"]["500.internal_error"];
            503: components["responses"]["503.database_unavailable.overloaded"];
        };
    };
    changeConversation: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                conversation_id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["ConversationChange"];
            };
        };
        responses: {
            /** @description Success */
            200: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "X-Request-ID": components["headers"]["X-Request-ID"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Conversation"];
                };
            };
            400: components["responses"]["400.invalid_request"];
            401: components["responses"]["401.invalid_token"];
            403: components["responses"]["403.forbidden"];
            404: components["responses"]["404.not_found"];
            413: components["responses"]["413.body_too_large"];
            415: components["responses"]["415.unsupported_media_type"];
            422: components["responses"]["422.validation_failed"];
            429: components["responses"]["429.rate_limited"];
            500: components["responses"]["500.internal_error"];
            503: components["responses"]["503.database_unavailable.overloaded"];
        };
    };
    exportConversation: {
        parameters: {
            query?: {
                /** @description `json`: everything, to be imported again; `markdown`: the path to the newest leaf, to be read. */
                format?: "json" | "markdown";
            };
            header?: never;
            path: {
                conversation_id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Success */
            200: {
                headers: {
                    "Content-Disposition": components["headers"]["Content-Disposition"];
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "X-Request-ID": components["headers"]["X-Request-ID"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Document"];
                    "text/markdown": string;
                };
            };
            401: components["responses"]["401.invalid_token"];
            404: components["responses"]["404.not_found"];
            422: components["responses"]["422.validation_failed"];
            429: components["responses"]["429.rate_limited"];
            500: components["responses"]["500.internal_error"];
            503: components["responses"]["503.database_unavailable.overloaded"];
        };
    };
    listMessages: {
        parameters: {
            query?: {
                /** @description Only the path from this message up to the root; `newest`: from the leaf that came last. */
                leaf?: string | unknown | "newest";
                /** @description Only the path through this message, from the newest of what follows it up to the root. */
                through?: string;
                /** @description Where the page begins: the `cursor` of the page before, as it is; left out, the first. */
                cursor?: string;
                /** @description How many items a page has at most. */
                limit?: number;
            };
            header?: never;
            path: {
                conversation_id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Success */
            200: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "X-Request-ID": components["headers"]["X-Request-ID"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Page_Message_"];
                };
            };
            401: components["responses"]["401.invalid_token"];
            404: components["responses"]["404.not_found"];
            422: components["responses"]["422.validation_failed"];
            429: components["responses"]["429.rate_limited"];
            500: components["responses"]["500.internal_error"];
            503: components["responses"]["503.database_unavailable.overloaded"];
        };
    };
    listGenerations: {
        parameters: {
            query?: {
                /** @description Where the page begins: the `cursor` of the page before, as it is; left out, the first. */
                cursor?: string;
                /** @description How many items a page has at most. */
                limit?: number;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Success */
            200: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "X-Request-ID": components["headers"]["X-Request-ID"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Page_GenerationView_"];
                };
            };
            401: components["responses"]["401.invalid_token"];
            422: components["responses"]["422.validation_failed"];
            429: components["responses"]["429.rate_limited"];
            500: components["responses"]["500.internal_error"];
            503: components["responses"]["503.database_unavailable.overloaded"];
        };
    };
    getGeneration: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                generation_id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Success */
            200: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "X-Request-ID": components["headers"]["X-Request-ID"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["GenerationView"];
                };
            };
            401: components["responses"]["401.invalid_token"];
            404: components["responses"]["404.not_found"];
            422: components["responses"]["422.validation_failed"];
            429: components["responses"]["429.rate_limited"];
            500: components["responses"]["500.internal_error"];
            503: components["responses"]["503.database_unavailable.overloaded"];
        };
    };
    cancelGeneration: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                generation_id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Success */
            200: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "X-Request-ID": components["headers"]["X-Request-ID"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["GenerationView"];
                };
            };
            401: components["responses"]["401.invalid_token"];
            403: components["responses"]["403.forbidden"];
            404: components["responses"]["404.not_found"];
            422: components["responses"]["422.validation_failed"];
            429: components["responses"]["429.rate_limited"];
            500: components["responses"]["500.internal_error"];
            503: components["responses"]["503.database_unavailable.overloaded"];
        };
    };
    followGeneration: {
        parameters: {
            query?: {
                /** @description Id of the last event that was received; `Last-Event-ID` goes before it. */
                after?: string;
            };
            header?: {
                /** @description Id of the last event that was received. */
                "Last-Event-ID"?: string;
            };
            path: {
                generation_id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Success */
            200: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "X-Request-ID": components["headers"]["X-Request-ID"];
                    [name: string]: unknown;
                };
                content: {
                    "application/x-ndjson": Omit<components["schemas"]["Frame"], "event"> & {
                        id?: number;
                    };
                    "text/event-stream": {
                        data: string;
                        /** @enum {string} */
                        event: "start" | "queued" | "context" | "delta" | "done" | "error";
                        id?: string;
                    };
                };
            };
            /** @description There is no event left. */
            204: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "X-Request-ID": components["headers"]["X-Request-ID"];
                    [name: string]: unknown;
                };
                content?: never;
            };
            401: components["responses"]["401.invalid_token"];
            404: components["responses"]["404.not_found"];
            422: components["responses"]["422.validation_failed"];
            429: components["responses"]["429.rate_limited"];
            500: components["responses"]["500.internal_error"];
            503: components["responses"]["503.database_unavailable.overloaded"];
        };
    };
    getMe: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Success */
            200: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "X-Request-ID": components["headers"]["X-Request-ID"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["User"];
                };
            };
            401: components["responses"]["401.invalid_token"];
            404: components["responses"]["404.not_found"];
            422: components["responses"]["422.validation_failed"];
            429: components["responses"]["429.rate_limited"];
            500: components["responses"]["500.internal_error"];
            503: components["responses"]["503.database_unavailable.overloaded"];
        };
    };
    deleteMe: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["DeleteBody"];
            };
        };
        responses: {
            /** @description Success */
            204: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Set-Cookie": components["headers"]["Set-Cookie"];
                    "X-Request-ID": components["headers"]["X-Request-ID"];
                    [name: string]: unknown;
                };
                content?: never;
            };
            400: components["responses"]["400.invalid_request"];
            401: components["responses"]["401.invalid_token"];
            403: components["responses"]["403.forbidden"];
            404: components["responses"]["404.not_found"];
            409: components["responses"]["409.conflict"];
            413: components["responses"]["413.body_too_large"];
            415: components["responses"]["415.unsupported_media_type"];
            422: components["responses"]["422.validation_failed"];
            429: components["responses"]["429.rate_limited"];
            500: components["responses"]["500.internal_error"];
            503: components["responses"]["503.database_unavailable.overloaded"];
        };
    };
    changePassword: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["PasswordBody"];
            };
        };
        responses: {
            /** @description Success */
            200: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Set-Cookie": components["headers"]["Set-Cookie"];
                    "X-Request-ID": components["headers"]["X-Request-ID"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Tokens"];
                };
            };
            400: components["responses"]["400.invalid_request"];
            401: components["responses"]["401.invalid_token"];
            403: components["responses"]["403.forbidden"];
            404: components["responses"]["404.not_found"];
            413: components["responses"]["413.body_too_large"];
            415: components["responses"]["415.unsupported_media_type"];
            422: components["responses"]["422.validation_failed"];
            429: components["responses"]["429.rate_limited"];
            500: components["responses"]["500.internal_error"];
            503: components["responses"]["503.database_unavailable.overloaded"];
        };
    };
    listModels: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Success */
            200: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "X-Request-ID": components["headers"]["X-Request-ID"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Model"][];
                };
            };
            401: components["responses"]["401.invalid_token"];
            422: components["responses"]["422.context_too_long.model_server_rejected.validation_failed"];
            429: components["responses"]["429.rate_limited"];
            500: components["responses"]["500.internal_error"];
            502: components["responses"]["502.answer_incomplete.model_out_of_memory.model_protocol_broken.model_server_error.model_server_failed.model_server_unreachable"];
            503: components["responses"]["503.database_unavailable.model_server_overloaded.overloaded"];
            504: components["responses"]["504.model_server_timed_out"];
        };
    };
    search: {
        parameters: {
            query: {
                /** @description Words that all have to be there; "a phrase", a or b, -without. The last word may be unfinished. */
                q: string;
                /** @description Where the page begins: the `cursor` of the page before, as it is; left out, the first. */
                cursor?: string;
                /** @description How many items a page has at most. */
                limit?: number;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Success */
            200: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "X-Request-ID": components["headers"]["X-Request-ID"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Page_Match_"];
                };
            };
            401: components["responses"]["401.invalid_token"];
            422: components["responses"]["422.validation_failed"];
            429: components["responses"]["429.rate_limited"];
            500: components["responses"]["500.internal_error"];
            503: components["responses"]["503.database_unavailable.overloaded"];
        };
    };
    getUsage: {
        parameters: {
            query?: {
                /** @description First day, in UTC; left out, the one with which there are 30 days. */
                from?: string;
                /** @description Last day, in UTC; left out, today. There are 366 days at most. */
                to?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Success */
            200: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "X-Request-ID": components["headers"]["X-Request-ID"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["UsageView"];
                };
            };
            401: components["responses"]["401.invalid_token"];
            422: components["responses"]["422.validation_failed"];
            429: components["responses"]["429.rate_limited"];
            500: components["responses"]["500.internal_error"];
            503: components["responses"]["503.database_unavailable.overloaded"];
        };
    };
}
