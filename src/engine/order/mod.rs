//! What a face asks of the engine, and what it gets back: plain data, so that a face is a pure
//! translator between its wire and these types.

mod done;

use std::sync::Arc;
use std::time::Duration;
use switchboard_domain::auth::Principal;
use switchboard_domain::conversation::access::AccessChange;
use switchboard_domain::conversation::archive::ArchiveFilter;
use switchboard_domain::conversation::command::{Command, OpenThread};
use switchboard_domain::conversation::recent::Seq;
use switchboard_domain::error::Rejected;
use switchboard_domain::id::{AgentId, ConversationId, CustomerId, GroupId, ThreadId};
use switchboard_domain::participant::bot::{BotChange, DeskBot};
use switchboard_domain::participant::customer::{CustomerChange, Texts};
use switchboard_domain::participant::filter::CustomerFilter;
use switchboard_domain::participant::form::FormKind;
use switchboard_domain::participant::license::LicenseChange;
use switchboard_domain::participant::person::PersonChange;
use switchboard_domain::participant::staff::AgentChange;
use switchboard_domain::participant::window::PagePlace;
use switchboard_domain::participant::{Duty, RoutingStatus};
use switchboard_domain::routing::Priority;
use switchboard_domain::time::Timestamp;
use switchboard_domain::webhook::{BotWebhooks, PropertyFilter};

pub use crate::engine::request_key::RequestKey;
pub use done::{
    AgentWelcome, ArchivePage, ArchivedThread, ChatPage, CustomerCard, CustomerPage, CustomerWelcome,
    DeskContext, Done, IssuedToken, LinesPage, ResumedChat, Shown, TicketCounts, TicketPage, TokenInfo,
};

/// A request of a principal.
#[derive(Debug, Clone)]
pub enum Order {
    /// Changes nothing; answered at once with [`Done::Nothing`].
    Nothing,
    /// One command to one conversation. `Post`, `RemoveUser` and `Activate` come without a
    /// placement: the engine asks the router when one is needed.
    Chat(ConversationId, Command),
    /// Makes a conversation with its first thread.
    StartChat(OpenThread),
    /// The chats the principal may see.
    ListChats(ListChats),
    /// One chat with some of its threads (`None`: all).
    GetThreads(ConversationId, Option<Vec<ThreadId>>),
    /// A page of the archives: threads, newest first, that pass a filter.
    SearchArchives(SearchArchives),
    /// One chat's threads, a line each.
    ListThreads(ConversationId, ListThreads),
    /// A page of the help desk's conversations.
    ListTickets(Box<ListTickets>),
    /// Whether these groups can serve; all of them when none are named.
    GetGroupStatuses(Option<Vec<GroupId>>),
    /// Who would get a chat of the principal's group now.
    PredictAgent,
    /// The asking connection is away, or back.
    SetAway(bool),
    /// Sets the routing status of an agent or bot; `None` asks for oneself.
    SetStatus(Option<AgentId>, RoutingStatus),
    /// Makes a bot of the principal's application.
    CreateBot(NewBot),
    /// Changes a bot of the principal's application.
    UpdateBot(AgentId, BotChange),
    /// Removes a bot; `any`: of whatever application (needs the scope, checked by the face).
    RemoveBot {
        /// Which.
        bot: AgentId,
        /// Reaches bots of other applications too.
        any: bool,
    },
    /// Bots of the principal's application, or all.
    ListBots {
        /// Of every application.
        all: bool,
    },
    /// One bot in full.
    GetBot {
        /// Which.
        bot: AgentId,
        /// Reaches bots of other applications too.
        any: bool,
    },
    /// Changes the principal's license.
    ChangeLicense(LicenseChange),
    /// Definitions of properties: of the principal's application, or of every namespace.
    ListProperties {
        /// Every namespace.
        all: bool,
    },
    /// Webhooks of the principal's application, or of every application.
    ListWebhooks {
        /// Of every application.
        all: bool,
    },
    /// Makes a customer.
    CreateCustomer(CustomerChange),
    /// Changes a customer: oneself, or any for an agent.
    UpdateCustomer(CustomerId, CustomerChange),
    /// Changes who may see a customer.
    ChangeCustomerAccess(CustomerId, AccessChange),
    /// Customers of the license, page by page.
    ListCustomers(Box<ListCustomers>),
    /// Bans a customer.
    BanCustomer {
        /// Whom.
        customer: CustomerId,
        /// For so many days.
        days: u32,
    },
    /// The asking customer opened a page.
    OpenPage(NewPage),
    /// Tells something to connections, without a chat around it.
    Multicast(Multicast),
    /// A form of a group.
    GetForm {
        /// The group.
        group: GroupId,
        /// Which of its forms.
        kind: FormKind,
    },
    /// What a web page says of itself.
    GetPreview(Box<str>),
    /// Gives out a customer's token.
    IssueCustomerToken {
        /// Reuses an identity; `None` makes a new one.
        customer: Option<CustomerId>,
        /// How long it lives; `None`: the default.
        life: Option<Duration>,
    },
}

