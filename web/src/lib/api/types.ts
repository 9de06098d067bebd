/** Names for what the API sends and takes; the shapes are made of its own description (`npm run api:types`). */
import type { components } from "./schema";

type Schemas = components["schemas"];

export type Account = Schemas["Account"];
export type UserChange = Schemas["UserChange"];
export type AuditEvent = Schemas["AuditEvent"];
export type ChatBody = Schemas["ChatBody"];
export type Conversation = Schemas["Conversation"];
export type ConversationDocument = Schemas["Document"];
export type DailyUsage = Schemas["DailyUsage"];
export type ErrorBody = Schemas["ErrorBody"];
export type ErrorCode = Schemas["ErrorCode"];
export type GenerationView = Schemas["GenerationView"];
export type KeyScope = Schemas["KeyScope"];
export type MadeKey = Schemas["MadeKey"];
export type Match = Schemas["Match"];
export type Message = Schemas["Message"];
export type MessagePage = Schemas["Page_Message_"];
export type Model = Schemas["Model"];
export type Timings = Schemas["Timings"];
export type Tokens = Schemas["Tokens"];
export type ToolCall = Schemas["ToolCall"];
export type Usage = Schemas["Usage"];

/** What a stream says, one at a time. */
export type Frame =
  | Schemas["Start"]
  | Schemas["Queued"]
  | Schemas["Context"]
  | Schemas["Piece"]
  | Schemas["Done"]
  | Schemas["Failed"];
