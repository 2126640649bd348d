//! An engine in an arena: built once, run and restored many times.

mod bytecode;

use crate::arena::{self, Arena};
use crate::bridge::{BridgeError, World};
use crate::control::{Control, StopReason};
use crate::guard::guarded;
use crate::host::{HostFunction, Shared, host_call, on_rejection};
use crate::stack::stack_room;
use crate::value::{is_exception, is_string};
use crate::watchdog;
pub use bytecode::Bytecode;
use rquickjs_sys as sys;
use serde_json::Value;
use std::ffi::{CString, c_int, c_void};
use std::sync::Arc;
use std::time::Duration;
use sys::JSValue;

/// Garbage is collected for the first time at this size: most runs end before, and the restore is the better collector.
const COLLECT_ABOVE: usize = 8 << 20;

/// Stack that is kept from scripts: for host functions, conversions and signal handlers below the deepest script frame.
const STACK_RESERVE: usize = 192 << 10;

/// What one run may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Budget {
    /// Wall time, host calls included.
    pub wall: Duration,
    /// Processor time of the running thread.
    pub cpu: Duration,
}

/// The fixed sizes of an engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sizes {
    /// Bytes of the arena: everything that scripts allocate, and the engine itself (about 200 KB).
    pub memory: usize,
    /// Bytes of the thread's stack that scripts may use; less where the thread has less left.
    pub stack: usize,
}

/// Why code did not finish.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum Failure {
    /// It threw, or does not compile.
    #[error("{0}")]
    Threw(Exception),
    /// It reached a limit.
    #[error("stopped: {0:?}")]
    Stopped(StopReason),
    /// The engine itself could not be built or was used after it had stopped.
    #[error("the script engine failed: {0}")]
    Engine(&'static str),
}

/// An exception as text.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{name}: {message}")]
pub struct Exception {
    /// `SyntaxError`, `TypeError`, …; empty when something else than an error was thrown.
    pub name: String,
    /// Its message, or the thrown value as text.
    pub message: String,
    /// Where, innermost first, as the engine writes it.
    pub stack: String,
}

/// A function that an engine keeps; made before [`Engine::seal`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Function(usize);

/// What a run used, and how it ended.
#[derive(Debug, Clone, PartialEq)]
pub struct Report {
    /// `Err` when a step threw or the run was stopped.
    pub outcome: Result<(), Failure>,
    /// Wall time.
    pub wall: Duration,
    /// Processor time.
    pub cpu: Duration,
    /// Bytes of the arena in use at most.
    pub memory: usize,
}

/// A JavaScript engine whose whole state lies in one arena.
pub struct Engine {
    runtime: *mut sys::JSRuntime,
    context: *mut sys::JSContext,
    /// Made before the image, held by it, valid after every restore.
    functions: Vec<JSValue>,
    shared: Box<Shared>,
    sizes: Sizes,
    sealed: bool,
    arena: Arena,
}

// SAFETY: nothing in an engine is tied to a thread: the stack's limits are set anew by every entry, and only one thread
// can enter, as entering needs `&mut`. `Shared` is reached by nobody else.
unsafe impl Send for Engine {}

