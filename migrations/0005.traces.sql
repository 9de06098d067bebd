-- Where the trace of an answer is continued by a process that takes it over.

alter table generations add column traceparent text;

comment on column generations.traceparent is 'Span of its making, as W3C writes it; null where nothing is traced.';
