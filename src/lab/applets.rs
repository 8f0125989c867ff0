//! Stand-ins for images: small programs of our own, started as the app's executable.

/// Runs the stand-in that the first argument names; its exit code.
pub fn main(args: &[String]) -> i32 {
    let _ = args;
    loop {
        std::thread::park();
    }
}
