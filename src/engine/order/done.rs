//! What orders are answered with.

use crate::engine::order::PageEdge;
use crate::engine::profiles::{AgentProfile, Profiles};
use crate::outbound::Preview;
use std::sync::Arc;
use std::time::Duration;
use switchboard_domain::auth::Scope;
use switchboard_domain::conversation::event::Event;
use switchboard_domain::conversation::properties::PropertyTable;
use switchboard_domain::conversation::recent::Seq;
use switchboard_domain::conversation::view::{ChatView, Summary, ThreadLine, ThreadView, Threads};
use switchboard_domain::id::{
    AgentId, ClientId, ConversationId, CustomerId, GroupId, LicenseId, ThreadId, UserId,
};
use switchboard_domain::participant::bot::Bot;
use switchboard_domain::participant::customer::Customer;
use switchboard_domain::participant::form::Form;
use switchboard_domain::participant::license::License;
use switchboard_domain::participant::person::Person;
use switchboard_domain::participant::statistics::Statistics;
use switchboard_domain::participant::window::PagePlace;
use switchboard_domain::routing::GroupStatus;
use switchboard_domain::time::Timestamp;
use switchboard_domain::webhook::{EndpointId, Registration};

/// What a successful order answers.
#[derive(Debug, Clone)]
pub enum Done {
    /// Done; nothing to tell.
    Nothing,
    /// An event was posted.
    Posted {
        /// To this thread.
        thread: ThreadId,
        /// As stored.
        event: Arc<Event>,
    },
    /// A thread was opened, in a new or an old conversation.
    Opened(Box<Shown<(ChatView, ThreadView)>>),
    /// A page of chats.
    Chats(Box<Shown<ChatPage>>),
    /// A chat with threads.
    Threads(Box<Shown<Threads>>),
    /// A page of the archives.
    Archives(Shown<ArchivePage>),
    /// A page of a chat's threads, a line each.
    ThreadLines(LinesPage),
    /// The asker has seen the chat up to here.
    Seen(Timestamp),
    /// An agent's connection is logged in.
    AgentLogin(Box<Shown<AgentWelcome>>),
    /// A customer's connection is logged in.
    CustomerLogin(Box<CustomerWelcome>),
    /// A bot was made.
    BotCreated(AgentId),
    /// Bots, in the order of creation.
    Bots(Vec<Arc<Bot>>),
    /// One bot.
    Bot(Arc<Bot>),
    /// A page of customers.
    Customers(CustomerPage),
    /// A customer as it is now.
    Customer(Box<CustomerCard>),
    /// A customer's token was given out.
    CustomerToken(IssuedToken),
    /// Definitions of properties.
    Properties(PropertyTable),
    /// A webhook was registered.
    WebhookRegistered(EndpointId),
    /// Webhooks of the license, oldest first.
    Webhooks(Vec<Registration>),
    /// Whether groups can serve.
    GroupStatuses(Vec<(GroupId, GroupStatus)>),
    /// An agent or bot.
    Agent(Arc<AgentProfile>),
    /// A license was made.
    LicenseMade(LicenseId),
    /// A person of the installation, as it is now.
    Person(Arc<Person>),
    /// A group was made.
    GroupCreated(GroupId),
    /// A form of a group, when it is set.
    Form(Option<Box<Form>>),
    /// Conversations of a help desk.
    Tickets(Box<TicketPage>),
    /// What the web page at this URL says of itself, when it can be had.
    Preview(Box<str>, Option<Arc<Preview>>),
}

/// Something to show, with the profiles of the users named in it as they were at that moment,
/// and the property definitions that say what a reader may see.
#[derive(Debug, Clone)]
pub struct Shown<T> {
    /// The thing.
    pub what: T,
    /// Who is named in it.
    pub profiles: Profiles,
    /// Which properties a customer may read.
    pub properties: Arc<PropertyTable>,
    /// What a help desk needs to show it, when it is one's.
    pub desk: Option<Arc<DeskContext>>,
}

/// A conversation of a help desk, as it is at one moment, with all that is needed to show it.
#[derive(Debug, Clone)]
pub struct DeskContext {
    /// The license.
    pub license: Arc<License>,
    /// The conversation.
    pub chat: ChatView,
    /// Everybody in it.
    pub profiles: Profiles,
    /// Its customer has a connection.
    pub present: bool,
    /// Who caused what is told; nobody: the engine, or nothing is told.
    pub by: Option<UserId>,
}

