<?php
namespace Antiphon;

/**
 * Judges whether a script is contained: whether a run of it provably leaves nothing behind in its process. Everything is
 * allowed by a list; what is not understood makes a script uncontained, which costs it a process but no feature.
 *
 * What can't be known before the run is asked during it: callables that are no literals go through `callable_guard()`, which
 * this class writes into the code.
 */
final class Contained
{
    /** Keywords and operators that can't reach out of the script. */
    private const HARMLESS = [
        T_AND_EQUAL, T_ARRAY, T_ARRAY_CAST, T_AS, T_BOOLEAN_AND, T_BOOLEAN_OR, T_BOOL_CAST, T_BREAK, T_CALLABLE, T_CASE, T_CATCH,
        T_CLASS_C, T_CLONE, T_CLOSE_TAG, T_COALESCE, T_COALESCE_EQUAL, T_CONCAT_EQUAL, T_CONSTANT_ENCAPSED_STRING, T_CONTINUE,
        T_CURLY_OPEN, T_DEC, T_DEFAULT, T_DIR, T_DIV_EQUAL, T_DNUMBER, T_DO, T_DOUBLE_ARROW, T_DOUBLE_CAST, T_ECHO, T_ELLIPSIS,
        T_ELSE, T_ELSEIF, T_EMPTY, T_ENCAPSED_AND_WHITESPACE, T_ENDFOR, T_ENDFOREACH, T_ENDIF, T_ENDSWITCH, T_ENDWHILE,
        T_END_HEREDOC, T_FILE, T_FINALLY, T_FN, T_FOR, T_FOREACH, T_FUNC_C, T_GOTO, T_IF, T_INC, T_INLINE_HTML, T_INSTANCEOF,
        T_INT_CAST, T_ISSET, T_IS_EQUAL, T_IS_GREATER_OR_EQUAL, T_IS_IDENTICAL, T_IS_NOT_EQUAL, T_IS_NOT_IDENTICAL,
        T_IS_SMALLER_OR_EQUAL, T_LINE, T_LIST, T_LNUMBER, T_LOGICAL_AND, T_LOGICAL_OR, T_LOGICAL_XOR, T_MATCH, T_METHOD_C,
        T_MINUS_EQUAL, T_MOD_EQUAL, T_MUL_EQUAL, T_NS_C, T_NUM_STRING, T_OBJECT_CAST, T_OPEN_TAG, T_OPEN_TAG_WITH_ECHO,
        T_OR_EQUAL, T_PLUS_EQUAL, T_POW, T_POW_EQUAL, T_PRINT, T_RETURN, T_SL, T_SL_EQUAL, T_SPACESHIP, T_SR, T_SR_EQUAL,
        T_START_HEREDOC, T_STRING_CAST, T_SWITCH, T_THROW, T_TRY, T_UNSET, T_WHILE, T_XOR_EQUAL, T_YIELD, T_YIELD_FROM,
    ];
    private const HARMLESS_SIGNS = ';,()[]{}=+-*/%.<>!&|^~?:@"';

    /** Variables of the process, and the object that a closure could be bound to. */
    private const NO_VARIABLES = [
        '$GLOBALS', '$_SERVER', '$_GET', '$_POST', '$_FILES', '$_COOKIE', '$_SESSION', '$_REQUEST', '$_ENV', '$this', '$argv', '$argc',
    ];

    /** What may stand before a `(` that only groups. */
    private const BEFORE_GROUP = [
        T_AND_EQUAL, T_AS, T_BOOLEAN_AND, T_BOOLEAN_OR, T_CASE, T_COALESCE, T_COALESCE_EQUAL, T_CONCAT_EQUAL, T_DOUBLE_ARROW, T_ECHO,
        T_ELSE, T_IS_EQUAL, T_IS_GREATER_OR_EQUAL, T_IS_IDENTICAL, T_IS_NOT_EQUAL, T_IS_NOT_IDENTICAL, T_IS_SMALLER_OR_EQUAL,
        T_LOGICAL_AND, T_LOGICAL_OR, T_LOGICAL_XOR, T_MINUS_EQUAL, T_PLUS_EQUAL, T_PRINT, T_RETURN, T_SPACESHIP,
        T_THROW, T_YIELD, T_ARRAY_CAST, T_BOOL_CAST, T_DOUBLE_CAST, T_INT_CAST, T_STRING_CAST,
        ';', ',', '(', '[', '{', '}', '=', '+', '-', '*', '/', '%', '.', '<', '>', '!', '&', '|', '^', '?', ':', '@',
    ];
    /** A `(` behind `)` that belongs to one of these begins a statement. */
    private const STATEMENTS = [T_IF, T_ELSEIF, T_WHILE, T_FOR, T_FOREACH];

