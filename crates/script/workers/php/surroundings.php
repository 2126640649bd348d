<?php
namespace Antiphon;

/** What a script finds around itself: settings, captured output, warnings in the log, shared code. */
function prepare_surroundings(array $hello): void
{
    $settings = [
        'error_reporting' => E_ALL, 'display_errors' => 0, 'log_errors' => 0, 'html_errors' => 0,
        'error_log' => '', 'zend.exception_ignore_args' => 1, 'memory_limit' => $hello['memory_limit'] ?? -1,
    ];
    foreach ($settings as $name => $value) {
        ini_set($name, (string) $value);
    }
    foreach (['date_default_timezone_set', 'setlocale'] as $function) {
        Allowed::reset($function);
    }
    set_error_handler(warn(...));
    register_shutdown_function(Worker::shutdown(...));
    // Neither to be emptied nor to be removed by a script: what is printed belongs to the log.
    ob_start(Worker::print(...), 4096, PHP_OUTPUT_HANDLER_FLUSHABLE);
    stream_wrapper_register(Library::SCHEME, Library::class);
    set_include_path(Library::FOLDER);
    Library::$ask = Worker::library(...);
    define_curl_options();
    use_packages($hello['packages'] ?? null);
}

/** Writes warnings and notices to the log; they end nothing. */
function warn(int $level, string $message, string $file, int $line): bool
{
    if ((error_reporting() & $level) && $level !== E_USER_ERROR) {
        $name = match ($level) {
            E_NOTICE, E_USER_NOTICE => 'Notice',
            E_DEPRECATED, E_USER_DEPRECATED => 'Deprecated',
            default => 'Warning',
        };
        $place = place($file, $line);
        echo "$name: " . message($message) . ($place ? " ($place[0] line $place[1])" : '') . "\n";
    }
    // PHP goes on with its own handling, which keeps the error for error_get_last().
    return false;
}

/** Names that scripts use in the options of calls to other servers, where PHP's curl extension is not loaded. */
function define_curl_options(): void
{
    $options = [
        'CURLOPT_URL' => 10002, 'CURLOPT_USERPWD' => 10005, 'CURLOPT_TIMEOUT' => 13, 'CURLOPT_POSTFIELDS' => 10015,
        'CURLOPT_REFERER' => 10016, 'CURLOPT_USERAGENT' => 10018, 'CURLOPT_COOKIE' => 10022, 'CURLOPT_HTTPHEADER' => 10023,
        'CURLOPT_CUSTOMREQUEST' => 10036, 'CURLOPT_HEADER' => 42, 'CURLOPT_NOBODY' => 44, 'CURLOPT_POST' => 47, 'CURLOPT_PUT' => 54,
        'CURLOPT_FOLLOWLOCATION' => 52, 'CURLOPT_SSL_VERIFYPEER' => 64, 'CURLOPT_MAXREDIRS' => 68, 'CURLOPT_CONNECTTIMEOUT' => 78,
        'CURLOPT_HTTPGET' => 80, 'CURLOPT_SSL_VERIFYHOST' => 81, 'CURLOPT_HTTP_VERSION' => 84, 'CURLOPT_ENCODING' => 10102,
        'CURLOPT_HTTPAUTH' => 107, 'CURLOPT_TIMEOUT_MS' => 155, 'CURLOPT_CONNECTTIMEOUT_MS' => 156, 'CURLOPT_PORT' => 3,
        'CURLOPT_RETURNTRANSFER' => 19913, 'CURLOPT_USERNAME' => 10173, 'CURLOPT_PASSWORD' => 10174,
        'CURLAUTH_BASIC' => 1, 'CURLAUTH_DIGEST' => 2, 'CURLAUTH_ANY' => -17,
    ];
    foreach ($options as $name => $number) {
        if (!defined($name)) {
            define($name, $number);
        }
    }
}

/** Lets scripts use the classes of packages that the administrator installed with Composer. */
function use_packages(?string $folder): void
{
    $loader = "$folder/vendor/autoload.php";
    if ($folder === null || !is_file($loader)) {
        return;
    }
    // Loaded at the first class that PHP doesn't know: most scripts need none.
    $load = static function (string $class) use ($loader, &$load): void {
        Worker::taint();
        spl_autoload_unregister($load);
        require $loader;
        spl_autoload_call($class);
    };
    spl_autoload_register($load);
}
