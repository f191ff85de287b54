//! The way of the data: the operation's thread lists the work, workers do it, and the
//! operation's thread takes the results in the order of the list.
//!
//! Memory is bounded: by what is listed ahead ([`LOOKAHEAD`]), and by the results that
//! wait for an earlier one. With one thread everything happens on the operation's own.

use std::collections::{BTreeMap, VecDeque};
use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::error::{Error, Result};
use crate::panics;
use crate::sync::{Condvar, Mutex, MutexGuard, lock, wait};
use crate::sys;

/// Bytes of listed work that may wait for a worker. Some 20,000 names: enough for the
/// total of most stores to be known early, and little memory.
pub const LOOKAHEAD: usize = 1 << 20;

/// What workers do; shared by all of them.
pub trait Work: Sync {
    type Task: Send;
    type Part: Send;
    /// What one worker keeps from task to task: buffers and contexts.
    type Worker: Send;
    /// What a worker asks the operation's thread, and is answered.
    type Question: Send;
    type Answer: Send;

    /// Parts for each worker that may be begun before the expected one is there.
    const AHEAD: usize = 2;
    /// Bytes that these may hold: while they do, no more are begun.
    const HELD: usize = usize::MAX / 2;

    fn worker(&self) -> Result<Self::Worker>;

    /// Does a task, or the first part of it.
    fn work(
        &self,
        worker: &mut Self::Worker,
        task: Self::Task,
        context: &mut dyn TaskContext<Self>,
    ) -> Result<Self::Part>;

    /// Bytes of memory that a task takes while it waits.
    fn weight(task: &Self::Task) -> usize;

    /// Bytes of memory that a part holds.
    fn held(_part: &Self::Part) -> usize {
        0
    }
}

/// What a worker may ask for while it does a task.
pub trait TaskContext<W: Work + ?Sized> {
    /// Gives back what remains of the task, once, as early as it is known: another worker
    /// can go on with it meanwhile.
    fn requeue(&mut self, rest: W::Task);

    /// Has the operation's thread answer, and waits for that. [`Error::Canceled`] when the
    /// pipeline ends instead.
    fn ask(&mut self, question: W::Question) -> Result<W::Answer>;

    /// Has this worker do something more, once, when it has handed in its part and before it
    /// takes another: other workers go on meanwhile, with what remains of the task too.
    fn run_after(&mut self, more: Box<dyn FnOnce() + Send>);
}

/// What the operation's thread does.
pub trait MainSide<W: Work> {
    /// The next task; None at the end of the list.
    fn next(&mut self) -> Result<Option<W::Task>>;
    /// Takes a part; the parts come in the order of the tasks.
    fn accept(&mut self, part: W::Part) -> Result<()>;
    /// Answers a worker. They ask in no particular order, and in most pipelines nothing.
    fn answer(&mut self, _question: W::Question) -> Result<W::Answer> {
        Err(Error::Defect("a question that nobody answers".to_owned()))
    }
    /// Called between steps; an error ends the pipeline.
    fn check(&self) -> Result<()>;
}

/// The place of a part in the order: the number of its task and that within the task.
type Sequence = (u64, u64);

struct Finished<P> {
    part: Result<P>,
    /// Whether the task ends with this part.
    last: bool,
}

struct State<W: Work> {
    /// Listed and not begun.
    waiting: BTreeMap<Sequence, W::Task>,
    waiting_weight: usize,
    /// Done and not accepted.
    finished: BTreeMap<Sequence, Finished<W::Part>>,
    /// Asked and not answered, and answered and not taken.
    questions: VecDeque<(Sequence, W::Question)>,
    answers: BTreeMap<Sequence, Result<W::Answer>>,
    /// Begun and not accepted.
    outstanding: usize,
    /// Bytes that those hold which are done.
    held: usize,
    /// The next to be accepted.
    expected: Sequence,
    stop: bool,
}

struct Pipeline<'a, W: Work> {
    work: &'a W,
    helpers: usize,
    /// Parts that may be begun and not accepted.
    most_outstanding: usize,
    state: Mutex<State<W>>,
    /// A task may be taken, or it is time to stop.
    may_work: Condvar,
    /// The expected part is there, or a question.
    may_accept: Condvar,
    /// There is an answer, or it is time to stop.
    answered: Condvar,
}

