//! Types of a kernel or of an object in the BPF Type Format, `Documentation/bpf/btf.rst`.

use std::collections::HashMap;

/// `BTF_KIND_*` of `include/uapi/linux/btf.h`, as far as they are told apart here.
pub mod kind {
    pub const INT: u32 = 1;
    pub const PTR: u32 = 2;
    pub const ARRAY: u32 = 3;
    pub const STRUCT: u32 = 4;
    pub const UNION: u32 = 5;
    pub const ENUM: u32 = 6;
    pub const TYPEDEF: u32 = 8;
    pub const VOLATILE: u32 = 9;
    pub const CONST: u32 = 10;
    pub const RESTRICT: u32 = 11;
    pub const FUNC: u32 = 12;
    pub const FUNC_PROTO: u32 = 13;
    pub const VAR: u32 = 14;
    pub const DATASEC: u32 = 15;
    pub const FLOAT: u32 = 16;
    pub const DECL_TAG: u32 = 17;
    pub const TYPE_TAG: u32 = 18;
    pub const ENUM64: u32 = 19;
}

/// More typedefs in a row than any kernel has, and deeper structures: a damaged list must not lead round in circles.
const DEEPEST: usize = 32;

pub struct Types {
    bytes: Vec<u8>,
    /// Where the strings begin.
    strings: usize,
    /// Where each type begins, by its id. The id 0 means `void`.
    at: Vec<u32>,
}

/// `struct btf_type`.
#[derive(Clone, Copy, Debug)]
pub struct Type {
    pub kind: u32,
    name: u32,
    /// How many members a structure has.
    count: u32,
    /// The offsets of members are those of bit fields.
    has_bit_fields: bool,
    /// A size, or the id of another type.
    pub value: u32,
    /// Where what follows it begins.
    pub rest: usize,
}

/// A member of a structure or union.
#[derive(Clone, Copy, Debug)]
pub struct Member<'a> {
    pub name: &'a [u8],
    pub of_type: u32,
    /// `None` for a bit field.
    pub offset: Option<u32>,
}

impl Types {
    /// `None` if it is cut off or damaged.
    pub fn parse(bytes: Vec<u8>) -> Option<Self> {
        const MAGIC: u16 = 0xeb9f;
        if u16::from_le_bytes(bytes.get(..2)?.try_into().ok()?) != MAGIC {
            return None;
        }
        let word = |at: usize| u32_at(&bytes, at).map(|w| w as usize);
        let header = word(4)?;
        let start = header.checked_add(word(8)?)?;
        let end = start.checked_add(word(12)?)?;
        let strings = header.checked_add(word(16)?)?;
        if end > bytes.len() || strings > bytes.len() {
            return None;
        }
        // a kernel has more than 100,000 types, of some 24 bytes each
        let mut at = Vec::with_capacity((end - start) / 24);
        at.push(u32::MAX);
        let mut next = start;
        while next < end {
            at.push(next as u32);
            next = next.checked_add(12 + rest_length(u32_at(&bytes, next + 4)?)?)?;
        }
        Some(Self { bytes, strings, at })
    }

    pub fn get(&self, id: u32) -> Option<Type> {
        let at = self.at.get(id as usize).copied().filter(|at| *at != u32::MAX)? as usize;
        let info = u32_at(&self.bytes, at + 4)?;
        Some(Type {
            kind: kind_of(info),
            name: u32_at(&self.bytes, at)?,
            count: info & 0xffff,
            has_bit_fields: info >> 31 != 0,
            value: u32_at(&self.bytes, at + 8)?,
            rest: at + 12,
        })
    }

    /// The type behind typedefs and qualifiers.
    pub fn resolve(&self, id: u32) -> Option<Type> {
        let mut found = self.get(id)?;
        for _ in 0..DEEPEST {
            match found.kind {
                kind::TYPEDEF | kind::VOLATILE | kind::CONST | kind::RESTRICT | kind::TYPE_TAG => {
                    found = self.get(found.value)?;
                }
                _ => return Some(found),
            }
        }
        None
    }

    /// A string of the list of strings; empty if there is none.
    pub fn string(&self, offset: u32) -> &[u8] {
        let rest = self.bytes.get(self.strings + offset as usize..).unwrap_or_default();
        &rest[..rest.iter().position(|b| *b == 0).unwrap_or(rest.len())]
    }

    pub fn name(&self, of: Type) -> &[u8] {
        self.string(of.name)
    }

