//! The object file that clang has built from `podscope.bpf.c`: ELF, as far as it is used (`elf(5)`,
//! `Documentation/bpf/llvm_reloc.rst`).

use super::types::{Types, u32_at};

pub struct Object<'a> {
    sections: Vec<Section<'a>>,
    symbols: Vec<Symbol>,
    /// The types that the programs were compiled with.
    pub types: Types,
    /// What depends on the layout of the kernel's structures.
    pub fields: Vec<Field>,
}

struct Section<'a> {
    name: &'a [u8],
    bytes: &'a [u8],
}

struct Symbol {
    section: usize,
    value: u64,
    name: Vec<u8>,
}

/// An instruction that refers to something outside its program.
#[derive(Debug)]
pub struct Reference<'a> {
    /// Offset in the section, in bytes.
    pub at: usize,
    pub target: Target<'a>,
}

#[derive(Debug, PartialEq, Eq)]
pub enum Target<'a> {
    /// A map of this name.
    Map(Vec<u8>),
    /// A function: its section, and its offset there in bytes.
    Function(&'a [u8], u64),
}

/// `struct bpf_core_relo` of `include/uapi/linux/bpf.h`: an instruction whose value depends on the kernel.
#[derive(Debug)]
pub struct Field {
    pub section: Vec<u8>,
    /// Offset in the section, in bytes.
    pub at: usize,
    pub of_type: u32,
    /// Positions of members, as `0:1:2`.
    pub path: Vec<u8>,
    /// `enum bpf_core_relo_kind`.
    pub what: u32,
}

impl<'a> Object<'a> {
    /// `None` if it is cut off or damaged.
    pub fn parse(bytes: &'a [u8]) -> Option<Self> {
        let sections = sections(bytes)?;
        let bytes_of = |name: &[u8]| sections.iter().find(|s| s.name == name).map(|s| s.bytes);
        let names = bytes_of(b".strtab")?;
        let symbols = bytes_of(b".symtab")?.chunks_exact(24);
        let symbols = symbols.map(|symbol| {
            let section = u16::from_le_bytes([symbol[6], symbol[7]]).into();
            Some(Symbol { section, value: u64_at(symbol, 8)?, name: string(names, u32_at(symbol, 0)?).to_owned() })
        });
        let symbols = symbols.collect::<Option<_>>()?;
        let types = Types::parse(bytes_of(b".BTF")?.to_owned())?;
        let fields = fields(bytes_of(b".BTF.ext")?, &types)?;
        Some(Self { sections, symbols, types, fields })
    }

    pub fn section(&self, name: &[u8]) -> Option<&'a [u8]> {
        self.sections.iter().find(|section| section.name == name).map(|section| section.bytes)
    }

    /// What the instructions of a section refer to. `None` if it is something that is not expected.
    pub fn references(&self, section: &[u8]) -> Option<Vec<Reference<'a>>> {
        const TO_ADDRESS: u64 = 1;
        const TO_FUNCTION: u64 = 10;
        let Some(entries) = self.section(&[b".rel", section].concat()) else { return Some(Vec::new()) };
        let reference = |entry: &[u8]| {
            let info = u64_at(entry, 8)?;
            let symbol = self.symbols.get((info >> 32) as usize)?;
            let target = match (info & 0xffff_ffff, self.sections.get(symbol.section)?.name) {
                (TO_ADDRESS, b".maps") => Target::Map(symbol.name.clone()),
                (TO_FUNCTION, section) if section.starts_with(b".text") => Target::Function(section, symbol.value),
                _ => return None,
            };
            Some(Reference { at: u64_at(entry, 0)? as usize, target })
        };
        entries.chunks_exact(16).map(reference).collect()
    }
}

/// By their number, so that symbols can name them.
fn sections(bytes: &[u8]) -> Option<Vec<Section<'_>>> {
    const ELF_64_LITTLE_ENDIAN: &[u8] = b"\x7fELF\x02\x01";
    /// `SHT_NOBITS`: it has a size, and no bytes in the file.
    const NO_BYTES: u32 = 8;
    if !bytes.starts_with(ELF_64_LITTLE_ENDIAN) {
        return None;
    }
    let table = u64_at(bytes, 40)? as usize;
    let [size, count, names] = [58, 60, 62].map(|at| u16_at(bytes, at));
    let header = |i: u16| {
        let size = usize::from(size?);
        let start = table.checked_add(usize::from(i) * size)?;
        bytes.get(start..start + size)
    };
    let contents = |header: &[u8]| {
        if u32_at(header, 4)? == NO_BYTES {
            return Some(&[][..]);
        }
        let start = u64_at(header, 24)? as usize;
        bytes.get(start..start.checked_add(u64_at(header, 32)? as usize)?)
    };
    let names = contents(header(names?)?)?;
    let section = |i| {
        let header = header(i)?;
        Some(Section { name: string(names, u32_at(header, 0)?), bytes: contents(header)? })
    };
    (0..count?).map(section).collect()
}

/// The last part of `.BTF.ext`.
fn fields(bytes: &[u8], types: &Types) -> Option<Vec<Field>> {
    let start = (u32_at(bytes, 4)? as usize).checked_add(u32_at(bytes, 24)? as usize)?;
    let end = start.checked_add(u32_at(bytes, 28)? as usize)?;
    let bytes = bytes.get(start..end)?;
    let size = u32_at(bytes, 0)? as usize;
    let mut fields = Vec::new();
    let mut at = 4;
    while at < bytes.len() {
        let section = types.string(u32_at(bytes, at)?);
        let count = u32_at(bytes, at + 4)?;
        at += 8;
        for _ in 0..count {
            fields.push(Field {
                section: section.to_owned(),
                at: u32_at(bytes, at)? as usize,
                of_type: u32_at(bytes, at + 4)?,
                path: types.string(u32_at(bytes, at + 8)?).to_owned(),
                what: u32_at(bytes, at + 12)?,
            });
            at = at.checked_add(size.max(16))?;
        }
    }
    Some(fields)
}

/// The string that begins there.
fn string(strings: &[u8], at: u32) -> &[u8] {
    let rest = strings.get(at as usize..).unwrap_or_default();
    &rest[..rest.iter().position(|b| *b == 0).unwrap_or(rest.len())]
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_le_bytes(bytes.get(at..at + 2)?.try_into().ok()?))
}

fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_le_bytes(bytes.get(at..at.checked_add(8)?)?.try_into().ok()?))
}