/// Runs `work` over what `main` lists, on `threads` threads; returns when every part was
/// accepted, or with the first error in the order of the list.
pub fn run<W: Work>(work: &W, main: &mut impl MainSide<W>, threads: usize) -> Result<()> {
    // Fewer threads, or none, are no reason to fail: the work gets done by those there are.
    let mut own = work.worker()?;
    let mut helpers = Vec::new();
    if threads > 1 {
        helpers.extend((0..threads).map_while(|_| work.worker().ok()));
    }
    let pipeline = Pipeline {
        work,
        helpers: helpers.len(),
        most_outstanding: W::AHEAD * helpers.len() + 2,
        state: Mutex::new(State {
            waiting: BTreeMap::new(),
            waiting_weight: 0,
            finished: BTreeMap::new(),
            questions: VecDeque::new(),
            answers: BTreeMap::new(),
            outstanding: 0,
            held: 0,
            expected: (0, 0),
            stop: false,
        }),
        may_work: Condvar::new(),
        may_accept: Condvar::new(),
        answered: Condvar::new(),
    };
    let pipeline = &pipeline;
    sys::scope(|scope| {
        let mut started = 0;
        let stop = StopWhenDropped(pipeline);
        for mut worker in helpers {
            let name = format!("wmlb-{}", started + 1);
            match scope.begin(name, move || pipeline.help(&mut worker)) {
                Ok(()) => started += 1,
                Err(_) => break,
            }
        }
        let own = (started == 0).then_some(&mut own);
        let result = pipeline.run_main(main, own);
        // The scope waits until they have ended.
        drop(stop);
        result
    })
}

struct StopWhenDropped<'a, 'b, W: Work>(&'a Pipeline<'b, W>);

impl<W: Work> Drop for StopWhenDropped<'_, '_, W> {
    fn drop(&mut self) {
        let mut state = lock(&self.0.state);
        state.stop = true;
        // Nobody does them, and what is done for them besides can end.
        let waiting = std::mem::take(&mut state.waiting);
        drop(state);
        drop(waiting);
        self.0.may_work.notify_all();
        self.0.answered.notify_all();
    }
}

impl<W: Work> Pipeline<'_, W> {
    /// The operation's thread. With a worker of its own there are no helpers.
    fn run_main(&self, main: &mut impl MainSide<W>, mut own: Option<&mut W::Worker>) -> Result<()> {
        let mut listed = 0;
        let mut all_listed = false;
        // Questions and the list take turns.
        let mut lists = false;
        loop {
            main.check()?;
            let mut state = lock(&self.state);
            let has_room = !all_listed && state.waiting_weight < LOOKAHEAD;
            if let Some(part) = state.take_expected() {
                drop(state);
                // An accepted part makes room for another to be begun.
                self.may_work.notify_one();
                main.accept(part?)?;
            } else if !(has_room && lists)
                && let Some((sequence, question)) = state.questions.pop_front()
            {
                drop(state);
                // An error is that of the part which needs the answer, and has its turn.
                let answer = main.answer(question);
                lock(&self.state).answers.insert(sequence, answer);
                self.answered.notify_all();
                lists = true;
            } else if has_room {
                lists = false;
                drop(state);
                match main.next()? {
                    Some(task) => {
                        lock(&self.state).wait_with((listed, 0), task);
                        self.may_work.notify_one();
                        listed += 1;
                    }
                    None => all_listed = true,
                }
            } else if all_listed && state.expected.0 == listed {
                return Ok(());
            } else if let Some(worker) = &mut own {
                self.work_once(worker, state, Some(&mut |question| main.answer(question)));
            } else {
                drop(wait(&self.may_accept, state));
            }
        }
    }

    /// A helper's thread.
    fn help(&self, worker: &mut W::Worker) {
        let _ours = panics::enter();
        loop {
            let mut state = lock(&self.state);
            while !state.stop && !state.may_begin(self.most_outstanding, self.helpers) {
                state = wait(&self.may_work, state);
            }
            if state.stop {
                return;
            }
            self.work_once(worker, state, None);
        }
    }

    /// Takes the first task that waits and does a part of it. On the operation's thread,
    /// `answer` is what answers questions.
    fn work_once<'s>(
        &'s self,
        worker: &mut W::Worker,
        mut state: MutexGuard<'_, State<W>>,
        answer: Option<&'s mut Answer<'_, W>>,
    ) {
        let Some((sequence, task)) = state.begin() else {
            return;
        };
        drop(state);
        let mut task_run = TaskRun {
            pipeline: self,
            sequence,
            last: true,
            answer,
            run_after: None,
        };
        let part = catch_unwind(AssertUnwindSafe(|| {
            self.work.work(worker, task, &mut task_run)
        }))
        .unwrap_or_else(|panic| Err(Error::from_panic(&*panic)));
        let failed = part.is_err();
        self.finish(sequence, part, task_run.last);
        if let (false, Some(more)) = (failed, task_run.run_after) {
            // Whoever waits for what it gives sees that nothing comes.
            let _ = catch_unwind(AssertUnwindSafe(more));
        }
    }

    fn finish(&self, sequence: Sequence, part: Result<W::Part>, last: bool) {
        let mut state = lock(&self.state);
        state.held += part.as_ref().map_or(0, W::held);
        state.finished.insert(sequence, Finished { part, last });
        let expected = state.expected == sequence;
        drop(state);
        if expected {
            self.may_accept.notify_one();
        }
    }
}