    private const GUARD = '\\' . __NAMESPACE__ . '\\callable_guard';

    /** @var \PhpToken[] the tokens that mean something */
    private array $tokens;
    /** @var array<string, true> */
    private array $resets = [];
    /** @var list<array{\PhpToken, string, string}> token, what to write before it, what behind it; outer ones first */
    private array $insertions = [];
    /** @var list<array{\PhpToken, string}> token, what to write in its place */
    private array $replacements = [];
    private bool $yields = false;
    private bool $finally = false;
    private bool $exits = false;
    private bool $tries = false;

    /**
     * @param \PhpToken[] $tokens
     * @param array<string, string> $imports lower-case alias → class name
     * @param array<string, bool> $own lower-case names that the script declares → whether it is a function
     */
    public function __construct(array $tokens, private readonly array $imports, private readonly array $own)
    {
        $this->tokens = array_values(array_filter($tokens, static fn ($token) => !$token->isIgnorable() || is_token($token, T_OPEN_TAG)));
    }

    /** The judgement; when it is true, the tokens have the guards in them. */
    public function verdict(): bool
    {
        if (isset($this->imports['*']) || !$this->declares_only_functions()) {
            return false;
        }
        foreach ($this->tokens as $at => $token) {
            if (!$this->harmless($at, $token)) {
                return false;
            }
        }
        // A generator that lives on in a cycle of references runs its `finally` when memory is tidied, in another run's time.
        // And a script that ends in the midst must not be stopped from it by its own `catch`.
        if (($this->yields && $this->finally) || ($this->exits && $this->tries)) {
            return false;
        }
        foreach ($this->replacements as [$token, $text]) {
            $token->text = $text;
        }
        foreach (array_reverse($this->insertions) as [$token, $before, $behind]) {
            $token->text = $before . $token->text . $behind;
        }
        return true;
    }

    /** Functions called that change a setting. @return list<string> */
    public function resets(): array
    {
        return array_keys($this->resets);
    }

    private function harmless(int $at, \PhpToken $token): bool
    {
        switch ($token->id) {
            case T_YIELD:
            case T_YIELD_FROM:
                return $this->yields = true;
            case T_FINALLY:
                return $this->finally = $this->tries = true;
            case T_TRY:
                return $this->tries = true;
            case T_EXIT:
                return $this->ends($at, $token);
            case T_VARIABLE:
                return $this->variable($at, $token);
            case T_STRING:
            case T_NAME_QUALIFIED:
            case T_NAME_FULLY_QUALIFIED:
                return $this->name($at, $token);
            case T_OBJECT_OPERATOR:
            case T_NULLSAFE_OBJECT_OPERATOR:
                return $this->member($at);
            case T_DOUBLE_COLON:
                return $this->static_member($at);
            case T_CLASS:
                return $this->is($at - 1, T_DOUBLE_COLON);
            case T_NEW:
                return $this->is($at + 1, [T_STRING, T_NAME_QUALIFIED, T_NAME_FULLY_QUALIFIED])
                    && Allowed::class($this->class_name($this->tokens[$at + 1]));
            case T_FUNCTION:
                $next = $this->text($at + 1) === '&' ? $at + 2 : $at + 1;
                return $this->is($next, '(') || isset($this->own[strtolower($this->text($next))]);
            case T_USE:
                return $this->is($at - 1, ')') && $this->is($at + 1, '(');
            case T_STATIC:
                return $this->is($at + 1, [T_FUNCTION, T_FN]);
            case ord('('):
                return $this->called($at);
            case T_AMPERSAND_FOLLOWED_BY_VAR_OR_VARARG:
            case T_AMPERSAND_NOT_FOLLOWED_BY_VAR_OR_VARARG:
                return true;
            default:
                return $token->id < 256
                    ? str_contains(self::HARMLESS_SIGNS, $token->text)
                    : in_array($token->id, self::HARMLESS, true);
        }
    }

