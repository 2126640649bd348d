//! Values between JSON and the engine.
//!
//! Plain objects and arrays are walked directly; anything unusual (dates, maps, proxies, typed arrays, wrapped primitives)
//! goes through the engine's own `JSON.stringify`. Whatever can run the script's code (getters, `toJSON`, traps) runs
//! guarded.

use crate::control::{Control, StopReason};
use crate::guard::guarded;
use crate::value::{class, double, identity, integer, is_array, is_exception, tag};
use rquickjs_sys as sys;
use serde_json::{Map, Number, Value};
use std::cell::Cell;
use std::ffi::c_int;
use sys::{JSContext, JSValue};

/// Deepest nesting that is converted, in both directions: far beyond honest data, far from the end of any stack.
pub const DEPTH_LIMIT: usize = 256;

/// How much larger than an engine its values may be as JSON, where a number takes 80 bytes instead of 16. What is larger
/// than honest data would be: one list many times in another costs the engine nearly nothing.
pub(crate) const ROOM_FACTOR: usize = 4;

/// What a member of an object takes besides its name and value.
const MEMBER_BYTES: usize = 48;

/// Above this, not every integer has a double of its own.
const EXACT_INTEGERS: f64 = 9_007_199_254_740_992.0;

/// Why a value could not be converted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BridgeError {
    /// The run was stopped meanwhile.
    #[error("the script was stopped")]
    Stopped(StopReason),
    /// The script's own code (a getter, `toJSON`, a trap) threw; the exception is pending in the engine.
    #[error("the script threw while its value was read")]
    Threw,
    /// An object contains itself.
    #[error("Converting circular structure to JSON: '{path}' refers back to an object that contains it.")]
    Cycle {
        /// Where, from the converted value on.
        path: String,
    },
    /// Nested deeper than [`DEPTH_LIMIT`].
    #[error("The value is nested deeper than {DEPTH_LIMIT} levels.")]
    Depth,
    /// JSON has no big integers.
    #[error("Do not know how to serialize a BigInt.")]
    BigInt,
}

/// What conversions need to know of an engine; all pointers are into its arena and valid while it is borrowed.
#[derive(Clone, Copy)]
pub(crate) struct World<'a> {
    pub(crate) context: *mut JSContext,
    pub(crate) control: &'a Control,
    /// Atom of `toJSON`.
    pub(crate) to_json: sys::JSAtom,
    /// Class of plain objects.
    pub(crate) plain: sys::JSClassID,
    /// Bytes that values may take outside of the arena while they are read.
    pub(crate) room: &'a Cell<usize>,
}

/// The engine could not get memory. Outside of guarded code this shows as an exception value.
fn out_of_memory(world: World<'_>) -> BridgeError {
    world.control.note_stop(StopReason::Memory);
    BridgeError::Stopped(StopReason::Memory)
}

