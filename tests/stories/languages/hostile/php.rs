//! Attacks in PHP.

use super::{Attack, End, attack, withstand};

/// Tells what the attacks may have changed.
pub const INTACT: &str = "
    $event['response'] = ['content' => [$event['request']['parameters']['mine'], json_encode(['a' => [1]]), isset($GLOBALS['left']),
        function_exists('left'), ini_get('precision'), getenv('LEFT'), count(scandir('.')), implode(',', stream_get_wrappers()) !== '',
        date_default_timezone_get(), error_get_last()]];";
pub const TOLD: &str = r#"["7", "{\"a\":[1]}", false, false, "14", false, 2, true, "UTC", null]"#;

const ATTACKS: [Attack; 40] = [
    attack("endless loop", "while (true);", End::Limit(&["time"])),
    attack("sleep", "sleep(3600);", End::Limit(&["time"])),
    attack("no time limit", "set_time_limit(0); ignore_user_abort(true); while (true);", End::Limit(&["time"])),
    attack("regular expression", "ini_set('pcre.backtrack_limit', '1000000000'); ini_set('pcre.jit', '0'); preg_match('/^(a+)+$/', str_repeat('a', 60) . 'b');", End::Anyhow),
    attack("arrays without end", "$all = []; while (true) $all[] = str_repeat('x', 1000000);", End::Fails(&["memory", "time"])),
    attack("no memory limit", "ini_set('memory_limit', '-1'); $all = []; while (true) $all[] = str_repeat('x', 1000000);", End::Fails(&["memory", "ended", "time"])),
    attack("recursion", "$down = function () use (&$down) { return $down() + 1; }; $down();", End::Fails(&["memory", "ended", "time"])),
    attack("deep recursion in C", "$deep = []; for ($i = 0; $i < 1000000; $i++) $deep = [$deep]; unserialize(serialize($deep));", End::Anyhow),
    attack("deep result", "$deep = []; for ($i = 0; $i < 100000; $i++) $deep = [$deep]; $event['response'] = ['content' => $deep];", End::Anyhow),
    attack("printing without end", "while (true) echo str_repeat('x', 10000);", End::Limit(&["time"])),
    attack("output without end", "$out = fopen('php://fd/1', 'w'); if (!$out) throw new Exception('refused'); while (true) fwrite($out, str_repeat('x', 65536));", End::Fails(&["time", "refused"])),
    attack("one large file", "$file = fopen('large', 'w'); while (fwrite($file, str_repeat('x', 1 << 20))); throw new Exception('too large');", End::Fails(&["too large", "files", "ended", "time"])),
    attack("many files", "for ($i = 0; ; $i++) file_put_contents($i, str_repeat('x', 1 << 20));", End::Fails(&["files", "time"])),
    attack("fork bomb", "while (true) if (pcntl_fork() === -1) throw new Exception('refused');", End::Fails(&["refused", "undefined"])),
    attack("a shell", "exec('touch %OUTSIDE%/x', $lines, $code); $event['response'] = ['content' => $code !== 0];", End::Anyhow),
    attack("a shell by backticks", "`touch %OUTSIDE%/x`; shell_exec('touch %OUTSIDE%/x'); system('touch %OUTSIDE%/x'); passthru('touch %OUTSIDE%/x');", End::Anyhow),
    attack("a process", "$process = proc_open(['/bin/touch', '%OUTSIDE%/x'], [], $pipes); if (!$process) throw new Exception('refused');", End::Fails(&["refused", "permitted", "undefined"])),
    attack("another program in its place", "pcntl_exec('/bin/sh', ['-c', 'touch %OUTSIDE%/x']); throw new Exception('refused');", End::Fails(&["refused", "undefined"])),
    attack("passwords", "$event['response'] = ['content' => @file_get_contents('/etc/passwd')];", End::Tells("false")),
    attack("the key of the server", "$event['response'] = ['content' => @file_get_contents('%DATA%/secret.key')];", End::Tells("false")),
    attack("the data of the server", "$event['response'] = ['content' => @scandir('%DATA%')];", End::Tells("false")),
    attack("the environment of the server", "$event['response'] = ['content' => @file_get_contents('/proc/%SERVER%/environ')];", End::Tells("false")),
    attack("code of others", "include '%DATA%/secret.key';", End::Anyhow),
    attack("a filter around a path", "$event['response'] = ['content' => @file_get_contents('php://filter/convert.base64-encode/resource=/etc/passwd')];", End::Tells("false")),
    attack("writing elsewhere", "$event['response'] = ['content' => @file_put_contents('%OUTSIDE%/x', 'x')];", End::Tells("false")),
    attack("a link to elsewhere", "symlink('%DATA%/secret.key', 'link'); $event['response'] = ['content' => @file_get_contents('link')];", End::Tells("false")),
    attack("modes of the server's files", "$event['response'] = ['content' => @chmod('%DATA%', 0)];", End::Tells("false")),
    attack("metadata address", "$event['response'] = ['content' => @file_get_contents('http://169.254.169.254/latest/')];", End::Tells("false")),
    attack("loopback", "$event['response'] = ['content' => @stream_socket_client('tcp://127.0.0.1:%PORT%', $number, $error, 1)];", End::Tells("false")),
    attack("a datagram", "$event['response'] = ['content' => @stream_socket_client('udp://8.8.8.8:53') === false];", End::Tells("true")),
    attack("a unix socket", "$event['response'] = ['content' => @stream_socket_client('unix:///run/x') === false];", End::Tells("true")),
    attack("listening", "$event['response'] = ['content' => @stream_socket_server('tcp://0.0.0.0:0') === false];", End::Tells("true")),
    attack("ending the server", "if (!function_exists('posix_kill') || !posix_kill(%SERVER%, 9)) throw new Exception('refused');", End::Fails(&["refused"])),
    attack("a forged end", r#"
        $text = '{"t":"done","clean":true,"event":{"response":{"status_code":200,"content":"forged"},"stop_propagation":false}}';
        for ($fd = 0; $fd < 32; $fd++) if ($channel = @fopen("php://fd/$fd", 'r+')) @fwrite($channel, pack('V', strlen($text)) . $text);
        while (true) for ($fd = 3; $fd < 32; $fd++) if ($channel = @fopen("php://fd/$fd", 'r')) @fread($channel, 65536);"#, End::Anyhow),
    attack("a flood of the channel", "for ($fd = 0; $fd < 32; $fd++) if ($channel = @fopen(\"php://fd/$fd\", 'w')) $all[] = $channel; while (true) foreach ($all ?? [] as $channel) @fwrite($channel, str_repeat('x', 65536));", End::Anyhow),
    attack("the worker's own objects", "
        foreach (get_declared_classes() as $class) if (str_starts_with($class, 'Antiphon')) {
            foreach ((new ReflectionClass($class))->getProperties(ReflectionProperty::IS_STATIC) as $property) {
                $property->setAccessible(true); $property->setValue(null, null);
            }
        }", End::Anyhow),
    attack("things left behind", "
        $GLOBALS['left'] = 1; function left() {} putenv('LEFT=1'); ini_set('precision', '3'); date_default_timezone_set('Asia/Tokyo');
        set_error_handler(fn () => exit(1)); set_exception_handler(fn () => exit(1)); register_shutdown_function(fn () => print('late'));
        spl_autoload_register(fn () => exit(1)); ob_start(fn () => 'late'); stream_wrapper_unregister('file'); chdir('/'); umask(0);
        file_put_contents('left', 'left'); gc_disable(); class Late { function __destruct() { echo 'late'; while (true); } } $GLOBALS['late'] = new Late();", End::Anyhow),
    attack("leaving by the back door", "register_shutdown_function(fn () => exit(7)); exit(1);", End::Anyhow),
    attack("an end that never ends", "register_shutdown_function(function () { while (true); }); exit(1);", End::Anyhow),
    attack("a destructor that never ends", "class Late { function __destruct() { while (true); } } $late = new Late();", End::Anyhow),
];

#[test]
fn php_harms_nobody() {
    withstand("php", &[&ATTACKS]);
}
