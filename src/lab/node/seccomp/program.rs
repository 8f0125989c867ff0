//! Compiles rules to a filter: a search tree over ranges of call numbers.
//!
//! When a filter is loaded, the kernel runs it once for every call number (`seccomp_cache_prepare` in
//! kernel/seccomp.c). A list of about 330 comparisons takes 0.8 ms for each process, the tree a twentieth of that.

use std::collections::BTreeMap;

use nix::libc;

use crate::sys::seccomp::Instruction;

/// What the kernel does with a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Rule {
    Allow,
    /// The call has no effect and returns this errno.
    Refuse(i32),
    /// The call is allowed if this condition holds for the lower 32 bits of its first argument.
    If(FirstArg),
}

/// A condition on a first argument.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FirstArg {
    /// None of these bits is set.
    Without(u32),
    IsNot(u32),
    IsOneOf(Vec<u32>),
}

/// Compiles a filter for this processor. Calls without a rule are refused with `EPERM`. A process that makes a call of
/// another architecture is killed.
pub fn compile(rules: &BTreeMap<i64, Rule>) -> Vec<Instruction> {
    let mut program =
        vec![load(ARCH_AT), jump(libc::BPF_JEQ, ARCH, 1, 0), result(libc::SECCOMP_RET_KILL_PROCESS), load(NUMBER_AT)];
    let mut ranges: Vec<(u32, Rule)> = vec![(0, DEFAULT_RULE)];
    for (number, rule) in rules {
        let number = *number as u32;
        start_range(&mut ranges, number, rule.clone());
        start_range(&mut ranges, number + 1, DEFAULT_RULE);
    }
    program.extend(search_tree(&ranges));
    program
}

const DEFAULT_RULE: Rule = Rule::Refuse(libc::EPERM);

/// Starts a range with another rule at `number`. Adjacent ranges with the same rule are merged.
fn start_range(ranges: &mut Vec<(u32, Rule)>, number: u32, rule: Rule) {
    ranges.pop_if(|(start, _)| *start == number);
    if ranges.last().is_none_or(|(_, last)| *last != rule) {
        ranges.push((number, rule));
    }
}

fn search_tree(ranges: &[(u32, Rule)]) -> Vec<Instruction> {
    if let [(_, rule)] = ranges {
        return leaf(rule);
    }
    let (low, high) = ranges.split_at(ranges.len() / 2);
    let below = search_tree(low);
    // first the code for the lower half, then that for the upper half
    let mut program = match u8::try_from(below.len()) {
        Ok(skip) => vec![jump(libc::BPF_JGE, high[0].0, skip, 0)],
        // the offset of a comparison is only 8 bits wide
        Err(_) => vec![jump(libc::BPF_JGE, high[0].0, 0, 1), jump(libc::BPF_JA, below.len() as u32, 0, 0)],
    };
    program.extend(below);
    program.extend(search_tree(high));
    program
}

fn leaf(rule: &Rule) -> Vec<Instruction> {
    let allow = result(libc::SECCOMP_RET_ALLOW);
    let first = match rule {
        Rule::Allow => return vec![allow],
        Rule::Refuse(errno) => return vec![refuse(*errno)],
        Rule::If(first) => first,
    };
    let mut program = vec![load(FIRST_AT)];
    match first {
        FirstArg::Without(bits) => program.extend([jump(libc::BPF_JSET, *bits, 1, 0), allow, refuse(libc::EPERM)]),
        FirstArg::IsNot(value) => program.extend([jump(libc::BPF_JEQ, *value, 1, 0), allow, refuse(libc::EPERM)]),
        FirstArg::IsOneOf(values) => {
            for value in values {
                program.extend([jump(libc::BPF_JEQ, *value, 0, 1), allow]);
            }
            program.push(refuse(libc::EPERM));
        }
    }
    program
}

/// Offsets in `struct seccomp_data` (`linux/seccomp.h`).
const NUMBER_AT: u32 = 0;
const ARCH_AT: u32 = 4;
/// The lower half of the first argument.
const FIRST_AT: u32 = if cfg!(target_endian = "little") { 16 } else { 20 };