impl World<'_> {
    /// Gives a reference back. After a stop the engine's state may be half-written: nothing is touched any more, the
    /// restore takes care of it.
    pub(crate) fn free(self, value: JSValue) {
        if self.control.stopped().is_none() {
            // SAFETY: callers own the reference that they give.
            unsafe { sys::JS_FreeValue(self.context, value) };
        }
    }

    /// A new engine value; the caller owns it.
    pub(crate) fn to_engine(self, value: &Value) -> Result<JSValue, BridgeError> {
        self.build(value, 0)
    }

    fn build(self, value: &Value, depth: usize) -> Result<JSValue, BridgeError> {
        match value {
            Value::Null => Ok(sys::JS_NULL),
            Value::Bool(value) => Ok(if *value { sys::JS_TRUE } else { sys::JS_FALSE }),
            Value::Number(number) => Ok(match number.as_i64().map(i32::try_from) {
                Some(Ok(small)) => sys::JS_MKVAL(sys::JS_TAG_INT, small),
                _ => sys::JS_NewFloat64(number.as_f64().unwrap_or(f64::NAN)),
            }),
            Value::String(text) => self.string(text),
            Value::Array(_) | Value::Object(_) if depth >= DEPTH_LIMIT => Err(BridgeError::Depth),
            Value::Array(list) => self.build_array(list, depth),
            Value::Object(members) => self.build_object(members, depth),
        }
    }

    /// A new string; the caller owns it.
    pub(crate) fn string(self, text: &str) -> Result<JSValue, BridgeError> {
        // SAFETY: pointer and length are those of a live string; the engine copies it.
        let made = unsafe { sys::JS_NewStringLen(self.context, text.as_ptr().cast(), text.len() as sys::size_t) };
        if is_exception(made) { Err(out_of_memory(self)) } else { Ok(made) }
    }

    fn build_array(self, list: &[Value], depth: usize) -> Result<JSValue, BridgeError> {
        let mut elements = Vec::with_capacity(list.len());
        for value in list {
            elements.push(self.build(value, depth + 1)?);
        }
        let count = c_int::try_from(elements.len()).map_err(|_| out_of_memory(self))?;
        // SAFETY: takes over the references of exactly `count` values.
        let array = unsafe { sys::JS_NewArrayFrom(self.context, count, elements.as_mut_ptr()) };
        if is_exception(array) { Err(out_of_memory(self)) } else { Ok(array) }
    }

    /// A new object; the caller owns it.
    pub(crate) fn to_object(self, members: &Map<String, Value>) -> Result<JSValue, BridgeError> {
        self.build_object(members, 0)
    }

    /// A new object of strings; the caller owns it.
    pub(crate) fn texts<'t>(self, members: impl Iterator<Item = (&'t str, &'t str)>) -> Result<JSValue, BridgeError> {
        let object = self.empty_object()?;
        for (name, text) in members {
            self.define(object, name, self.string(text)?)?;
        }
        Ok(object)
    }

    fn build_object(self, members: &Map<String, Value>, depth: usize) -> Result<JSValue, BridgeError> {
        let object = self.empty_object()?;
        for (name, value) in members {
            self.define(object, name, self.build(value, depth + 1)?)?;
        }
        Ok(object)
    }

    fn empty_object(self) -> Result<JSValue, BridgeError> {
        // SAFETY: the context is live.
        let object = unsafe { sys::JS_NewObject(self.context) };
        if is_exception(object) { Err(out_of_memory(self)) } else { Ok(object) }
    }

    /// Defines a property of a fresh plain object and takes over `value`.
    fn define(self, object: JSValue, name: &str, value: JSValue) -> Result<(), BridgeError> {
        // SAFETY: the name is a live string; the atom is freed after its use; defining (not setting) a property of a fresh
        // plain object runs no code of the script, not even for `__proto__`.
        let defined = unsafe {
            let atom = sys::JS_NewAtomLen(self.context, name.as_ptr().cast(), name.len() as sys::size_t);
            let defined = sys::JS_DefinePropertyValue(self.context, object, atom, value, sys::JS_PROP_C_W_E as c_int);
            sys::JS_FreeAtom(self.context, atom);
            defined
        };
        if defined < 0 { Err(out_of_memory(self)) } else { Ok(()) }
    }

    /// The JSON of a value, as `JSON.stringify` would write it; none for undefined, functions and symbols.
    pub(crate) fn to_json(self, value: JSValue) -> Result<Option<Value>, BridgeError> {
        let room = self.room.get();
        let read = self.read(value, &mut Vec::new(), true);
        // Reading can run the script's code, which can have further values read meanwhile: those share this room.
        self.room.set(room);
        read
    }

    /// Takes room for a value of that size; a run that has none left is stopped as if its arena were full.
    fn take_room(self, bytes: usize) -> Result<(), BridgeError> {
        let rest = self.room.get().checked_sub(bytes).ok_or_else(|| out_of_memory(self))?;
        self.room.set(rest);
        Ok(())
    }

    /// The value of an engine's string.
    fn read_text(self, value: JSValue) -> Result<Value, BridgeError> {
        self.text(value, |text| self.take_room(text.len()).map(|()| Value::String(text.to_owned())))?
    }

    fn read(self, value: JSValue, above: &mut Vec<usize>, ask: bool) -> Result<Option<Value>, BridgeError> {
        self.take_room(size_of::<Value>())?;
        Ok(Some(match tag(value) {
            sys::JS_TAG_NULL => Value::Null,
            sys::JS_TAG_BOOL => Value::Bool(integer(value) != 0),
            sys::JS_TAG_INT => Value::Number(integer(value).into()),
            sys::JS_TAG_FLOAT64 => number(double(value)),
            sys::JS_TAG_STRING | sys::JS_TAG_STRING_ROPE => self.read_text(value)?,
            sys::JS_TAG_BIG_INT | sys::JS_TAG_SHORT_BIG_INT => return Err(BridgeError::BigInt),
            sys::JS_TAG_OBJECT => return self.read_object(value, above, ask),
            _ => return Ok(None),
        }))
    }

    fn read_object(self, value: JSValue, above: &mut Vec<usize>, ask: bool) -> Result<Option<Value>, BridgeError> {
        let identity = identity(value);
        if above.contains(&identity) {
            return Err(BridgeError::Cycle { path: String::new() });
        }
        if above.len() >= DEPTH_LIMIT {
            return Err(BridgeError::Depth);
        }
        if ask && let Some(replaced) = self.ask_to_json(value, above)? {
            return Ok(replaced);
        }
        // SAFETY: looks at the object's class only.
        let callable = unsafe { sys::JS_IsFunction(self.context, value) };
        above.push(identity);
        let read = if callable {
            Ok(None)
        } else if is_array(value) {
            self.read_array(value, above).map(Some)
        } else if class(value) == self.plain {
            self.read_plain(value, above).map(Some)
        } else {
            self.read_unusual(value)
        };
        above.pop();
        read
    }

    /// The outcome of the object's `toJSON`, if it has one.
    fn ask_to_json(self, value: JSValue, above: &mut Vec<usize>) -> Result<Option<Option<Value>>, BridgeError> {
        let (context, atom) = (self.context, self.to_json);
        // SAFETY: the object is alive, the atom is held by the image.
        let method = self.user_code(|| unsafe { sys::JS_GetProperty(context, value, atom) })?;
        // SAFETY: looks at the class only.
        if !unsafe { sys::JS_IsFunction(context, method) } {
            self.free(method);
            return Ok(None);
        }
        // SAFETY: both values are alive during the call.
        let replaced = self.user_code(|| unsafe { sys::JS_Call(context, method, value, 0, std::ptr::null_mut()) });
        self.free(method);
        let replaced = replaced?;
        let read = self.read(replaced, above, false);
        self.free(replaced);
        read.map(Some)
    }

    fn read_array(self, array: JSValue, above: &mut Vec<usize>) -> Result<Value, BridgeError> {
        let mut length = 0i64;
        // SAFETY: the length of a real array is a plain property.
        if unsafe { sys::JS_GetLength(self.context, array, &mut length) } < 0 {
            return Err(BridgeError::Threw);
        }
        let mut list = Vec::with_capacity(length.clamp(0, 1024) as usize);
        for index in 0..length as u32 {
            let context = self.context;
            // SAFETY: the array is alive; holes may ask a prototype, hence guarded.
            let element = self.user_code(|| unsafe { sys::JS_GetPropertyUint32(context, array, index) })?;
            let read = self.read(element, above, true);
            self.free(element);
            list.push(read.map_err(|error| at(error, &format!("[{index}]")))?.unwrap_or(Value::Null));
            if index % 4096 == 4095 {
                self.check_time()?;
            }
        }
        Ok(Value::Array(list))
    }

    fn read_plain(self, object: JSValue, above: &mut Vec<usize>) -> Result<Value, BridgeError> {
        let names = Names::of(self, object)?;
        let mut members = Map::with_capacity(names.list().len());
        for entry in names.list() {
            let Some(value) = self.member(object, entry.atom)? else { continue };
            let read = self.read(value, above, true);
            self.free(value);
            let name = self.name(entry.atom)?;
            if let Some(read) = read.map_err(|error| at(error, &format!(".{name}")))? {
                self.take_room(MEMBER_BYTES + name.len())?;
                members.insert(name, read);
            }
        }
        self.check_time()?;
        Ok(Value::Object(members))
    }

    /// An own property of a plain object: its value, or what its getter gives; none if it has gone meanwhile.
    fn member(self, object: JSValue, atom: sys::JSAtom) -> Result<Option<JSValue>, BridgeError> {
        // SAFETY: an all-zero descriptor is valid; the engine fills it when it finds the property.
        let (found, property) = unsafe {
            let mut property: sys::JSPropertyDescriptor = std::mem::zeroed();
            (sys::JS_GetOwnProperty(self.context, &mut property, object, atom), property)
        };
        if found < 0 {
            return Err(BridgeError::Threw);
        }
        if found == 0 {
            return Ok(None);
        }
        if property.flags & sys::JS_PROP_GETSET as c_int == 0 {
            return Ok(Some(property.value));
        }
        self.free(property.getter);
        self.free(property.setter);
        let context = self.context;
        // SAFETY: the object is alive.
        self.user_code(|| unsafe { sys::JS_GetProperty(context, object, atom) }).map(Some)
    }

    /// Anything else: the engine's own `JSON.stringify`, read back.
    fn read_unusual(self, value: JSValue) -> Result<Option<Value>, BridgeError> {
        let context = self.context;
        // SAFETY: the value is alive.
        let text =
            self.user_code(|| unsafe { sys::JS_JSONStringify(context, value, sys::JS_UNDEFINED, sys::JS_UNDEFINED) })?;
        if tag(text) == sys::JS_TAG_UNDEFINED {
            return Ok(None);
        }
        let read = self.text(text, |text| {
            self.take_room(parsed_bytes(text))?;
            Ok(serde_json::from_str(text).unwrap_or(Value::Null))
        });
        self.free(text);
        read?.map(Some)
    }

    /// Whether the value is plain data that equals the JSON. False may also mean "unusual: convert it to know".
    pub(crate) fn same(self, value: JSValue, json: &Value) -> Result<bool, BridgeError> {
        match (tag(value), json) {
            (sys::JS_TAG_NULL, Value::Null) => Ok(true),
            (sys::JS_TAG_BOOL, Value::Bool(json)) => Ok((integer(value) != 0) == *json),
            (sys::JS_TAG_INT, Value::Number(json)) => Ok(json.as_f64() == Some(f64::from(integer(value)))),
            (sys::JS_TAG_FLOAT64, Value::Number(json)) => Ok(json.as_f64() == Some(double(value))),
            (sys::JS_TAG_STRING, Value::String(json)) => self.text(value, |text| text == json),
            (sys::JS_TAG_OBJECT, Value::Array(list)) if is_array(value) => self.same_array(value, list),
            (sys::JS_TAG_OBJECT, Value::Object(members)) if class(value) == self.plain => {
                self.same_object(value, members)
            }
            _ => Ok(false),
        }
    }

    /// The same for an object.
    pub(crate) fn same_as_object(self, value: JSValue, members: &Map<String, Value>) -> Result<bool, BridgeError> {
        if class(value) == self.plain { self.same_object(value, members) } else { Ok(false) }
    }

    fn same_array(self, array: JSValue, list: &[Value]) -> Result<bool, BridgeError> {
        let mut length = 0i64;
        // SAFETY: the length of a real array is a plain property.
        if unsafe { sys::JS_GetLength(self.context, array, &mut length) } < 0 {
            return Err(BridgeError::Threw);
        }
        if length as usize != list.len() {
            return Ok(false);
        }
        for (index, json) in (0u32..).zip(list) {
            let context = self.context;
            // SAFETY: as in `read_array`.
            let element = self.user_code(|| unsafe { sys::JS_GetPropertyUint32(context, array, index) })?;
            let same = self.same(element, json);
            self.free(element);
            if !same? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn same_object(self, object: JSValue, members: &Map<String, Value>) -> Result<bool, BridgeError> {
        let names = Names::of(self, object)?;
        if names.list().len() != members.len() {
            return Ok(false);
        }
        for (entry, (name, json)) in names.list().iter().zip(members) {
            // SAFETY: as in `member`.
            let (found, property) = unsafe {
                let mut property: sys::JSPropertyDescriptor = std::mem::zeroed();
                (sys::JS_GetOwnProperty(self.context, &mut property, object, entry.atom), property)
            };
            if found <= 0 {
                return Ok(false);
            }
            let accessor = property.flags & sys::JS_PROP_GETSET as c_int != 0;
            let same = !accessor && self.is_name(entry.atom, name)? && self.same(property.value, json)?;
            self.free(property.value);
            if accessor {
                self.free(property.getter);
                self.free(property.setter);
            }
            if !same {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Runs engine code that may run the script's code; an exception stays pending.
    pub(crate) fn user_code(self, body: impl FnOnce() -> JSValue + Copy) -> Result<JSValue, BridgeError> {
        let value = guarded(self.control, body).map_err(BridgeError::Stopped)?;
        if is_exception(value) { Err(BridgeError::Threw) } else { Ok(value) }
    }

    /// Looks at a string's text. Lone surrogates become U+FFFD, as no JSON text can hold them.
    pub(crate) fn text<R>(self, value: JSValue, look: impl FnOnce(&str) -> R) -> Result<R, BridgeError> {
        let mut length: sys::size_t = 0;
        // SAFETY: the value is a string, so no code of the script runs.
        let start = unsafe { sys::JS_ToCStringLen2(self.context, &mut length, value, false) };
        if start.is_null() {
            return Err(out_of_memory(self));
        }
        // SAFETY: the engine promises `length` bytes, which stay until they are freed below.
        let bytes = unsafe { std::slice::from_raw_parts(start.cast::<u8>(), length as usize) };
        let result = match std::str::from_utf8(bytes) {
            Ok(text) => look(text),
            Err(_) => look(&without_surrogates(bytes)),
        };
        // SAFETY: from the call above, freed once.
        unsafe { sys::JS_FreeCString(self.context, start) };
        Ok(result)
    }

    fn name(self, atom: sys::JSAtom) -> Result<String, BridgeError> {
        self.with_name(atom, str::to_owned)
    }

    fn is_name(self, atom: sys::JSAtom, name: &str) -> Result<bool, BridgeError> {
        self.with_name(atom, |text| text == name)
    }

    fn with_name<R>(self, atom: sys::JSAtom, look: impl FnOnce(&str) -> R) -> Result<R, BridgeError> {
        // SAFETY: the atom is held by its property list.
        let name = unsafe { sys::JS_AtomToString(self.context, atom) };
        if is_exception(name) {
            return Err(out_of_memory(self));
        }
        let result = self.text(name, look);
        self.free(name);
        result
    }

    /// Long conversions poll nothing themselves.
    fn check_time(self) -> Result<(), BridgeError> {
        match self.control.overdue() {
            None => Ok(()),
            Some(reason) => {
                self.control.note_stop(reason);
                Err(BridgeError::Stopped(reason))
            }
        }
    }
}

/// The enumerable string keys of a plain object; freed with this.
struct Names<'a> {
    world: World<'a>,
    table: *mut sys::JSPropertyEnum,
    count: u32,
}

impl<'a> Names<'a> {
    fn of(world: World<'a>, object: JSValue) -> Result<Names<'a>, BridgeError> {
        let mut names = Names { world, table: std::ptr::null_mut(), count: 0 };
        let flags = (sys::JS_GPN_STRING_MASK | sys::JS_GPN_ENUM_ONLY) as c_int;
        // SAFETY: a plain object lists its keys without running any code of the script.
        let listed =
            unsafe { sys::JS_GetOwnPropertyNames(world.context, &mut names.table, &mut names.count, object, flags) };
        if listed < 0 {
            names.table = std::ptr::null_mut();
            return Err(out_of_memory(world));
        }
        Ok(names)
    }

    fn list(&self) -> &[sys::JSPropertyEnum] {
        if self.table.is_null() || self.count == 0 {
            return &[];
        }
        // SAFETY: the engine filled `count` entries.
        unsafe { std::slice::from_raw_parts(self.table, self.count as usize) }
    }
}

impl Drop for Names<'_> {
    fn drop(&mut self) {
        if !self.table.is_null() && self.world.control.stopped().is_none() {
            // SAFETY: from `JS_GetOwnPropertyNames`, freed once.
            unsafe { sys::JS_FreePropertyEnum(self.world.context, self.table, self.count) };
        }
    }
}

/// The engine writes a lone surrogate as three bytes, `ED A0..BF 80..BF`; each becomes one U+FFFD.
fn without_surrogates(bytes: &[u8]) -> String {
    let mut clean = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while let Some((first, tail)) = rest.split_first() {
        if let [0xED, 0xA0..=0xBF, _, after @ ..] = rest {
            clean.extend_from_slice("\u{fffd}".as_bytes());
            rest = after;
        } else {
            clean.push(*first);
            rest = tail;
        }
    }
    String::from_utf8_lossy(&clean).into_owned()
}

/// What the values in a JSON text take at most; a comma or colon inside of a string counts as one more.
fn parsed_bytes(text: &str) -> usize {
    let values = text.bytes().filter(|byte| matches!(byte, b',' | b':')).count();
    text.len() + (values + 1) * (size_of::<Value>() + MEMBER_BYTES)
}

/// A double as JSON: whole numbers become integers, what JSON can't say becomes null.
fn number(double: f64) -> Value {
    if double.fract() == 0.0 && double.abs() <= EXACT_INTEGERS {
        return Value::Number((double as i64).into());
    }
    Number::from_f64(double).map_or(Value::Null, Value::Number)
}

/// Puts a step before the path of a cycle.
fn at(error: BridgeError, step: &str) -> BridgeError {
    match error {
        BridgeError::Cycle { path } => BridgeError::Cycle { path: format!("{step}{path}") },
        other => other,
    }
}

#[cfg(test)]
mod tests;
