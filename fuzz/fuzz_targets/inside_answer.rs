#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| podscope::fuzz::inside_answer(bytes));
