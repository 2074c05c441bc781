//! What a row of the table says.

pub(crate) use crate::support::web::Api;

/// One method of one API.
#[derive(Debug)]
pub(crate) struct Method {
    pub(crate) api: Api,
    pub(crate) name: &'static str,
    pub(crate) rtm: bool,
    pub(crate) web: bool,
    /// Scopes of which any one is enough (in the wording of 3.4); empty: none is needed.
    pub(crate) scopes: &'static [&'static str],
    /// Who calls it.
    pub(crate) by: By,
    /// What happens in a chat without an active thread.
    pub(crate) closed: Closed,
    /// Ways to call it; the first is the plainest.
    pub(crate) cases: &'static [Case],
}

/// One way to call a method.
#[derive(Debug)]
pub(crate) struct Case {
    /// What must be there before.
    pub(crate) scene: Scene,
    /// The arguments as JSON. A string `$name` stands for a value of the scene.
    pub(crate) payload: &'static str,
    pub(crate) fields: &'static [Field],
    /// The golden answer, when it is not the one that is named after the method.
    pub(crate) answer: Option<&'static str>,
    /// The pushes that it causes; the first is the one that carries the `request_id`.
    pub(crate) causes: &'static [Cause],
}

/// One field of the arguments.
#[derive(Debug)]
pub(crate) struct Field {
    /// Dotted; a number is a place in a list. An empty step stands for any key.
    pub(crate) path: &'static str,
    pub(crate) kind: Kind,
    pub(crate) required: bool,
    /// Values that are beyond a limit.
    pub(crate) over: &'static [Over],
}

/// What a field holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Text,
    /// One of some words.
    Word,
    Int,
    Bool,
    Map,
    List,
    /// Any JSON.
    Any,
    /// Refers to something that must exist and be within reach.
    Id(What),
}

/// What an id refers to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum What {
    Chat,
    Thread,
    Event,
    Customer,
    Agent,
    Bot,
    Webhook,
}

/// A value that no field of this row may have.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Over {
    /// One character more than this.
    Chars(usize),
    /// An object with a text of this length in it.
    Wide(usize),
    /// The first entry of the list, once more than this.
    Items(usize),
    /// No entry, or no text.
    Empty,
    /// This number.
    Number(i64),
}

/// What must be there before a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scene {
    /// Nothing but the people.
    Nothing,
    /// A customer without a chat.
    Customer,
    /// An open chat: `$chat`, `$thread`, `$event`, `$rich` (a rich message) and `$customer`.
    Open,
    /// The same with a closed thread.
    Closed,
    /// An open chat whose chat, thread and event have `test.int_property`, and whose thread the tag `tagged`.
    Propertied,
    /// An open chat that group 2 may see, too.
    OpenToBoth,
    /// A bot of the caller's application: `$bot`.
    Bot,
    /// An open chat that `$bot` is in.
    OpenWithBot,
    /// An open chat that `$bot` is not in.
    OpenBesideBot,
    /// A webhook of the caller's application: `$webhook`.
    Webhook,
}

/// Who calls a method.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum By {
    /// The agent who holds the chats.
    Holder,
    /// An agent with access who neither holds nor follows the chat.
    Colleague,
    /// The customer of the scene.
    Customer,
    /// A connection that has not logged in.
    NewConnection,
    /// A connection of an agent that is used for nothing else.
    OwnConnection,
}

/// What a method does to a chat without an active thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Closed {
    /// It has no chat, or needs one without an active thread.
    Moot,
    /// It answers as in an open one.
    Same,
    /// The same, but of its pushes there is only this one.
    Tells(&'static str),
    /// It is `validation`, and changes nothing.
    Refused,
    /// It opens a thread, and tells so by `incoming_chat_thread`.
    Opens,
}

/// A push that a call causes.
#[derive(Debug)]
pub(crate) enum Cause {
    /// To the audience that the push has in the table of pushes.
    Push(&'static str),
    /// To these only.
    To(&'static str, &'static [Role]),
    /// To these only, and to no webhook: nothing has changed for anybody else.
    Quiet(&'static str, &'static [Role]),
    /// No push, but a webhook of that action.
    Hook(&'static str),
}

impl Cause {
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Push(name) | Self::To(name, _) | Self::Quiet(name, _) | Self::Hook(name) => name,
        }
    }
}

/// Who stands around a chat.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Role {
    /// The agent in the chat.
    Holder,
    /// An agent who follows it.
    Follower,
    /// An agent with access.
    Colleague,
    /// An agent of the license without access.
    Outsider,
    /// The customer of the chat: every tab.
    Customer,
    /// Another customer.
    Stranger,
    /// An agent of another license.
    Foreigner,
    /// The connection that asked, over RTM; nobody over the Web.
    Asker,
}

impl Role {
    pub(crate) const ALL: [Self; 7] = [
        Self::Holder,
        Self::Follower,
        Self::Colleague,
        Self::Outsider,
        Self::Customer,
        Self::Stranger,
        Self::Foreigner,
    ];
}

const METHOD: Method = Method {
    api: Api::Agent,
    name: "",
    rtm: true,
    web: true,
    scopes: &[],
    by: By::Holder,
    closed: Closed::Moot,
    cases: &[],
};

/// The defaults of a case.
pub(crate) const CASE: Case =
    Case { scene: Scene::Open, payload: "{}", fields: &[], answer: None, causes: &[] };

/// A method of the Agent Chat API on both transports.
pub(crate) const fn agent(name: &'static str) -> Method {
    Method { name, ..METHOD }
}

/// A method of the Customer Chat API on both transports.
pub(crate) const fn customer(name: &'static str) -> Method {
    Method { api: Api::Customer, name, by: By::Customer, ..METHOD }
}

/// A method of the Configuration API.
pub(crate) const fn configuration(name: &'static str) -> Method {
    Method { api: Api::Configuration, name, rtm: false, ..METHOD }
}

/// A field that must be given.
pub(crate) const fn req(path: &'static str, kind: Kind) -> Field {
    Field { path, kind, required: true, over: &[] }
}

/// A field that may be left out.
pub(crate) const fn opt(path: &'static str, kind: Kind) -> Field {
    Field { path, kind, required: false, over: &[] }
}

impl Field {
    /// The same field with limits.
    pub(crate) const fn over(self, over: &'static [Over]) -> Self {
        Self { over, ..self }
    }
}

impl Method {
    /// `agent send_event`, for messages.
    pub(crate) fn title(&self) -> String {
        format!("{} {}", self.api_name(), self.name)
    }

    pub(crate) fn api_name(&self) -> &'static str {
        match self.api {
            Api::Agent => "agent",
            Api::Customer => "customer",
            Api::Configuration => "configuration",
        }
    }
}
