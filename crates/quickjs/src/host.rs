//! Host functions: how a script reaches the world outside.
//!
//! The engine knows one native function, `host(id, ...arguments)`. Whoever runs a script gives one closure for all of them;
//! arguments are converted only when the closure asks for them.

use crate::bridge::{BridgeError, ROOM_FACTOR, World};
use crate::control::Control;
use crate::guard::unguarded;
use crate::value::{double, identity, integer, is_string, tag};
use rquickjs_sys as sys;
use serde_json::{Map, Value};
use std::cell::Cell;
use std::ffi::{c_int, c_void};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;
use sys::{JSContext, JSValue};

/// How a host function fails.
#[derive(Debug, Clone, PartialEq)]
pub enum HostError {
    /// Throws an `Error` with this message.
    Error(String),
    /// Throws this value.
    Throw(Value),
    /// A conversion failed; an exception of the script itself goes on as it was.
    Bridge(BridgeError),
}

impl From<BridgeError> for HostError {
    fn from(error: BridgeError) -> HostError {
        HostError::Bridge(error)
    }
}

/// What answers host calls: gets the identifier and the call. It may be entered again while it converts an argument, as
/// that can run the script's code (a getter, `toJSON`), which can call the host; therefore `Fn`.
pub type HostFunction<'a> = dyn Fn(u32, &mut HostCall<'_>) -> Result<(), HostError> + 'a;

/// One call of a host function.
pub struct HostCall<'a> {
    world: World<'a>,
    arguments: &'a [JSValue],
    answer: JSValue,
}

impl HostCall<'_> {
    fn argument(&self, index: usize) -> JSValue {
        self.arguments.get(index).copied().unwrap_or(sys::JS_UNDEFINED)
    }

    /// An argument as JSON; none for undefined, functions and symbols.
    pub fn json(&self, index: usize) -> Result<Option<Value>, BridgeError> {
        self.world.to_json(self.argument(index))
    }

    /// An argument as text, if it is a string.
    pub fn text(&self, index: usize) -> Result<Option<String>, BridgeError> {
        let value = self.argument(index);
        if is_string(value) { self.world.text(value, str::to_owned).map(Some) } else { Ok(None) }
    }

    /// An argument as a number, if it is one.
    pub fn number(&self, index: usize) -> Option<f64> {
        as_number(self.argument(index))
    }

    /// Whether an argument is plain data that equals this JSON. False may also mean "unusual: ask for its JSON".
    pub fn same(&self, index: usize, json: &Value) -> Result<bool, BridgeError> {
        self.world.same(self.argument(index), json)
    }

    /// The same for an object.
    pub fn same_object(&self, index: usize, members: &Map<String, Value>) -> Result<bool, BridgeError> {
        self.world.same_as_object(self.argument(index), members)
    }

    /// Sets what the call returns; undefined without this.
    pub fn answer(&mut self, value: &Value) -> Result<(), BridgeError> {
        let value = self.world.to_engine(value)?;
        self.set(value);
        Ok(())
    }

    /// Sets an object as what the call returns.
    pub fn answer_object(&mut self, members: &Map<String, Value>) -> Result<(), BridgeError> {
        let value = self.world.to_object(members)?;
        self.set(value);
        Ok(())
    }

    /// Sets an object of strings as what the call returns.
    pub fn answer_texts<'t>(&mut self, members: impl Iterator<Item = (&'t str, &'t str)>) -> Result<(), BridgeError> {
        let value = self.world.texts(members)?;
        self.set(value);
        Ok(())
    }

    /// Sets a string as what the call returns.
    pub fn answer_text(&mut self, text: &str) -> Result<(), BridgeError> {
        let value = self.world.string(text)?;
        self.set(value);
        Ok(())
    }

    /// Wall time that is left to this run.
    pub fn remaining(&self) -> Duration {
        self.world.control.remaining()
    }

    fn set(&mut self, value: JSValue) {
        let before = std::mem::replace(&mut self.answer, value);
        self.world.free(before);
    }
}

fn as_number(value: JSValue) -> Option<f64> {
    match tag(value) {
        sys::JS_TAG_INT => Some(f64::from(integer(value))),
        sys::JS_TAG_FLOAT64 => Some(double(value)),
        _ => None,
    }
}

/// What the engine's callbacks find behind the context's opaque pointer; lives in a box of the engine.
pub(crate) struct Shared {
    pub(crate) control: Arc<Control>,
    pub(crate) to_json: Cell<sys::JSAtom>,
    pub(crate) plain: Cell<sys::JSClassID>,
    /// Bytes of the engine's arena.
    memory: usize,
    /// What values may take outside of it while they are read.
    room: Cell<usize>,
    host: Cell<Option<*const HostFunction<'static>>>,
    /// The first promise that was rejected and that nobody handles so far, and the reason.
    rejected: Cell<Option<(usize, JSValue)>>,
}

impl Shared {
    pub(crate) fn new(control: Arc<Control>, memory: usize) -> Shared {
        Shared {
            control,
            to_json: Cell::new(0),
            plain: Cell::new(0),
            memory,
            room: Cell::new(memory.saturating_mul(ROOM_FACTOR)),
            host: Cell::new(None),
            rejected: Cell::new(None),
        }
    }

