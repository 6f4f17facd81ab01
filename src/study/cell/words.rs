//! What a cell says, in sentences.

use super::curve::{ForecastPoint, Target};
use crate::figure::ticks::thousands;
use crate::study::measures::learning_curve::Needed;
use crate::study::report::percent;

/// Pictures of each class beyond which a number says nothing but "very many".
const MANY: f64 = 1e6;

/// `40 of each class`.
fn of_each(pictures: f64) -> String {
    format!("{} of each class", thousands(pictures.round() as u64))
}

/// `about 87.1 % (85.0 % to 89.2 %)`.
fn about(point: &ForecastPoint) -> String {
    format!("about {} ({} to {})", percent(point.accuracy), percent(point.low), percent(point.high))
}

/// What more pictures would bring. `forecasts`: with those at hand, twice and five times as many.
pub(super) fn growth(forecasts: &[ForecastPoint], target: Option<Target>) -> String {
    let [now, twice, more] = forecasts else { return String::new() };
    let mut text = format!(
        "The pictures at hand ({}) let it recognise {}; twice as many {}, five times as many {}.",
        of_each(now.pictures),
        about(now),
        about(twice),
        about(more),
    );
    if let Some(Target { accuracy, needed }) = target {
        text += " ";
        text += &what_it_takes(accuracy, needed);
    }
    text
}

fn what_it_takes(accuracy: f64, needed: Needed) -> String {
    let goal = percent(accuracy).replace(".0 %", " %");
    let many =
        |count: f64| if count > MANY { "more than a million".into() } else { thousands(count.ceil() as u64) };
    let interval = match needed.interval {
        Some([Some(low), Some(high)]) => format!(" ({} to {})", many(low), many(high)),
        Some([Some(low), None]) => format!(" (at least {})", many(low)),
        _ => String::new(),
    };
    match needed.labels {
        Some(count) if count <= MANY => {
            format!("{goal} would take about {} of each class{interval}.", many(count))
        }
        _ => format!("{goal} is not reached on this curve with any number of pictures{interval}."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn point(pictures: f64, accuracy: f64) -> ForecastPoint {
        ForecastPoint { pictures, accuracy, low: accuracy - 0.01, high: accuracy + 0.01 }
    }

    #[test]
    fn more_pictures_are_told_in_words() {
        let forecasts = [point(20.0, 0.8), point(40.0, 0.85), point(100.0, 0.9)];
        let needed = Needed { labels: Some(61.2), interval: Some([Some(50.0), None]) };
        let text = growth(&forecasts, Some(Target { accuracy: 0.85, needed }));
        let words = [
            "at hand (20 of each class) let it recognise about 80.0 % (79.0 % to 81.0 %)",
            "; twice as many about 85.0 %",
            "five times as many about 90.0 %",
            "85 % would take about 62 of each class (at least 50).",
        ];
        assert!(words.iter().all(|words| text.contains(words)), "{text}");
        let never = Needed { labels: None, interval: Some([Some(3000.4), None]) };
        let text = growth(&forecasts, Some(Target { accuracy: 0.975, needed: never }));
        assert!(
            text.ends_with(
                "97.5 % is not reached on this curve with any number of pictures (at least 3,001)."
            ),
            "{text}"
        );
        assert!(!growth(&forecasts, None).contains("take"));
    }
}