    private function declares_only_functions(): bool
    {
        foreach ($this->own as $name => $is_function) {
            // A name that PHP has already is an error, which it must stay.
            if (!$is_function || function_exists($name)) {
                return false;
            }
        }
        return true;
    }

    /** `exit` and `die` become an exception that ends the script. */
    private function ends(int $at, \PhpToken $token): bool
    {
        $this->exits = true;
        $called = $this->is($at + 1, '(');
        $this->replacements[] = [$token, 'throw new \\' . Ended::class . ($called ? '' : '()')];
        return !($called && $this->is($at + 2, T_ELLIPSIS));
    }

    private function variable(int $at, \PhpToken $token): bool
    {
        if (in_array($token->text, self::NO_VARIABLES, true)) {
            return false;
        }
        if ($this->is($at + 1, '(')) {
            if ($this->is($at - 1, [T_NEW, T_OBJECT_OPERATOR, T_NULLSAFE_OBJECT_OPERATOR, T_DOUBLE_COLON, T_CURLY_OPEN])) {
                return false;
            }
            $this->insertions[] = [$token, self::GUARD . '(', ')'];
        }
        // A class by its name in a variable.
        return !$this->is($at + 1, T_DOUBLE_COLON) && !$this->is($at - 1, T_NEW);
    }

    private function name(int $at, \PhpToken $token): bool
    {
        if ($this->is($at - 1, [T_OBJECT_OPERATOR, T_NULLSAFE_OBJECT_OPERATOR, T_DOUBLE_COLON, T_NEW])) {
            return true;
        }
        if ($this->is($at + 1, T_DOUBLE_COLON)) {
            $class = $this->class_name($token);
            return Allowed::class($class) || $class === 'datetimeinterface';
        }
        return !$this->is($at + 1, '(') || $this->function_call($at, $token);
    }

    private function function_call(int $at, \PhpToken $token): bool
    {
        $name = strtolower($token->text);
        if (isset($this->own[$name])) {
            return true;
        }
        $name = ltrim($name, '\\');
        // Whose functions are in a namespace must not ask whether they are there.
        if (!Allowed::function($name) || ($this->own && $name === 'function_exists')) {
            return false;
        }
        if (Allowed::resets($name)) {
            $this->resets[$name] = true;
        }
        if ($this->is($at + 2, T_ELLIPSIS) && $this->is($at + 3, ')')) {
            return Allowed::by_name($name);
        }
        $callables = Allowed::CALLING[$name] ?? [];
        $most = Allowed::SHORT[$name] ?? PHP_INT_MAX;
        if (!$callables && $most === PHP_INT_MAX) {
            return true;
        }
        $arguments = $this->arguments($at + 1);
        if ($arguments === null || count($arguments) > $most) {
            return false;
        }
        if ($name === 'filter_var' && isset($arguments[1]) && !$this->is_filter(...$arguments[1])) {
            return false;
        }
        foreach ($callables as $position) {
            $argument = $arguments[$position < 0 ? count($arguments) + $position : $position] ?? null;
            if ($argument !== null) {
                $this->guard(...$argument);
            }
        }
        return true;
    }

    /** One of PHP's filters by its name, other than the one that calls something. */
    private function is_filter(int $first, int $last): bool
    {
        $name = strtoupper($this->text($first));
        return $first === $last && str_starts_with($name, 'FILTER_') && $name !== 'FILTER_CALLBACK';
    }

    /** Writes the guard around an argument, unless it is a closure already. */
    private function guard(int $first, int $last): void
    {
        if ($this->is($first, [T_FN, T_FUNCTION]) || ($this->is($first, T_STATIC))) {
            return;
        }
        $this->insertions[] = [$this->tokens[$first], self::GUARD . '(', ''];
        $this->insertions[] = [$this->tokens[$last], '', ')'];
    }

