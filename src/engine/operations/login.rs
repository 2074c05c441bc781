//! Logins (design D11): subscribe first and hold back what is pushed, read, answer, then send
//! what was held back and is not in the answer.

use std::rc::Rc;
use std::sync::Arc;

use switchboard_domain::auth::TokenKind;
use switchboard_domain::conversation::recent::Seq;
use switchboard_domain::conversation::view::Summary;
use switchboard_domain::error::Rejected;
use switchboard_domain::id::{AgentId, ConversationId, GroupId};
use switchboard_domain::participant::agent::Coming;
use switchboard_domain::routing::GroupStatus;
use tokio::sync::oneshot;

use crate::engine::agent::{Connect, Counts};
use crate::engine::customer::{Arrive, Arrived, ChatsOf, Entered};
use crate::engine::dialect::{Disconnect, Side};
use crate::engine::handle::EngineHandle;
use crate::engine::index;
use crate::engine::limits::LOGIN_CHATS;
use crate::engine::link;
use crate::engine::operations::connection_gone;
use crate::engine::operations::read::{shown, table, users};
use crate::engine::operations::resume::{self, Chats};
use crate::engine::order::{AgentWelcome, CustomerWelcome, Done, Failure, Login, NewPage};
use crate::engine::release::Release;
use crate::engine::router::GroupStatuses;
use crate::engine::session::{Identity, Session, Standing};
use crate::engine::shard::Shard;
use crate::storage::Lsn;

/// What a login comes to.
struct Welcome {
    /// Its answer.
    done: Done,
    /// The position that the answer saw.
    lsn: Lsn,
    /// What the session has to know of it.
    standing: Standing,
}

/// Logs a session in and answers the request that asked for it.
pub(crate) fn login(shard: &Rc<Shard>, session: Rc<Session>, slot: u32, login: Login) {
    let shard = Rc::clone(shard);
    actix::spawn(async move {
        match welcome(&shard, &session, login).await {
            Ok(Welcome { done, lsn, standing }) => {
                let answer = move || session.logged_in(slot, &Ok(done), standing);
                shard.after(lsn, Release::default().first(answer));
            }
            Err(failure) => {
                let ends = match failure {
                    Failure::Rejected(Rejected::TooManyConnections) => Some(Disconnect::TooManyConnections),
                    // Whole seconds, and none too early.
                    Failure::Rejected(Rejected::Blocked(left)) => {
                        Some(Disconnect::Blocked(left.as_secs() + u64::from(left.subsec_nanos() > 0)))
                    }
                    _ => None,
                };
                session.logged_in(slot, &Err(failure), Standing::default());
                shard.hub.go_on();
                if let Some(why) = ends {
                    session.disconnect(why);
                }
            }
        }
    });
}

async fn welcome(shard: &Rc<Shard>, session: &Rc<Session>, login: Login) -> Result<Welcome, Failure> {
    match login {
        Login::Agent { token, author, reconnect, resume } if session.side() == Side::Agent => {
            agent(shard, session, &token, author, (reconnect, resume)).await
        }
        Login::Customer { token, group, change, page, referrer, side_storage, resume }
            if session.side() == Side::Customer =>
        {
            let mut origin = session.origin().clone();
            origin.referrer = referrer.unwrap_or(origin.referrer);
            let arrive = Arrive { session: session.key(), change, origin, side_storage };
            customer(shard, session, &token, group, (arrive, page), resume).await
        }
        _ => Err(Failure::Unauthenticated),
    }
}