    pub(crate) fn world(&self, context: *mut JSContext) -> World<'_> {
        World {
            context,
            control: &self.control,
            to_json: self.to_json.get(),
            plain: self.plain.get(),
            room: &self.room,
        }
    }

    /// Makes `host` answer while `body` runs.
    pub(crate) fn with_host<R>(&self, host: &HostFunction<'_>, body: impl FnOnce() -> R) -> R {
        let pointer: *const HostFunction<'_> = host;
        // SAFETY: only the lifetime changes; the pointer is removed below, before `host` can end. `body` is ours and
        // does not unwind: engine code can't, and the closure itself is called under `catch_unwind`.
        let pointer: *const HostFunction<'static> = unsafe { std::mem::transmute(pointer) };
        self.host.set(Some(pointer));
        self.rejected.set(None);
        self.room.set(self.memory.saturating_mul(ROOM_FACTOR));
        let result = body();
        self.host.set(None);
        result
    }

    /// The reason of a rejection that nobody handled; given once. The caller owns the value.
    pub(crate) fn take_rejection(&self) -> Option<JSValue> {
        self.rejected.take().map(|(_, reason)| reason)
    }

    fn dispatch(&self, context: *mut JSContext, arguments: &[JSValue]) -> JSValue {
        let world = self.world(context);
        let (Some(host), Some((identifier, rest))) = (self.host.get(), arguments.split_first()) else {
            return self.fail(world, HostError::Error("This is not available here.".into()));
        };
        let identifier = as_number(*identifier).map_or(u32::MAX, |number| number as u32);
        let mut call = HostCall { world, arguments: rest, answer: sys::JS_UNDEFINED };
        // SAFETY: `with_host` keeps the closure alive; it is only ever shared.
        let outcome = catch_unwind(AssertUnwindSafe(|| unsafe { (*host)(identifier, &mut call) }));
        let answer = call.answer;
        match outcome {
            Ok(Ok(())) => answer,
            Ok(Err(error)) => self.fail(world, error),
            Err(_) => self.fail(world, HostError::Error("The platform failed while it served the script.".into())),
        }
    }

    fn fail(&self, world: World<'_>, error: HostError) -> JSValue {
        if self.control.stopped().is_some() {
            return sys::JS_EXCEPTION;
        }
        let thrown = match error {
            HostError::Bridge(BridgeError::Threw) => return sys::JS_EXCEPTION,
            HostError::Bridge(other) => self.error_object(world, &other.to_string()),
            HostError::Error(message) => self.error_object(world, &message),
            HostError::Throw(value) => world.to_engine(&value),
        };
        match thrown {
            // SAFETY: takes over the value.
            Ok(value) => unsafe { sys::JS_Throw(world.context, value) },
            Err(_) => sys::JS_EXCEPTION,
        }
    }

    fn error_object(&self, world: World<'_>, message: &str) -> Result<JSValue, BridgeError> {
        let message = world.string(message)?;
        // SAFETY: the error is fresh; defining a property takes over the message.
        unsafe {
            let error = sys::JS_NewError(world.context);
            sys::JS_DefinePropertyValueStr(
                world.context,
                error,
                c"message".as_ptr(),
                message,
                (sys::JS_PROP_WRITABLE | sys::JS_PROP_CONFIGURABLE) as c_int,
            );
            Ok(error)
        }
    }
}

/// The native function `host`.
pub(crate) unsafe extern "C" fn host_call(
    context: *mut JSContext,
    _this: JSValue,
    count: c_int,
    arguments: *mut JSValue,
) -> JSValue {
    // SAFETY: set when the engine was built, to a box that lives as long as the engine.
    let shared = unsafe { &*sys::JS_GetContextOpaque(context).cast::<Shared>() };
    let arguments = match usize::try_from(count) {
        // SAFETY: the engine gives that many arguments, which live during the call.
        Ok(count) if count > 0 => unsafe { std::slice::from_raw_parts(arguments, count) },
        _ => &[],
    };
    unguarded(&shared.control, || shared.dispatch(context, arguments))
}

/// Called for every promise that is rejected without a handler, and again when it gets one.
pub(crate) unsafe extern "C" fn on_rejection(
    context: *mut JSContext,
    promise: JSValue,
    reason: JSValue,
    is_handled: bool,
    opaque: *mut c_void,
) {
    // SAFETY: set when the engine was built, to a box that lives as long as the engine.
    let shared = unsafe { &*opaque.cast::<Shared>() };
    let identity = identity(promise);
    match shared.rejected.get() {
        Some((first, reason)) if is_handled && first == identity => {
            shared.rejected.set(None);
            shared.world(context).free(reason);
        }
        None if !is_handled => {
            // SAFETY: keeps the reason alive until it is taken or the arena is restored.
            shared.rejected.set(Some((identity, unsafe { sys::JS_DupValue(context, reason) })));
        }
        _ => {}
    }
}
