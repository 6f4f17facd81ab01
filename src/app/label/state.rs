//! What the work space of labels knows.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::row::Row;
use crate::app::command::Space;
use crate::error::Error;
use crate::heads::HeadKind;
use crate::jobs::{JobId, JobState, LabelSession, LabelSnapshot};
use crate::study::label::exchange::{ExportConfig, FolderPlan};
use crate::study::label::{Filter, LabelFeatures, Mark, Names, Shown, Sort};

/// How pictures are looked at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// One, large.
    #[default]
    Single,
    /// Many, small.
    Grid,
    /// Those that belong together.
    Groups,
    /// Suggestions that are to be accepted.
    Accept,
}

/// In what order pictures are shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Arrange {
    /// What to label next first.
    #[default]
    Next,
    /// By name.
    Name,
    /// The least confident suggestion first.
    Doubtful,
    /// The most confident suggestion first.
    Confident,
}

impl Arrange {
    /// All of them, with what they are called.
    pub const ALL: [(Arrange, &'static str); 4] = [
        (Arrange::Next, "what to label next"),
        (Arrange::Name, "name"),
        (Arrange::Doubtful, "least confident"),
        (Arrange::Confident, "most confident"),
    ];
}

/// How the window shows a session, kept with it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct LabelView {
    /// One or many pictures.
    pub mode: Mode,
    /// Their order.
    pub arrange: Arrange,
    /// After so many labels a picture by chance is asked about; 0: never.
    pub ask_every: usize,
    /// Side of small pictures, in points.
    pub side: f32,
}

impl Default for LabelView {
    fn default() -> Self {
        LabelView { mode: Mode::Single, arrange: Arrange::Next, ask_every: 12, side: 96.0 }
    }
}

/// What the project keeps of the work space itself.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct LabelConfig {
    /// The pictures that are labelled.
    pub data: Option<PathBuf>,
}

/// Suggestions to be accepted at once.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Accepting {
    /// From this confidence on.
    pub confidence: f32,
    /// Only of this class.
    pub class: Option<usize>,
    /// But not these.
    pub without: BTreeSet<usize>,
}

/// A session that is open, with what the window has made of it.
pub struct Open {
    /// Pictures, marks, classes, suggestions.
    pub session: LabelSession,
    /// The newest suggestions and what follows from them.
    pub now: Arc<LabelSnapshot>,
    /// Names, to be searched.
    pub names: Names,
    /// How it is shown.
    pub view: LabelView,
    /// The same as it is kept.
    pub kept_view: LabelView,
    /// Which pictures are shown.
    pub filter: Filter,
    /// Only these are shown, under this name: a group.
    pub only: Option<(String, Vec<usize>)>,
    /// The pictures shown.
    pub row: Row,
    /// Pictures chosen in the grid.
    pub chosen: BTreeSet<usize>,
    /// Where a choice of many began.
    pub anchor: Option<usize>,
    /// A picture asked about by chance, and how many are still to come.
    pub audit: Option<(usize, usize)>,
    /// The picture answered last, and how many more are asked about once the next is known.
    pub audit_waits: Option<(usize, usize)>,
    /// Labels given since a picture was asked about.
    pub since_audit: usize,
    /// Suggestions to be accepted at once.
    pub accepting: Accepting,
    /// The job that makes features, how far it is, and what it makes.
    pub features: Option<(JobId, JobState)>,
    /// The larger head that is chosen to be tried.
    pub larger_kind: Option<HeadKind>,
    /// The job that tries it, and how far that is.
    pub larger: Option<(JobId, JobState)>,
    /// The features asked for, and the network that makes them.
    pub features_of: Option<(LabelFeatures, String)>,
    /// Columns of the grid when it was drawn last.
    pub columns: usize,
    /// Pictures of the grid on screen.
    pub visible: std::ops::Range<usize>,
    /// The picture that the grid scrolls to.
    pub scroll_to: Option<usize>,
    /// A lasso, from and to.
    pub lasso: Option<[eframe::egui::Pos2; 2]>,
    /// The user has gone on in the row, so that it must not move.
    pub touched: bool,
    shown_as: Option<ShownAs>,
    /// The snapshot that the row follows.
    followed: Arc<LabelSnapshot>,
}

