//! Every bound of the domain, with its unit, its reason and what happens at it.
//!
//! A bound that only one room needs stands in that room; those that several share stand here.

use std::time::Duration;

/// Bytes of UTF-8 in a message or annotation (the wire's published limit); more is `Invalid`.
pub const MESSAGE_TEXT_BYTES: usize = 16 * 1024;
/// Bytes of JSON text in the content of a custom event; more is `Invalid`.
pub const CUSTOM_CONTENT_BYTES: usize = 16 * 1024;
/// Characters of a display name; more is `Invalid`.
pub const NAME_CHARS: usize = 256;
/// Characters of an account's mail domain (the wire's published limit); more is `Invalid`.
pub const DOMAIN_CHARS: usize = 100;
/// Characters of a client's own event id; more is `Invalid`.
pub const CUSTOM_ID_CHARS: usize = 256;
/// Characters of a tag; more is `Invalid`.
pub const TAG_CHARS: usize = 64;
/// Tags of one thread: a head holds those of every thread; more is `Invalid`.
pub const TAGS_PER_THREAD: usize = 64;
/// Characters of any URL a client gives us; more is `Invalid`.
pub const URL_CHARS: usize = 2048;
/// Bytes of a property's text value: keeps heads small; more is `Invalid`.
pub const PROPERTY_TEXT_BYTES: usize = 4 * 1024;
/// Properties of one chat, thread or event; more is `Invalid`.
pub const PROPERTIES_PER_PLACE: usize = 100;
/// Bytes that the properties of one chat, thread or event weigh together: a head holds those of the
/// chat and of every thread; more is `Invalid`.
pub const PROPERTIES_BYTES: usize = 16 * 1024;
/// Bytes of changed older events that a head carries beside their chunks until a snapshot is asked
/// for out of turn: it rewrites the chunks of all of them.
pub const AMENDED_BYTES: usize = 64 * 1024;
/// Characters of a property's name; more is `Invalid`.
pub const PROPERTY_NAME_CHARS: usize = 256;
/// Properties that one application may define: all definitions are kept in memory and go along
/// with everything that is shown; more is `Invalid`.
pub const PROPERTIES_PER_NAMESPACE: usize = 200;
/// Bytes that all definitions of a license may weigh: every change of the license journals them
/// as one fact; more is `Invalid`.
pub const PROPERTY_TABLE_BYTES: usize = 512 * 1024;
/// Values that the definition of a property may list; more is `Invalid`.
pub const PROPERTY_DOMAIN_VALUES: usize = 100;
/// Fields of one filled form; more is `Invalid`.
pub const FORM_FIELDS: usize = 64;
/// Bytes of JSON text in the attributes that a desk keeps of a message, conversation, contact or inbox:
/// heads and events hold them; more is `Invalid`.
pub const ATTRIBUTES_BYTES: usize = 16 * 1024;
/// Characters of a help desk's message (the wire's published limit); more is `Invalid`.
pub const DESK_TEXT_CHARS: usize = 150_000;
/// Bytes that a help desk's message weighs in all: its longest text as JSON, with all beside it, and well
/// within what may wait for a session; more is `Invalid`.
pub const DESK_MESSAGE_BYTES: usize = 1 << 20;
/// Files of one message (the wire's published limit); more is `Invalid`.
pub const ATTACHMENTS_PER_MESSAGE: usize = 15;
/// Messages that a help desk's conversation takes in [`MESSAGE_MINUTE`]: far beyond people, and an end
/// for bots that answer one another; more is `Blocked`.
pub const MESSAGES_PER_MINUTE: u32 = 200;
/// The minute of that bound.
pub const MESSAGE_MINUTE: Duration = Duration::from_secs(60);
/// Times in [`TYPING_CALLS_TIME`] that the hooks of a help desk's conversation are told that somebody begins to
/// type in it, since anybody may say so at will and each call is kept until it is delivered; more is told
/// to streams only. Also as many as may type there at once.
pub const TYPING_CALLS: u32 = 60;
/// The while of that bound.
pub const TYPING_CALLS_TIME: Duration = Duration::from_secs(60);
/// Labels of one conversation or contact: a head holds them all; more is `Invalid`.
pub const LABELS_PER_CONVERSATION: usize = 64;
/// People whom one note may mention: as many as may watch its conversation; more is `Invalid`.
pub const MENTIONS_PER_MESSAGE: usize = WATCHERS_PER_CONVERSATION;
/// Agents who watch one conversation of a help desk: a head holds them all; more is `Invalid`.
pub const WATCHERS_PER_CONVERSATION: usize = 100;
/// Licenses of an installation, those that ended not counted: each has actors and tables in memory, and
/// whatever is named by a token alone is looked for in each of them; more is refused.
pub const LICENSES_PER_INSTALLATION: usize = 1_000;
/// The first number of a license that is made while the server runs. Those below are the configuration's, so
/// that none that it may ever name is taken; and whatever reads numbers as doubles reads it exactly.
pub const FIRST_LICENSE_MADE: u64 = 1_000_000_000_000;
/// People of an installation who may be in several licenses: each is an actor and a line in memory; more is
/// refused.
pub const PEOPLE_PER_INSTALLATION: usize = 100_000;
/// Tokens of one such person: all are looked at when one is given out; a further one ends the oldest.
pub const TOKENS_PER_PERSON: usize = 20;
/// Sign-in links of such a person that are in force at once: all are looked at when one is used; a further one
/// ends the oldest.
pub const LINKS_PER_PERSON: usize = 5;
/// Tokens of such a person that sign-ins gave and that are in force at once, so that they never end one that
/// somebody keeps; a further sign-in ends the oldest of them.
pub const SIGN_INS_PER_PERSON: usize = 5;
/// How long a sign-in link is in force (the wire's published life).
pub const SIGN_IN_LINK_LIFE: Duration = Duration::from_secs(5 * 60);
/// Inboxes of a license: they are kept in memory and stored with every change of it; more is `Invalid`.
pub const INBOXES_PER_LICENSE: usize = 500;
/// Teams of a license, for the same reason; more is `Invalid`.
pub const TEAMS_PER_LICENSE: usize = 500;
/// Hooks of a license's desk: each hears of everything; more is `Invalid`.
pub const HOOKS_PER_LICENSE: usize = 100;
/// Contacts of a license that are becoming parts of others at one moment: the license is stored with each
/// of them, twice; more is `Invalid`.
pub const MERGES_AT_ONCE: usize = 20;
/// Entries of one contact into inboxes; more is `Invalid`.
pub const ENTRIES_PER_CONTACT: usize = 64;
/// Bytes of any other short text of an event (labels, captions, answers); more is `Invalid`.
pub const SHORT_TEXT_BYTES: usize = 4 * 1024;
/// Events that may come with a new thread; more is `Invalid`.
pub const INITIAL_EVENTS: usize = 50;
/// Bytes of text that the events of a new thread may have together: they are journaled as one
/// record, with a copy for every bot that listens; more is `Invalid`.
pub const INITIAL_EVENTS_BYTES: usize = 256 * 1024;
/// Bytes of a file (the wire's published limit); more is `Invalid`.
pub const FILE_BYTES: u64 = 10 * 1024 * 1024;
/// Elements of a rich message (published limit), at least one when given.
pub const RICH_ELEMENTS: usize = 10;
/// Buttons of one rich message element (published limit), at least one when given.
pub const RICH_BUTTONS: usize = 11;
/// Approximate bytes of events that a head carries before they move to a chunk: but for one great
/// event, which storage splits, a chunk stays well under the 32 KiB of a stored value (design D3).
pub const TAIL_BYTES: usize = 16 * 1024;
/// Chats that routing may give a bot or human agent when nothing else is set.
pub const DEFAULT_MAX_CHATS: u32 = 6;
/// The largest `max_chats_count` that a bot may be given (the field is an int32 on the wire).
pub const MAX_CHATS_COUNT: u32 = i32::MAX as u32;
/// Chats that a customer may have in one license when the license says nothing else.
pub const DEFAULT_CUSTOMER_CHATS: u32 = 1;
/// Groups that one bot may list; more is `Invalid`.
pub const GROUPS_PER_AGENT: usize = 200;
/// Groups that a chat's access may name; more is `Invalid`.
pub const GROUPS_PER_ACCESS: usize = 200;
/// Agents that a chat's access may name beside its groups; more is `Invalid`.
pub const AGENTS_PER_ACCESS: usize = 100;
/// Agents who follow one chat: each hears of every event, and a head holds them all; one more is
/// refused.
pub const FOLLOWERS_PER_CHAT: usize = 100;
/// Agents that one transfer may name: all of them join the chat; more is `Invalid`.
pub const AGENTS_PER_TRANSFER: usize = 20;
/// Session fields of a customer; more is `Invalid`.
pub const CUSTOMER_FIELDS: usize = 100;
/// Entries of what a customer's client may keep here instead of in cookies; more is `Invalid`.
pub const SIDE_STORAGE_ENTRIES: usize = 100;
/// Bytes of names and values in it together: it is journaled and pushed as a whole; more is `Invalid`.
pub const SIDE_STORAGE_BYTES: usize = 16 * 1024;
/// Pages kept of a visit; the oldest makes room for the next one.
pub const VISIT_PAGES: usize = 20;
/// Days of a ban at most, about a hundred years: beyond any customer; more is `Invalid`.
pub const BAN_DAYS: u32 = 36_500;
/// Bytes of JSON text that a multicast may carry; more is `Invalid`.
pub const MULTICAST_BYTES: usize = 16 * 1024;
/// Agents, groups or customers that a multicast may name, each; more is `Invalid`.
pub const MULTICAST_NAMES: usize = 100;
/// Webhook actions of one bot; more is `Invalid`.
pub const ACTIONS_PER_BOT: usize = 64;
/// Values in one list of a webhook filter; more is `Invalid`.
pub const FILTER_VALUES: usize = 100;
/// Bytes that the values of one webhook's filters may have together: they are kept in memory, and
/// stored with every change of their owner; more is `Invalid`.
pub const FILTER_BYTES: usize = 16 * 1024;
/// Webhooks that one application may register in a license; more is `Invalid`.
pub const WEBHOOKS_PER_CLIENT: usize = 100;
/// Webhooks that a license may have: each is looked at for every occasion of its action, and all are
/// stored with every change of the license; more is `Invalid`.
pub const WEBHOOKS_PER_LICENSE: usize = 500;
/// Characters of a webhook's description; more is `Invalid`.
pub const DESCRIPTION_CHARS: usize = 1024;
/// Characters of a webhook's secret key; more is `Invalid`.
pub const SECRET_CHARS: usize = 256;
/// Characters of the key of a write (longer than any UUID or URL-safe hash); more is `Invalid`.
pub const REQUEST_KEY_CHARS: usize = 255;
/// How long the key of a write is remembered: beyond any client's retries.
pub const KEY_LIFE: Duration = Duration::from_secs(24 * 3600);
/// Keys that one conversation remembers: they stand in its head; the oldest is forgotten first.
pub const KEYS_PER_CHAT: usize = 128;
/// Pushes of a conversation that are kept for who lost its connection: a place in the thread each,
/// beyond the busiest minutes of a chat. Who missed more reads the chat again.
pub const RECENT_PUSHES: usize = 100;
/// Of those, how many that tell of no new event: they are kept whole, and may be as great as an event.
pub const RECENT_PUSHES_WHOLE: usize = 16;
/// How long an agent whose last connection dropped still counts as online.
pub const AGENT_GRACE: Duration = Duration::from_secs(15);
/// How long a customer token lives when the caller does not say.
pub const CUSTOMER_TOKEN_LIFE: Duration = Duration::from_secs(8 * 3600);
/// How long a page's visitor is known again without a word (the wire's published default).
pub const VISITOR_TOKEN_LIFE: Duration = Duration::from_secs(180 * 24 * 3600);
/// Seconds until a chat moves on whose holder has not seen the customer's last message.
pub const DEFAULT_UNSEEN_SECS: u32 = 5 * 60;
/// Seconds of silence until a chat is marked idle.
pub const DEFAULT_IDLE_SECS: u32 = 20 * 60;
/// Seconds of silence until a chat whose last message was seen is closed, counted from its last
/// event: five minutes to see it and twenty-five more.
pub const DEFAULT_SILENT_SECS: u32 = 30 * 60;
/// The longest that a chat's timer may be set to: a year; more is `Invalid`.
pub const MAX_TIMER_SECS: u32 = 365 * 24 * 3600;
/// The most chats that an operator may let wait in one group: they are all in memory; more is
/// `Invalid`.
pub const MAX_QUEUE_LIMIT: u32 = 1_000_000;
/// Groups of a license, deleted ones included: chats go on naming those, and every agent's rights and
/// place in routing hold a line for each; more is `Invalid`.
pub const GROUPS_PER_LICENSE: usize = 1_000;
/// The greatest number of a group (an int32 on the wire); more is `Invalid`.
pub const MAX_GROUP_ID: u32 = i32::MAX as u32;
/// The most chats that a license may let one customer have: they are all answered at a login; more is
/// `Invalid`.
pub const MAX_CUSTOMER_CHATS: u32 = 1_000;
/// Characters of an agent's id, an e-mail address (RFC 5321 allows no more); more is `Invalid`.
pub const EMAIL_CHARS: usize = 254;
/// Human agents of a license: each is an actor, a line in memory and in routing; more is `Invalid`.
pub const AGENTS_PER_LICENSE: usize = 10_000;
/// Options of one field of a form; more is `Invalid`.
pub const FORM_OPTIONS: usize = 100;
/// Bytes of text in one form: it is one answer on the wire; more is `Invalid`.
pub const FORM_BYTES: usize = 32 * 1024;
/// Bytes of text in all forms of a license: they are kept in memory and journaled with every change of
/// the license; more is `Invalid`.
pub const FORMS_BYTES_PER_LICENSE: usize = 1024 * 1024;
