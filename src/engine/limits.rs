//! Bounds of the engine: what it waits for, and how much it holds.

use std::time::Duration;

use switchboard_domain::participant::knocks::Patience;

/// How long a request may take before its asker hears `Timeout` (spec v3.0, 1.4).
pub const REQUEST_TIME: Duration = Duration::from_secs(15);
/// How long a connection may take to log in (spec v3.0, 1.4).
pub const LOGIN_TIME: Duration = Duration::from_secs(30);
/// How long a logged-in connection may be silent: the documents' own clients ping every 30 s.
pub const IDLE_TIME: Duration = Duration::from_secs(40);
/// Requests of one session that run at the same time; the next ones wait (design D6).
pub const RUNNING_REQUESTS: usize = 10;
/// Frames of one session that wait for a running request to end; beyond it reading stops.
pub const WAITING_FRAMES: usize = 16;
/// Calls of one token over HTTP in a minute: a program gone wild is stopped, no honest one notices; more are
/// told when to come back.
pub const CALLS_PER_MINUTE: u32 = 60_000;
/// Calls of one token over HTTP at a time: whoever asks without waiting for answers, or sends bodies that do
/// not end, holds up only itself; one more is told to come back.
pub const CALLS_AT_ONCE: usize = 256;
/// Connections one agent or customer may have; one more is refused (spec v3.0, 12 #4).
pub const CONNECTIONS_PER_USER: usize = 10;
/// Connections from one address that have not logged in; one more is told so and closed (spec
/// v3.0, 12 #4).
pub const STRANGERS_PER_ADDRESS: usize = 100;
/// How long a customer's connection may be without a word in a chat or a new page; then it is
/// closed (spec v3.0, 1.4).
pub const CUSTOMER_INACTIVITY: Duration = Duration::from_secs(30 * 60);
/// What a customer whose client keeps logging in over its bound may try before every login is
/// refused for a while (spec v3.0, 1.4; the numbers are ours).
pub const PATIENCE: Patience =
    Patience { refusals: 10, within: Duration::from_secs(60), block: Duration::from_secs(60) };
