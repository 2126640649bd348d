<?php
namespace Antiphon;

/** Puts the values of lookups into the string literals of a script: as text, which can't become code. */
final class Literals
{
    /** @param \PhpToken[] $tokens @param array<string, string> $lookups what stands between the braces → the value */
    public static function replace(array $tokens, array $lookups): void
    {
        $label = null;
        foreach ($tokens as $token) {
            if (is_token($token, T_START_HEREDOC)) {
                $label = trim($token->text, "<\"' \t\r\n");
                $raw = str_contains($token->text, "'");
            } elseif (is_token($token, T_END_HEREDOC)) {
                $label = null;
            } elseif (is_token($token, T_CONSTANT_ENCAPSED_STRING)) {
                $quoted = strpbrk($token->text, '\'"')[0] === "'" ? self::single(...) : self::double(...);
                $token->text = self::put($token->text, $lookups, $quoted);
            } elseif (is_token($token, T_ENCAPSED_AND_WHITESPACE)) {
                $token->text = $label !== null && $raw
                    ? self::put_raw($token->text, $lookups, $label)
                    : self::put($token->text, $lookups, self::double(...));
            }
        }
    }

    /** @param callable(string): string $quoted the value as the literal needs it */
    private static function put(string $text, array $lookups, callable $quoted): string
    {
        if (!str_contains($text, '{')) {
            return $text;
        }
        return preg_replace_callback('/(\\\\*)\{([\w.\-()]{1,255})\}/', static function ($match) use ($lookups, $quoted) {
            [$all, $slashes, $name] = $match;
            $value = isset($lookups[$name]) ? $quoted((string) $lookups[$name]) : null;
            // A lone backslash before the brace stood for itself; before a value it must be written twice to do so still.
            $lone = strlen($slashes) % 2 === 1 ? '\\' : '';
            return $value === null ? $all : $slashes . $lone . $value;
        }, $text);
    }

    private static function single(string $value): string
    {
        return strtr($value, ['\\' => '\\\\', "'" => "\\'"]);
    }

    /** For double quotes, heredocs and commands: everything that could mean something there is written by its number. */
    private static function double(string $value): string
    {
        return preg_replace_callback('/[^A-Za-z0-9 \x80-\xff]/', static fn ($match) => sprintf('\x%02X', ord($match[0])), $value);
    }

    /** A nowdoc has no escapes: where a value would end it, the text stays as it is. */
    private static function put_raw(string $text, array $lookups, string $label): string
    {
        $put = self::put($text, $lookups, static fn ($value) => $value);
        return preg_match('/^[ \t]*' . preg_quote($label, '/') . '/m', $put) ? $text : $put;
    }
}
