//! A decision looks at as much whether few or many wait.

use super::super::queue::looks::LOOKED_AT;
use super::*;

/// The agent that everybody waits for.
const BUSY: &str = "busy";
/// Whom some do not want.
const SHUNNED: &str = "shunned";

/// Turns and lanes that each kind of decision looks at while `crowd` conversations wait: a third that
/// take anybody, a third that exclude the shunned agent, a third in a group where agents choose.
fn looks(crowd: u64) -> Vec<(&'static str, usize)> {
    let manual = Settings { mode: RoutingMode::Manual, ..Settings::default() };
    let settings = RouterSettings { groups: [(GroupId(7), manual)].into(), ..RouterSettings::default() };
    let mut table = Table::with(settings);
    let in_both = |seat: &mut AgentSeat| {
        seat.groups = [(GroupId(0), Priority::Normal), (GroupId(7), Priority::Normal)].into();
    };
    table.agent(BUSY, in_both);
    table.agent(SHUNNED, in_both);
    table.with_agents(1, &[BUSY]);
    table.with_agents(2, &[SHUNNED]);
    for n in 0..crowd / 3 {
        table.waits(10 + 3 * n, &[0], &[SHUNNED]);
        table.waits(11 + 3 * n, &[7], &[]);
        table.waits(12 + 3 * n, &[0], &[]);
    }
    // Who takes anybody came in first, so that the shunned agent has somebody to take.
    table.waits(5, &[0], &[]);
    let mut looks = Vec::new();
    let mut look = |what, table: &mut Table, deed: &dyn Fn(&mut Table)| {
        let before = LOOKED_AT.get();
        deed(table);
        looks.push((what, LOOKED_AT.get() - before));
    };
    look("a newcomer finds everybody busy", &mut table, &|table| {
        let request = table.request(1_000_001, &[0]);
        assert!(matches!(table.place(request), Placement::Queued { .. }));
    });
    look("the oldest asks again", &mut table, &|table| {
        let again = PlaceRequest { exclude: vec![agent(SHUNNED)], ..table.request(10, &[0]) };
        assert_eq!(table.place(again), queued(1));
    });
    look("a place is asked for", &mut table, &|table| {
        assert_eq!(table.router.position(conversation(12)), Some(2));
    });
    look("a slot comes free for the oldest", &mut table, &|table| {
        assert_eq!(table.closed(1), [given(10, BUSY)]);
    });
    look("a slot comes free for who takes anybody", &mut table, &|table| {
        assert_eq!(table.closed(2), [given(12, SHUNNED)]);
    });
    look("who was offered it does not want it", &mut table, &|table| {
        let offer = table.router.entries[&conversation(12)].offer.as_ref().unwrap().ticket;
        assert_eq!(table.answer(12, offer, Answer::Refused), [given(15, SHUNNED)]);
    });
    look("one gives up", &mut table, &|table| assert_eq!(table.closed(18), []));
    look("somebody else comes", &mut table, &|table| {
        assert_eq!(table.agent("other", in_both), [given(12, "other")]);
    });
    looks
}

#[test]
fn no_decision_grows_with_those_who_wait() {
    let few = looks(30);
    assert!(few.iter().any(|(_, looked)| *looked > 0), "somebody counts: {few:?}");
    assert_eq!(few, looks(3_000));
}
