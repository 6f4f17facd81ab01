//! What follows from events and changes: states listed, maps made ready, settings kept, states played.

use std::time::Duration;

use eframe::egui::Context;

use super::drawn::Drawings;
use crate::app::command::Space;
use crate::app::window::Window;
use crate::jobs::Chosen;
use crate::study::states_beside;
use crate::train::Sight;

/// Under this name the settings are kept in the project.
pub(in crate::app) const KEY: &str = "attention";
/// Seconds between two states while they are played.
const STEP: f64 = 0.8;

impl Window {
    /// Between frames.
    pub(in crate::app) fn follow_attention(&mut self, ctx: &Context, hand_rests: bool) {
        let config = &self.state.attention.config;
        if self.state.heads.project.is_some()
            && hand_rests
            && self.kept_attention.as_ref() != Some(config)
            && let Ok(value) = serde_json::to_value(config)
        {
            self.engine.keep_state(KEY, value);
            self.kept_attention = Some(config.clone());
        }
        if self.state.space != Space::Attention {
            self.state.attention.playing = None;
            return;
        }
        self.list_states();
        self.play(ctx);
        self.draw_inside();
    }

    /// Lists the states of the head looked into, after another epoch or of another run.
    fn list_states(&mut self) {
        let Some(run) = self.state.heads.looked_into() else { return };
        let now = (run.id, run.curve.len(), run.status);
        if self.state.attention.listed == Some(now) {
            return;
        }
        let states = run.head.as_ref().map(|head| states_beside(head)).unwrap_or_default();
        let attention = &mut self.state.attention;
        if attention.listed.is_some_and(|(id, ..)| id != now.0) {
            attention.config.epoch = None;
            attention.playing = None;
        }
        (attention.states, attention.listed) = (states, Some(now));
    }

    fn play(&mut self, ctx: &Context) {
        let Some(last) = self.state.attention.playing else { return };
        let now = ctx.input(|input| input.time);
        let ready = self.state.attention.shown.as_ref().is_some_and(|shown| !shown.stale);
        if ready && now - last >= STEP {
            let attention = &mut self.state.attention;
            let on = self.state.heads.looked_into().is_some_and(|run| attention.step_state(run, 1));
            attention.playing = on.then_some(now);
        }
        ctx.request_repaint_after(Duration::from_secs_f64(STEP / 4.0));
    }

    /// Makes maps ready where what was seen, the settings or the look changed.
    fn draw_inside(&mut self) {
        let at = self.selected();
        let (config, look) = (&self.state.attention.config, &self.state.config.look);
        let Some(shown) = &mut self.state.attention.shown else { return };
        let ready = shown.drawings.as_ref().is_some_and(|((c, a, l), _)| (c, *a, l) == (config, at, look));
        if !ready && let Some(seen) = shown.seen() {
            let drawn_as = (config.clone(), at, look.clone());
            let drawings = Drawings::of(seen, &drawn_as);
            shown.drawings = Some((drawn_as, drawings));
        }
    }

    /// Timestep and block of all work spaces.
    fn selected(&self) -> (usize, usize) {
        self.state.selection().map_or((0, 0), |selection| (selection.timestep, selection.block))
    }

    /// Another state of the head, or the one that training kept.
    pub(in crate::app) fn show_state(&mut self, epoch: Option<usize>) {
        self.state.attention.config.epoch = epoch;
        self.state.attention.playing = None;
    }

    /// Another state, by steps.
    pub(in crate::app) fn step_state(&mut self, by: isize) {
        self.state.attention.playing = None;
        if let Some(run) = self.state.heads.looked_into() {
            self.state.attention.step_state(run, by);
        }
    }

    /// Plays the states from the first on, or stops.
    pub(in crate::app) fn play_states(&mut self, ctx: &Context) {
        let attention = &mut self.state.attention;
        attention.playing = match attention.playing {
            Some(_) => None,
            None if attention.states.is_empty() => {
                self.not_now("no states of this head were kept while it learned");
                return;
            }
            None => {
                attention.config.epoch = attention.states.first().copied();
                Some(ctx.input(|input| input.time))
            }
        };
        ctx.request_repaint();
    }

    /// Another block of those that the head reads, by steps.
    pub(in crate::app) fn step_head_block(&mut self, by: isize) {
        self.with_chosen(|chosen, seen| {
            chosen.block = stepped(&seen.blocks(), chosen.block, by);
        });
    }

    /// Another timestep of those that the head reads, by steps.
    pub(in crate::app) fn step_head_timestep(&mut self, by: isize) {
        self.with_chosen(|chosen, seen| {
            chosen.timestep = stepped(&seen.config.timesteps, chosen.timestep, by);
        });
    }

    /// Another layer, by steps.
    pub(in crate::app) fn step_layer(&mut self, by: isize) {
        self.with_chosen(|chosen, seen| {
            let layers: Vec<usize> = (1..=seen.inside.layers_and_heads().0).collect();
            chosen.layer = stepped(&layers, chosen.layer, by);
        });
    }

    /// Another attention head, by steps, from the first on.
    pub(in crate::app) fn step_attention_head(&mut self, by: isize) {
        self.with_chosen(|chosen, seen| {
            let heads: Vec<Sight> = (0..seen.inside.layers_and_heads().1).map(Sight::Head).collect();
            chosen.sight = match chosen.sight {
                Sight::Head(_) => stepped(&heads, chosen.sight, by),
                _ => heads.first().copied().unwrap_or(chosen.sight),
            };
        });
    }

    fn with_chosen(&mut self, change: impl FnOnce(&mut Chosen, &crate::jobs::SeenInside)) {
        let at = self.selected();
        let attention = &mut self.state.attention;
        let Some(seen) = attention.shown.as_ref().and_then(|shown| shown.seen()) else { return };
        let mut chosen = Chosen::of(&attention.config, at, seen);
        let before = chosen;
        change(&mut chosen, seen);
        let config = &mut attention.config;
        config.layer = Some(chosen.layer);
        config.sight = chosen.sight;
        if (before.timestep, before.block) != (chosen.timestep, chosen.block) {
            self.look_at(chosen.timestep, chosen.block);
        }
    }

    /// Goes to a timestep and block, in all work spaces.
    pub(in crate::app) fn look_at(&mut self, timestep: usize, (block, second_pass): (usize, bool)) {
        self.state.attention.config.second_pass = second_pass;
        self.select_timestep(timestep);
        self.select_block(block);
    }
}

/// The element `by` steps from `held` in `list`, as far as there is one.
fn stepped<T: Copy + PartialEq>(list: &[T], held: T, by: isize) -> T {
    let at = list.iter().position(|element| *element == held).unwrap_or(0);
    let last = list.len().saturating_sub(1);
    list.get(at.saturating_add_signed(by).min(last)).copied().unwrap_or(held)
}
