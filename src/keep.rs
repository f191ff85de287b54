//! Which generations of a backup are kept: the rule of the property Keep.

use crate::flags::{
    WMLB_KEPT_CURRENT, WMLB_KEPT_DAILY, WMLB_KEPT_LAST, WMLB_KEPT_MONTHLY, WMLB_KEPT_WEEKLY,
    WMLB_KEPT_YEARLY,
};

const DAY: i64 = 24 * 60 * 60;

/// Of each part of a rule: its word, the flag that says that it wants a generation, and the number
/// of the day, week, month or year of which it wants the newest.
const PARTS: [(&str, u32, fn(i64) -> i64); 5] = [
    ("last", WMLB_KEPT_LAST, |_| 0),
    ("daily", WMLB_KEPT_DAILY, day),
    ("weekly", WMLB_KEPT_WEEKLY, week),
    ("monthly", WMLB_KEPT_MONTHLY, month),
    ("yearly", WMLB_KEPT_YEARLY, |time| civil(day(time)).0),
];

/// The largest number in a rule.
const MOST: u32 = 9999;

/// How many generations each part keeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rule([u32; PARTS.len()]);

impl Rule {
    /// Reads "last=3 daily=7"; None where nothing is to be kept.
    pub fn parse(text: &str) -> Result<Option<Self>, String> {
        let mut counts = [0; PARTS.len()];
        for part in text.split_ascii_whitespace() {
            let (word, number) = part
                .split_once('=')
                .ok_or_else(|| format!("{part:?} is not a word, = and a number"))?;
            let Some(at) = PARTS.iter().position(|(known, ..)| *known == word) else {
                return Err(format!(
                    "{word:?} is not one of last, daily, weekly, monthly, yearly"
                ));
            };
            if counts[at] != 0 {
                return Err(format!("{word} is there twice"));
            }
            let plain = number.bytes().all(|byte| byte.is_ascii_digit());
            let count = number.parse().ok().filter(|_| plain);
            counts[at] = count
                .filter(|count| (1..=MOST).contains(count))
                .ok_or_else(|| format!("{number:?} is not a number from 1 to {MOST}"))?;
        }
        Ok(Some(Rule(counts)).filter(|_| counts != [0; PARTS.len()]))
    }

    /// Which parts want each of the generations that were made at these times, in the order of
    /// these, the newest first.
    fn wanted_by(&self, times: &[i64]) -> Vec<u32> {
        let mut wanted = vec![0; times.len()];
        for ((_, flag, period), count) in PARTS.iter().zip(self.0) {
            let mut left = count;
            let mut before = None;
            for (wanted, &time) in wanted.iter_mut().zip(times) {
                let period = period(time);
                if left == 0 {
                    break;
                }
                if *flag == WMLB_KEPT_LAST || before != Some(period) {
                    *wanted |= flag;
                    left -= 1;
                }
                before = Some(period);
            }
        }
        wanted
    }
}

/// Why generations are kept that were made at these times, the newest first; 0 for one that
/// nothing keeps. `current` is the one that restores and the next backup find.
pub fn kept_by(rule: Option<Rule>, times: &[i64], current: Option<usize>) -> Vec<u32> {
    let mut kept = match rule {
        Some(rule) => rule.wanted_by(times),
        None => vec![0; times.len()],
    };
    if let Some(current) = current.and_then(|at| kept.get_mut(at)) {
        *current |= WMLB_KEPT_CURRENT;
    }
    kept
}

fn day(time: i64) -> i64 {
    time.div_euclid(DAY)
}

/// Weeks begin on Monday; the first day of 1970 was a Thursday.
fn week(time: i64) -> i64 {
    (day(time) + 3).div_euclid(7)
}

fn month(time: i64) -> i64 {
    let (year, month, _) = civil(day(time));
    12 * year + month
}

/// Year, month and day of the month, of a number of days since 1970. Years are counted from March
/// here, so that the day that some of them lack is their last.
fn civil(day: i64) -> (i64, i64, i64) {
    const CENTURIES: i64 = 146_097; // days of 400 years
    let days = day + 719_468; // since March 1 of the year 0
    let (era, rest) = (days.div_euclid(CENTURIES), days.rem_euclid(CENTURIES));
    let year = (rest - rest / 1460 + rest / 36_524 - rest / 146_096) / 365;
    let of_year = rest - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let of_month = of_year - (153 * month + 2) / 5 + 1;
    let is_next = month >= 10;
    let month = if is_next { month - 9 } else { month + 3 };
    (400 * era + year + i64::from(is_next), month, of_month)
}

/// The first and the last second that [`stamp`] can write.
pub const TIMES: std::ops::RangeInclusive<i64> = -62_167_219_200..=253_402_300_799;

/// A time of [`TIMES`] as 20261130T044851Z.
pub fn stamp(time: i64) -> String {
    let (year, month, day) = civil(day(time));
    let seconds = time.rem_euclid(DAY);
    let (hour, minute, second) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    format!("{year:04}{month:02}{day:02}T{hour:02}{minute:02}{second:02}Z")
}

