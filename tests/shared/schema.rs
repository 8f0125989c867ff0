//! Checks a snapshot against the published schema.

use serde_json::Value;

pub const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/assets/schema/podscope.snapshot.1.json");

pub fn validate(snapshot: &Value) {
    let text = std::fs::read_to_string(FILE).unwrap();
    let validator = jsonschema::validator_for(&serde_json::from_str(&text).unwrap()).unwrap();
    let errors: Vec<String> = validator.iter_errors(snapshot).map(|e| format!("{}: {e}", e.instance_path())).collect();
    assert!(errors.is_empty(), "{errors:#?}");
}
