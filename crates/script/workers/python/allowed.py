"""What a contained script may use: the lists behind `contained.py`.

A module's name is here when no use of it leaves anything behind that a later run could notice. What sets state of the whole
process (`random.seed`, `decimal.getcontext`, `calendar.setfirstweekday`), changes what it is given without being asked to
(`functools.wraps`), reads attributes by name (`operator.attrgetter`) or calls back later (`weakref`) is absent.
"""


def _names(text):
    return frozenset(text.split())


MODULES = {
    "base64": _names(
        "b64encode b64decode standard_b64encode standard_b64decode urlsafe_b64encode urlsafe_b64decode b32encode b32decode "
        "b16encode b16decode b85encode b85decode a85encode a85decode encodebytes decodebytes"
    ),
    "binascii": _names("hexlify unhexlify crc32 b2a_hex a2b_hex b2a_base64 a2b_base64 Error"),
    "bisect": _names("bisect bisect_left bisect_right insort insort_left insort_right"),
    "bunch": _names("Bunch bunchify unbunchify"),
    "calendar": _names("timegm monthrange isleap leapdays weekday month_name month_abbr day_name day_abbr monthcalendar"),
    "collections": _names("Counter OrderedDict defaultdict deque namedtuple ChainMap"),
    "copy": _names("copy deepcopy"),
    "csv": _names(
        "reader writer DictReader DictWriter QUOTE_ALL QUOTE_MINIMAL QUOTE_NONE QUOTE_NONNUMERIC Error"
    ),
    "datetime": _names("datetime date time timedelta timezone tzinfo MINYEAR MAXYEAR UTC"),
    "decimal": _names(
        "Decimal ROUND_HALF_UP ROUND_HALF_EVEN ROUND_HALF_DOWN ROUND_UP ROUND_DOWN ROUND_CEILING ROUND_FLOOR ROUND_05UP "
        "InvalidOperation DivisionByZero DecimalException"
    ),
    "fractions": _names("Fraction"),
    "functools": _names("reduce partial cmp_to_key"),
    "hashlib": _names(
        "md5 sha1 sha224 sha256 sha384 sha512 sha3_224 sha3_256 sha3_384 sha3_512 blake2b blake2s shake_128 shake_256 new "
        "pbkdf2_hmac scrypt"
    ),
    "heapq": _names("heappush heappop heapify heapreplace heappushpop merge nlargest nsmallest"),
    "hmac": _names("new compare_digest digest"),
    "html": _names("escape unescape"),
    "http": _names("HTTPStatus"),
    "io": _names("StringIO BytesIO"),
    "itertools": _names(
        "accumulate batched chain combinations combinations_with_replacement compress count cycle dropwhile filterfalse groupby "
        "islice pairwise permutations product repeat starmap takewhile tee zip_longest"
    ),
    "json": _names("loads dumps JSONDecodeError"),
    "math": _names(
        "acos acosh asin asinh atan atan2 atanh cbrt ceil comb copysign cos cosh degrees dist e erf erfc exp exp2 expm1 fabs "
        "factorial floor fmod frexp fsum gamma gcd hypot inf isclose isfinite isinf isnan isqrt lcm ldexp lgamma log log10 "
        "log1p log2 modf nan perm pi pow prod radians remainder sin sinh sqrt tan tanh tau trunc"
    ),
    "munch": _names("Munch munchify unmunchify Bunch bunchify unbunchify"),
    "operator": _names(
        "itemgetter add sub mul truediv floordiv mod pow neg pos abs and_ or_ xor not_ invert eq ne lt le gt ge contains "
        "countOf indexOf getitem concat truth index"
    ),
    "random": _names("random randint randrange uniform choice choices sample shuffle"),
    "re": _names(
        "compile match fullmatch search sub subn split findall finditer escape error "
        "A ASCII I IGNORECASE M MULTILINE S DOTALL X VERBOSE U UNICODE L LOCALE"
    ),
    "secrets": _names("token_hex token_bytes token_urlsafe choice randbelow randbits compare_digest"),
    "statistics": _names(
        "mean fmean geometric_mean harmonic_mean median median_low median_high median_grouped mode multimode pstdev pvariance "
        "stdev variance quantiles StatisticsError"
    ),
    "string": _names(
        "ascii_letters ascii_lowercase ascii_uppercase digits hexdigits octdigits punctuation printable whitespace capwords "
        "Template"
    ),
    "struct": _names("pack unpack calcsize error"),
    "sys": _names("exit version version_info maxsize byteorder stdout stderr"),
    "textwrap": _names("wrap fill shorten dedent indent"),
    "time": _names(
        "time time_ns sleep monotonic monotonic_ns perf_counter perf_counter_ns strftime strptime localtime gmtime mktime "
        "asctime ctime timezone altzone daylight tzname struct_time"
    ),
    "typing": _names("Any Dict List Optional Tuple Set FrozenSet Union Iterable Iterator Callable Mapping Sequence"),
    "unicodedata": _names("normalize category combining name lookup numeric decimal digit bidirectional east_asian_width"),
    "urllib": frozenset(),
    "urllib.parse": _names(
        "quote quote_plus quote_from_bytes unquote unquote_plus unquote_to_bytes urlencode parse_qs parse_qsl urlparse "
        "urlunparse urlsplit urlunsplit urljoin urldefrag"
    ),
    "uuid": _names("uuid3 uuid4 uuid5 UUID NAMESPACE_DNS NAMESPACE_URL NAMESPACE_OID NAMESPACE_X500"),
    "zlib": _names("compress decompress crc32 adler32 error"),
}

#: Built-in functions, types and constants; exceptions are added by `contained.py`.
BUILTINS = _names(
    "abs all any ascii bin bool bytearray bytes callable chr complex dict divmod enumerate filter float format frozenset hash "
    "hex id int isinstance issubclass iter len list map max min next object oct ord pow print property range repr reversed round "
    "set slice sorted staticmethod classmethod str sum tuple zip Ellipsis NotImplemented exit quit"
)

#: Names that every script finds; `json` is a module, and `http` and `httplib` are for scripts that are not contained.
GIVEN = _names("event platform _event _platform munchify unmunchify bunchify unbunchify __name__")

#: Classes that a contained script's classes may extend. Values that can be keys of a dictionary (`str`, `int`, `tuple`, …) are
#: absent: the caches of the standard library would keep such an object, and call its methods in a later run.
BASES = _names("object dict list")

#: Special methods that a contained script's classes may have. `__del__` runs later; `__hash__` lets an object stand for another
#: in the caches of the standard library.
METHODS = _names(
    "__init__ __str__ __repr__ __format__ __bool__ __len__ __iter__ __next__ __reversed__ __contains__ __call__ __missing__ "
    "__getitem__ __setitem__ __delitem__ __enter__ __exit__ __eq__ __ne__ __lt__ __le__ __gt__ __ge__ __int__ __float__ "
    "__index__ __add__ __radd__ __iadd__ __sub__ __rsub__ __isub__ __mul__ __rmul__ __imul__ __truediv__ __rtruediv__ "
    "__floordiv__ __mod__ __pow__ __neg__ __pos__ __abs__ __and__ __or__ __xor__ __invert__"
)

#: Special names that only tell about a library.
DESCRIBING = _names("__all__ __version__ __author__")

#: Attributes that lead from a value to what is around it, or read attributes by name.
ATTRIBUTES = _names("mro obj cache_clear cache_info cache_parameters format_map")
