//! Where the running kernel has the fields that the programs read ("compile once, run everywhere",
//! `Documentation/bpf/llvm_reloc.rst`).
//!
//! A field is looked up by the names of its structure and of its members. A name such as
//! `task_struct___before_5_14` means a variant of the structure before the three underscores.

use std::collections::HashMap;

use super::object::{Field, Object};
use super::types::{Type, Types, kind};

/// The kernel's types, and where those are that are asked for.
pub struct KernelTypes {
    types: Types,
    ids: HashMap<Vec<u8>, Vec<u32>>,
}

/// The answer for one field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    Value(u32),
    /// The kernel has no such field. A program may have an instruction for it that is never reached.
    Absent,
}

/// `enum bpf_core_relo_kind` of `include/uapi/linux/bpf.h`.
mod what {
    pub const FIELD_OFFSET: u32 = 0;
    pub const FIELD_EXISTS: u32 = 2;
    pub const TYPE_SIZE: u32 = 9;
}

/// What a path leads over.
enum Step<'a> {
    Member(&'a [u8]),
    Element(u32),
}

impl KernelTypes {
    /// `None` if the types are damaged.
    pub fn parse(bytes: Vec<u8>, object: &Object<'_>) -> Option<Self> {
        let types = Types::parse(bytes)?;
        let names = object.fields.iter().filter_map(|field| Some(structure(&object.types, field)?.1));
        let ids = types.find(names);
        Some(Self { types, ids })
    }

    /// The id of an iterator's function or of a tracepoint's typedef.
    pub fn id(&self, name: &str) -> Option<u32> {
        self.ids.get(name.as_bytes())?.first().copied()
    }

    /// The value for one field, or a text that says why there is none. The latter happens with an object that does not
    /// fit this loader, or with a kernel whose field has another size.
    pub fn answer(&self, object: &Object<'_>, field: &Field) -> Result<Answer, String> {
        let local = &object.types;
        let (root, name) = structure(local, field).ok_or("a field without a structure")?;
        let name_of = || format!("{}:{}", String::from_utf8_lossy(name), String::from_utf8_lossy(&field.path));
        let (steps, size) = steps(local, root, &field.path).ok_or_else(|| format!("{}: no such path", name_of()))?;
        let mut answer = Answer::Absent;
        for id in self.ids.get(name).into_iter().flatten() {
            let found = match field.what {
                what::TYPE_SIZE => self.types.size(*id),
                what::FIELD_OFFSET | what::FIELD_EXISTS => match self.follow(*id, &steps) {
                    Some((_, Some(found))) if size.is_some_and(|size| size != found) => {
                        return Err(format!("{} has {found} bytes here", name_of()));
                    }
                    found => found.map(|(offset, _)| offset),
                },
                _ => return Err(format!("{}: cannot be answered", name_of())),
            };
            let Some(found) = found.map(Answer::Value) else { continue };
            if answer != Answer::Absent && answer != found && field.what != what::FIELD_EXISTS {
                return Err(format!("{}: the kernel has two different structures of this name", name_of()));
            }
            answer = found;
        }
        Ok(match (field.what, answer) {
            (what::FIELD_EXISTS, answer) => Answer::Value((answer != Answer::Absent).into()),
            (_, answer) => answer,
        })
    }

    /// Offset in bytes, and the size of a number or pointer.
    fn follow(&self, id: u32, steps: &[Step<'_>]) -> Option<(u32, Option<u32>)> {
        let mut offset = 0_u32;
        let mut id = id;
        for step in steps {
            let here = self.types.resolve(id)?;
            let further = match step {
                Step::Member(name) => {
                    let (of_type, at) = self.types.member(here, name)?;
                    id = of_type;
                    at
                }
                Step::Element(number) => {
                    id = self.types.elements(here)?.0;
                    self.types.size(id)?.checked_mul(*number)?
                }
            };
            offset = offset.checked_add(further)?;
        }
        Some((offset, number_size(&self.types, id)))
    }
}

/// The structure that a field begins at, and its name in the kernel.
fn structure<'a>(types: &'a Types, field: &Field) -> Option<(Type, &'a [u8])> {
    let found = types.resolve(field.of_type)?;
    let name = types.name(found);
    let variant = name.windows(3).position(|part| part == b"___");
    (!name.is_empty()).then(|| (found, &name[..variant.unwrap_or(name.len())]))
}

/// Turns positions, as `0:1:2`, into names. Also tells the size if the path leads to a number or pointer.
fn steps<'a>(types: &'a Types, root: Type, path: &[u8]) -> Option<(Vec<Step<'a>>, Option<u32>)> {
    let mut positions = std::str::from_utf8(path).ok()?.split(':').map(|p| p.parse::<u32>().ok());
    // the first is an index from the pointer to the structure
    (positions.next()? == Some(0)).then_some(())?;
    let mut here = root;
    let mut steps = Vec::new();
    let mut size = None;
    for position in positions {
        let position = position?;
        let id = if let Some((element, _)) = types.elements(here) {
            steps.push(Step::Element(position));
            element
        } else {
            let member = types.members(here).nth(position as usize)?;
            (!member.name.is_empty()).then_some(())?;
            steps.push(Step::Member(member.name));
            member.of_type
        };
        here = types.resolve(id)?;
        size = number_size(types, id);
    }
    Some((steps, size))
}

