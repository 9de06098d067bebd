-- squawk-ignore-file ban-drop-column
-- Undoing this migration loses nothing but the way from an answer that was taken over to its trace.
alter table generations drop column traceparent;