/// What a row of pictures was made for: another one is made anew.
#[derive(Clone, PartialEq)]
struct ShownAs {
    filter: Filter,
    arrange: Arrange,
    only: Option<String>,
}

/// What the work space knows.
#[derive(Default)]
pub struct LabelState {
    /// What the project keeps of it.
    pub config: LabelConfig,
    /// The session.
    pub open: Option<Open>,
    /// Pictures being opened, and how far that is.
    pub opening: Option<(JobId, JobState)>,
    /// Why they could not be.
    pub error: Option<Arc<Error>>,
    /// What labels are written as.
    pub export: ExportConfig,
    /// The job that moves pictures into folders.
    pub moving: Option<JobId>,
    /// Folders that are to be filled.
    pub plan: Option<Arc<FolderPlan>>,
    /// The features that the next session gets.
    pub wanted: Option<LabelFeatures>,
    /// The folder being typed.
    pub text: String,
    /// The class being typed.
    pub new_class: String,
    /// The field of a new class is to have the keyboard.
    pub focus_new_class: bool,
    /// Classes are being changed.
    pub edits_classes: bool,
    /// The features being chosen: blocks, timesteps, pool, draws.
    pub texts: Option<[String; 4]>,
}

impl LabelState {
    /// Whether nothing of this is on its way.
    pub fn is_settled(&self, space: Space) -> bool {
        let follows = self
            .open
            .as_ref()
            .is_none_or(|open| open.features.is_none() && open.larger.is_none() && !open.session.is_behind());
        space != Space::Label || self.opening.is_none() && follows
    }
}

impl Open {
    /// What the window makes of a session that was opened.
    pub fn new(session: LabelSession) -> Open {
        let names: Vec<String> =
            session.opened().pictures.iter().map(|picture| picture.name.clone()).collect();
        let view: LabelView = serde_json::from_value(session.settings().window.clone()).unwrap_or_default();
        let mut open = Open {
            now: session.snapshot(),
            names: Names::new(&names),
            kept_view: view.clone(),
            view,
            filter: Filter { shown: Shown::Blank, ..Filter::default() },
            only: None,
            row: Row::default(),
            chosen: BTreeSet::new(),
            anchor: None,
            audit: None,
            audit_waits: None,
            since_audit: 0,
            accepting: Accepting { confidence: 0.9, ..Accepting::default() },
            features: None,
            features_of: None,
            larger_kind: None,
            larger: None,
            columns: 1,
            visible: 0..0,
            scroll_to: None,
            lasso: None,
            touched: false,
            shown_as: None,
            followed: session.snapshot(),
            session,
        };
        open.update_row();
        open
    }

    /// Between frames: the newest suggestions, and the row as it follows from them.
    pub fn follow(&mut self) {
        self.now = self.session.snapshot();
        if let Some((answered, left)) = self.audit_waits
            && let Some(next) = self.now.audit.next.filter(|&next| next != answered)
        {
            (self.audit, self.audit_waits) = (Some((next, left)), None);
        }
        self.update_row();
    }

    /// Brings the row up to date without moving what the user looks at.
    fn update_row(&mut self) {
        let only = self.only.as_ref().map(|(name, _)| name.clone());
        let wanted = ShownAs { filter: self.filter.clone(), arrange: self.view.arrange, only };
        if self.shown_as.as_ref() != Some(&wanted) {
            self.shown_as = Some(wanted);
            return self.sort_anew();
        }
        if self.has_news() {
            self.followed = Arc::clone(&self.now);
            if !self.touched {
                self.row.forget_seen();
            }
            let fresh = self.fresh();
            // What comes next stays once the user goes on; what comes later follows every label, so that
            // orders that learn do not lag behind.
            self.row.follow(&fresh, if self.touched { 2 } else { 1 });
        }
    }