/// The time that a stamp was made of.
pub fn read_stamp(text: &[u8]) -> Option<i64> {
    let number = |from: usize, to: usize| -> Option<i64> {
        let digits = text.get(from..to)?;
        digits.iter().try_fold(0, |number, digit| {
            digit
                .is_ascii_digit()
                .then(|| 10 * number + i64::from(digit - b'0'))
        })
    };
    let (year, month, day) = (number(0, 4)?, number(4, 6)?, number(6, 8)?);
    let (hour, minute, second) = (number(9, 11)?, number(11, 13)?, number(13, 15)?);
    // From March on, as in `civil`.
    let (year, month) = match month {
        3..=12 => (year, month - 3),
        _ => (year - 1, month + 9),
    };
    let era = year.div_euclid(400);
    let of_era = year.rem_euclid(400);
    let days =
        146_097 * era + 365 * of_era + of_era / 4 - of_era / 100 + (153 * month + 2) / 5 + day
            - 1
            - 719_468;
    let time = DAY * days + 3600 * hour + 60 * minute + second;
    let is_stamp = TIMES.contains(&time) && stamp(time).as_bytes() == text;
    is_stamp.then_some(time)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_that_are_read() {
        for (text, counts) in [
            ("last=3", [3, 0, 0, 0, 0]),
            ("  daily=7\tlast=1\nyearly=9999 ", [1, 7, 0, 0, 9999]),
            ("weekly=04 monthly=6", [0, 0, 4, 6, 0]),
        ] {
            assert_eq!(Rule::parse(text), Ok(Some(Rule(counts))), "{text}");
        }
        for text in ["", " \n"] {
            assert_eq!(Rule::parse(text), Ok(None));
        }
    }

    #[test]
    fn rules_that_are_refused() {
        for (text, words) in [
            ("last", "\"last\" is not a word, = and a number"),
            ("last=0", "\"0\" is not a number from 1 to 9999"),
            ("last=", "\"\" is not a number"),
            ("last=+1", "\"+1\" is not a number"),
            ("last=10000", "\"10000\" is not a number"),
            ("last=99999999999", "is not a number"),
            ("Last=1", "\"Last\" is not one of last, daily"),
            ("hourly=1", "\"hourly\" is not one of"),
            ("last=1 last=2", "last is there twice"),
            ("last=1,daily=2", "\"1,daily=2\" is not a number"),
        ] {
            let error = Rule::parse(text).expect_err(text);
            assert!(error.contains(words), "{text}: {error}");
        }
    }

    #[test]
    fn stamps_are_those_of_the_calendar() {
        for (time, text) in [
            (0, "19700101T000000Z"),
            (951_782_400, "20000229T000000Z"),
            (951_868_799, "20000229T235959Z"),
            (4_107_542_400, "21000301T000000Z"),
            (1_796_014_131, "20261130T044851Z"),
            (-1, "19691231T235959Z"),
            (*TIMES.start(), "00000101T000000Z"),
            (*TIMES.end(), "99991231T235959Z"),
        ] {
            assert_eq!(stamp(time), text);
            assert_eq!(read_stamp(text.as_bytes()), Some(time));
        }
        for text in [
            "",
            "20260229T000000Z",
            "20261301T000000Z",
            "20260001T000000Z",
            "20260100T000000Z",
            "20260101T240000Z",
            "20260101T000060Z",
            "20260101t000000Z",
            "20260101T000000",
            "20260101T000000Z1",
            "+0260101T000000Z",
        ] {
            assert_eq!(read_stamp(text.as_bytes()), None, "{text}");
        }
    }

    /// The stamps that a rule keeps of these, which are sorted.
    fn kept(rule: &str, stamps: &[&'static str]) -> Vec<&'static str> {
        let rule = Rule::parse(rule).expect("a rule");
        let time = |stamp: &&str| read_stamp(format!("{stamp}00Z").as_bytes()).expect("a time");
        let times: Vec<i64> = stamps.iter().map(time).collect();
        let kept = kept_by(rule, &times, Some(0));
        let pairs = stamps.iter().zip(kept);
        pairs
            .filter_map(|(stamp, kept)| (kept != 0).then_some(*stamp))
            .collect()
    }

    #[test]
    fn each_part_keeps_the_newest_of_its_periods() {
        let stamps = [
            "20270104T1200", // a Monday
            "20270103T1300", // the Sunday before
            "20270103T1200",
            "20270101T1200",
            "20261231T1200",
            "20261228T1200", // the Monday of that week
            "20261227T1200",
            "20250601T1200",
        ];
        let at = |numbers: &[usize]| numbers.iter().map(|&at| stamps[at]).collect::<Vec<_>>();
        for (rule, numbers) in [
            ("", &[0][..]),
            ("last=1", &[0]),
            ("last=3", &[0, 1, 2]),
            ("last=99", &[0, 1, 2, 3, 4, 5, 6, 7]),
            ("daily=3", &[0, 1, 3]),
            ("weekly=2", &[0, 1]),
            ("weekly=3", &[0, 1, 6]),
            ("monthly=2", &[0, 4]),
            ("monthly=9", &[0, 4, 7]),
            ("yearly=2", &[0, 4]),
            ("last=2 yearly=3", &[0, 1, 4, 7]),
        ] {
            assert_eq!(kept(rule, &stamps), at(numbers), "{rule}");
        }
    }

    #[test]
    fn reasons_are_told_together() {
        let rule = Rule::parse("last=1 daily=2").expect("a rule");
        let kept = kept_by(rule, &[2 * DAY, DAY, 0], Some(2));
        let newest = WMLB_KEPT_LAST | WMLB_KEPT_DAILY;
        assert_eq!(kept, [newest, WMLB_KEPT_DAILY, WMLB_KEPT_CURRENT]);
        assert_eq!(kept_by(None, &[1, 0], Some(0)), [WMLB_KEPT_CURRENT, 0]);
        assert!(kept_by(rule, &[], None).is_empty());
    }
}