    /** First and last token of each argument; null for named and spread ones. @return ?list<array{int, int}> */
    private function arguments(int $open): ?array
    {
        $arguments = [];
        $depth = 0;
        $first = $open + 1;
        for ($at = $open; isset($this->tokens[$at]); $at++) {
            if ($depth === 1 && $at === $first && ($this->is($at, T_ELLIPSIS) || ($this->is($at, T_STRING) && $this->is($at + 1, ':')))) {
                return null;
            }
            if ($this->is($at, ['(', '[', '{', T_CURLY_OPEN])) {
                $depth++;
            } elseif ($this->is($at, [')', ']', '}'])) {
                $depth--;
            }
            if ($depth === 0 || ($depth === 1 && $this->is($at, ','))) {
                if ($at > $first) {
                    $arguments[] = [$first, $at - 1];
                }
                $first = $at + 1;
            }
            if ($depth === 0) {
                return $arguments;
            }
        }
        return null;
    }

    /** Behind `->`: any property; methods that stay in their object. */
    private function member(int $at): bool
    {
        if ($this->is($at + 1, '{')) {
            return !$this->is($this->end_of_block($at + 1) + 1, '(');
        }
        return !$this->is($at + 2, '(') || ($this->is($at + 1, T_STRING) ? Allowed::method(strtolower($this->text($at + 1)))
            // Keywords are fine as names of methods; variables are not, for nobody knows what they hold.
            : !$this->is($at + 1, T_VARIABLE));
    }

    /** Behind `::`: constants of the classes that may be used, and some methods. */
    private function static_member(int $at): bool
    {
        $class = $this->tokens[$at - 1] ?? null;
        if ($class === null || !is_token($class, [T_STRING, T_NAME_QUALIFIED, T_NAME_FULLY_QUALIFIED])) {
            return false;
        }
        if ($this->is($at + 1, T_CLASS)) {
            return true;
        }
        return $this->is($at + 1, T_STRING) && (!$this->is($at + 2, '(')
            || Allowed::static_method($this->class_name($class) . '::' . strtolower($this->text($at + 1))));
    }

    /** A `(` behind something that it may call. */
    private function called(int $at): bool
    {
        if ($this->is($at - 1, [']', '"', T_CONSTANT_ENCAPSED_STRING, T_END_HEREDOC, T_NEW])) {
            return false;
        }
        if (!$this->is($at - 1, ')')) {
            return true;
        }
        $open = $this->start_of_group($at - 1);
        $before = $this->tokens[$open - 1] ?? null;
        if ($before !== null && is_token($before, self::STATEMENTS)) {
            return true;
        }
        if ($before === null || is_token($before, self::BEFORE_GROUP)) {
            $this->insertions[] = [$this->tokens[$open], self::GUARD, ''];
            return true;
        }
        return false;
    }

    private function start_of_group(int $close): int
    {
        for ($depth = 0, $at = $close; $at > 0; $at--) {
            $depth += $this->is($at, [')', ']', '}']) <=> $this->is($at, ['(', '[', '{', T_CURLY_OPEN]);
            if ($depth === 0) {
                return $at;
            }
        }
        return 0;
    }

    private function end_of_block(int $open): int
    {
        for ($depth = 0, $at = $open; isset($this->tokens[$at]); $at++) {
            $depth += $this->is($at, ['{', T_CURLY_OPEN]) <=> $this->is($at, '}');
            if ($depth === 0) {
                return $at;
            }
        }
        return $at;
    }

    /** Lower-case full name of a class, as the script's imports have it. */
    private function class_name(\PhpToken $token): string
    {
        if (is_token($token, T_NAME_FULLY_QUALIFIED)) {
            return strtolower(substr($token->text, 1));
        }
        [$first, $rest] = explode('\\', $token->text, 2) + [1 => null];
        $first = $this->imports[strtolower($first)] ?? $first;
        return strtolower($rest === null ? $first : "$first\\$rest");
    }

    private function is(int $at, int|string|array $kind): bool
    {
        return isset($this->tokens[$at]) && is_token($this->tokens[$at], $kind);
    }

    private function text(int $at): string
    {
        return isset($this->tokens[$at]) ? $this->tokens[$at]->text : '';
    }
}