/// Which chats, and which page of them.
#[derive(Debug, Clone)]
pub struct ListChats {
    /// Also those with an active thread? (`false`: only closed ones.)
    pub include_active: bool,
    /// Only chats that pass all of these.
    pub properties: Vec<PropertyFilter>,
    /// Newest activity first?
    pub newest_first: bool,
    /// At most this many.
    pub limit: usize,
    /// Skip this many, for faces that page by number.
    pub offset: usize,
    /// Begin or end at this place, for faces that page by position.
    pub edge: Option<PageEdge>,
}

/// Which of a help desk's conversations, and which page of them.
#[derive(Debug, Clone, Default)]
pub struct ListTickets {
    /// Only those that pass all of these.
    pub conditions: Vec<TicketCondition>,
    /// Only those that somebody of this kind has.
    pub held: Held,
    /// Skip this many.
    pub skip: usize,
    /// At most this many.
    pub limit: usize,
}

/// Who has a conversation, for lists.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Held {
    /// Anybody or nobody.
    #[default]
    Anyhow,
    /// The asker.
    ByMe,
    /// A person.
    BySomebody,
    /// No person.
    ByNobody,
}

/// What must hold of a conversation.
#[derive(Debug, Clone, PartialEq)]
pub enum TicketCondition {
    /// It has one of these values, or none of them.
    Is {
        /// Of which field.
        field: TicketField,
        /// The values, as text.
        values: Vec<Box<str>>,
        /// None of them, instead.
        not: bool,
    },
    /// It has some value, or none.
    Present(TicketField, bool),
}

/// A field that conversations are chosen by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TicketField {
    /// How it stands: a word of `Status`.
    Status,
    /// The number of the agent or bot who has it.
    Holder,
    /// The number of the inbox.
    Inbox,
    /// The number of the team.
    Team,
    /// The id of the customer.
    Customer,
    /// The number of the conversation.
    Number,
    /// Each of its labels.
    Label,
    /// Its haste: a word of `Urgency`.
    Urgency,
}

/// Where a page of a list begins or ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PageEdge {
    /// It begins behind this place.
    Behind(ListPlace),
    /// It ends before this place.
    Before(ListPlace),
}

/// Which threads of the archives, and which page of them.
#[derive(Debug, Clone)]
pub struct SearchArchives {
    /// Which.
    pub filter: ArchiveFilter,
    /// The number of the page, as it is shown again.
    pub page: u64,
    /// Skip this many.
    pub skip: usize,
    /// At most this many.
    pub limit: usize,
}

/// Which page of a chat's threads.
#[derive(Debug, Clone, Copy)]
pub struct ListThreads {
    /// Newest thread first?
    pub newest_first: bool,
    /// At most this many.
    pub limit: usize,
    /// Skip this many, for faces that page by number.
    pub offset: usize,
    /// Begin with the thread of this order, for faces that page by place.
    pub from: Option<u32>,
}

