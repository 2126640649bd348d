<?php
namespace Antiphon;

/** What an uncaught exception tells the server, with the lines of the author's own text. */
function thrown(\Throwable $thrown, bool $clean, bool $syntax): array
{
    $code = $thrown->getCode();
    $status = $thrown instanceof \DreamFactory\Core\Exceptions\RestException ? $thrown->getStatusCode() : null;
    $context = $thrown instanceof \DreamFactory\Core\Exceptions\DfException ? $thrown->getContext() : null;
    $places = places($thrown);
    if ($syntax && preg_match("/^Unclosed '.'.* on line (\d+)/", $thrown->getMessage(), $match)) {
        // PHP tells the end of its text, which is ours.
        $places = [['script', (int) $match[1]]];
    }
    return array_filter([
        't' => 'threw',
        'clean' => $clean,
        'message' => message($thrown->getMessage()) ?: get_class($thrown),
        'code' => $code ?: null,
        'status_code' => $status,
        'context' => $context,
        'line' => $places[0][1] ?? null,
        'stack' => implode("\n", array_map(static fn ($place) => "$place[0] line $place[1]", $places)) ?: null,
        'syntax' => $syntax,
    ], static fn ($member) => $member !== null);
}

/** What `$event['exception']` tells, set by a script in place of a throw. */
function thrown_value(mixed $value): array
{
    if ($value instanceof \Throwable) {
        return thrown($value, false, false);
    }
    $members = (array) $value;
    $message = is_scalar($value) ? (string) $value : $members['message'] ?? null;
    return [
        't' => 'threw',
        'clean' => false,
        'message' => is_string($message) && $message !== '' ? $message : 'Unknown scripting error.',
        'code' => is_scalar($value) ? null : $members['code'] ?? null,
        'status_code' => is_scalar($value) ? null : $members['status_code'] ?? null,
        'syntax' => false,
    ];
}

/** The frame for an error that ends the process, so that nothing but the report can follow. */
function fatal(array $error, bool $syntax): array
{
    $place = place($error['file'], $error['line']);
    // The text of an uncaught exception comes with a trace behind its first line.
    $message = message(strtok($error['message'], "\n"));
    return array_filter([
        't' => 'threw',
        'clean' => false,
        'message' => preg_match('/^(Allowed memory size|Out of memory)/', $message) ? 'The script reached its memory limit.' : $message,
        'line' => $place[1] ?? null,
        'syntax' => $syntax,
    ], static fn ($member) => $member !== null);
}

/** The frames that are the author's: `script` or a library's name, and the line. @return list<array{string, int}> */
function places(\Throwable $thrown): array
{
    $places = [place($thrown->getFile(), $thrown->getLine())];
    foreach ($thrown->getTrace() as $frame) {
        $places[] = place($frame['file'] ?? '', $frame['line'] ?? 0);
    }
    return array_values(array_filter($places));
}

/** @return ?array{string, int} */
function place(string $file, int $line): ?array
{
    if (str_starts_with($file, Library::FOLDER)) {
        return [substr($file, strlen(Library::FOLDER) + 1), $line];
    }
    return str_starts_with($file, __DIR__ . '/texts.php(') && substr_count($file, "eval()'d code") === 1 ? ['script', $line] : null;
}

/** A message of PHP's own without the paths of the worker, and with advice where it is about what only the original has. */
function message(string $message): string
{
    $message = preg_replace("~in \S*/texts\.php\(\d+\) : eval\(\)'d code(?: on line |:)~", 'in line ', $message);
    $message = preg_replace('~Antiphon\\\\Script\\\\N\d+\\\\~i', '', $message);
    $names = 'DreamFactory|Illuminate|App|Log|DB|Cache|Config|Session|Request|Response|ServiceManager|Platform|Eloquent|Carbon';
    if (preg_match("~^Class \"(?:$names)(?:\\\\.*)?\" not found~", $message)) {
        $message .= ": classes of the platform itself are not available to scripts; use \$platform['api'] instead.";
    }
    return $message;
}
