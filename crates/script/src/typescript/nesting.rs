use super::Mistake;
pub(super) fn depth(_source: &str) -> Result<usize, Mistake> { Ok(0) }
pub(super) fn with_stack_for<T: Send>(_depth: usize, work: impl FnOnce() -> T + Send) -> T { work() }
