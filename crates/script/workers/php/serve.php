<?php
namespace Antiphon;

/** Answers the server's frames, one run at a time. */
final class Worker
{
    /** What may stay allocated between runs, in bytes; above it the process is not used again. */
    private const GROWTH = 16 << 20;

    private static ?Worker $worker = null;
    private ?Run $run = null;
    private Texts $texts;
    private int $calls = 0;
    private int $printed = 0;
    private bool $printing = true;
    private int $memory = 0;

    private function __construct(private Channel $channel, private array $config, private int $output_limit)
    {
        $this->texts = new Texts();
    }

    public static function start(Channel $channel, array $hello): Worker
    {
        $config = (array) ($hello['config'] ?? []);
        // The settings have two names: `config` and `config.df`.
        $config += ['df' => $config];
        self::$worker = new Worker($channel, $config, (int) ($hello['output_limit'] ?? PHP_INT_MAX));
        return self::$worker;
    }

    public function serve(array $frame): void
    {
        foreach ($frame['forget'] ?? [] as $id) {
            $this->texts->forget($id);
        }
        match ($frame['t']) {
            'run' => $this->run($frame),
            'check' => $this->check($frame['source']),
            default => exit(1),
        };
    }

    private function run(array $frame): void
    {
        if (isset($frame['source'])) {
            $this->texts->keep($frame['text'], $frame['source']);
        }
        $this->printed = 0;
        $this->calls = 0;
        Library::$known = [];
        error_clear_last();
        $run = $this->run = new Run($frame['event'], (bool) $frame['may_modify']);
        try {
            $text = $run->text = $this->texts->get($frame['text'], $frame['lookups'] ?? []);
            $run->clean = $text->contained;
            if (!$text->contained) {
                self::taint();
            }
            if ($text->declarations !== null) {
                evaluate($text->declarations);
            }
            $script = ($text->factory)();
            $run->compiling = false;
            $platform = ['api' => new Api(), 'config' => $this->config, 'session' => $frame['session'] ?? []];
            $report = $run->done($script($run->event, $platform));
        } catch (Ended) {
            $report = $run->done(null);
        } catch (\Throwable $thrown) {
            $report = thrown($thrown, $run->clean || $run->text === null, $run->compiling && $thrown instanceof \CompileError);
        }
        unset($script, $platform, $thrown);
        $this->tidy($run);
        $report['clean'] = $report['clean'] || $run->clean;
        $this->end($report);
        $run->event = null;
        $this->run = null;
    }

    /** Sends the last frame of a run; when its values can't travel, it says so instead. */
    private function end(array $report): void
    {
        $this->flush();
        try {
            $this->channel->write($report);
        } catch (Unsendable $problem) {
            $advice = $problem->getCode() === JSON_ERROR_UTF8 ? ' Texts must be UTF-8; send other bytes through base64_encode().' : '';
            $this->channel->write_text([
                't' => 'threw', 'clean' => $report['clean'], 'syntax' => false,
                'message' => "The result of the script can't be sent: {$problem->getMessage()}.$advice",
            ]);
        }
    }

    /** Brings back what a contained script may have changed. */
    private function tidy(Run $run): void
    {
        while (ob_get_level() > 1) {
            ob_end_flush();
        }
        foreach ($run->text?->resets ?? [] as $function) {
            Allowed::reset($function);
        }
        if ($run->clean && memory_get_usage() > ($this->memory ?: $this->memory = memory_get_usage()) + self::GROWTH) {
            $run->clean = false;
        }
    }

    /** Says whether a text is a script. */
    private function check(string $source): void
    {
        $run = $this->run = new Run([], false);
        try {
            Texts::check($source);
            $this->run = null;
            $this->channel->write(['t' => 'checked']);
        } catch (\CompileError $error) {
            $this->run = null;
            $this->channel->write_text(thrown($error, true, true));
        }
    }

    /** The run may leave something behind; said before it can, so that no script can take it back. */
    public static function taint(): void
    {
        $run = self::$worker->run;
        if ($run !== null && !$run->tainted) {
            $run->tainted = true;
            $run->clean = false;
            self::$worker->channel->write(['t' => 'unclean']);
        }
    }

    /** Full name of a function that the script that runs declared, by its lower-case name. */
    public static function own_function(string $name): ?string
    {
        return self::$worker->run?->text?->functions[$name] ?? null;
    }

    /** A call of `$platform['api']`. */
    public static function call(mixed $verb, mixed $path, mixed $payload, mixed $options): array
    {
        $worker = self::$worker;
        $worker->flush();
        $frame = ['t' => 'call', 'id' => ++$worker->calls, 'verb' => strtoupper((string) $verb), 'path' => (string) $path, 'payload' => $payload];
        if (is_array($options) && $options !== []) {
            $frame['options'] = (object) $options;
        }
        try {
            $worker->channel->write($frame);
        } catch (Unsendable $problem) {
            throw new \InvalidArgumentException("The call's payload or options can't be sent: {$problem->getMessage()}.");
        }
        $answer = $worker->channel->read() ?? exit(1);
        if ($answer['t'] === 'refused') {
            throw new \InvalidArgumentException($answer['message']);
        }
        return [
            'status_code' => $answer['status_code'],
            'content' => $answer['content'],
            'content_type' => $answer['content_type'],
            'format' => $answer['format'],
            'headers' => $answer['headers'],
        ];
    }

    /** The text of a shared script. */
    public static function library(string $name): ?string
    {
        $worker = self::$worker;
        $worker->flush();
        $worker->channel->write_text(['t' => 'library', 'id' => ++$worker->calls, 'name' => $name]);
        return ($worker->channel->read() ?? exit(1))['source'] ?? null;
    }

    /** Takes what was printed; called by PHP when its buffer is full or flushed. */
    public static function print(string $text): string
    {
        $worker = self::$worker;
        $room = $worker->output_limit + 1 - $worker->printed;
        if ($text !== '' && $worker->run !== null && $room > 0) {
            $worker->printed += strlen($text);
            $worker->channel->write_text(['t' => 'print', 'text' => substr($text, 0, $room)]);
        }
        return '';
    }

    private function flush(): void
    {
        if (ob_get_level() === 1 && ob_get_length() > 0) {
            ob_flush();
        }
    }

    /** Called by PHP at the end of the process: a script that ended it gets its report nevertheless. */
    public static function shutdown(): void
    {
        $worker = self::$worker;
        $run = $worker->run;
        if ($run === null) {
            return;
        }
        ini_set('memory_limit', '-1');
        $run->clean = false;
        while (ob_get_level() > 1) {
            ob_end_flush();
        }
        $error = error_get_last();
        $fatal = E_ERROR | E_PARSE | E_CORE_ERROR | E_COMPILE_ERROR | E_USER_ERROR | E_RECOVERABLE_ERROR;
        $report = $error !== null && ($error['type'] & $fatal) ? fatal($error, $run->compiling) : $run->done(null);
        $worker->end($report);
        $worker->run = null;
    }
}
