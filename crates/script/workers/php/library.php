<?php
namespace Antiphon;

/** Shared scripts by name for `require`, `include` and their kind: files of a folder that is asked for over the channel. */
final class Library
{
    public const SCHEME = 'antiphon';
    /** The folder to put on the include path. */
    public const FOLDER = self::SCHEME . '://library';

    /** Asks the server for the text of a library: name → text or null. */
    public static \Closure $ask;
    /** @var array<string, ?string> what was answered in this run */
    public static array $known = [];

    /** @var ?resource set by PHP */
    public $context;
    private string $text = '';
    private int $at = 0;

    public function stream_open(string $path, string $mode, int $options, ?string &$opened): bool
    {
        $text = self::text($path);
        if ($text === null || strpbrk($mode, 'waxc+') !== false) {
            return false;
        }
        $this->text = $text;
        return true;
    }

    public function stream_read(int $count): string
    {
        $bytes = substr($this->text, $this->at, $count);
        $this->at += strlen($bytes);
        return $bytes;
    }

    public function stream_eof(): bool
    {
        return $this->at >= strlen($this->text);
    }

    public function stream_stat(): array
    {
        return ['mode' => 0100444, 'size' => strlen($this->text)];
    }

    public function url_stat(string $path, int $flags): array|false
    {
        $text = self::text($path);
        return $text === null ? false : ['mode' => 0100444, 'size' => strlen($text)];
    }

    public function stream_set_option(int $option, int $first, ?int $second): bool
    {
        return false;
    }

    /** The text of a library as a file of PHP; the server finds it with or without `.php` at the end. */
    private static function text(string $path): ?string
    {
        $name = substr($path, strlen(self::FOLDER) + 1);
        if (!array_key_exists($name, self::$known)) {
            $text = (self::$ask)($name);
            self::$known[$name] = $text === null ? null : Source::as_file($text);
        }
        return self::$known[$name];
    }
}
