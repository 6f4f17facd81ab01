//! What follows from the marks of now: suggestions, what to label next, likely mistakes, and the audit.
//! Features may still be coming: pictures without take no part.

use std::sync::Arc;

use super::audit::{Answer, Audit, bias_warning};
use super::cover::Cover;
use super::now::{AuditNow, Checked, LabelState, LeftOut};
use super::order::Situation;
use super::refit::{Example, Refit, Suggestions, Tuned, Tuning};
use super::session::Mark;
use super::space::Space;
use crate::error::{Error, Result};
use crate::heads::{Rows, linear_probabilities};
use crate::study::measures::learning_curve::Needed;
use crate::study::statistics::{Bootstrap, wilson};
use crate::tensor::device::free_bytes;

/// Features are standardised anew when there are so many times more of them.
const GROWN: f64 = 1.5;
/// Labels up to which a penalty is chosen at once.
const AT_ONCE: usize = 150;
/// How often features are held while they are standardised: as they came, twice standardised, and on the way.
const COPIES: u64 = 4;
/// Products of numbers up to which it is found at once how pictures lie among each other.
const LONG: usize = 1 << 31;
/// How often the answers of a forecast are drawn anew.
const RESAMPLES: usize = 200;

/// How pictures lie among each other, to be found aside.
pub struct CoverWork {
    space: Arc<Space>,
    pictures: Vec<usize>,
    seed: u64,
}

impl CoverWork {
    fn is_long(&self) -> bool {
        self.pictures.len().saturating_mul(self.space.count()).saturating_mul(self.space.width()) > LONG
    }

    /// Finds it.
    pub fn run(&self) -> Cover {
        Cover::new(&self.space, &self.pictures, self.seed)
    }
}

/// The features of a session.
#[derive(Clone, Debug, PartialEq)]
pub struct FeaturesNow {
    /// Numbers for each picture.
    pub width: usize,
    /// Which pictures have features.
    pub ready: Vec<bool>,
    /// `[pictures, width]`, row-major; zeros where there are none.
    pub values: Vec<f32>,
}

/// Follows the state of a session.
pub struct Labeller {
    width: usize,
    /// `[pictures, width]`.
    values: Vec<f32>,
    ready: Vec<bool>,
    /// Pictures that will not get features.
    failed: usize,
    space: Option<Arc<Space>>,
    /// Pictures that the space was made of.
    within: Vec<bool>,
    refit: Option<Refit>,
    /// Numbers of the classes that the regression knows, by its own.
    known: Vec<usize>,
    cover: Option<Cover>,
    cover_work: Option<CoverWork>,
    audit: Audit,
    audit_seed: u64,
    /// Names the space, for penalties that were chosen aside.
    generation: u64,
}

impl Labeller {
    /// For so many pictures, without features.
    pub fn new(pictures: usize) -> Labeller {
        Labeller {
            width: 0,
            values: Vec::new(),
            ready: vec![false; pictures],
            failed: 0,
            space: None,
            within: vec![false; pictures],
            refit: None,
            known: Vec::new(),
            cover: None,
            cover_work: None,
            audit: Audit::new(&all(pictures), 0),
            audit_seed: 0,
            generation: 0,
        }
    }

    /// Refuses `width` features of each of `count` pictures where they do not fit into the memory that is free.
    ///
    /// # Errors
    /// With the numbers.
    pub fn check_room(count: usize, width: usize) -> Result<()> {
        let numbers = count.saturating_mul(width);
        let bytes = COPIES.saturating_mul(4 * numbers as u64);
        if let Some(free) = free_bytes().filter(|free| bytes > free / 4 * 3) {
            return Err(Error::Setting(format!(
                "labelling {count} pictures by {width} features each takes {:.1} GB and {:.1} GB are free; choose a \
                 smaller pool, or fewer blocks or timesteps",
                bytes as f64 / 1e9,
                free as f64 / 1e9
            )));
        }
        Ok(())
    }

    /// Forgets features; those to come have `width` numbers each.
    pub fn begin(&mut self, width: usize) {
        let count = self.ready.len();
        self.forget();
        let values = vec![0.0; count.saturating_mul(width)];
        (self.width, self.values) = (width, values);
    }

    /// Lets everything go that follows from features.
    fn forget(&mut self) {
        let count = self.ready.len();
        (self.ready, self.within) = (vec![false; count], vec![false; count]);
        (self.failed, self.width, self.values) = (0, 0, Vec::new());
        self.reset();
    }