/// `AUDIT_ARCH_X86_64` and `AUDIT_ARCH_AARCH64` of `linux/audit.h`.
const ARCH: u32 = if cfg!(target_arch = "x86_64") { 0xc000_003e } else { 0xc000_00b7 };

fn load(offset: u32) -> Instruction {
    instruction(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, offset, 0, 0)
}

fn jump(compare: u32, value: u32, if_true: u8, if_false: u8) -> Instruction {
    instruction(libc::BPF_JMP | compare | libc::BPF_K, value, if_true, if_false)
}

fn result(action: u32) -> Instruction {
    instruction(libc::BPF_RET | libc::BPF_K, action, 0, 0)
}

fn refuse(errno: i32) -> Instruction {
    result(libc::SECCOMP_RET_ERRNO | errno as u32 & libc::SECCOMP_RET_DATA)
}

const fn instruction(code: u32, value: u32, if_true: u8, if_false: u8) -> Instruction {
    Instruction { code: code as u16, if_true, if_false, value }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Interprets a program as the kernel does.
    fn run(program: &[Instruction], arch: u32, number: u32, first: u32) -> u32 {
        let (mut at, mut loaded) = (0, 0);
        loop {
            let i = program[at];
            at += 1;
            let code = u32::from(i.code);
            let skip = match code & 0x07 {
                libc::BPF_LD => {
                    loaded = match i.value {
                        NUMBER_AT => number,
                        ARCH_AT => arch,
                        FIRST_AT => first,
                        other => panic!("offset {other}"),
                    };
                    0
                }
                libc::BPF_RET => return i.value,
                _ => match code & 0xf0 {
                    libc::BPF_JA => i.value,
                    compare => {
                        let holds = match compare {
                            libc::BPF_JEQ => loaded == i.value,
                            libc::BPF_JGE => loaded >= i.value,
                            libc::BPF_JSET => loaded & i.value != 0,
                            other => panic!("comparison {other:#x}"),
                        };
                        u32::from(if holds { i.if_true } else { i.if_false })
                    }
                },
            };
            at += skip as usize;
        }
    }

    const EPERM: u32 = libc::SECCOMP_RET_ERRNO | libc::EPERM as u32;

    #[test]
    fn each_call_number_gets_its_own_rule() {
        // enough rules that some offsets need more than 8 bits
        let rules: BTreeMap<i64, Rule> = (0..1000).filter(|n| n % 3 == 0).map(|n| (n, Rule::Allow)).collect();
        let program = compile(&rules);
        for number in 0..1100 {
            let want = if number % 3 == 0 && number < 1000 { libc::SECCOMP_RET_ALLOW } else { EPERM };
            assert_eq!(run(&program, ARCH, number, 0), want, "{number}");
        }
        assert_eq!(run(&program, ARCH, u32::MAX, 0), EPERM);
        assert_eq!(run(&program, ARCH + 1, 0, 0), libc::SECCOMP_RET_KILL_PROCESS);
    }

    #[test]
    fn adjacent_numbers_with_the_same_rule_are_one_range() {
        let rules: BTreeMap<i64, Rule> = (5..200).map(|n| (n, Rule::Allow)).collect();
        assert!(compile(&rules).len() < 10);
    }

    #[test]
    fn conditions_on_the_first_argument_are_checked() {
        let refused = libc::SECCOMP_RET_ERRNO | libc::ENOSYS as u32;
        let rules = BTreeMap::from([
            (3, Rule::If(FirstArg::Without(0x6))),
            (4, Rule::If(FirstArg::IsNot(40))),
            (5, Rule::If(FirstArg::IsOneOf(vec![0, 8]))),
            (6, Rule::Refuse(libc::ENOSYS)),
        ]);
        let program = compile(&rules);
        let allow = libc::SECCOMP_RET_ALLOW;
        for (number, first, want) in [
            (3, 0x9, allow),
            (3, 0x2, EPERM),
            (3, 0x4, EPERM),
            (4, 39, allow),
            (4, 40, EPERM),
            (5, 0, allow),
            (5, 8, allow),
            (5, 1, EPERM),
            (6, 0, refused),
            (7, 0, EPERM),
        ] {
            assert_eq!(run(&program, ARCH, number, first), want, "call {number} with {first}");
        }
    }
}
