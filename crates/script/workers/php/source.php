<?php
namespace Antiphon;

/**
 * A script's text on its way to PHP code: tags off, lookups put into its string literals, declarations taken out, judged, and
 * wrapped into a closure. The author's line numbers stay.
 *
 * A contained script gets a namespace of its own for its functions, so that they can stay declared and meet no others.
 */
final class Source
{
    /** Whether a run provably leaves nothing behind. */
    public bool $contained;
    /** Names of functions that change settings, which must be brought back after a run. */
    public array $resets = [];

    /** @var \PhpToken[] the body, without the tags around it */
    private array $tokens;
    /** Statements that PHP wants outside of functions. */
    private string $declares = '';
    private string $uses = '';
    /** @var array<string, string> lower-case alias → class name */
    private array $imports = [];
    /** @var array<int, true> positions of the tokens that declare functions and classes */
    private array $declared = [];
    /** @var array<string, bool> lower-case names of what they declare → whether it is a function */
    private array $names = [];
    /** The namespace of a contained script's functions. */
    private ?string $namespace = null;
    private static int $namespaces = 0;

    /** @throws \ParseError on braces that don't match; everything else is found when the code is evaluated */
    public function __construct(string $text, array $lookups)
    {
        $this->tokens = \PhpToken::tokenize(self::as_file($text));
        if ($lookups) {
            Literals::replace($this->tokens, $lookups);
        }
        $this->strip_tags();
        $this->check_braces();
        $this->hoist();
        $judge = new Contained($this->tokens, $this->imports, $this->names);
        $this->contained = $judge->verdict();
        if ($this->contained) {
            $this->resets = $judge->resets();
        }
        if ($this->contained && $this->declared) {
            $this->namespace = __NAMESPACE__ . '\\Script\\N' . ++self::$namespaces;
            $this->qualify();
        }
    }

    /** Functions of a contained script: lower-case name → full name. @return array<string, string> */
    public function functions(): array
    {
        $functions = [];
        foreach ($this->namespace === null ? [] : $this->names as $name => $_) {
            $functions[$name] = "$this->namespace\\$name";
        }
        return $functions;
    }

    /** PHP code whose value makes the closure of one run. */
    public function code(): string
    {
        $code = $this->preamble() . 'return static function () { return static function (&$event, $platform) { ';
        foreach ($this->tokens as $at => $token) {
            $code .= isset($this->declared[$at]) ? self::lines_of($token->text) : $token->text;
        }
        return $code . "\n}; };";
    }

    /** PHP code that declares the script's own functions and classes, each on its own line; null if there are none. */
    public function declarations(): ?string
    {
        return $this->declared ? $this->preamble() . $this->declared_text() : null;
    }

    /** The same as PHP code that is only compiled: its value is a closure that nobody calls. */
    public function declarations_to_check(): string
    {
        return $this->preamble() . 'return static function () { ' . $this->declared_text() . "\n};";
    }

    private function declared_text(): string
    {
        $code = '';
        foreach ($this->tokens as $at => $token) {
            $code .= isset($this->declared[$at]) ? $token->text : self::lines_of($token->text);
        }
        return $code;
    }

    /** A text with or without `<?php` before it, as a file that begins in PHP, its lines where they were. */
    public static function as_file(string $text): string
    {
        $text = str_starts_with($text, "\u{FEFF}") ? substr($text, 3) : $text;
        if (preg_match('/^\s*<\?=/', $text)) {
            return "<?php ?>$text";
        }
        if (preg_match('/^(\s*)<\?(?:php(?=\s|$)|(?!php|xml))/i', $text, $match)) {
            return '<?php ' . $match[1] . substr($text, strlen($match[0]));
        }
        return '<?php ' . $text;
    }

    private function preamble(): string
    {
        if ($this->namespace === null) {
            return $this->declares . $this->uses;
        }
        // Classes, unlike functions, are not looked for outside of the namespace.
        $classes = array_diff_key(Allowed::classes(), $this->imports);
        return "{$this->declares}namespace {$this->namespace}; use " . implode(', ', $classes) . "; {$this->uses}";
    }

    /** Names with parts mean, inside of a namespace, something else. */
    private function qualify(): void
    {
        foreach ($this->tokens as $token) {
            if (is_token($token, T_NAME_QUALIFIED) && !isset($this->imports[strtolower(strstr($token->text, '\\', true))])) {
                $token->text = "\\$token->text";
            }
        }
    }

    /** Takes the tag before the body off, and the one behind it; a body that ends as HTML gets back to PHP. */
    private function strip_tags(): void
    {
        array_shift($this->tokens);
        $last = count($this->tokens) - 1;
        if ($last >= 1 && is_token($this->tokens[$last], T_INLINE_HTML) && trim($this->tokens[$last]->text) === '') {
            if (is_token($this->tokens[$last - 1], T_CLOSE_TAG)) {
                unset($this->tokens[$last--]);
            }
        }
        if ($last >= 0 && is_token($this->tokens[$last], T_CLOSE_TAG)) {
            $this->tokens[$last] = new \PhpToken(ord(';'), ';', $this->tokens[$last]->line);
        } elseif ($last >= 0 && is_token($this->tokens[$last], T_INLINE_HTML)) {
            $this->tokens[] = new \PhpToken(T_OPEN_TAG, '<?php ', $this->tokens[$last]->line);
        }
    }