    /// Lets everything go that a panic may have left half done; features stay.
    pub fn reset(&mut self) {
        (self.space, self.refit, self.cover, self.cover_work) = (None, None, None, None);
        self.known = Vec::new();
        self.within = vec![false; self.ready.len()];
        self.audit = Audit::new(&all(self.ready.len()), self.audit_seed);
        self.generation += 1;
    }

    /// The features as they came, and which pictures have some.
    pub fn features(&self) -> FeaturesNow {
        FeaturesNow { width: self.width, ready: self.ready.clone(), values: self.values.clone() }
    }

    /// Takes the features of a picture.
    ///
    /// # Errors
    /// When they have another length or are not finite.
    pub fn add(&mut self, picture: usize, row: &[f32]) -> Result<()> {
        if row.len() != self.width || picture >= self.ready.len() {
            return Err(Error::Compute(format!("{} features for picture {picture}", row.len())));
        }
        if row.iter().any(|value| !value.is_finite()) {
            return Err(Error::Setting("its features are not finite".into()));
        }
        self.values[picture * self.width..][..self.width].copy_from_slice(row);
        self.ready[picture] = true;
        Ok(())
    }

    /// Notes that so many pictures will get no features.
    pub fn fail(&mut self, pictures: usize) {
        self.failed = pictures;
    }

    /// Which pictures have features that count already.
    pub fn within(&self) -> &[bool] {
        &self.within
    }

    /// The features; none where there are none yet.
    pub fn space(&self) -> Option<&Arc<Space>> {
        self.space.as_ref()
    }

    /// Names the features that a choice belongs to.
    pub fn generation(&self) -> u64 {
        self.generation
    }

    /// Whether all features are there that will be.
    fn is_complete(&self) -> bool {
        let ready = self.ready.iter().filter(|ready| **ready).count();
        ready > 0 && ready + self.failed >= self.ready.len()
    }

    /// Whether features have come that do not count yet.
    pub fn has_more(&self) -> bool {
        self.ready != self.within
    }

    /// Standardises features anew where many have come, or the last, or any where nothing else `is_idle`;
    /// whether it did.
    ///
    /// # Errors
    /// Not expected.
    pub fn gather(&mut self, is_idle: bool) -> Result<bool> {
        let count = |which: &[bool]| which.iter().filter(|is| **is).count();
        let (ready, within) = (count(&self.ready), count(&self.within));
        let grown = ready as f64 >= GROWN * within as f64 && ready > within;
        let rest = ready > within && (is_idle || self.is_complete());
        if ready == 0 || !(grown || rest) {
            return Ok(false);
        }
        let pictures: Vec<usize> = (0..self.ready.len()).filter(|&at| self.ready[at]).collect();
        let mut values = self.values.clone();
        // Those that are missing stand in the middle, where nothing is said of them.
        let mut means = vec![0f64; self.width];
        for &picture in &pictures {
            let row = &self.values[picture * self.width..][..self.width];
            means.iter_mut().zip(row).for_each(|(sum, &value)| *sum += f64::from(value));
        }
        let means: Vec<f32> = means.iter().map(|sum| (sum / ready as f64) as f32).collect();
        for (row, _) in values.chunks_exact_mut(self.width).zip(&self.ready).filter(|(_, ready)| !**ready) {
            row.copy_from_slice(&means);
        }
        let space = Space::new(&Rows::new(self.width, values)?, &pictures)?;
        self.reset();
        (self.space, self.within) = (Some(Arc::new(space)), self.ready.clone());
        Ok(true)
    }