    /// Whether what the row is sorted by has come anew: what to label next comes after the suggestions.
    fn has_news(&self) -> bool {
        let (now, followed) = (&self.now, &self.followed);
        let same_suggestions = match (&now.suggestions, &followed.suggestions) {
            (Some(now), Some(followed)) => Arc::ptr_eq(now, followed),
            (now, followed) => now.is_none() && followed.is_none(),
        };
        match self.view.arrange {
            Arrange::Next => !Arc::ptr_eq(&now.next, &followed.next),
            _ => !same_suggestions,
        }
    }

    /// Makes the row anew, as filters and order are now.
    pub fn sort_anew(&mut self) {
        self.followed = Arc::clone(&self.now);
        self.touched = false;
        let fresh = self.fresh();
        self.row.renew(fresh);
        self.chosen.clear();
        self.anchor = None;
        self.scroll_to = self.row.current();
    }

    /// The pictures that filters let through, in order.
    fn fresh(&self) -> Vec<usize> {
        let sort = match self.view.arrange {
            Arrange::Next | Arrange::Name => Sort::Name,
            Arrange::Doubtful => Sort::LeastConfident,
            Arrange::Confident => Sort::MostConfident,
        };
        let suggestions = self.now.suggestions.as_deref();
        let order = self.session.settings().order;
        // What is to be looked at again has a label.
        let checks = order.is_of_labelled() && self.view.arrange == Arrange::Next;
        let shown =
            if checks && self.filter.shown == Shown::Blank { Shown::Labelled } else { self.filter.shown };
        let filter = Filter { shown, ..self.filter.clone() };
        let mut list = self.names.list(self.session.session(), suggestions, &filter, sort);
        if let Some((_, only)) = &self.only {
            let members: std::collections::HashSet<usize> = only.iter().copied().collect();
            list.retain(|picture| members.contains(picture));
        }
        if self.view.arrange == Arrange::Next {
            let mut rank = vec![usize::MAX; self.session.opened().pictures.len()];
            for (place, &picture) in self.now.next.iter().enumerate() {
                rank[picture] = place;
            }
            list.sort_by_key(|&picture| rank[picture]);
        }
        list
    }

    /// The mark of a picture.
    pub fn mark_of(&self, picture: usize) -> Mark {
        self.session.session().marks().get(picture).copied().unwrap_or_default()
    }

    /// What is suggested for a picture: class and confidence.
    pub fn suggestion(&self, picture: usize) -> Option<(usize, f32)> {
        let suggestions = self.now.suggestions.as_ref()?;
        if !self.now.has_features.get(picture).copied().unwrap_or(false) {
            return None;
        }
        let best = suggestions.best(picture);
        Some((best.class, best.confidence))
    }

    /// The pictures that a key is about: those chosen in the grid, or the one in hand.
    pub fn targets(&self) -> Vec<usize> {
        if let Some((picture, _)) = self.audit {
            return vec![picture];
        }
        match self.view.mode {
            Mode::Grid if !self.chosen.is_empty() => self.chosen.iter().copied().collect(),
            Mode::Grid | Mode::Single => self.row.current().into_iter().collect(),
            Mode::Groups | Mode::Accept => Vec::new(),
        }
    }

    /// Name and colour of a class.
    pub fn class(&self, class: usize) -> (&str, [u8; 3]) {
        let found = self.session.session().class_list().all().get(class);
        found.map_or(("", [128; 3]), |class| (class.name.as_str(), class.colour))
    }

    /// Suggestions that would be accepted, the least confident first.
    pub fn acceptable(&self) -> Vec<(usize, usize, f32)> {
        let Accepting { confidence, class, .. } = &self.accepting;
        let blank = |&picture: &usize| self.mark_of(picture) == Mark::Blank;
        let mut list: Vec<(usize, usize, f32)> = (0..self.session.opened().pictures.len())
            .filter(blank)
            .filter_map(|picture| {
                let (suggested, sure) = self.suggestion(picture)?;
                let wanted = class.is_none_or(|class| class == suggested) && sure >= *confidence;
                wanted.then_some((picture, suggested, sure))
            })
            .collect();
        list.sort_by(|a, b| a.2.total_cmp(&b.2).then(a.0.cmp(&b.0)));
        list
    }
}
