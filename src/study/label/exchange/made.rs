//! Moments as text: `2026-11-25T17:25:29.123Z`.

/// Milliseconds of a day.
const DAY: i64 = 86_400_000;

/// `made`, milliseconds since 1970, as ISO 8601 in UTC; as the number itself outside of the years 0 to 9999.
pub(super) fn text(made: i64) -> String {
    let (year, month, day) = date(made.div_euclid(DAY));
    if !(0..=9999).contains(&year) {
        return made.to_string();
    }
    let rest = made.rem_euclid(DAY);
    let (hour, minute, second) = (rest / 3_600_000, rest / 60_000 % 60, rest / 1000 % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{:03}Z", rest % 1000)
}

/// What [`text`] wrote, or a moment of ISO 8601 with or without fractions and offset; `None` where it is
/// none.
pub(super) fn parse(text: &str) -> Option<i64> {
    if let Ok(made) = text.parse() {
        return Some(made);
    }
    let (day, time) = text.split_once(['T', ' '])?;
    let mut fields = day.splitn(3, '-');
    let mut field = |range: std::ops::RangeInclusive<i64>| number(fields.next()?, range);
    let (year, month, day) = (field(0..=9999)?, field(1..=12)?, field(1..=31)?);
    let at = time.find(['Z', 'z', '+', '-']).unwrap_or(time.len());
    let (time, zone) = time.split_at(at);
    let mut fields = time.splitn(3, ':');
    let (hour, minute) = (number(fields.next()?, 0..=23)?, number(fields.next()?, 0..=59)?);
    let (second, fraction) =
        fields.next().map_or(("0", ""), |text| text.split_once('.').unwrap_or((text, "")));
    let second = number(second, 0..=60)?;
    if !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let milliseconds: i64 = format!("{fraction:0<3}")[..3].parse().ok()?;
    let offset = match zone.as_bytes() {
        [] | [b'Z' | b'z'] => 0,
        [sign, ..] => {
            let digits: String = zone[1..].chars().filter(|c| *c != ':').collect();
            let (hours, minutes) = digits.split_at_checked(2)?;
            let minutes = if minutes.is_empty() { "0" } else { minutes };
            let offset = number(hours, 0..=23)? * 60 + number(minutes, 0..=59)?;
            if *sign == b'-' { -offset } else { offset }
        }
    };
    let days = days(year, month, day);
    // A day that its month does not have comes back as another.
    if date(days) != (year, month, day) {
        return None;
    }
    Some(days * DAY + ((hour * 60 + minute - offset) * 60 + second) * 1000 + milliseconds)
}

fn number(text: &str, range: std::ops::RangeInclusive<i64>) -> Option<i64> {
    let digits = !text.is_empty() && text.len() <= 4 && text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| text.parse().ok()).flatten().filter(|value| range.contains(value))
}

/// Days since 1970 of a day of the Gregorian calendar. Years are counted from March, so that the leap day
/// is the last of them.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let (era, of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

/// The day of the calendar, as in [`days`].
fn date(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let (era, of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    (era * 400 + year_of_era + i64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_those_of_the_calendar() {
        for (made, want) in [
            (0, "1970-01-01T00:00:00.000Z"),
            (-1, "1969-12-31T23:59:59.999Z"),
            (951_782_400_000, "2000-02-29T00:00:00.000Z"),
            (1_764_091_529_123, "2025-11-25T17:25:29.123Z"),
            (4_107_542_400_000, "2100-03-01T00:00:00.000Z"),
        ] {
            assert_eq!(text(made), want);
            assert_eq!(parse(want), Some(made));
        }
        assert_eq!(text(i64::MAX), i64::MAX.to_string());
    }

    #[test]
    fn other_writers_are_understood_and_nonsense_is_not() {
        assert_eq!(parse("2021-03-09T22:16:08.728353Z"), parse("2021-03-09 22:16:08.728"));
        assert_eq!(parse("2021-03-09T23:16:08+01:00"), parse("2021-03-09T22:16:08Z"));
        assert_eq!(parse("1700000000000"), Some(1_700_000_000_000));
        for nonsense in [
            "",
            "today",
            "2021-02-30T00:00:00Z",
            "2021-13-01T00:00:00Z",
            "2021-03-09T22:16:08+ü",
            "é-1-1T0:0",
        ] {
            assert_eq!(parse(nonsense), None, "{nonsense}");
        }
    }
}
