//! Makes a program ready for `bpf(2)`: the kernel's offsets, the descriptors of maps, and the function that it calls.

use super::layout::{Answer, KernelTypes};
use super::object::{Object, Target};

/// `struct bpf_insn` of `include/uapi/linux/bpf.h`.
const INSTRUCTION: usize = 8;
/// Classes of instructions: the lowest three bits of the first byte.
mod class {
    pub const LOAD_IMMEDIATE: u8 = 0;
    pub const LOAD: u8 = 1;
    pub const STORE_IMMEDIATE: u8 = 2;
    pub const STORE: u8 = 3;
    pub const ARITHMETIC_32: u8 = 4;
    pub const ARITHMETIC_64: u8 = 7;
}
/// `BPF_PSEUDO_MAP_FD`, the source register of an instruction that loads a map.
const MAP_DESCRIPTOR: u8 = 1;
/// A call of a function that no kernel has. The verifier refuses it if it can be reached.
const UNREACHABLE: [u8; 8] = [0x85, 0, 0, 0, 0xff, 0xff, 0xff, 0x7f];

/// The instructions of the program in this section. `map` gives the descriptor of a map.
///
/// # Errors
/// A text that says which part of the object does not fit the kernel or this loader.
pub fn link(
    object: &Object<'_>,
    kernel: &KernelTypes,
    section: &str,
    map: impl Fn(&[u8]) -> Option<i32>,
) -> Result<Vec<u8>, String> {
    let section = section.as_bytes();
    let mut program = with_offsets(object, kernel, section)?;
    // the section itself, and those of the functions that are called: where each begins in the program
    let mut parts = vec![(section, 0)];
    let mut next = 0;
    while let Some((section, begin)) = parts.get(next).copied() {
        next += 1;
        for reference in object.references(section).ok_or("an unknown reference")? {
            let at = begin + reference.at;
            let value = match reference.target {
                Target::Map(ref name) => map(name).ok_or("an unknown map")?,
                Target::Function(section, value) => {
                    let begin = if let Some((_, begin)) = parts.iter().find(|(known, _)| *known == section) {
                        *begin
                    } else {
                        let begin = program.len();
                        program.extend(with_offsets(object, kernel, section)?);
                        parts.push((section, begin));
                        begin
                    };
                    // the call holds the distance from the symbol, less one; the kernel wants that from the next
                    // instruction
                    let held = program.get(at + 4..at + INSTRUCTION).ok_or("a reference outside the program")?;
                    let from_symbol = i32::from_le_bytes([0, 1, 2, 3].map(|i| held[i])) + 1;
                    let target = (begin as u64 + value) as i32 / INSTRUCTION as i32 + from_symbol;
                    target - at as i32 / INSTRUCTION as i32 - 1
                }
            };
            let instruction = program.get_mut(at..at + INSTRUCTION).ok_or("a reference outside the program")?;
            if matches!(reference.target, Target::Map(_)) {
                instruction[1] = instruction[1] & 0x0f | MAP_DESCRIPTOR << 4;
            }
            put(instruction, value);
        }
    }
    Ok(program)
}

/// A section's instructions with the offsets of this kernel.
fn with_offsets(object: &Object<'_>, kernel: &KernelTypes, section: &[u8]) -> Result<Vec<u8>, String> {
    let mut program = object.section(section).ok_or("a section is missing")?.to_owned();
    for field in object.fields.iter().filter(|field| field.section == section) {
        let rest = program.get_mut(field.at..).unwrap_or_default();
        let Some((instruction, _)) = rest.split_first_chunk_mut::<INSTRUCTION>() else {
            return Err("a field outside the program".to_owned());
        };
        match kernel.answer(object, field)? {
            // it takes the place of two
            Answer::Absent if instruction[0] & 7 == class::LOAD_IMMEDIATE => {
                return Err("a constant that this kernel does not have".to_owned());
            }
            Answer::Absent => *instruction = UNREACHABLE,
            Answer::Value(value) => match instruction[0] & 7 {
                class::LOAD | class::STORE_IMMEDIATE | class::STORE => {
                    let offset = i16::try_from(value).map_err(|_| "an offset beyond 32,767")?;
                    instruction[2..4].copy_from_slice(&offset.to_le_bytes());
                }
                class::LOAD_IMMEDIATE | class::ARITHMETIC_32 | class::ARITHMETIC_64 => put(instruction, value as i32),
                _ => return Err("an instruction without an offset".to_owned()),
            },
        }
    }
    Ok(program)
}

/// Sets the immediate value.
fn put(instruction: &mut [u8], value: i32) {
    instruction[4..8].copy_from_slice(&value.to_le_bytes());
}