    /** A text must not close the function that it is the body of. */
    private function check_braces(): void
    {
        $depth = 0;
        foreach ($this->tokens as $token) {
            $depth += self::depth_change($token);
            if ($depth < 0) {
                evaluate(str_repeat("\n", $token->line - 1) . '}');
            }
        }
    }

    /** Finds what PHP does not take inside of a function, or not before the line that declares it. */
    private function hoist(): void
    {
        $depth = 0;
        $starts = true;
        for ($at = 0; $at < count($this->tokens); $at++) {
            $token = $this->tokens[$at];
            if ($token->isIgnorable()) {
                continue;
            }
            if ($depth === 0 && $starts) {
                if (is_token($token, [T_USE, T_DECLARE])) {
                    $this->take_statement($at);
                    continue;
                }
                if (is_token($token, [T_FUNCTION, T_CLASS, T_ABSTRACT, T_FINAL, T_INTERFACE, T_TRAIT, T_ENUM]) && $this->is_declaration($at)) {
                    $at = $this->mark_declaration($at);
                    continue;
                }
            }
            $depth += self::depth_change($token);
            $starts = is_token($token, [';', '}', T_OPEN_TAG]);
        }
    }

    /** Moves a statement before the function, unless it has a block. */
    private function take_statement(int $at): void
    {
        $statement = '';
        for ($end = $at; $end < count($this->tokens); $end++) {
            $token = $this->tokens[$end];
            if (is_token($token, ['{', T_CLOSE_TAG]) && !str_ends_with(rtrim($statement), '\\')) {
                return;
            }
            $statement .= $token->isIgnorable() ? ' ' : $token->text;
            if (is_token($token, ';')) {
                break;
            }
        }
        if ($end === count($this->tokens)) {
            return;
        }
        if (is_token($this->tokens[$at], T_DECLARE)) {
            $this->declares .= $statement;
        } else {
            $this->uses .= $statement;
        }
        if (preg_match('/^use\s+\\\\?([\w\\\\]+?)(?:\s+as\s+(\w+))?\s*;$/i', $statement, $match)) {
            $name = $match[1];
            $alias = $match[2] ?? substr((string) strrchr("\\$name", '\\'), 1);
            $this->imports[strtolower($alias)] = $name;
        } elseif (is_token($this->tokens[$at], T_USE)) {
            // Functions, constants, groups: what names stand for is not worth finding out.
            $this->imports['*'] = '';
        }
        for (; $at <= $end; $at++) {
            $this->tokens[$at]->text = self::lines_of($this->tokens[$at]->text);
            $this->tokens[$at]->id = T_WHITESPACE;
        }
    }

    /** Whether a named function begins here, or a class that needs nothing that is yet to come. */
    private function is_declaration(int $at): bool
    {
        $is_function = is_token($this->tokens[$at], T_FUNCTION);
        $declared = null;
        $parents = false;
        for ($at++; $at < count($this->tokens) && !is_token($this->tokens[$at], ['{', '(', ';']); $at++) {
            $token = $this->tokens[$at];
            if (is_token($token, [T_EXTENDS, T_IMPLEMENTS])) {
                $parents = true;
            } elseif (is_token($token, [T_STRING, T_NAME_QUALIFIED, T_NAME_FULLY_QUALIFIED])) {
                $name = strtolower(ltrim($token->text, '\\'));
                $name = $this->imports[$name] ?? $name;
                $declared ??= $name;
                $is_there = isset($this->names[$name]) || class_exists($name, false) || interface_exists($name, false);
                if ($parents && !$is_there) {
                    return false;
                }
            }
        }
        if ($declared !== null) {
            $this->names[$declared] = $is_function;
        }
        return $declared !== null;
    }

    /** Marks a declaration to the end of its block, which it returns. */
    private function mark_declaration(int $at): int
    {
        $depth = 0;
        for (; $at < count($this->tokens); $at++) {
            $this->declared[$at] = true;
            $change = self::depth_change($this->tokens[$at]);
            $depth += $change;
            if ($change < 0 && $depth === 0) {
                break;
            }
        }
        return $at;
    }

    private static function depth_change(\PhpToken $token): int
    {
        return match (true) {
            is_token($token, ['{', T_CURLY_OPEN, T_DOLLAR_OPEN_CURLY_BRACES]) => 1,
            is_token($token, '}') => -1,
            default => 0,
        };
    }

    private static function lines_of(string $text): string
    {
        return str_repeat("\n", substr_count($text, "\n"));
    }
}
