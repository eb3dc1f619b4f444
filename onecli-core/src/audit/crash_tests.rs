//! A journal that was cut off or damaged anywhere, and what is read of it afterwards.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
    sync::Arc,
};

use proptest::prelude::*;

use super::{
    Ending, Fsync, Journal, Recorder, Ticket,
    frame::{self, Record},
    segment,
    tests::drained,
};
use crate::{
    model::{Decision, EventId},
    store::SqliteStore,
};

/// Small, so that a few records fill one.
const SEGMENT: u64 = 2048;

#[derive(Clone, Copy, Debug)]
enum Step {
    /// A request leaves.
    Begin,
    /// One of those that are open ends.
    End(usize),
    /// A request is denied: it has no intent.
    Deny,
    /// What has finished goes into the store, and old segments go.
    Drain,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        4 => Just(Step::Begin),
        4 => any::<usize>().prop_map(Step::End),
        2 => Just(Step::Deny),
        1 => Just(Step::Drain),
    ];
    prop::collection::vec(step, 1..16)
}

fn open(directory: &Path) -> Arc<Recorder> {
    Recorder::new(Journal::with_segments_of(SEGMENT, directory, Fsync::Group).unwrap(), "test".into())
}

/// How each exchange has to stand in the store.
type Expected = BTreeMap<EventId, Decision>;

/// A process that records, and what would have to be known of it if it ended now.
struct Run {
    recorder: Arc<Recorder>,
    open: Vec<Ticket>,
    expected: Expected,
}

impl Run {
    fn new(directory: &Path) -> Self {
        Self { recorder: open(directory), open: Vec::new(), expected: Expected::new() }
    }

    async fn take(&mut self, step: Step, store: &SqliteStore) {
        match step {
            Step::Begin => {
                let mut ticket = Ticket::open(&self.recorder, None);
                ticket.intent().unwrap();
                self.expected.insert(ticket.event().unwrap().id, Decision::Interrupted);
                self.open.push(ticket);
            }
            Step::End(number) if !self.open.is_empty() => {
                let ticket = self.open.swap_remove(number % self.open.len());
                self.finish(ticket, Decision::Allowed);
            }
            Step::Deny => {
                let ticket = Ticket::open(&self.recorder, None);
                self.finish(ticket, Decision::Blocked);
            }
            Step::Drain => drop(drained(&self.recorder, store).await),
            Step::End(_) => {}
        }
    }

    fn finish(&mut self, ticket: Ticket, decision: Decision) {
        self.expected.insert(ticket.event().unwrap().id, decision);
        ticket.finish(Ending { decision, status: None, reason: None, error: None }).unwrap();
    }
}

fn copy(from: &Path, to: &Path) {
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
    }
}

/// What the store holds once a new process has read the journal, twice.
async fn replayed(directory: &Path, store: &SqliteStore) -> Expected {
    let once = drained(&open(directory), store).await;
    let twice = drained(&open(directory), store).await;
    assert_eq!(once.len(), twice.len(), "each once");
    let events: Expected = twice.iter().map(|event| (event.id, event.decision)).collect();
    assert_eq!(events.len(), twice.len());
    events
}

fn block_on<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(work)
}

/// Where each record of a segment stands: first byte, last byte and what it is.
fn frames(bytes: &[u8]) -> Vec<(usize, usize, Record)> {
    let (mut at, mut frames) = (0, Vec::new());
    while at < bytes.len() {
        let (record, length) = frame::decode(&bytes[at..]).unwrap();
        frames.push((at, at + length, record));
        at += length;
    }
    frames
}

#[derive(Clone, Copy, Debug)]
enum Damage {
    Cut,
    Flip(u8),
    Zero(usize),
    Insert(u8),
}