impl Engine {
    /// A fresh engine with the standard objects of the language; without files, processes, network, timers.
    pub fn new(sizes: Sizes) -> Result<Engine, Failure> {
        let arena = Arena::new(sizes.memory).map_err(|_| Failure::Engine("no address space for its memory"))?;
        let control = Arc::new(Control::default());
        if !watchdog::register(&control) {
            return Err(Failure::Engine("its watchdog could not be started"));
        }
        let shared = Box::new(Shared::new(control, sizes.memory));
        // SAFETY: the hooks live as long as the program, the arena as long as the engine; every result is checked; the
        // opaque pointers are to boxes that the engine owns and never moves.
        unsafe {
            let runtime = sys::JS_NewRuntime2(&arena::hooks(), arena.opaque());
            if runtime.is_null() {
                return Err(Failure::Stopped(StopReason::Memory));
            }
            let context = sys::JS_NewContext(runtime);
            if context.is_null() {
                return Err(Failure::Stopped(StopReason::Memory));
            }
            let opaque = (&raw const *shared).cast_mut().cast::<c_void>();
            sys::JS_SetContextOpaque(context, opaque);
            sys::JS_SetGCThreshold(runtime, COLLECT_ABOVE as sys::size_t);
            sys::JS_SetInterruptHandler(runtime, Some(on_poll), (&raw const *shared.control).cast_mut().cast());
            sys::JS_SetHostPromiseRejectionTracker(runtime, Some(on_rejection), opaque);
            shared.to_json.set(sys::JS_NewAtom(context, c"toJSON".as_ptr()));
            let plain = sys::JS_NewObject(context);
            shared.plain.set(sys::JS_GetClassID(plain));
            sys::JS_FreeValue(context, plain);
            if arena.exhausted() {
                return Err(Failure::Stopped(StopReason::Memory));
            }
            Ok(Engine { runtime, context, functions: Vec::new(), shared, sizes, sealed: false, arena })
        }
    }

    fn control(&self) -> &Control {
        &self.shared.control
    }