/// The size of a number or pointer; programs read as many bytes as they were compiled for.
fn number_size(types: &Types, id: u32) -> Option<u32> {
    let is_number = matches!(types.resolve(id)?.kind, kind::INT | kind::PTR | kind::ENUM);
    is_number.then(|| types.size(id)).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::bpf::types::u32_at;

    const OBJECT: &[u8] = include_bytes!("podscope.bpf.o");

    fn object() -> Object<'static> {
        Object::parse(OBJECT).expect("it can be read")
    }

    /// A kernel that has the structures as the object has them, after a change of the text of its types.
    fn kernel(object: &Object<'_>, from: &str, to: &str) -> KernelTypes {
        assert_eq!(from.len(), to.len());
        let mut types = object.section(b".BTF").expect("it has types").to_owned();
        let (from, to) = (format!("\0{from}\0"), format!("\0{to}\0"));
        let found: Vec<usize> =
            (0..types.len() - from.len()).filter(|i| types[*i..].starts_with(from.as_bytes())).collect();
        for at in found {
            types[at..at + to.len()].copy_from_slice(to.as_bytes());
        }
        KernelTypes::parse(types, object).expect("whole")
    }

    /// The answers for all fields of a structure, by path.
    fn answers(object: &Object<'_>, kernel: &KernelTypes, structure_name: &str) -> Vec<(u32, Result<Answer, String>)> {
        let is_of = |field: &&Field| {
            let root = object.types.resolve(field.of_type).expect("a structure");
            object.types.name(root) == structure_name.as_bytes()
        };
        let fields = object.fields.iter().filter(is_of);
        fields.map(|field| (field.what, kernel.answer(object, field))).collect()
    }

    #[test]
    fn with_its_own_types_every_field_is_where_the_object_has_it() {
        let object = object();
        let kernel = kernel(&object, "x", "x");
        for section in ["iter/task", "iter/task_file", "tp_btf/signal_generate", "tp_btf/sys_exit"] {
            let linked = crate::observe::bpf::program::link(&object, &kernel, section, |_| Some(0)).expect("it fits");
            let own = object.section(section.as_bytes()).expect("it is there");
            for field in object.fields.iter().filter(|field| field.section == section.as_bytes()) {
                let structure = object.types.resolve(field.of_type).expect("a structure");
                if !object.types.name(structure).windows(3).any(|part| part == b"___") {
                    assert_eq!(linked[field.at..field.at + 8], own[field.at..field.at + 8], "{section} {field:?}");
                }
            }
        }
    }

    #[test]
    fn a_field_that_the_kernel_does_not_have_is_absent() {
        let object = object();
        let whole = answers(&object, &kernel(&object, "x", "x"), "ns_common");
        assert!(whole.iter().all(|(_, answer)| matches!(answer, Ok(Answer::Value(_)))), "{whole:?}");
        let without = answers(&object, &kernel(&object, "ns_id", "other"), "ns_common");
        assert_ne!(whole, without);
        for (before, after) in whole.iter().zip(&without).filter(|(before, after)| before != after) {
            match before {
                (what::FIELD_EXISTS, Ok(Answer::Value(1))) => assert_eq!(after.1, Ok(Answer::Value(0))),
                _ => assert_eq!(after.1, Ok(Answer::Absent)),
            }
        }
        let none = answers(&object, &kernel(&object, "ns_common", "something"), "ns_common");
        assert!(none.iter().all(|(_, answer)| matches!(answer, Ok(Answer::Absent | Answer::Value(0)))), "{none:?}");
    }

    #[test]
    fn a_field_of_another_size_is_refused() {
        let object = object();
        let mut types = object.section(b".BTF").expect("it has types").to_owned();
        // struct btf_type: name, kind and count, size; the first is at the end of the header of 24 bytes
        let own = Types::parse(types.clone()).expect("whole");
        let id = (1..9_999).find(|id| own.get(*id).is_some_and(|t| own.name(t) == b"unsigned short")).expect("an id");
        let size_at = own.get(id).expect("unsigned short").rest - 4;
        types[size_at] = 4;
        let kernel = KernelTypes::parse(types, &object).expect("whole");
        let answers = answers(&object, &kernel, "sock");
        assert!(answers.iter().any(|(_, a)| a.as_ref().is_err_and(|e| e.contains("has 4 bytes here"))), "{answers:?}");
    }

    #[test]
    fn every_program_fits_this_kernel() {
        let Ok(types) = std::fs::read("/sys/kernel/btf/vmlinux") else {
            return eprintln!("skipped: this kernel does not describe its types");
        };
        let object = object();
        let kernel = KernelTypes::parse(types, &object).expect("whole");
        for field in &object.fields {
            if let Err(reason) = kernel.answer(&object, field) {
                panic!("{reason}");
            }
        }
    }

    #[test]
    fn cut_types_are_refused_and_do_no_harm() {
        let object = object();
        let types = object.section(b".BTF").expect("it has types");
        // struct btf_header, then the types, then their names
        let names_at = 24 + u32_at(types, 16).expect("a header") as usize;
        for length in (0..types.len()).step_by(7) {
            let Some(kernel) = KernelTypes::parse(types[..length].to_owned(), &object) else { continue };
            assert!(length >= names_at, "cut at {length}");
            let found =
                object.fields.iter().filter(|field| kernel.answer(&object, field).is_ok_and(|a| a != Answer::Absent));
            assert!(found.count() < object.fields.len(), "cut at {length}");
        }
    }
}