/// A place in a list of chats: opaque for clients.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ListPlace {
    /// Last activity of the chat there.
    pub at: Timestamp,
    /// The chat.
    pub chat: ConversationId,
}

/// Which customers, and which page of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListCustomers {
    /// Only those that pass.
    pub filter: CustomerFilter,
    /// Newest first?
    pub newest_first: bool,
    /// At most this many.
    pub limit: usize,
    /// Which page.
    pub place: PagePlace,
}

/// A page that a customer has opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewPage {
    /// Its address.
    pub url: Box<str>,
    /// Its title; empty when not given.
    pub title: Box<str>,
}

/// A message to connections. Whoever is not there misses it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Multicast {
    /// To every agent of the license.
    pub all_agents: bool,
    /// To these agents and bots.
    pub agents: Vec<AgentId>,
    /// To the agents of these groups.
    pub groups: Vec<GroupId>,
    /// To these customers.
    pub customers: Vec<CustomerId>,
    /// Any JSON, as it came.
    pub content: Arc<str>,
    /// The sender's own word for what it is.
    pub kind: Option<Box<str>>,
}

/// A bot that is to be made.
#[derive(Debug, Clone)]
pub struct NewBot {
    /// Shown name.
    pub name: Box<str>,
    /// URL, perhaps without a scheme.
    pub avatar: Option<Box<str>>,
    /// Status, groups, capacity.
    pub duty: Duty,
    /// Where it hears.
    pub webhooks: Option<BotWebhooks>,
    /// What a help desk keeps of it.
    pub desk: Option<Box<DeskBot>>,
    /// The id and creation number that it shall have; new ones, when missing.
    pub id: Option<AgentId>,
    /// See `id`.
    pub number: Option<u64>,
}

/// What a help desk wants of a bot.
#[derive(Debug, Clone)]
pub enum BotOrder {
    /// To be made.
    Make(Box<NewBot>),
    /// To change.
    Change(AgentId, Box<BotChange>),
    /// To be removed.
    Remove(AgentId),
}

/// What the administration wants of an agent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AgentOrder {
    /// To be made with this profile; one that was deleted is made again.
    Enroll(AgentChange),
    /// To change.
    Change(AgentChange),
    /// To be in a group with this priority, or not in it. A bot may be asked for this, too.
    Place(GroupId, Option<Priority>),
    /// To be logged out.
    SendOff,
    /// To be deleted.
    Remove,
}

/// What is wanted of a person of the installation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PersonOrder {
    /// To change.
    Change(Box<PersonChange>),
    /// To be removed.
    Remove,
}

/// A login over a WebSocket.
#[derive(Debug, Clone)]
pub enum Login {
    /// As an agent, or as one of its bots.
    Agent {
        /// The token, without `Bearer `.
        token: String,
        /// The bot that the connection is to be.
        author: Option<AgentId>,
        /// Asks for the last routing status instead of the default one.
        reconnect: bool,
        /// Where it stood in its chats when it lost its connection; `None`: it wants no numbers.
        resume: Option<Vec<(ConversationId, Seq)>>,
    },
    /// As a customer.
    Customer {
        /// The token, without `Bearer `.
        token: String,
        /// Group for chats started without an access.
        group: Option<GroupId>,
        /// What the customer tells of itself.
        change: CustomerChange,
        /// The page it is on.
        page: Option<NewPage>,
        /// From where it came; `None`: as the connection itself says.
        referrer: Option<Box<str>>,
        /// What its client kept, when it says so.
        side_storage: Option<Texts>,
        /// As for an agent.
        resume: Option<Vec<(ConversationId, Seq)>>,
    },
}

/// How an order ended.
pub type Outcome = Result<Done, Failure>;

