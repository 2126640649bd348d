//! Which scripts run again and again in one process: those that provably leave nothing behind.

use super::worker::Worker;
use serde_json::Value;

/// Scripts that leave something behind, or could: none of them may be judged contained.
const UNCONTAINED: &[&str] = &[
    // Variables of the process.
    "global $x; $x = 1;",
    "$GLOBALS['x'] = 1;",
    "$_SERVER['x'] = 1;",
    "$_ENV['x'] = 1;",
    "$name = 'x'; $$name = 1;",
    "$name = 'GLOBALS'; ${$name}['x'] = 1;",
    "$name = 'x'; echo \"${$name}\";",
    "extract(['x' => 1]);",
    // Declarations.
    "function helper() { static $x; }",
    "function helper() { global $x; $x = 1; } helper();",
    "function helper() { define('LEFT', 1); } helper();",
    "function helper() { return 'define'; } helper()('LEFT', 1);",
    "function helper() { function inner() {} } helper();",
    "function strlen() { return 7; }",
    "function helper() {} if (!function_exists('helper')) { echo 1; }",
    "function helper(...$x) {} class Thing {}",
    "if (true) { function helper() {} }",
    "function &helper() { static $x; return $x; }",
    "class Thing {}",
    "$thing = new class { public static $count = 0; };",
    "interface Thing {}",
    "trait Thing {}",
    "enum Suit { case Hearts; }",
    "const LEFT = 1;",
    "define('LEFT', 1);",
    "\\define('LEFT', 1);",
    "DEFINE('LEFT', 1);",
    "class_alias('stdClass', 'Thing');",
    "namespace\\define('LEFT', 1);",
    // Static variables.
    "static $count = 0; $count++;",
    "$next = function () { static $count = 0; return ++$count; }; $next();",
    // Settings.
    "ini_set('precision', '3');",
    "set_error_handler(fn () => true);",
    "set_exception_handler(fn () => true);",
    "set_include_path('/tmp');",
    "putenv('LEFT=1');",
    "register_shutdown_function(fn () => 1);",
    "spl_autoload_register(fn () => 1);",
    "register_tick_function(fn () => 1);",
    "stream_wrapper_unregister('php');",
    "libxml_use_internal_errors(true);",
    "chdir('/');",
    "umask(0);",
    "mb_substitute_character(63);",
    "header('X-Left: 1');",
    "ob_start(fn ($text) => 'poisoned');",
    "output_add_rewrite_var('a', 'b');",
    "gc_disable();",
    "assert_options(ASSERT_ACTIVE, 0);",
    // Files, processes, the network.
    "file_put_contents('left', '1');",
    "$file = fopen('php://temp', 'w');",
    "include 'tax';",
    "require_once 'tax';",
    "`true`;",
    "exec('true');",
    "error_log('x', 3, 'left');",
    "tempnam('.', 'left');",
    "fwrite(STDOUT, 'x');",
    "get_resources();",
    // Code that comes from a text.
    "eval('global $x; $x = 1;');",
    "assert('1');",
    "unserialize('i:1;');",
    "new ReflectionClass('stdClass');",
    "$class = 'ReflectionClass'; new $class('stdClass');",
    "$class = 'DateTime'; $class::createFromFormat('Y', '2020');",
    "new ('DateTime');",
    "Closure::fromCallable('phpinfo');",
    "Closure::bind(fn () => 1, null, 'Antiphon\\Worker');",
    "(fn () => 1)->bindTo(null, 'Antiphon\\Worker');",
    "\\Antiphon\\Worker::taint();",
    "\\Antiphon\\evaluate('1;');",
    "$x = Antiphon\\Library::$known;",
    "Antiphon\\Library::$known['x'] = 'y';",
    "use Antiphon\\Library as DateTime; DateTime::$known['x'] = 'y';",
    "use Antiphon\\Library as Exception; new Exception();",
    "use function define as strlen; strlen('LEFT', 1);",
    "use Antiphon\\{Worker}; 1;",
    "new Fiber(fn () => 1);",
    "new ArrayObject([]);",
    "new SplFileObject('php://temp', 'w');",
    "$x = $platform['api']->get; $x->__construct();",
    // Names of functions that only the run knows: found out while it runs.
    "$f = 'define'; $f('LEFT', 1);",
    "$f = 'de' . 'fine'; $f('LEFT', 1);",
    "('de' . 'fine')('LEFT', 1);",
    "'define'('LEFT', 1);",
    "['f' => 'define']['f']('LEFT', 1);",
    "$a = ['f' => 'define']; $a['f']('LEFT', 1);",
    "$o = new stdClass(); $o->f = 'define'; ($o->f)('LEFT', 1);",
    "$o = new stdClass(); $o->{'f'}('LEFT', 1);",
    "$m = 'get'; $platform['api']->$m('x');",
    "$f = 'define'; echo \"{$f('LEFT', 1)}\";",
    "(fn () => 'define')()('LEFT', 1);",
    "if (true) ('def' . 'ine')('LEFT', 1);",
    "array_map('define', ['LEFT'], [1]);",
    "$f = 'define'; array_map($f, ['LEFT'], [1]);",
    "$f = 'define'; $a = ['LEFT']; array_map(...[$f, $a, [1]]);",
    "array_map(callback: 'define', array: ['LEFT'], arrays: [1]);",
    "$m = array_map(...); $m('define', ['LEFT'], [1]);",
    "call_user_func('define', 'LEFT', 1);",
    "call_user_func('call_user_func', 'define', 'LEFT', 1);",
    "call_user_func_array('define', ['LEFT', 1]);",
    "array_map([new DateTime(), 'format'], ['Y']);",
    "array_filter(['LEFT'], 'constant');",
    "$a = ['Y']; array_walk($a, 'mt_srand');",
    "$a = [2, 1]; usort($a, 'setlocale');",
    "preg_replace_callback('/x/', 'print_r' . '_', 'x');",
    "preg_replace_callback_array(['/x/' => 'strtoupper'], 'x');",
    "array_udiff([1], [2], 'putenv');",
    "filter_var('x', FILTER_CALLBACK, ['options' => 'strtoupper']);",
    "$filter = 1024; filter_var('x', $filter, ['options' => 'strtoupper']);",
    "filter_var_array(['x' => 1], ['x' => ['filter' => 1024, 'options' => 'intval']]);",
    "ob_start('strtoupper');",
    "iterator_apply((fn () => yield 1)(), 'phpversion' . '_');",
    // What hides in texts that look like signs.
    "$b = 'x'; $a = \"$b}\"; $f = \"$b(\"; (\"$b\" . ')')('LEFT');",
    // Code that would run in another run's time.
    "$g = (function () use (&$g) { try { yield 1; } finally { echo 'later'; } })(); $g->current();",
    "try { exit; } catch (\\Throwable $e) {}",
    // A text that closes the function around it.
    "}; define('LEFT', 1); $x = function () {",
    "__halt_compiler();",
    "#[Attribute] function helper() {}",
    "declare(ticks=1) { $x = 1; }",
    "namespace Left; $x = 1;",
    "parse_str('x=1'); include_once('tax');",
    "goto end; end: define('LEFT', 1);",
    "?><?php define('LEFT', 1) ?>",
    "<?= define('LEFT', 1) ?>",
];

