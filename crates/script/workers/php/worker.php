<?php
// Runs PHP scripts for the server, one after the other, in one warm process. Frames come and go over a private channel, which
// is descriptor 0 at the start; what lands on standard output or error is printed text, never a result.
namespace Antiphon;

if (!extension_loaded('tokenizer')) {
    fwrite(STDERR, "PHP's extension 'tokenizer' is missing (Debian: apt-get install php-common; Alpine: apk add php-tokenizer).\n");
    exit(1);
}

require __DIR__ . '/channel.php';
require __DIR__ . '/exceptions.php';
require __DIR__ . '/tokens.php';
require __DIR__ . '/functions.php';
require __DIR__ . '/contained.php';
require __DIR__ . '/literals.php';
require __DIR__ . '/source.php';
require __DIR__ . '/texts.php';
require __DIR__ . '/library.php';
require __DIR__ . '/platform.php';
require __DIR__ . '/report.php';
require __DIR__ . '/run.php';
require __DIR__ . '/serve.php';
require __DIR__ . '/surroundings.php';

(static function (): void {
    $channel = new Channel();
    $hello = $channel->read();
    if (($hello['t'] ?? null) !== 'hello') {
        exit(1);
    }
    $worker = Worker::start($channel, $hello);
    prepare_surroundings($hello);
    $channel->write(['t' => 'ready', 'version' => PHP_VERSION]);
    while (($frame = $channel->read()) !== null) {
        $worker->serve($frame);
    }
})();