/// Pushes a connection may gather while it logs in; beyond it the login fails.
pub const LOGIN_BUFFER: usize = 10_000;
/// How long a reservation of a customer's chat lasts unless it is confirmed.
pub const RESERVATION_TIME: Duration = Duration::from_secs(30);
/// Chats that a login may ask to go on with: each is asked, one after the other; more is refused.
pub const RESUME_CHATS: usize = 200;
/// Missed pushes that one login is sent, and the bytes of their events: well within an outbox, or the
/// client would be closed for being slow before it read a word. Chats beyond are not recovered.
pub const RESUME_PUSHES: usize = 1_000;
/// See [`RESUME_PUSHES`].
pub const RESUME_BYTES: usize = 256 * 1024;
/// How long a file stays that no event refers to (spec v3.0, 11).
pub const UNUSED_FILE_LIFE: Duration = Duration::from_secs(24 * 3600);
/// How often they are looked for.
pub const FILE_SWEEP: Duration = Duration::from_secs(600);
/// Bytes of files of one license that nothing refers to yet: nobody fills the disk with what is never
/// shown; more is refused as on a full disk.
pub const UNUSED_FILE_BYTES: u64 = 1 << 30;
/// Characters of a file's name; what is beyond is cut off.
pub const FILE_NAME_CHARS: usize = 200;
/// How often a stream gives a sign of life (spec Chatwoot, 4.3: the client comes anew after 6 s of silence).
pub const STREAM_BEAT: Duration = Duration::from_secs(3);
/// How long somebody who hears a stream is taken to be there without saying so again. Clients say it every
/// 20 s (spec Chatwoot, 4.3); what is a little late is not gone.
pub const PRESENCE_TIME: Duration = Duration::from_secs(25);
/// Who is there is told to one subscription so often at most: it is asked for by anybody, and made of all.
pub const PRESENCE_PAUSE: Duration = Duration::from_secs(1);
/// Refused subscriptions after which a stream is closed: nobody guesses tokens in a loop.
pub const STREAM_REFUSALS: u32 = 20;
/// How long a stream may be open with nobody subscribed: its client comes back when it has somebody.
pub const STREAM_EMPTY_TIME: Duration = Duration::from_secs(60);
/// Subscriptions of one stream; a client has one or two, one more is refused.
pub const SUBSCRIPTIONS_PER_STREAM: usize = 16;
/// Bytes of a subscription's name, which comes back with everything that it is told; a longer one is
/// refused.
pub const SUBSCRIPTION_NAME_BYTES: usize = 1024;
/// How often a shard looks at its sessions' and actors' deadlines.
pub const TICK: Duration = Duration::from_millis(500);
/// Looks at a session's timers in the time of its shortest one, which so never runs over by more than
/// an eighth. To look more often would be most of what thousands of idle sessions cost.
pub const LOOKS_PER_TIMER: u32 = 8;
/// Time between two checkpoints, and between two snapshots of one actor that goes on changing (design
/// D4), unless it is set: a start replays about so much.
pub const CHECKPOINT_TIME: Duration = Duration::from_secs(10);
/// After so long an actor that nobody has asked for leaves memory, unless it is set (design D3): long enough
/// that whoever comes back after a short break finds it, short enough that memory follows what goes on.
pub const ACTOR_IDLE_TIME: Duration = Duration::from_secs(300);
/// Index rows read for one page of a list: bounds the work of a count over a long history.
pub const LIST_SCAN: usize = 10_000;
/// Index rows of the archives held at once while they are searched: a search walks all of them.
pub const ARCHIVE_ROWS: usize = 1024;
/// Requests that walk all the chats or customers of a license at the same time; further ones wait
/// for their turn, as long as a request may take.
pub const WALKS: usize = 2;
/// Bytes of events on one page of the archives; a page of several threads beyond it is `Invalid`. One
/// thread is shown whatever it holds. Over a socket it is half of what may wait for a session, when
/// that is less: a larger answer would end the session.
pub const ARCHIVE_PAGE_BYTES: usize = 8 << 20;
/// Chats shown in an agent's login answer.
pub const LOGIN_CHATS: usize = 100;
/// Webhook workers on each shard.
pub const WORKERS_PER_SHARD: usize = 2;
/// Webhook calls of all licenses that are made at the same time; further ones wait. Each is a socket, and a
/// process has some thousand; eight licenses whose receivers are all slow leave no room for a ninth.
pub const ATTEMPTS_IN_PROCESS: usize = 512;
/// Bytes of webhook calls that all licenses may be owed, in memory; beyond it each license may be owed its
/// part of this, and what is more is a dead letter.
pub const BACKLOG_BYTES_IN_PROCESS: usize = 1 << 30;
/// Attempts kept in the log of one endpoint; a further one pushes out the oldest.
pub const WEBHOOK_LOG_LINES: usize = 100;
/// Dead letters that one look shows, and that one record of the journal makes or revives; also webhook calls
/// that are saved at once. What is beyond comes with the next one.
pub const DEAD_LETTER_PAGE: usize = 500;
/// Commands of one conversation that wait while the router is asked for another one; more are
/// refused: they come from more connections than a chat has.
pub const COMMANDS_HELD_BACK: usize = 256;
/// Bytes of the journal whose conversations and customers recovery holds at once; then they are stored
/// and let go. Bounds the memory of a start that has to replay years, and costs a short one nothing.
pub const REPLAY_BATCH_BYTES: usize = 64 << 20;
/// Conversations of a merged contact that change hands side by side: those that left memory are read from disk
/// on a shard's thread, and others are not to wait for a thousand of them.
pub const CHATS_MOVED_AT_ONCE: usize = 16;
/// How long the engine waits before it looks again whether a chat that is being made is there.
pub const SETTLE_PAUSE: Duration = Duration::from_millis(10);
/// How long the engine waits before it tries again what a full disk kept it from.
pub const FULL_DISK_PAUSE: Duration = Duration::from_secs(1);
/// Bytes of webhook bodies that one change may cause: together with its facts they must fit one
/// journal record. What is beyond is not sent, and said loudly.
pub const DELIVERY_BYTES_PER_CHANGE: usize = 24 << 20;
/// Bytes that a webhook call takes in a record beyond its body and its address: ids, owner, times.
pub const DELIVERY_OVERHEAD: usize = 512;
/// Bots that one license may have: each is in memory and may hear everything that happens; one
/// more is refused.
pub const BOTS_PER_LICENSE: usize = 1_000;
/// How often tokens that have ended are forgotten.
pub const TOKEN_SWEEP: Duration = Duration::from_secs(600);
/// Looks at web pages at the same time; further ones wait for their turn, as long as a request may take.
pub const PREVIEWS_AT_ONCE: usize = 16;
/// Web pages whose previews are remembered; a further one pushes out the oldest.
pub const PREVIEWS_KNOWN: usize = 1_000;
/// How long a preview is remembered, also one that could not be had.
pub const PREVIEW_LIFE: Duration = Duration::from_secs(600);
/// How long after the end of a license what it had is removed: whatever was on its way to the disk has
/// arrived by then.
pub const ERASE_AFTER: Duration = Duration::from_secs(1);
