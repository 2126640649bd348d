//! Looking at an engine value without running any code of the script.

use rquickjs_sys as sys;
use sys::JSValue;

/// Its kind.
pub(crate) fn tag(value: JSValue) -> i32 {
    value.tag as i32
}

/// What engine functions return when they threw.
pub(crate) fn is_exception(value: JSValue) -> bool {
    tag(value) == sys::JS_TAG_EXCEPTION
}

/// Either way of holding a string.
pub(crate) fn is_string(value: JSValue) -> bool {
    matches!(tag(value), sys::JS_TAG_STRING | sys::JS_TAG_STRING_ROPE)
}

/// The number behind the tags of integers and booleans.
pub(crate) fn integer(value: JSValue) -> i32 {
    // SAFETY: every bit pattern is an integer; under other tags it means nothing but harms nothing.
    unsafe { value.u.int32 }
}

/// The number behind the tag of doubles.
pub(crate) fn double(value: JSValue) -> f64 {
    // SAFETY: every bit pattern is a double.
    unsafe { value.u.float64 }
}

/// Which object it is: its address, only ever compared.
pub(crate) fn identity(value: JSValue) -> usize {
    // SAFETY: every bit pattern is an address as long as nobody follows it.
    unsafe { value.u.ptr as usize }
}

/// A real array, not a proxy of one.
pub(crate) fn is_array(value: JSValue) -> bool {
    // SAFETY: both look at the tag and the object's class only.
    unsafe { sys::JS_IsArray(value) && !sys::JS_IsProxy(value) }
}

/// Class of an object; 0 for anything else.
pub(crate) fn class(value: JSValue) -> sys::JSClassID {
    // SAFETY: looks at the tag and the object's class only.
    unsafe { sys::JS_GetClassID(value) }
}
