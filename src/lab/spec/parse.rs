#[derive(Debug)]
pub struct SpecError;
pub struct Warning;
pub fn parse(_file: &str, _text: &str) -> Result<Vec<(super::PodSpec, Vec<Warning>)>, SpecError> {
    Err(SpecError)
}
