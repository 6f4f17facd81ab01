//! The diffusion process: schedules, noise from a picture's content, and what follows from a prediction.

pub mod noising;
pub mod schedule;

pub use noising::{Draw, noise_for, predict_x_0, q_sample};
pub use schedule::Schedule;