    fn world(&self) -> World<'_> {
        self.shared.world(self.context)
    }

    /// Keeps the native function `host(id, ...arguments)`, to be passed to [`Engine::build`]ing code.
    pub fn host_function(&mut self) -> Result<Function, Failure> {
        self.not_sealed()?;
        let kind = sys::JSCFunctionEnum_JS_CFUNC_generic;
        // SAFETY: the context is live; the function has the type of its kind.
        let function = unsafe { sys::JS_NewCFunction2(self.context, Some(host_call), c"host".as_ptr(), 1, kind, 0) };
        self.keep(function)
    }

    /// Evaluates a script whose value is a function and keeps that.
    pub fn evaluate(&mut self, name: &str, source: &str, budget: &Budget) -> Result<Function, Failure> {
        self.not_sealed()?;
        let value = self.building(budget, |engine| engine.eval(name, source, 0))?;
        self.keep(value)
    }

    /// Calls a kept function with kept functions and text as arguments while the engine is built, and keeps the result.
    pub fn build(&mut self, function: Function, arguments: &[Build<'_>], budget: &Budget) -> Result<Function, Failure> {
        self.not_sealed()?;
        let value = self.building(budget, |engine| {
            let mut values = Vec::with_capacity(arguments.len());
            for argument in arguments {
                values.push(match argument {
                    Build::Function(function) => engine.function(*function)?,
                    Build::Text(text) => engine.world().string(text).map_err(|error| engine.failure(error))?,
                });
            }
            engine.enter(function, &mut values)
        })?;
        self.keep(value)
    }

    /// Ends the building: what the engine is now, every [`Engine::restore`] brings back.
    pub fn seal(&mut self) -> Result<(), Failure> {
        self.not_sealed()?;
        // SAFETY: no code of the engine runs.
        unsafe { sys::JS_RunGC(self.runtime) };
        self.arena.take_image().map_err(|_| Failure::Engine("there is no memory for its image"))?;
        self.sealed = true;
        Ok(())
    }

    /// Calls the functions one after the other, settling all promises after each. Each gets `(rejected, reason)`: whether
    /// some promise was rejected that nobody handles, and why. Restore the engine afterwards, however this ended.
    pub fn run(&mut self, steps: &[Function], budget: &Budget, host: &HostFunction<'_>) -> Report {
        self.control().begin(budget.wall, budget.cpu);
        watchdog::wake();
        let watched = self.arena.watch();
        let outcome = match self.sealed {
            true => self.shared.with_host(host, || self.steps(steps)),
            false => Err(Failure::Engine("it runs before it is complete")),
        };
        drop(watched);
        let (wall, cpu) = self.control().end();
        let outcome = match self.control().stopped() {
            Some(reason) => Err(Failure::Stopped(reason)),
            None if self.arena.exhausted() => Err(Failure::Stopped(StopReason::Memory)),
            None => outcome,
        };
        Report { outcome, wall, cpu, memory: self.arena.peak() }
    }

    /// Makes the engine as it was when it was sealed.
    pub fn restore(&mut self) {
        if self.sealed {
            self.arena.restore();
        }
    }

    /// Bytes of real memory that the engine holds between runs.
    pub fn resident(&self) -> usize {
        self.arena.resident()
    }

    /// Bytes that a restore copies at the moment: pages that were written in any run so far.
    pub fn copied(&self) -> usize {
        self.arena.copied()
    }

    fn steps(&self, steps: &[Function]) -> Result<(), Failure> {
        self.adopt_stack();
        for step in steps {
            let mut arguments = match self.shared.take_rejection() {
                None => [sys::JS_FALSE, sys::JS_UNDEFINED],
                Some(reason) => [sys::JS_TRUE, reason],
            };
            let result = self.enter(*step, &mut arguments)?;
            self.world().free(result);
            self.world().free(arguments[1]);
            self.settle()?;
        }
        Ok(())
    }

    /// Runs pending jobs until none is left.
    fn settle(&self) -> Result<(), Failure> {
        let (runtime, control) = (self.runtime, self.control());
        // SAFETY: the runtime is live.
        while unsafe { sys::JS_IsJobPending(runtime) } {
            let mut context = std::ptr::null_mut();
            let slot = &raw mut context;
            // SAFETY: the runtime is live and the slot outlives the call.
            let done = guarded(control, || unsafe { sys::JS_ExecutePendingJob(runtime, slot) });
            if done.map_err(Failure::Stopped)? < 0 {
                return Err(self.exception());
            }
            if let Some(reason) = control.overdue() {
                control.note_stop(reason);
                return Err(Failure::Stopped(reason));
            }
        }
        Ok(())
    }

    /// The stack's limits belong to the thread that enters, and never pass what it has left.
    fn adopt_stack(&self) {
        let usable = match stack_room() {
            0 => self.sizes.stack,
            room => self.sizes.stack.min(room.saturating_sub(STACK_RESERVE)).max(1),
        };
        // SAFETY: the runtime is live; these look at the stack pointer only.
        unsafe {
            sys::JS_SetMaxStackSize(self.runtime, usable as sys::size_t);
            sys::JS_UpdateStackTop(self.runtime);
        }
    }

    fn building(
        &self,
        budget: &Budget,
        body: impl FnOnce(&Engine) -> Result<JSValue, Failure>,
    ) -> Result<JSValue, Failure> {
        self.control().begin(budget.wall, budget.cpu);
        watchdog::wake();
        self.adopt_stack();
        let result = body(self).and_then(|value| self.settle().map(|()| value));
        self.control().end();
        match self.control().stopped() {
            Some(reason) => Err(Failure::Stopped(reason)),
            None if self.arena.exhausted() => Err(Failure::Stopped(StopReason::Memory)),
            None => result,
        }
    }

    fn eval(&self, name: &str, source: &str, flags: c_int) -> Result<JSValue, Failure> {
        let name = CString::new(name.replace('\0', " ")).map_err(|_| Failure::Engine("a script's name is not text"))?;
        let mut text = Vec::with_capacity(source.len() + 1);
        text.extend_from_slice(source.as_bytes());
        text.push(0);
        let mut options = sys::JSEvalOptions {
            version: sys::JS_EVAL_OPTIONS_VERSION as c_int,
            eval_flags: sys::JS_EVAL_TYPE_GLOBAL as c_int | flags,
            filename: name.as_ptr(),
            line_num: 1,
        };
        let (context, start, length, options) = (self.context, text.as_ptr(), source.len(), &raw mut options);
        // SAFETY: text, name and options outlive the call; the byte after the text is zero, as the parser wants.
        let value =
            guarded(self.control(), || unsafe { sys::JS_Eval2(context, start.cast(), length as sys::size_t, options) });
        self.checked(value)
    }

    fn enter(&self, function: Function, arguments: &mut [JSValue]) -> Result<JSValue, Failure> {
        let (context, function) = (self.context, self.function(function)?);
        let (count, start) = (arguments.len() as c_int, arguments.as_mut_ptr());
        // SAFETY: function and arguments are alive during the call.
        let value =
            guarded(self.control(), || unsafe { sys::JS_Call(context, function, sys::JS_UNDEFINED, count, start) });
        self.checked(value)
    }

    fn checked(&self, value: Result<JSValue, StopReason>) -> Result<JSValue, Failure> {
        let value = value.map_err(Failure::Stopped)?;
        if is_exception(value) { Err(self.exception()) } else { Ok(value) }
    }

    fn failure(&self, error: BridgeError) -> Failure {
        match error {
            BridgeError::Stopped(reason) => Failure::Stopped(reason),
            _ => self.exception(),
        }
    }

    /// Takes the pending exception.
    fn exception(&self) -> Failure {
        let world = self.world();
        // SAFETY: the context is live; we own what we take.
        let thrown = unsafe { sys::JS_GetException(self.context) };
        // SAFETY: looks at the class only.
        let is_error = unsafe { sys::JS_IsError(thrown) };
        let part = |name: &std::ffi::CStr| {
            let (context, name) = (self.context, name.as_ptr());
            // SAFETY: the thrown value is alive; a getter of the script may run, hence guarded.
            let value = world.user_code(|| unsafe { sys::JS_GetPropertyStr(context, thrown, name) }).ok()?;
            let text = if is_string(value) { world.text(value, str::to_owned).ok() } else { None };
            world.free(value);
            text
        };
        let exception = if is_error {
            Exception {
                name: part(c"name").unwrap_or_default(),
                message: part(c"message").unwrap_or_default(),
                stack: part(c"stack").unwrap_or_default(),
            }
        } else {
            let message = world.to_json(thrown).ok().flatten().map_or_else(String::new, |value| match value {
                Value::String(text) => text,
                other => other.to_string(),
            });
            Exception { name: String::new(), message, stack: String::new() }
        };
        world.free(thrown);
        match self.control().stopped() {
            Some(reason) => Failure::Stopped(reason),
            None => Failure::Threw(exception),
        }
    }

    fn function(&self, function: Function) -> Result<JSValue, Failure> {
        self.functions.get(function.0).copied().ok_or(Failure::Engine("a function of another engine was called"))
    }

    fn keep(&mut self, value: JSValue) -> Result<Function, Failure> {
        if is_exception(value) {
            return Err(Failure::Stopped(StopReason::Memory));
        }
        self.functions.push(value);
        Ok(Function(self.functions.len() - 1))
    }

    fn not_sealed(&self) -> Result<(), Failure> {
        if self.sealed { Err(Failure::Engine("it is complete and can't be changed")) } else { Ok(()) }
    }

    /// The sizes that it was made with.
    pub fn sizes(&self) -> Sizes {
        self.sizes
    }
}

/// An argument for [`Engine::build`].
#[derive(Debug, Clone, Copy)]
pub enum Build<'a> {
    /// A kept value.
    Function(Function),
    /// A string.
    Text(&'a str),
}

/// The engine's interrupt hook, called every few thousand steps.
unsafe extern "C" fn on_poll(_runtime: *mut sys::JSRuntime, opaque: *mut c_void) -> c_int {
    // SAFETY: set when the engine was built, to the control that lives as long as the engine.
    let control = unsafe { &*opaque.cast::<Control>() };
    match control.stopped().or_else(|| control.overdue()) {
        None => 0,
        Some(reason) => {
            control.note_stop(reason);
            crate::guard::stop(reason);
            1
        }
    }
}

#[cfg(test)]
mod tests;