    pub fn members(&self, of: Type) -> impl Iterator<Item = Member<'_>> {
        let count = if matches!(of.kind, kind::STRUCT | kind::UNION) { of.count as usize } else { 0 };
        (0..count).map_while(move |i| {
            let at = of.rest + 12 * i;
            let offset = u32_at(&self.bytes, at + 8)?;
            let offset = match (of.has_bit_fields, offset >> 24) {
                (false, _) => Some(offset),
                (true, 0) => Some(offset & 0x00ff_ffff),
                (true, _) => None,
            };
            Some(Member {
                name: self.string(u32_at(&self.bytes, at)?),
                of_type: u32_at(&self.bytes, at + 4)?,
                offset: offset.filter(|bits| bits % 8 == 0).map(|bits| bits / 8),
            })
        })
    }

    /// The member of this name, also in an unnamed structure or union within, and its offset in bytes.
    pub fn member(&self, of: Type, name: &[u8]) -> Option<(u32, u32)> {
        self.member_within(of, name, DEEPEST)
    }

    fn member_within(&self, of: Type, name: &[u8], depth: usize) -> Option<(u32, u32)> {
        for member in self.members(of) {
            if member.name == name {
                return Some((member.of_type, member.offset?));
            }
            if !member.name.is_empty() || depth == 0 {
                continue;
            }
            let inner = self.resolve(member.of_type)?;
            if let Some((found, offset)) = self.member_within(inner, name, depth - 1) {
                return Some((found, offset.checked_add(member.offset?)?));
            }
        }
        None
    }

    /// Type of the elements of an array, and their number.
    pub fn elements(&self, of: Type) -> Option<(u32, u32)> {
        let is_array = of.kind == kind::ARRAY;
        is_array.then(|| Some((u32_at(&self.bytes, of.rest)?, u32_at(&self.bytes, of.rest + 8)?)))?
    }

    /// Size in bytes.
    pub fn size(&self, id: u32) -> Option<u32> {
        let mut id = id;
        let mut count = 1_u32;
        for _ in 0..DEEPEST {
            let found = self.resolve(id)?;
            match found.kind {
                kind::PTR => return count.checked_mul(8),
                kind::ARRAY => {
                    let (element, number) = self.elements(found)?;
                    (id, count) = (element, count.checked_mul(number)?);
                }
                kind::INT | kind::STRUCT | kind::UNION | kind::ENUM | kind::ENUM64 | kind::FLOAT => {
                    return count.checked_mul(found.value);
                }
                _ => return None,
            }
        }
        None
    }

    /// The ids of structures with these names, of functions that begin with `bpf_iter_`, and of typedefs that begin
    /// with `btf_trace_`.
    pub fn find<'a>(&self, structures: impl IntoIterator<Item = &'a [u8]>) -> HashMap<Vec<u8>, Vec<u32>> {
        let mut found: HashMap<Vec<u8>, Vec<u32>> =
            structures.into_iter().map(|name| (name.to_owned(), Vec::new())).collect();
        for id in 1..self.at.len() as u32 {
            let Some(known) = self.get(id) else { continue };
            let prefix: &[u8] = match known.kind {
                kind::STRUCT if known.name != 0 => {
                    if let Some(ids) = found.get_mut(self.name(known)) {
                        ids.push(id);
                    }
                    continue;
                }
                kind::FUNC => b"bpf_iter_",
                kind::TYPEDEF => b"btf_trace_",
                _ => continue,
            };
            if self.bytes.get(self.strings + known.name as usize..).is_some_and(|rest| rest.starts_with(prefix)) {
                found.entry(self.name(known).to_owned()).or_default().push(id);
            }
        }
        found
    }
}

const fn kind_of(info: u32) -> u32 {
    info >> 24 & 0x1f
}

/// How many bytes follow `struct btf_type`. `None` for a kind that is not known: then the next type cannot be found.
fn rest_length(info: u32) -> Option<usize> {
    let count = (info & 0xffff) as usize;
    Some(match kind_of(info) {
        kind::INT | kind::VAR | kind::DECL_TAG => 4,
        kind::ARRAY => 12,
        kind::STRUCT | kind::UNION | kind::DATASEC | kind::ENUM64 => 12 * count,
        kind::ENUM | kind::FUNC_PROTO => 8 * count,
        kind::PTR..=kind::TYPE_TAG => 0,
        _ => return None,
    })
}

pub fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(bytes.get(at..at.checked_add(4)?)?.try_into().ok()?))
}