    /// Brings the regression to the labels of `state`.
    ///
    /// # Errors
    /// Not expected.
    pub fn follow(&mut self, state: &LabelState) -> Result<()> {
        if state.seed != self.audit_seed {
            self.audit = Audit::new(&all(self.ready.len()), state.seed);
            (self.audit_seed, self.cover) = (state.seed, None);
        }
        for (picture, &answer) in state.answers.iter().enumerate() {
            let answer = match answer {
                Some(Answer::Class(class)) => {
                    Some(state.classes.resolve(class).map_or(Answer::NoClass, Answer::Class))
                }
                other => other,
            };
            if self.audit.answer_of(picture) != answer {
                self.audit.answer(picture, answer)?;
            }
        }
        let Some(space) = &self.space else { return Ok(()) };
        let mut live: Vec<usize> = state.classes.live().map(|(class, _)| class).collect();
        live.sort_unstable();
        // A second class stands for what is to come: orders need two.
        let count = live.len().max(2);
        let place = |class: usize| live.binary_search(&class).ok();
        let refit = match &mut self.refit {
            Some(refit) => {
                if self.known != live {
                    let known = &self.known;
                    refit.regroup(count, |label| known.get(label).and_then(|&class| place(class)))?;
                }
                refit
            }
            empty => empty.insert(Refit::new(Arc::clone(space), count)?),
        };
        let mut new = Vec::new();
        for (picture, mark) in state.marks.iter().enumerate().filter(|(picture, _)| self.within[*picture]) {
            match (refit.label_of(picture), mark.class().and_then(place)) {
                (before, after) if before == after => {}
                (None, Some(class)) => new.push((picture, class)),
                (_, after) => refit.label(picture, after)?,
            }
        }
        refit.label_all(&new)?;
        self.known = live;
        if refit.is_tuning_due() && refit.pictures().len() <= AT_ONCE {
            refit.tune();
        }
        Ok(())
    }

    /// How pictures lie among each other, where that has to be found and takes a while; once.
    pub fn cover_work(&mut self) -> Option<CoverWork> {
        self.cover_work.take()
    }

    /// Takes over how pictures lie among each other, for the features that `generation` names; whether it did.
    pub fn take_cover(&mut self, cover: Cover, generation: u64) -> bool {
        let fits = generation == self.generation;
        if fits {
            self.cover = Some(cover);
        }
        fits
    }

    /// The choice of a penalty, where one is due that takes a while.
    pub fn tuning(&self) -> Option<Tuning> {
        let refit = self.refit.as_ref()?;
        (refit.is_tuning_due() && refit.pictures().len() > AT_ONCE).then(|| refit.tuning())
    }

    /// Takes over a penalty chosen for the features that `generation` names; whether it did.
    pub fn adopt(&mut self, tuned: Tuned, generation: u64) -> bool {
        generation == self.generation && self.refit.as_mut().is_some_and(|refit| refit.adopt(tuned))
    }

    /// The regression, where it can tell classes apart.
    pub fn regression(&self) -> Option<&Refit> {
        self.refit.as_ref().filter(|refit| self.known.len() >= 2 && !refit.pictures().is_empty())
    }

    /// Numbers of the classes that the regression knows, in its order.
    pub fn known(&self) -> &[usize] {
        &self.known
    }

    /// What all pictures would be labelled as, by the numbers of `classes` classes; none before there are two
    /// and a label.
    pub fn suggestions(&self, classes: usize) -> Option<Suggestions> {
        let refit = self.regression()?;
        let (weights, biases) = refit.weights();
        // Of features as they are, as a head does that is saved: equal to the bit.
        let own = linear_probabilities(&weights, &biases, refit.choice().sharpness, &self.values);
        let mut probabilities = vec![0f32; self.ready.len() * classes];
        let wide = probabilities.chunks_exact_mut(classes.max(1));
        for (wide, own) in wide.zip(own.chunks_exact(refit.classes())) {
            self.known.iter().zip(own).for_each(|(&class, &p)| wide[class] = p);
        }
        Some(Suggestions { classes, probabilities })
    }

    /// What all other labels say of each, the likeliest mistakes first, and how often they agree.
    pub fn left_out(&self) -> (Vec<Checked>, Option<LeftOut>) {
        let Some(refit) = self.regression() else { return Default::default() };
        let scores = refit.left_out();
        let mut checked = Vec::with_capacity(refit.pictures().len());
        let labelled = refit.pictures().iter().zip(refit.labels());
        for ((&picture, &label), row) in labelled.zip(scores.chunks_exact(refit.classes())) {
            let others = row.iter().enumerate().filter(|(class, _)| *class != label);
            let best = others.max_by(|a, b| a.1.total_cmp(b.1).then(b.0.cmp(&a.0)));
            let Some((instead, score)) = best else { continue };
            checked.push(Checked {
                picture,
                class: self.known[label],
                instead: self.known[instead],
                contradiction: score - row[label],
            });
        }
        checked.sort_by(|a, b| b.contradiction.total_cmp(&a.contradiction).then(a.picture.cmp(&b.picture)));
        let right = checked.iter().filter(|checked| checked.contradiction < 0.0).count();
        let count = checked.len();
        let left_out = wilson(right, count).ok().map(|estimate| LeftOut { right, count, estimate });
        (checked, left_out)
    }

