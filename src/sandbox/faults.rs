//! Faults on demand: what a client has to survive, at a chosen rate, from a seed.

use super::rng::Rng;

/// What can go wrong with a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FaultKind {
    /// 500 with an `api_error`
    Internal,
    /// 503 whose body is HTML
    Html,
    /// 429 with a reason, though no limit was reached
    TooMany,
    /// 429 without a reason: an object lock
    Lock,
    /// the body ends in the middle
    Cut,
    /// the connection closes without an answer
    Reset,
    /// the answer takes `SLOW_MS` longer
    Slow,
}

/// Milliseconds that [`FaultKind::Slow`] adds.
pub const SLOW_MS: u64 = 1500;

const WORDS: [(FaultKind, &str); 7] = [
    (FaultKind::Internal, "500"),
    (FaultKind::Html, "503-html"),
    (FaultKind::TooMany, "429"),
    (FaultKind::Lock, "lock"),
    (FaultKind::Cut, "cut"),
    (FaultKind::Reset, "reset"),
    (FaultKind::Slow, "slow"),
];

/// A kind and how often it strikes, 0 to 1.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Fault {
    /// what
    pub kind: FaultKind,
    /// how often
    pub probability: f64,
}

impl Fault {
    /// Reads `KIND` or `KIND=P`. The error is a sentence.
    pub fn parse(text: &str) -> Result<Fault, String> {
        let (word, probability) = match text.split_once('=') {
            Some((word, p)) => {
                let p = p.parse::<f64>().ok().filter(|p| (0.0..=1.0).contains(p));
                (word, p.ok_or_else(|| format!("The fault `{text}` needs a probability from 0 to 1."))?)
            }
            None => (text, 0.02),
        };
        let kind = WORDS.iter().find(|row| row.1 == word).map(|row| row.0).ok_or_else(|| {
            let all: Vec<&str> = WORDS.iter().map(|row| row.1).collect();
            format!("There is no fault `{word}`; there are {}.", all.join(", "))
        })?;
        Ok(Fault { kind, probability })
    }
}

/// The faults in force.
#[derive(Debug)]
pub struct Faults {
    active: Vec<Fault>,
    paused: bool,
    rng: Rng,
}

impl Faults {
    /// Faults that strike in an order which follows from the seed.
    pub fn new(seed: u64, faults: Vec<Fault>) -> Faults {
        Faults { active: faults, paused: false, rng: Rng::new(seed, 0xfa17) }
    }

    /// Stops or resumes them.
    pub fn pause(&mut self, paused: bool) {
        self.paused = paused;
    }

    /// Replaces them.
    pub fn set(&mut self, faults: Vec<Fault>) {
        self.active = faults;
    }

    /// What strikes the next request; at most one thing does.
    pub fn strike(&mut self) -> Option<FaultKind> {
        if self.paused {
            return None;
        }
        let rng = &mut self.rng;
        self.active.iter().find(|fault| rng.chance(fault.probability)).map(|fault| fault.kind)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_are_read_or_refused_in_a_sentence() {
        assert_eq!(Fault::parse("500").unwrap(), Fault { kind: FaultKind::Internal, probability: 0.02 });
        assert_eq!(Fault::parse("cut=0.5").unwrap(), Fault { kind: FaultKind::Cut, probability: 0.5 });
        assert!(Fault::parse("cut=2").unwrap_err().ends_with('.'));
        assert!(Fault::parse("fire").is_err());
    }
}