fn damage() -> impl Strategy<Value = Damage> {
    prop_oneof![
        Just(Damage::Cut),
        (1_u8..).prop_map(Damage::Flip),
        (1_usize..600).prop_map(Damage::Zero),
        any::<u8>().prop_map(Damage::Insert),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    /// Ended after any record, and within the next one.
    #[test]
    fn a_process_that_ends_anywhere_leaves_each_exchange_once(steps in steps(), within in any::<prop::sample::Index>()) {
        block_on(async {
            let directory = tempfile::tempdir().unwrap();
            let store = SqliteStore::in_memory().await.unwrap();
            let mut run = Run::new(directory.path());
            for step in &steps {
                let before = run.expected.clone();
                run.take(*step, &store).await;
                let after = tempfile::tempdir().unwrap();
                copy(directory.path(), after.path());
                // A store that saw nothing: what was drained before is not asked of the journal again.
                let fresh = SqliteStore::in_memory().await.unwrap();
                let found = replayed(after.path(), &fresh).await;
                for (id, decision) in &found {
                    assert_eq!(run.expected.get(id), Some(decision));
                }
                let drained: BTreeSet<EventId> = drained(&run.recorder, &store).await.iter().map(|event| event.id).collect();
                for id in run.expected.keys() {
                    assert!(found.contains_key(id) || drained.contains(id), "lost: {id}");
                }
                let torn = tempfile::tempdir().unwrap();
                copy(directory.path(), torn.path());
                let last = segment::path(torn.path(), *segment::list(torn.path()).unwrap().last().unwrap());
                let bytes = fs::read(&last).unwrap();
                if let Some((from, to, _)) = frames(&bytes).pop() && before != run.expected {
                    fs::write(&last, &bytes[..from + within.index(to - from)]).unwrap();
                    let fresh = SqliteStore::in_memory().await.unwrap();
                    for (id, decision) in replayed(torn.path(), &fresh).await {
                        assert!(before.get(&id) == Some(&decision) || run.expected.get(&id) == Some(&decision));
                    }
                }
            }
            run.open.into_iter().for_each(std::mem::forget);
        });
    }

    /// Whatever happens to some bytes, every record that is whole is read.
    #[test]
    fn damage_costs_only_the_records_that_it_touches(steps in steps(), place in any::<prop::sample::Index>(), damage in damage()) {
        block_on(async {
            let directory = tempfile::tempdir().unwrap();
            let store = SqliteStore::in_memory().await.unwrap();
            let mut run = Run::new(directory.path());
            for step in steps.iter().filter(|step| !matches!(step, Step::Drain)) {
                run.take(*step, &store).await;
            }
            run.open.into_iter().for_each(std::mem::forget);
            let first = segment::path(directory.path(), 1);
            let mut bytes = fs::read(&first).unwrap();
            if bytes.is_empty() {
                return;
            }
            let (frames, at) = (frames(&bytes), place.index(bytes.len()));
            let end = match damage {
                Damage::Cut => { bytes.truncate(at); usize::MAX }
                Damage::Flip(mask) => { bytes[at] ^= mask; at + 1 }
                Damage::Zero(count) => {
                    let end = bytes.len().min(at + count);
                    bytes[at..end].fill(0);
                    end
                }
                Damage::Insert(byte) => { bytes.insert(at, byte); at + 1 }
            };
            fs::write(&first, &bytes).unwrap();
            let mut expected = Expected::new();
            let whole = frames.into_iter().filter(|(from, to, _)| *to <= at || *from >= end);
            let later = segment::list(directory.path()).unwrap().into_iter().skip(1);
            let later = later.flat_map(|number| self::frames(&fs::read(segment::path(directory.path(), number)).unwrap()));
            for (_, _, record) in whole.chain(later) {
                match record {
                    Record::Intent(event) => expected.entry(event.id).or_insert(Decision::Interrupted),
                    Record::Finish(event) => expected.entry(event.id).insert_entry(event.decision).into_mut(),
                };
            }
            // A byte before the first record hides none behind it, and one within may leave it readable.
            for (id, decision) in &replayed(directory.path(), &store).await {
                let known = run.expected.get(id);
                assert!(expected.get(id) == Some(decision) || known == Some(decision), "{id}: {decision:?}");
                expected.remove(id);
            }
            assert!(expected.is_empty(), "lost: {expected:?}");
        });
    }
}

#[tokio::test]
async fn a_damaged_segment_is_kept_aside() {
    let directory = tempfile::tempdir().unwrap();
    let store = SqliteStore::in_memory().await.unwrap();
    let mut run = Run::new(directory.path());
    for _ in 0..3 {
        run.take(Step::Deny, &store).await;
    }
    let first = segment::path(directory.path(), 1);
    let mut bytes = fs::read(&first).unwrap();
    let (_, end, _) = frames(&bytes)[0];
    bytes[end + 20] ^= 1;
    fs::write(&first, &bytes).unwrap();
    assert_eq!(
        replayed(directory.path(), &store).await.len(),
        2,
        "the one in the middle is lost, the others are not"
    );
    assert_eq!(fs::read(first.with_extension("journal.damaged")).unwrap(), bytes);
}
