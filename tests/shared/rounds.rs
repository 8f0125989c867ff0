//! How many rounds a test with random rounds does. `scripts/soak` finds these tests by their use of this module.

/// `few` rounds, or as many times more as `PODSCOPE_SOAK` says, which `make soak` sets. Prints the number.
pub fn number_of(few: u32) -> u32 {
    let factor = match std::env::var("PODSCOPE_SOAK") {
        Ok(text) if !text.is_empty() => {
            text.parse().unwrap_or_else(|_| panic!("PODSCOPE_SOAK is {text:?}; expected a whole number"))
        }
        _ => 1,
    };
    let rounds = few.saturating_mul(factor);
    let test = std::thread::current().name().unwrap_or("a test").to_owned();
    println!("\nrounds: {rounds} {test}");
    rounds
}
