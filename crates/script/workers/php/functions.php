<?php
namespace Antiphon;

/**
 * What contained scripts may use: functions that read and change nothing but their arguments, and classes whose objects
 * change nothing but themselves. Everything that is not here makes a script one whose process is not used again.
 */
final class Allowed
{
    private const FUNCTIONS = <<<'LIST'
        abs acos acosh addcslashes addslashes array_change_key_case array_chunk array_column array_combine array_count_values
        array_diff array_diff_assoc array_diff_key array_fill array_fill_keys array_flip array_intersect array_intersect_assoc
        array_intersect_key array_is_list array_key_exists array_key_first array_key_last array_keys array_merge
        array_merge_recursive array_multisort array_pad array_pop array_product array_push array_rand array_replace
        array_replace_recursive array_reverse array_search array_shift array_slice array_splice array_sum array_unique
        array_unshift array_values arsort asin asinh asort atan atan2 atanh base64_decode base64_encode base_convert bcadd bccomp
        bcdiv bcmod bcmul bcpow bcpowmod bcsqrt bcsub bin2hex bindec boolval ceil checkdate chr chunk_split compact
        convert_uudecode convert_uuencode cos cosh count crc32 ctype_alnum ctype_alpha ctype_cntrl ctype_digit ctype_graph
        ctype_lower ctype_print ctype_punct ctype_space ctype_upper ctype_xdigit current date date_add date_create
        date_create_from_format date_create_immutable date_create_immutable_from_format date_date_set
        date_default_timezone_get date_diff date_format date_interval_format date_modify date_parse date_parse_from_format
        date_sub date_time_set date_timestamp_get date_timestamp_set date_timezone_get date_timezone_set decbin dechex decoct
        deg2rad doubleval end error_clear_last error_get_last exp explode expm1 fdiv floatval floor fmod func_get_arg
        func_get_args func_num_args function_exists get_class get_debug_type get_object_vars getdate gettype gmdate gmmktime
        hash hash_algos hash_equals hash_hmac hash_hmac_algos hex2bin hexdec hrtime html_entity_decode
        htmlentities htmlspecialchars htmlspecialchars_decode http_build_query hypot iconv iconv_strlen iconv_strpos
        iconv_strrpos iconv_substr idate implode in_array inet_ntop inet_pton intdiv intval ip2long is_array is_bool is_countable
        is_double is_finite is_float is_infinite is_int is_integer is_iterable is_long is_nan is_null is_numeric is_object
        is_scalar is_string iterator_count iterator_to_array join json_decode json_encode json_last_error json_last_error_msg
        json_validate key key_exists krsort ksort lcfirst lcg_value levenshtein localtime log log10 log1p long2ip ltrim max
        mb_check_encoding mb_convert_case mb_convert_encoding mb_detect_encoding mb_ord mb_chr mb_scrub mb_str_pad mb_str_split
        mb_strcut mb_strimwidth mb_stripos mb_strlen mb_strpos mb_strrpos mb_strstr mb_strtolower mb_strtoupper
        mb_strwidth mb_substr mb_substr_count md5 metaphone microtime min mktime mt_getrandmax mt_rand natcasesort
        natsort next nl2br number_format octdec ord pack parse_str parse_url password_get_info password_hash
        password_needs_rehash password_verify php_sapi_name phpversion pi pos pow preg_grep preg_last_error
        preg_last_error_msg preg_match preg_match_all preg_quote preg_replace preg_split prev print_r printf
        quoted_printable_decode quoted_printable_encode rad2deg rand random_bytes random_int range rawurldecode rawurlencode reset
        round rsort rtrim serialize settype sha1 shuffle similar_text sin sinh sizeof sleep sort soundex sprintf sqrt sscanf
        str_contains str_ends_with str_ireplace str_pad str_repeat str_replace str_rot13 str_shuffle str_split str_starts_with
        str_word_count strcasecmp strchr strcmp strcspn strip_tags stripcslashes stripos stripslashes stristr strlen
        strnatcasecmp strnatcmp strncasecmp strncmp strpbrk strpos strrchr strrev strripos strrpos strspn strstr strtolower
        strtotime strtoupper strtr strval substr substr_compare substr_count substr_replace tan tanh time timezone_identifiers_list
        timezone_open trigger_error trim ucfirst ucwords uniqid unpack urldecode urlencode usleep utf8_decode
        utf8_encode var_dump var_export version_compare vprintf vsprintf wordwrap
        LIST;

    /** Functions that call what they get: which arguments (from 0; negative from the end) are callables. */
    public const CALLING = [
        'array_filter' => [1], 'array_map' => [0], 'array_reduce' => [1], 'array_walk' => [1], 'array_walk_recursive' => [1],
        'array_udiff' => [-1], 'array_uintersect' => [-1], 'array_diff_ukey' => [-1], 'array_intersect_ukey' => [-1],
        'array_udiff_assoc' => [-1], 'array_uintersect_assoc' => [-1], 'array_diff_uassoc' => [-1],
        'array_intersect_uassoc' => [-1], 'array_find' => [1], 'array_find_key' => [1], 'array_any' => [1], 'array_all' => [1],
        'call_user_func' => [0], 'call_user_func_array' => [0], 'iterator_apply' => [1], 'preg_replace_callback' => [1],
        'uasort' => [1], 'uksort' => [1], 'usort' => [1],
    ];

