//! People of the installation, who may be in several licenses: their actors, and who is who. What somebody
//! is in a license is the business of the agent there.

use std::rc::Rc;
use std::sync::Arc;

use actix::{Actor, AsyncContext as _, Context, Handler, Message};
use dashmap::mapref::entry::Entry as Slot;
use switchboard_domain::error::Rejected;
use switchboard_domain::id::{AgentId, LicenseId};
use switchboard_domain::participant::license::License;
use switchboard_domain::participant::person::{Person, PersonChange, PersonFact};

use crate::engine::conversation::SaveSnapshot;
use crate::engine::dialect::Disconnect;
use crate::engine::entry::{Entry, TokenHash};
use crate::engine::handle::EngineHandle;
use crate::engine::hub::Parcel;
use crate::engine::link;
use crate::engine::maps::SharedMap;
use crate::engine::operations;
use crate::engine::order::{Done, Failure, PersonOrder};
use crate::engine::participants::store;
use crate::engine::profiles::AgentProfile;
use crate::engine::release::{Answer, Release};
use crate::engine::secret;
use crate::engine::shard::Shard;
use crate::storage::{ActorKey, Lsn};
use crate::telemetry::clock;

/// Everybody, by what they are found by.
#[derive(Default)]
pub(crate) struct People {
    known: SharedMap<u64, Arc<Person>>,
    tokens: SharedMap<TokenHash, u64>,
    /// Addresses, also of those who are being made.
    emails: SharedMap<AgentId, u64>,
}

impl People {
    /// Was somebody with this number removed?
    pub(crate) fn was_removed(&self, number: u64) -> bool {
        self.known.get(&number).is_some_and(|person| person.removed)
    }

    /// Somebody who was not removed.
    pub(crate) fn get(&self, number: u64) -> Option<Arc<Person>> {
        self.known.get(&number).map(|person| Arc::clone(&person)).filter(|person| !person.removed)
    }

    /// Whose token this is.
    pub(crate) fn with_token(&self, token: &TokenHash) -> Option<Arc<Person>> {
        let number = *self.tokens.get(token)?;
        self.get(number).filter(|person| person.tokens.contains(token))
    }

    /// Whose address this is.
    pub(crate) fn with_email(&self, email: &AgentId) -> Option<Arc<Person>> {
        let number = *self.emails.get(email)?;
        self.get(number)
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.emails.len()
    }

    /// Takes an address for somebody who is to be made; false when somebody has it.
    pub(crate) fn claim(&self, email: &AgentId, number: u64) -> bool {
        match self.emails.entry(email.clone()) {
            Slot::Occupied(_) => false,
            Slot::Vacant(slot) => {
                slot.insert(number);
                true
            }
        }
    }

    /// Gives an address back.
    pub(crate) fn give_back(&self, email: &AgentId, number: u64) {
        self.emails.remove_if(email, |_, whose| *whose == number);
    }

    /// Somebody's new state.
    pub(crate) fn put(&self, person: &Arc<Person>) {
        let before = self.known.insert(person.number, Arc::clone(person));
        for token in before.iter().flat_map(|before| &before.tokens) {
            if !person.tokens.contains(token) {
                self.tokens.remove(token);
            }
        }
        for token in &person.tokens {
            self.tokens.insert(*token, person.number);
        }
        if person.removed {
            self.give_back(&person.email, person.number);
        } else {
            self.emails.insert(person.email.clone(), person.number);
        }
    }
}

/// A person's actor. The rules are the domain's.
pub(crate) struct PersonActor {
    shard: Rc<Shard>,
    state: Person,
    lsn: Lsn,
}

/// Something is wanted of a person.
pub(crate) struct Administer {
    /// What.
    pub(crate) order: PersonOrder,
    /// Who hears how it went.
    pub(crate) answer: Answer,
}

impl Message for Administer {
    type Result = ();
}

impl Actor for PersonActor {
    type Context = Context<Self>;
}

impl PersonActor {
    /// A person as known.
    pub(crate) fn new(shard: Rc<Shard>, state: Person, lsn: Lsn) -> Self {
        Self { shard, state, lsn }
    }

    /// Journals a person that was just made.
    pub(crate) fn born(&mut self, answer: Answer, ctx: &Context<Self>) {
        self.commit(PersonFact::Put(Box::new(self.state.clone())), answer, ctx);
    }

    fn commit(&mut self, fact: PersonFact, answer: Answer, ctx: &Context<Self>) {
        let before = self.state.tokens.clone();
        self.state.apply(&fact);
        let person = Arc::new(self.state.clone());
        let (shard, number) = (Rc::clone(&self.shard), person.number);
        let done = Done::Person(Arc::clone(&person));
        let release = Release::reply(answer, Ok(done)).first(move || {
            shard.engine.tables().people.put(&person);
            for token in before.into_iter().filter(|token| !person.tokens.contains(token)) {
                shard.broadcast(|| Parcel::TokenGone(token, Disconnect::TokenRevoked));
            }
        });
        let save = || link::reminder(ctx.address(), SaveSnapshot);
        self.lsn = self.shard.commit(&[Entry::Person(number, fact)], release, save);
    }

    fn decide(&self, order: PersonOrder) -> Result<Option<PersonFact>, Rejected> {
        self.shard.ready()?;
        match order {
            PersonOrder::Change(change) => self.state.change(*change),
            PersonOrder::Remove => self.state.remove().map(Some),
        }
    }
}