/// Ordinary scripts: none of them may cost a process.
const CONTAINED: &[&str] = &[
    "",
    "// nothing",
    "<?php\n// nothing\n?>\n",
    "$event['request']['parameters']['limit'] = 1;",
    "<?php $event['request']['parameters']['filter'] = 'a = 1'; ?>",
    "foreach ($event['request']['payload']['resource'] as &$record) { $record['name'] = strtoupper(trim($record['name'])); }",
    "foreach ($event['request']['payload']['resource'] as $i => $r) { if (empty($r['name'])) { throw new \\Exception('no', 400); } }",
    "unset($event['request']['parameters']['limit']);",
    "return ['content' => ['x' => 1], 'status_code' => 201];",
    "if (!isset($platform['session']['user']['is_sys_admin'])) { $event['response'] = ['status_code' => 403]; }",
    "throw new \\DreamFactory\\Core\\Exceptions\\BadRequestException('no', 7);",
    "use DreamFactory\\Core\\Exceptions\\ForbiddenException;\nthrow new ForbiddenException('no');",
    "use \\DreamFactory\\Core\\Exceptions as E;\nthrow new E\\NotFoundException('no');",
    "declare(strict_types=1);\nreturn strlen('x');",
    "$api = $platform['api']; $x = $api->get('a'); $y = ($api->get)('b'); $get = $api->get; return $get('c')['content'];",
    "return $platform['api']->get->__invoke('x', null, ['headers' => ['A: b'], CURLOPT_USERPWD => 'u:p']);",
    "$r = $platform['api']->post('db/_table/x', ['resource' => [['a' => 1]]]); if ($r['status_code'] >= 300) { return $r; }",
    "try { $platform['api']->call('GET', 'x'); } catch (\\Exception $e) { echo $e->getMessage(); } finally { $done = true; }",
    "usort($event['request']['payload']['resource'], function ($a, $b) { return $a['n'] <=> $b['n']; });",
    "$by = fn ($a, $b) => strcmp($b['name'], $a['name']); $list = $event['request']['payload']['resource']; usort($list, $by); return $list;",
    "return array_map('trim', explode(',', ' a , b '));",
    "return array_sum(array_column(array_filter($event['request']['payload']['resource'], static fn ($r) => $r['n'] > 1), 'n'));",
    "$sum = 0; array_walk($event['request']['payload']['resource'], function ($r) use (&$sum) { $sum += $r['n']; }); return $sum;",
    "return preg_replace_callback('/\\d+/', fn ($m) => $m[0] * 2, 'a1b22');",
    "return call_user_func(fn ($x) => $x + 1, 1);",
    "$f = 'strtoupper'; return $f('x');",
    "$f = function ($n) use (&$f) { return $n < 2 ? 1 : $n * $f($n - 1); }; return $f(5);",
    "$handlers = ['a' => fn () => 1]; return ($handlers['a'])();",
    "return (new DateTime('2020-01-01'))->modify('+1 day')->format('Y-m-d');",
    "return DateTime::createFromFormat(DateTime::ATOM, '2020-01-01T00:00:00Z')?->format(\\DateTimeInterface::RFC2822);",
    "date_default_timezone_set('Europe/Berlin'); return date('T', 0);",
    "return hash_hmac('sha256', json_encode($event), 'k') . base64_encode(random_bytes(4)) . md5(uniqid('', true));",
    "$x = json_decode('{\"a\":[1]}'); $x->b = (object) ['c' => 1]; return json_encode($x, JSON_PRETTY_PRINT);",
    "echo 'x', \"y $event[resource] {$event['request']['method']}\\n\"; print('z'); print_r($event); var_dump(1); printf('%05d', 3);",
    "?><p>html</p><?php echo 1; ?>\ntail <?= 2 ?>",
    "$text = <<<EOT\n  {$event['resource']} and \\$x\n  EOT;\nreturn $text . <<<'RAW'\nraw {x}\nRAW;",
    "switch ($event['request']['method']) { case 'GET': $x = 1; break; default: $x = 2; } return match (true) { $x > 1 => 'b', default => 'a' };",
    "for ($i = 0, $s = ''; $i < 3; $i++): $s .= $i; endfor; while ($i--) { if ($i == 1) continue; } do { $i++; } while ($i < 2); return $s;",
    "[$a, ['b' => $b]] = [1, ['b' => 2]]; list($c, $d) = [3, 4]; return [...[$a, $b], $c ?? 0, $d ?: 1];",
    "function twice($x) { return 2 * $x; } function half($x) { return $x / twice(1); } return array_map('half', [twice(2)]);",
    "return helper($event);\nfunction helper(array &$e, ?DateTime $at = null): string { $e['resource'] = 'x'; return __LINE__ . get_debug_type($at); }",
    "use DreamFactory\\Core\\Exceptions as E;\nfunction fail($m): never { throw new E\\NotFoundException($m); }\ntry { fail('x'); } catch (Throwable $e) { return get_class($e) . PHP_VERSION . strlen('x'); }",
    "declare(strict_types=1); function refuse() { throw new DreamFactory\\Core\\Exceptions\\BadRequestException('no'); } refuse();",
    "function by($a, $b) { return $a['n'] <=> $b['n']; } usort($event['request']['payload']['resource'], 'by'); $f = 'by'; return $f(['n' => 1], ['n' => 2]);",
    "function helper(int $x) {} helper('x');",
    "return (function () { yield 1; yield from [2, 3]; })();",
    "return filter_var('a@b.c', FILTER_VALIDATE_EMAIL) && filter_var('5', FILTER_VALIDATE_INT, ['options' => ['min_range' => 1]]);",
    "ob_start(); print_r([1]); $text = ob_get_clean(); return $text;",
    "ob_start(); echo 'left open';",
    "$x = @$undefined['a']['b']; $y = $nothing; return error_get_last();",
    "error_reporting(0); set_time_limit(5); error_log('x'); mt_srand(5); setlocale(LC_ALL, 'C'); return strtok('a b', ' ');",
    "mb_internal_encoding('UTF-8'); return mb_strtoupper('é') . mb_substr('héé', 1, 1);",
    "exit('bye');",
    "$event['resource'] or die; if (false) { exit(1); }",
    "return $event;",
    "goto end; $x = 1; end: return PHP_VERSION . M_PI . PHP_EOL . __LINE__;",
    "$o = new stdClass(); $o->list[] = 1; $n = 'list'; return $o->$n[0] + count($o->{'list'});",
    "trigger_error('watch out', E_USER_WARNING);",
    "$p = &$event['request']['parameters']; $p['trail'] = ($p['trail'] ?? '') . 'x,';",
    "return number_format(round(1234.567, 2), 2) . ucwords('a b') . str_pad('1', 3, '0', STR_PAD_LEFT) . sprintf('%s', true);",
    "return ['a' => intval('5'), 'b' => (int) '6', 'c' => (array) 'x', 'd' => is_array([]), 'e' => in_array(1, [1], true)];",
];