    /** Functions with optional arguments that are not for contained scripts: the largest number that is. */
    public const SHORT = ['error_log' => 1, 'ob_start' => 0, 'filter_var' => 3, 'mb_internal_encoding' => 1];

    /** Functions of one's own output buffers; what is left open is closed after the run. */
    private const BUFFERS = ['ob_get_clean', 'ob_get_contents', 'ob_end_clean', 'ob_get_flush', 'ob_end_flush', 'ob_get_level', 'ob_get_length', 'ob_flush', 'flush'];

    /** Functions that change a setting of the process, and the calls that bring it back. */
    private const RESETS = [
        'date_default_timezone_set' => [['date_default_timezone_set', 'UTC']],
        'error_reporting' => [['error_reporting', E_ALL]],
        'ignore_user_abort' => [['ignore_user_abort', false]],
        'mb_internal_encoding' => [['mb_internal_encoding', 'UTF-8']],
        'mt_srand' => [['mt_srand']],
        'set_time_limit' => [['set_time_limit', 0]],
        'setlocale' => [['setlocale', LC_ALL, 'C'], ['setlocale', LC_CTYPE, 'C.UTF-8', 'C']],
        'srand' => [['mt_srand']],
        'strtok' => [['strtok', '', ' ']],
    ];

    /** Classes that may be made. */
    private const CLASSES = [
        'stdClass', 'DateTime', 'DateTimeImmutable', 'DateInterval', 'DateTimeZone', 'DatePeriod', 'Exception', 'ErrorException',
        'Error', 'TypeError', 'ValueError', 'ArithmeticError', 'DivisionByZeroError', 'ArgumentCountError', 'JsonException',
        'BadFunctionCallException', 'BadMethodCallException', 'DomainException', 'InvalidArgumentException', 'LengthException',
        'LogicException', 'OutOfBoundsException', 'OutOfRangeException', 'OverflowException', 'RangeException',
        'RuntimeException', 'UnderflowException', 'UnexpectedValueException',
    ];
    /** Classes and interfaces that may only be named. */
    private const TYPES = ['ArrayAccess', 'Closure', 'Countable', 'DateTimeInterface', 'Generator', 'Iterator', 'Stringable', 'Throwable', 'Traversable'];
    private const NAMESPACES = ['dreamfactory\\core\\exceptions\\'];

    /** Static methods that may be called. */
    private const STATIC_METHODS = [
        'datetime::createfromformat', 'datetime::createfromimmutable', 'datetime::createfrominterface', 'datetime::getlasterrors',
        'datetimeimmutable::createfromformat', 'datetimeimmutable::createfrommutable', 'datetimeimmutable::createfrominterface',
        'dateinterval::createfromdatestring', 'datetimezone::listidentifiers',
    ];

    /** Methods that reach into other objects. */
    private const NO_METHODS = ['bind', 'bindto', 'fromcallable'];

    /** @var array<string, true> */
    private static array $functions;

    /** Whether a function, by its lower-case name, may be called. */
    public static function function(string $name): bool
    {
        self::$functions ??= array_fill_keys(preg_split('/\s+/', self::FUNCTIONS, -1, PREG_SPLIT_NO_EMPTY), true)
            + array_fill_keys(array_keys(self::CALLING + self::SHORT + self::RESETS), true)
            + array_fill_keys(self::BUFFERS, true);
        return isset(self::$functions[$name]);
    }

    /** Whether a function may be handed to another one by its name: it does nothing but compute. */
    public static function by_name(string $name): bool
    {
        return self::function($name) && !isset(self::CALLING[$name]) && !isset(self::SHORT[$name])
            && !isset(self::RESETS[$name]) && !in_array($name, self::BUFFERS, true);
    }

    /** Classes that may be named: lower-case name → name. @return array<string, string> */
    public static function classes(): array
    {
        static $classes = null;
        return $classes ??= array_column(array_map(static fn ($name) => [strtolower($name), $name], [...self::CLASSES, ...self::TYPES]), 1, 0);
    }

    /** Whether objects of a class, by its lower-case full name, may be made. */
    public static function class(string $name): bool
    {
        foreach (self::NAMESPACES as $namespace) {
            if (str_starts_with($name, $namespace)) {
                return true;
            }
        }
        return isset(self::classes()[$name]) && !in_array(self::classes()[$name], self::TYPES, true);
    }

    public static function static_method(string $name): bool
    {
        return in_array($name, self::STATIC_METHODS, true);
    }

    public static function method(string $name): bool
    {
        return !in_array($name, self::NO_METHODS, true) && (!str_starts_with($name, '__') || in_array($name, ['__invoke', '__tostring'], true));
    }

    /** Whether a call of this function needs something brought back afterwards. */
    public static function resets(string $name): bool
    {
        return isset(self::RESETS[$name]);
    }

    /** Brings a setting back. */
    public static function reset(string $name): void
    {
        foreach (self::RESETS[$name] as $call) {
            if (function_exists($call[0])) {
                $call[0](...array_slice($call, 1));
            }
        }
    }
}
