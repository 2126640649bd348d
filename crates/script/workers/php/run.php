<?php
namespace Antiphon;

/** Ends a contained script in the midst: what its `exit` became. */
final class Ended extends \Exception
{
    public function __construct(mixed $status = null)
    {
        parent::__construct();
        if (is_string($status)) {
            echo $status;
        }
    }
}

/** Sees what a contained script calls by a value: a closure of its own, or a harmless function; anything else taints the run. */
function callable_guard(mixed $callable): mixed
{
    if (is_string($callable)) {
        $name = strtolower(ltrim($callable, '\\'));
        $own = Worker::own_function($name);
        if ($own !== null || Allowed::by_name($name)) {
            return $own ?? $callable;
        }
    }
    if (!$callable instanceof \Closure && $callable !== null) {
        Worker::taint();
    }
    return $callable;
}

/** One run: what the script was given, and how it stands. */
final class Run
{
    /** What the script sees as `$event`. */
    public mixed $event;
    /** Whether nothing of it will remain. */
    public bool $clean = false;
    /** Whether the server was told that something may remain. */
    public bool $tainted = false;
    /** Whether the text is being compiled still. */
    public bool $compiling = true;
    /** Its script, once that is compiled. */
    public ?Text $text = null;
    public readonly array $given;

    public function __construct(array $event, public readonly bool $may_modify)
    {
        $this->given = $event;
        $this->event = $event;
    }

    /** The frame that ends a run that came to its end. */
    public function done(mixed $returned): array
    {
        $event = is_array($this->event) ? $this->event : $this->given;
        $exception = $event['exception'] ?? null;
        if ($exception) {
            return thrown_value($exception);
        }
        $frame = ['t' => 'done', 'clean' => $this->clean];
        if ($returned !== null && !(is_array($returned) && $returned === $event)) {
            $frame['returned'] = $returned;
        }
        $stop = (bool) ($event['stop_propagation'] ?? false);
        $frame['event'] = $this->may_modify
            ? ['stop_propagation' => $stop] + $this->changes($event)
            : ['stop_propagation' => $stop, 'response_set' => isset($event['response'])];
        return $frame;
    }

    /** What differs from what was given; the rest need not travel. Comparing is cheap: untouched arrays are the same array. */
    private function changes(array $event): array
    {
        $changes = [];
        if (array_key_exists('response', $event) && $event['response'] !== ($this->given['response'] ?? null)) {
            $changes['response'] = $event['response'];
        }
        $request = $event['request'] ?? null;
        if (is_array($request)) {
            foreach ($request as $name => $value) {
                if (!array_key_exists($name, $this->given['request']) || $value !== $this->given['request'][$name]) {
                    $changes['request'][$name] = $value;
                }
            }
        }
        return $changes;
    }
}
