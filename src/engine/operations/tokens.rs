//! Gives out and takes back tokens. Only hashes are kept (design D14).

use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use switchboard_domain::auth::{Principal, ScopeSet, Token, TokenKind};
use switchboard_domain::error::{Rejected, Resource};
use switchboard_domain::id::{AgentId, ClientId, CustomerId, LicenseId};
use switchboard_domain::limits::CUSTOMER_TOKEN_LIFE;
use switchboard_domain::participant::customer::CustomerChange;
use tokio::sync::oneshot;

use crate::engine::bot::TokenRevoked;
use crate::engine::customer::CustomerActor;
use crate::engine::license::{Issue, Revoke};
use crate::engine::link;
use crate::engine::operations::read::table;
use crate::engine::order::{Done, Failure, IssuedToken, Outcome};
use crate::engine::release::Answer;
use crate::engine::secret;
use crate::engine::shard::Shard;
use crate::telemetry::clock;

/// Gives out a customer's token; makes the customer when none is named.
pub(super) async fn issue_customer_token(
    shard: Rc<Shard>,
    by: Arc<Principal>,
    customer: Option<CustomerId>,
    life: Option<Duration>,
    answer: Answer,
) {
    match prepare(&shard, &by, customer).await {
        Err(rejected) => shard.answer(answer, Err(rejected.into())),
        Ok((actors, customer)) => {
            let life = life.unwrap_or(CUSTOMER_TOKEN_LIFE);
            let text = secret::draw();
            let now = clock::now();
            let token = Token {
                license: by.license,
                client: by.client.clone(),
                kind: TokenKind::Customer(customer),
                issued_at: now,
                expires_at: Some(now.plus(life)),
            };
            let hash = secret::hash(&text);
            let issued = IssuedToken { token: text, client: by.client.clone(), customer, life };
            let done = Done::CustomerToken(issued);
            link::tell(&actors.license, Issue { hash, token, answer, done });
        }
    }
}

/// Finds the named customer, or makes one. An unknown id makes a customer with that id: an
/// identity may come from elsewhere.
async fn prepare(
    shard: &Rc<Shard>,
    by: &Principal,
    customer: Option<CustomerId>,
) -> Result<(crate::engine::directory::LicenseActors, CustomerId), Rejected> {
    shard.ready()?;
    let directory = shard.engine.directory();
    let actors = directory.license(by.license).ok_or(Rejected::Internal)?;
    let id = customer.unwrap_or_else(|| CustomerId::from_random(clock::random_u128()));
    match directory.customer(&shard.engine, by.license, id) {
        Ok(_) => {}
        Err(Rejected::NotFound(Resource::User)) => {
            // The token is given out on another shard: whoever has it finds the customer.
            drop(make_customer(shard, by.license, id)?.await);
        }
        Err(rejected) => return Err(rejected),
    }
    Ok((actors, id))
}

/// Makes a customer; the word that comes back is given when it is durable and everybody finds it.
fn make_customer(
    shard: &Rc<Shard>,
    license: LicenseId,
    id: CustomerId,
) -> Result<oneshot::Receiver<Outcome>, Rejected> {
    let table = table(shard, license)?;
    // Dropped unsent when somebody else was faster: then there is nothing to wait for.
    let (told, made) = oneshot::channel();
    CustomerActor::create(shard, &table, id, CustomerChange::default(), Answer::Waiter(told))
        .map_err(|(rejected, _)| rejected)?;
    Ok(made)
}

/// What an agent's token is to be.
pub(crate) struct AgentToken {
    /// The agent.
    pub(crate) agent: AgentId,
    /// The application.
    pub(crate) client: ClientId,
    /// What it may do.
    pub(crate) scopes: ScopeSet,
    /// How long it lives; `None`: for ever.
    pub(crate) life: Option<Duration>,
}

/// Gives out an agent's token with a given text; answers when it is in force.
pub(crate) fn issue_agent_token(
    shard: &Shard,
    license: LicenseId,
    wanted: AgentToken,
    text: &str,
    answer: Answer,
) {
    let Some(actors) = shard.engine.directory().license(license) else {
        return shard.answer(answer, Err(Rejected::Internal.into()));
    };
    // Not before the agent was made, should the clock have gone back: it would be void.
    let whose = shard.engine.tables().license(license).and_then(|table| table.agent(&wanted.agent));
    let now = whose.map_or_else(clock::now, |agent| clock::now().max(agent.since));
    let token = Token {
        license,
        client: wanted.client,
        kind: TokenKind::Agent(wanted.agent, wanted.scopes),
        issued_at: now,
        expires_at: wanted.life.map(|life| now.plus(life)),
    };
    link::tell(&actors.license, Issue { hash: secret::hash(text), token, answer, done: Done::Nothing });
}

/// Takes a token back, by its text. Answered when the bots whose login hangs on it are offline, and
/// the router knows.
pub(crate) fn revoke(shard: &Rc<Shard>, text: &str, answer: Answer) {
    let (shard, hash) = (Rc::clone(shard), secret::hash(text));
    actix::spawn(async move {
        let revoked = take_back(&shard, hash).await;
        shard.answer(answer, revoked.map(|()| Done::Nothing));
    });
}

async fn take_back(shard: &Shard, hash: [u8; 32]) -> Result<(), Failure> {
    let engine = &shard.engine;
    let license = engine.tables().tokens.get(&hash).map(|token| token.license);
    let license = license.ok_or(Failure::Unauthenticated)?;
    let actors = engine.directory().license(license).ok_or(Failure::Unauthenticated)?;
    heard(|answer| link::tell(&actors.license, Revoke { hash, answer })).await?;
    // This one fact makes it true; what follows is continued at a start, should we end here.
    let table = table(shard, license)?;
    let hanging: Vec<_> =
        table.bots.iter().filter(|bot| bot.token == Some(hash)).map(|bot| bot.id.clone()).collect();
    for bot in hanging {
        if let Some(actor) = engine.directory().bot(license, &bot) {
            heard(|answer| link::tell(&actor, TokenRevoked { token: hash, answer })).await?;
        }
    }
    Ok(())
}

/// Asks with an answer to come, and waits for its word.
async fn heard(ask: impl FnOnce(Answer)) -> Result<(), Failure> {
    let (told, heard) = oneshot::channel();
    ask(Answer::Waiter(told));
    heard.await.map_err(|_| Failure::from(Rejected::Internal))?.map(drop)
}