/// Why an order failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Failure {
    /// Token missing, unknown, expired or revoked.
    Unauthenticated,
    /// The connection has to log in first.
    LoginFirst,
    /// The connection is logged in already.
    LoggedIn,
    /// No such action in this version.
    UnknownAction,
    /// Took longer than [`crate::engine::limits::REQUEST_TIME`].
    Timeout,
    /// Refused by a rule.
    Rejected(Rejected),
}

impl Failure {
    /// May the same succeed a moment later, with nothing changed by the asker?
    #[must_use]
    pub const fn may_pass(&self) -> bool {
        matches!(
            self,
            Self::Timeout | Self::Rejected(Rejected::StorageFull | Rejected::Internal | Rejected::Blocked(_))
        )
    }
}

impl From<Rejected> for Failure {
    fn from(rejected: Rejected) -> Self {
        Self::Rejected(rejected)
    }
}

/// A principal and what it asks.
#[derive(Debug, Clone)]
pub struct Request {
    /// Who.
    pub by: Arc<Principal>,
    /// What.
    pub order: Order,
    /// The group of chats started without an access, when the connection named one at login.
    pub group: Option<GroupId>,
    /// Makes a write to a chat one that is done once. Other orders do not remember it: most of them set
    /// something, and do not mind being done twice.
    pub key: Option<RequestKey>,
}

impl Order {
    /// A short name, for counting.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Nothing => "nothing",
            Self::Chat(_, Command::Activate(_)) => "activate",
            Self::Chat(_, Command::Close { .. }) => "close",
            Self::Chat(_, Command::Post { .. }) => "post",
            Self::Chat(_, Command::AddUser(_)) => "add_user",
            Self::Chat(_, Command::RemoveUser { .. }) => "remove_user",
            Self::Chat(_, Command::Tag { .. }) => "tag",
            Self::Chat(_, Command::ChangeProperties { .. }) => "change_properties",
            Self::Chat(_, Command::SendPostback { .. }) => "send_postback",
            Self::Chat(_, Command::ChangeAccess(_)) => "change_access",
            Self::Chat(_, Command::See(_)) => "see",
            Self::Chat(_, Command::Follow | Command::Unfollow) => "follow",
            Self::Chat(_, Command::SignalTyping { .. } | Command::ShowDraft(_)) => "signal",
            Self::Chat(_, Command::Transfer { .. }) => "transfer",
            Self::Chat(..) => "route",
            Self::StartChat(_) => "start_chat",
            Self::ListChats(_) => "list_chats",
            Self::GetThreads(..) => "get_threads",
            Self::SearchArchives(_) => "search_archives",
            Self::ListThreads(..) => "list_threads",
            Self::ListTickets(_) => "list_tickets",
            Self::GetGroupStatuses(_) => "get_group_statuses",
            Self::PredictAgent => "predict_agent",
            Self::SetAway(_) => "set_away",
            Self::SetStatus(..) => "set_status",
            Self::CreateBot(_) => "create_bot",
            Self::UpdateBot(..) => "update_bot",
            Self::RemoveBot { .. } => "remove_bot",
            Self::ListBots { .. } => "list_bots",
            Self::GetBot { .. } => "get_bot",
            Self::ChangeLicense(_) => "change_license",
            Self::ListProperties { .. } => "list_properties",
            Self::ListWebhooks { .. } => "list_webhooks",
            Self::CreateCustomer(_) => "create_customer",
            Self::UpdateCustomer(..) => "update_customer",
            Self::ChangeCustomerAccess(..) => "change_access",
            Self::ListCustomers(_) => "list_customers",
            Self::BanCustomer { .. } => "ban_customer",
            Self::OpenPage(_) => "open_page",
            Self::Multicast(_) => "multicast",
            Self::GetForm { .. } => "get_form",
            Self::GetPreview(_) => "get_preview",
            Self::IssueCustomerToken { .. } => "issue_customer_token",
        }
    }
}