type Answer<'a, W> = dyn FnMut(<W as Work>::Question) -> Result<<W as Work>::Answer> + 'a;

/// A worker at a task.
struct TaskRun<'a, 'b, W: Work> {
    pipeline: &'a Pipeline<'a, W>,
    sequence: Sequence,
    /// Nothing of the task was left.
    last: bool,
    answer: Option<&'a mut Answer<'b, W>>,
    run_after: Option<Box<dyn FnOnce() + Send>>,
}

impl<W: Work> TaskContext<W> for TaskRun<'_, '_, W> {
    fn requeue(&mut self, rest: W::Task) {
        self.last = false;
        let next = (self.sequence.0, self.sequence.1 + 1);
        let mut state = lock(&self.pipeline.state);
        if state.stop {
            return;
        }
        state.wait_with(next, rest);
        drop(state);
        self.pipeline.may_work.notify_one();
    }

    fn ask(&mut self, question: W::Question) -> Result<W::Answer> {
        if let Some(answer) = &mut self.answer {
            return answer(question);
        }
        let mut state = lock(&self.pipeline.state);
        state.questions.push_back((self.sequence, question));
        self.pipeline.may_accept.notify_one();
        loop {
            if state.stop {
                return Err(Error::Canceled);
            }
            if let Some(answer) = state.answers.remove(&self.sequence) {
                return answer;
            }
            state = wait(&self.pipeline.answered, state);
        }
    }

    fn run_after(&mut self, more: Box<dyn FnOnce() + Send>) {
        self.run_after = Some(more);
    }
}

impl<W: Work> State<W> {
    fn wait_with(&mut self, sequence: Sequence, task: W::Task) {
        self.waiting_weight += W::weight(&task);
        self.waiting.insert(sequence, task);
    }

    /// Whether a worker may begin the first task that waits. The expected part always
    /// may: everything else waits for it. What is left of its task comes right after it, and has
    /// places of its own, one a worker, and half as much memory besides: those who went on with
    /// later tasks would leave it to one.
    fn may_begin(&self, most_outstanding: usize, helpers: usize) -> bool {
        let (outstanding, held) = match self.waiting.first_key_value() {
            Some((first, _)) if *first == self.expected => return true,
            Some(((task, _), _)) if *task == self.expected.0 => {
                (most_outstanding + helpers, W::HELD + W::HELD / 2)
            }
            Some(_) => (most_outstanding, W::HELD),
            None => return false,
        };
        self.outstanding < outstanding && self.held < held
    }

    fn begin(&mut self) -> Option<(Sequence, W::Task)> {
        let (sequence, task) = self.waiting.pop_first()?;
        self.waiting_weight -= W::weight(&task);
        self.outstanding += 1;
        Some((sequence, task))
    }

    fn take_expected(&mut self) -> Option<Result<W::Part>> {
        let finished = self.finished.remove(&self.expected)?;
        self.outstanding -= 1;
        self.held -= finished.part.as_ref().map_or(0, W::held);
        self.expected = if finished.last {
            (self.expected.0 + 1, 0)
        } else {
            (self.expected.0, self.expected.1 + 1)
        };
        Some(finished.part)
    }
}
