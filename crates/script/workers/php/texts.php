<?php
namespace Antiphon;

/** Evaluates code outside of any class, so that it gets the rights of none. */
function evaluate(string $code): mixed
{
    return eval($code);
}

/** A compiled script. */
final class Text
{
    public function __construct(
        /** Makes the closure of one run; a new one each time, so that no static variable of a closure lives on. */
        public readonly \Closure $factory,
        /** Whether runs provably leave nothing behind. */
        public readonly bool $contained,
        /** Declarations to evaluate before a run, which taints the process. */
        public readonly ?string $declarations,
        /** Functions of a contained script, which stay declared: lower-case name → full name. */
        public readonly array $functions,
        /** Functions of PHP that change settings, which must be brought back after a run. */
        public readonly array $resets,
    ) {
    }
}

/** The texts that the server sent, and what they compile to. */
final class Texts
{
    /** One script may see so many different values of its lookups until the oldest compiled form goes. */
    private const FORMS = 8;

    /** @var array<string, string> */
    private array $sources = [];
    /** @var array<string, array<string, Text>> */
    private array $compiled = [];

    public function keep(string $id, string $source): void
    {
        $this->sources[$id] = $source;
        unset($this->compiled[$id]);
    }

    public function forget(string $id): void
    {
        unset($this->sources[$id], $this->compiled[$id]);
    }

    /** The compiled form with these lookups. @throws \ParseError */
    public function get(string $id, array $lookups): Text
    {
        $form = $lookups ? md5(serialize($lookups)) : '';
        $text = $this->compiled[$id][$form] ?? null;
        if ($text === null) {
            $text = self::compile($this->sources[$id] ?? '', $lookups);
            if (count($this->compiled[$id] ?? []) >= self::FORMS) {
                array_shift($this->compiled[$id]);
            }
            $this->compiled[$id][$form] = $text;
        }
        return $text;
    }

    /** Compiles a text and runs nothing of it. @throws \ParseError */
    public static function check(string $source): void
    {
        $source = new Source($source, []);
        evaluate($source->code());
        evaluate($source->declarations_to_check());
    }

    /** @throws \ParseError */
    private static function compile(string $source, array $lookups): Text
    {
        $source = new Source($source, $lookups);
        $factory = evaluate($source->code());
        $declarations = $source->declarations();
        if ($source->contained && $declarations !== null) {
            evaluate($declarations);
            $declarations = null;
        }
        return new Text($factory, $source->contained, $declarations, $source->functions(), $source->resets);
    }
}