/// Tells all of a process that a run could have changed.
///
/// Functions of contained scripts stay declared, each script's in a namespace that no other script has.
const PROBE: &str = r#"
    $functions = array_filter(get_defined_functions()['user'], fn ($name) => !preg_match('/^antiphon.script.n\d+./', $name));
    $constants = get_defined_constants(true)['user'] ?? [];
    $defaults = ['setting' => ini_get_all(null, false), 'zone' => date_default_timezone_get(), 'level' => ob_get_level(),
        'error' => error_get_last(), 'path' => get_include_path(), 'locale' => setlocale(LC_ALL, 0), 'folder' => getcwd(),
        'encoding' => mb_internal_encoding(), 'json' => json_last_error(), 'globals' => array_keys($GLOBALS),
        'reporting' => error_reporting(), 'token' => strtok(' '), 'headers' => headers_list(), 'environment' => getenv(),
        'constants' => array_keys($constants), 'functions' => count($functions),
        'classes' => count(get_declared_classes()), 'included' => count(get_included_files()),
        'filters' => stream_get_filters(), 'loaders' => count(spl_autoload_functions())];
    return $defaults;
"#;

fn probe(worker: &mut Worker) -> Value {
    let mut ran = worker.run(PROBE);
    assert_eq!(ran.end["t"], "done", "{ran:?}");
    ran.end["returned"].take()
}

#[test]
fn what_may_leave_something_behind_is_not_contained() {
    let judged_contained: Vec<_> = UNCONTAINED.iter().filter(|source| Worker::start().run(source).is_clean).collect();
    // A text that is no script runs nothing.
    let judged_contained: Vec<_> =
        judged_contained.into_iter().filter(|source| Worker::start().check(source)["t"] == "checked").collect();
    assert!(judged_contained.is_empty(), "{judged_contained:#?}");
}

#[test]
fn ordinary_scripts_are_contained_and_leave_a_process_as_new() {
    let as_new = probe(&mut Worker::start());
    let mut worker = Worker::start();
    let mut unclean = Vec::new();
    for source in CONTAINED {
        let (first, second) = (worker.run(source), worker.run(source));
        if !first.is_clean || !second.is_clean {
            unclean.push(source);
        }
        let is_random = source.contains("random") || source.contains("uniqid");
        assert!(
            is_random || (&first.end, &first.printed) == (&second.end, &second.printed),
            "{source}: {first:#?} {second:#?}"
        );
    }
    assert!(unclean.is_empty(), "{unclean:#?}");
    assert_eq!(probe(&mut worker), as_new);
}