impl Handler<Administer> for PersonActor {
    type Result = ();

    fn handle(&mut self, Administer { order, answer }: Administer, ctx: &mut Context<Self>) {
        match self.decide(order) {
            Ok(Some(fact)) => self.commit(fact, answer, ctx),
            Ok(None) => {
                let done = Done::Person(Arc::new(self.state.clone()));
                self.shard.after(self.lsn, Release::reply(answer, Ok(done)));
            }
            Err(rejected) => {
                self.shard.after(self.lsn, Release::reply(answer, Err(rejected.into())));
            }
        }
    }
}

impl Handler<SaveSnapshot> for PersonActor {
    type Result = ();

    fn handle(&mut self, _: SaveSnapshot, _: &mut Context<Self>) {
        store(&self.shard, ActorKey::Person(self.state.number), self.lsn, &self.state);
    }
}

impl EngineHandle {
    /// A person of the installation by its number.
    #[must_use]
    pub fn person(&self, number: u64) -> Option<Arc<Person>> {
        self.tables().people.get(number)
    }

    /// The person of the installation with this address.
    #[must_use]
    pub fn person_with_email(&self, email: &AgentId) -> Option<Arc<Person>> {
        self.tables().people.with_email(email)
    }

    /// The person of the installation with this token.
    #[must_use]
    pub fn person_with_token(&self, token: &str) -> Option<Arc<Person>> {
        self.tables().people.with_token(&secret::hash(token))
    }

    /// What a person is in a license, if it is in it.
    #[must_use]
    pub fn member(&self, license: LicenseId, person: &Person) -> Option<Arc<AgentProfile>> {
        let agent = self.agent(license, &person.email)?;
        (!agent.removed && person.is(&agent.id, agent.number)).then_some(agent)
    }

    /// Every license that a person is in, and what it is there; in the order of their making.
    #[must_use]
    pub fn memberships(&self, person: &Person) -> Vec<(Arc<License>, Arc<AgentProfile>)> {
        let of = |license: Arc<License>| Some((Arc::clone(&license), self.member(license.id, person)?));
        let mut all: Vec<_> = self.licenses().into_iter().filter_map(of).collect();
        all.sort_by_key(|(license, _)| license.desk.account);
        all
    }

    /// Makes a person, and gives out its first token.
    ///
    /// # Errors
    /// `Invalid`, naming the field: also when the address is another person's, or an agent's.
    pub async fn make_person(
        &self,
        email: AgentId,
        description: PersonChange,
    ) -> Result<(Arc<Person>, String), Failure> {
        let token = secret::draw_short();
        let description = PersonChange { token: Some(secret::hash(&token)), ..description };
        let make = |shard: &Rc<Shard>, answer| operations::make_person(shard, email, description, answer);
        Ok((person_of(self.heard(make).await?)?, token))
    }

    /// Changes a person; its agents are called as it is then.
    ///
    /// # Errors
    /// `NotFound`; `Invalid`, naming the field.
    pub async fn change_person(&self, number: u64, change: PersonChange) -> Result<Arc<Person>, Failure> {
        let order = PersonOrder::Change(Box::new(change));
        person_of(self.heard(|shard, answer| operations::person(shard, number, order, answer)).await?)
    }

    /// Gives out a further token of a person.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn issue_person_token(&self, number: u64) -> Result<String, Failure> {
        let token = secret::draw_short();
        let change = PersonChange { token: Some(secret::hash(&token)), ..PersonChange::default() };
        self.change_person(number, change).await?;
        Ok(token)
    }

    /// Gives out what signs a person in once, within [`SIGN_IN_LINK_LIFE`].
    ///
    /// # Errors
    /// `NotFound`.
    ///
    /// [`SIGN_IN_LINK_LIFE`]: switchboard_domain::limits::SIGN_IN_LINK_LIFE
    pub async fn issue_sign_in(&self, number: u64) -> Result<String, Failure> {
        let text = secret::draw();
        let change =
            PersonChange { link: Some((secret::hash(&text), clock::now())), ..PersonChange::default() };
        self.change_person(number, change).await?;
        Ok(text)
    }

    /// Signs a person in with what was given out for that: it is used up, and a further token of the person
    /// is in force.
    ///
    /// # Errors
    /// `NoAccess` when it is none that is in force.
    pub async fn sign_in(&self, email: &AgentId, text: &str) -> Result<(Arc<Person>, String), Failure> {
        let person = self.person_with_email(email).ok_or(Rejected::NoAccess)?;
        let token = secret::draw_short();
        let change = PersonChange {
            used: Some((secret::hash(text), clock::now())),
            token: Some(secret::hash(&token)),
            ..PersonChange::default()
        };
        match self.change_person(person.number, change).await {
            Ok(person) => Ok((person, token)),
            Err(Failure::Rejected(Rejected::NotFound(_))) => Err(Rejected::NoAccess.into()),
            Err(other) => Err(other),
        }
    }

    /// Removes a person: its tokens are void, and its agents go.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn remove_person(&self, number: u64) -> Result<(), Failure> {
        let remove =
            |shard: &Rc<Shard>, answer| operations::person(shard, number, PersonOrder::Remove, answer);
        self.heard(remove).await.map(drop)
    }
}

fn person_of(done: Done) -> Result<Arc<Person>, Failure> {
    match done {
        Done::Person(person) => Ok(person),
        _ => Err(Rejected::Internal.into()),
    }
}