async fn agent(
    shard: &Rc<Shard>,
    session: &Rc<Session>,
    token: &str,
    author: Option<AgentId>,
    (reconnect, resume): (bool, Option<Vec<(ConversationId, Seq)>>),
) -> Result<Welcome, Failure> {
    let engine = &shard.engine;
    let who = engine.authenticate(token)?;
    if !matches!(who.token.kind, TokenKind::Agent(..)) {
        return Err(Failure::Unauthenticated);
    }
    let by = engine.principal(&who, author.as_ref())?;
    let me = by.agent().cloned().ok_or(Failure::Unauthenticated)?;
    let table = table(shard, by.license)?;
    // A bot's login changes no status, and its logout neither (spec v3.0, 10.8).
    if author.is_none() {
        let actor = engine.directory().agent(by.license, &me).ok_or(Failure::Unauthenticated)?;
        let (told, heard) = oneshot::channel();
        let coming = if reconnect { Coming::Back } else { Coming::Anew };
        link::tell(&actor, Connect { session: session.key(), coming, told });
        heard.await.map_err(|_| Rejected::Internal)??;
        if session.is_gone() {
            connection_gone(shard, (by.license, &by.user), session.key(), None);
            return Err(Failure::Timeout);
        }
    }
    session.subscribe(Identity { who, by: Arc::clone(&by), group: None });
    still_good(engine, token)?;
    if author.is_none()
        && let Some(actor) = engine.directory().agent(by.license, &me)
        && !link::ask(&actor, Counts(session.key())).await?
    {
        // Logged out by somebody else before it could hear of it.
        session.disconnect(Disconnect::LoggedOutRemotely);
        return Err(Failure::Unauthenticated);
    }
    let chats = index::active_chats_of(&table, &by.user, LOGIN_CHATS);
    let Chats { lines: chats, newest: lsn, seen, resumed, missed } =
        resume::read(shard, session, &by, &chats, resume).await?;
    let standing = Standing { seen, missed, numbered: resumed.is_some() };
    let me = table.agent(&me).ok_or(Rejected::Internal)?;
    let welcome = AgentWelcome {
        license: by.license,
        license_created_at: table.license.load().created_at,
        me,
        chats,
        resumed,
    };
    let shown = shown(&table, welcome, |welcome| users(&welcome.chats));
    Ok(Welcome { done: Done::AgentLogin(Box::new(shown)), lsn, standing })
}

async fn customer(
    shard: &Rc<Shard>,
    session: &Rc<Session>,
    token: &str,
    group: Option<GroupId>,
    (arrive, page): (Arrive, Option<NewPage>),
    resume: Option<Vec<(ConversationId, Seq)>>,
) -> Result<Welcome, Failure> {
    let engine = &shard.engine;
    let who = engine.authenticate(token)?;
    let TokenKind::Customer(id) = who.token.kind else { return Err(Failure::Unauthenticated) };
    // A token of another license is like one that does not exist (spec v3.0, 2).
    if session.license() != Some(who.token.license) {
        return Err(Failure::Unauthenticated);
    }
    let by = engine.principal(&who, None)?;
    let table = table(shard, by.license)?;
    if let Some(group) = group.filter(|group| !table.license.load().groups.contains_key(group)) {
        return Err(Rejected::GroupNotFound(group).into());
    }
    let actor = engine.directory().customer(engine, by.license, id)?;
    let Arrived { customer, lsn: position, tell_side_storage } = link::ask(&actor, arrive).await??;
    if session.is_gone() {
        connection_gone(shard, (by.license, &by.user), session.key(), None);
        return Err(Failure::Timeout);
    }
    session.subscribe(Identity { who, by: Arc::clone(&by), group });
    still_good(engine, token)?;
    link::tell(&actor, Entered { page, tell_side_storage });
    let chats = link::ask(&actor, ChatsOf).await?;
    let Chats { lines: chats, newest, seen, resumed, missed } =
        resume::read(shard, session, &by, &chats, resume).await?;
    let standing = Standing { seen, missed, numbered: resumed.is_some() };
    let groups = table.license.load().groups.keys().copied().collect();
    let router = engine.directory().license(by.license).ok_or(Rejected::Internal)?.router;
    let statuses = link::ask(&router, GroupStatuses(groups)).await?;
    let online = |(group, status)| (status != GroupStatus::Offline).then_some(group);
    let online_groups = statuses.into_iter().filter_map(online).collect();
    let line = |s: &Summary| (s.chat.id, s.chat.active, s.unread_by_customer);
    let chats = chats.iter().map(line).collect();
    let welcome = CustomerWelcome { customer, chats, online_groups, resumed };
    Ok(Welcome { done: Done::CustomerLogin(Box::new(welcome)), lsn: newest.max(position), standing })
}

/// Whose token was revoked, or who was banned, before the session could hear of it must not stay.
fn still_good(engine: &EngineHandle, token: &str) -> Result<(), Failure> {
    engine.authenticate(token).and_then(|who| engine.principal(&who, None)).map(drop)
}