/// A page of chats.
#[derive(Debug, Clone)]
pub struct ChatPage {
    /// The chats.
    pub chats: Vec<Summary>,
    /// How many there are in all.
    pub found: usize,
    /// Where the next page begins, when there is one.
    pub next: Option<PageEdge>,
    /// Where the page before ends, when there is one.
    pub previous: Option<PageEdge>,
}

/// A page of a help desk's conversations.
#[derive(Debug, Clone)]
pub struct TicketPage {
    /// The conversations, newest activity first.
    pub tickets: Vec<DeskContext>,
    /// How many pass but for who has them: all, those that somebody has, those that the asker has.
    pub counts: TicketCounts,
}

/// How many conversations there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct TicketCounts {
    /// In all.
    pub all: usize,
    /// That a person has.
    pub assigned: usize,
    /// That the asker has.
    pub mine: usize,
}

/// A page of the archives.
#[derive(Debug, Clone)]
pub struct ArchivePage {
    /// The threads, newest first.
    pub entries: Vec<ArchivedThread>,
    /// The number of the page.
    pub page: u64,
    /// How many threads pass in all.
    pub total: usize,
}

/// A thread of the archives.
#[derive(Debug, Clone)]
pub struct ArchivedThread {
    /// Its chat.
    pub chat: Arc<ChatView>,
    /// The thread, complete.
    pub thread: ThreadView,
}

/// A page of a chat's threads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LinesPage {
    /// The threads.
    pub lines: Vec<ThreadLine>,
    /// How many the chat has.
    pub found: usize,
    /// Order of the thread that the next page begins with, when there is one.
    pub next: Option<u32>,
    /// Order of the thread that the page before begins with, when there is one.
    pub previous: Option<u32>,
}

/// What an agent's login answers.
#[derive(Debug, Clone)]
pub struct AgentWelcome {
    /// The tenant.
    pub license: LicenseId,
    /// When the license was made.
    pub license_created_at: Timestamp,
    /// The agent or bot that the connection is.
    pub me: Arc<AgentProfile>,
    /// Its active chats, newest first.
    pub chats: Vec<Summary>,
    /// Where it stands in its chats, when it asked to go on.
    pub resumed: Option<Vec<ResumedChat>>,
}

/// Where somebody stands in a chat after its login.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ResumedChat {
    /// The chat.
    pub chat: ConversationId,
    /// The place of its newest push; `None` when it cannot be read.
    pub seq: Option<Seq>,
    /// Whether everything that was missed follows; `None` for a chat that was not asked for.
    pub recovered: Option<bool>,
}

/// What a customer's login answers.
#[derive(Debug, Clone)]
pub struct CustomerWelcome {
    /// The customer.
    pub customer: Arc<Customer>,
    /// Its chats: id, has an active thread, has unread events.
    pub chats: Vec<(ConversationId, bool, bool)>,
    /// Groups with somebody online.
    pub online_groups: Vec<GroupId>,
    /// Where it stands in its chats, when it asked to go on.
    pub resumed: Option<Vec<ResumedChat>>,
}

/// A page of customers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CustomerPage {
    /// The customers.
    pub customers: Vec<CustomerCard>,
    /// How many pass in all.
    pub total: u64,
    /// The page behind, when there is one.
    pub next: Option<PagePlace>,
    /// The page before, when there is one.
    pub previous: Option<PagePlace>,
}

/// A customer with what is derived of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CustomerCard {
    /// The customer.
    pub customer: Arc<Customer>,
    /// Has a connection now?
    pub present: bool,
    /// What its conversations add up to.
    pub statistics: Statistics,
}

/// A token in clear: shown once.
#[derive(Debug, Clone)]
pub struct IssuedToken {
    /// The token.
    pub token: String,
    /// The application.
    pub client: ClientId,
    /// The customer.
    pub customer: CustomerId,
    /// How long it lives.
    pub life: Duration,
}

/// What `GET /info` tells of a token.
#[derive(Debug, Clone)]
pub struct TokenInfo {
    /// The tenant.
    pub license: LicenseId,
    /// The application.
    pub client: ClientId,
    /// The agent's or customer's id.
    pub entity: String,
    /// Scopes.
    pub scopes: Vec<Scope>,
    /// Seconds until it ends; `None`: never.
    pub expires_in: Option<u64>,
}
