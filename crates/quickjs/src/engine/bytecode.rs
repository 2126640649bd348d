//! Compiled code that goes from one engine to another: text is parsed once, and an image holds neither the text nor what
//! parsing it left behind.

use super::{Budget, Engine, Failure, Function};
use crate::guard::guarded;
use crate::value::is_exception;
use rquickjs_sys as sys;
use std::ffi::c_int;
use std::sync::Arc;
use sys::JSValue;

/// Compiled code of this program's own making. Engines trust it, so it can be had from [`Engine::compile`] only.
#[derive(Clone)]
pub struct Bytecode(Arc<[u8]>);

impl Engine {
    /// Compiles a text without running it. Its functions will not know their source text, but their lines.
    pub fn compile(&self, name: &str, source: &str, budget: &Budget) -> Result<Bytecode, Failure> {
        self.not_sealed()?;
        let mut code = None;
        let function = self.building(budget, |engine| {
            let function = engine.eval(name, source, sys::JS_EVAL_FLAG_COMPILE_ONLY as c_int)?;
            code = engine.write(function);
            Ok(function)
        })?;
        self.world().free(function);
        code.ok_or(Failure::Engine("compiled code could not be written"))
    }

    /// Evaluates compiled code whose value is a function and keeps that.
    pub fn load(&mut self, code: &Bytecode, budget: &Budget) -> Result<Function, Failure> {
        self.not_sealed()?;
        let value = self.building(budget, |engine| engine.read(code))?;
        self.keep(value)
    }

    fn write(&self, function: JSValue) -> Option<Bytecode> {
        let mut length: sys::size_t = 0;
        let flags = (sys::JS_WRITE_OBJ_BYTECODE | sys::JS_WRITE_OBJ_STRIP_SOURCE) as c_int;
        // SAFETY: the function is alive and has not run; writing runs no code.
        let start = unsafe { sys::JS_WriteObject(self.context, &mut length, function, flags) };
        if start.is_null() {
            return None;
        }
        // SAFETY: the engine wrote that many bytes, which are copied before they are given back.
        let code = unsafe { std::slice::from_raw_parts(start, length as usize) }.into();
        // SAFETY: given back once.
        unsafe { sys::js_free(self.context, start.cast()) };
        Some(Bytecode(code))
    }

    fn read(&self, code: &Bytecode) -> Result<JSValue, Failure> {
        let (context, start, length) = (self.context, code.0.as_ptr(), code.0.len());
        // SAFETY: the bytes live during the call, and only this program's own compiler can have made them.
        let read = guarded(self.control(), || unsafe {
            let flags = sys::JS_READ_OBJ_BYTECODE as c_int;
            let function = sys::JS_ReadObject(context, start, length as sys::size_t, flags);
            if is_exception(function) { function } else { sys::JS_EvalFunction(context, function) }
        });
        self.checked(read)
    }
}