    /// Pictures in the order asked for: those without a mark, or for [`Order::Check`](super::Order::Check) labelled ones. Pictures
    /// without features come last.
    ///
    /// # Errors
    /// Not expected.
    pub fn next(&mut self, state: &LabelState) -> Result<Vec<usize>> {
        let blank = |picture: &usize| state.marks[*picture] == Mark::Blank;
        let (Some(space), Some(refit)) = (&self.space, &self.refit) else {
            let open = spread(self.ready.len()).into_iter().filter(blank);
            return Ok(if state.order.is_of_labelled() { Vec::new() } else { open.collect() });
        };
        let ready: Vec<usize> = (0..self.within.len()).filter(|&at| self.within[at]).collect();
        if state.order.is_of_labelled() {
            return Ok(self.left_out().0.into_iter().map(|checked| checked.picture).collect());
        }
        if self.cover.is_none() {
            let work = CoverWork { space: Arc::clone(space), pictures: ready.clone(), seed: state.seed };
            // Until one that takes long is there, what is farthest from all labels comes first.
            self.cover = Some(if work.is_long() { Cover::new(space, &[], 0) } else { work.run() });
            self.cover_work = Some(work).filter(CoverWork::is_long);
        }
        let Some(cover) = &self.cover else { return Ok(Vec::new()) };
        let suggestions = refit.suggestions();
        let place = |class: usize| self.known.binary_search(&class).ok();
        let situation = Situation {
            refit,
            suggestions: &suggestions,
            cover,
            class: state.class.and_then(place),
            similar_to: state.similar_to.filter(|&picture| self.within.get(picture) == Some(&true)),
            seed: state.seed,
        };
        let open: Vec<usize> = ready.into_iter().filter(blank).collect();
        let mut next = situation.ranked(state.order, &open)?;
        let without = spread(self.ready.len()).into_iter().filter(|&picture| !self.within[picture]);
        next.extend(without.filter(blank));
        Ok(next)
    }

    /// The audit, without its forecast.
    pub fn audit(&mut self, state: &LabelState, suggestions: Option<&Suggestions>) -> AuditNow {
        let answered = state.answers.iter().flatten().count();
        let complete = self.is_complete();
        let Some(refit) = self.refit.as_ref() else {
            return AuditNow { answered, ..AuditNow::default() };
        };
        let mut now = AuditNow { next: self.audit.next(refit), answered, ..AuditNow::default() };
        if let Some(suggestions) = suggestions.filter(|_| complete) {
            let suggested = |picture: usize| suggestions.best(picture).class;
            now.audited = self.audit.estimate(refit, suggested);
            self.audit.look(refit, suggested);
        }
        let (right, count) = state.suggested;
        now.bias = bias_warning(state.order, right, count, now.audited.as_ref());
        now
    }

    /// How many labels it takes to the target, by the audits so far.
    ///
    /// # Errors
    /// Why that is not known yet.
    pub fn forecast(&self, state: &LabelState) -> Result<Needed> {
        self.audit.forecast(state.target, Bootstrap { resamples: RESAMPLES, seed: state.seed })
    }

    /// The `k` labelled pictures nearest to `picture`, with classes by number.
    ///
    /// # Errors
    /// Not expected.
    pub fn why(&self, picture: usize, k: usize) -> Result<Vec<Example>> {
        let Some(refit) = self.refit.as_ref().filter(|_| self.within.get(picture) == Some(&true)) else {
            return Ok(Vec::new());
        };
        let mut examples = refit.why(picture, k)?;
        examples.iter_mut().for_each(|example| example.class = self.known[example.class]);
        Ok(examples)
    }
}

fn all(pictures: usize) -> Vec<usize> {
    (0..pictures).collect()
}

/// All of `count` pictures, so that the first few lie anywhere among them: by the golden section.
pub fn spread(count: usize) -> Vec<usize> {
    let golden = (5f64.sqrt() - 1.0) / 2.0;
    let mut order = all(count);
    order.sort_by(|&a, &b| {
        let key = |picture: usize| (picture as f64 * golden).fract();
        key(a).total_cmp(&key(b)).then(a.cmp(&b))
    });
    order
}

#[cfg(test)]
#[path = "labeller_tests.rs"]
mod tests;
