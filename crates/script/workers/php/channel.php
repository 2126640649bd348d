<?php
namespace Antiphon;

/** A result that the channel can't carry: text that is not UTF-8, numbers that JSON lacks, values nested too deeply. */
final class Unsendable extends \RuntimeException
{
}

/** Frames over the channel to the server: four bytes of length, little endian, then that many bytes of JSON. */
final class Channel
{
    /** Deepest nesting of what is sent; the server refuses more than 128 levels. */
    private const DEPTH = 120;
    private const READ_DEPTH = 512;
    private const BUFFER = 65536;
    private const FLAGS = JSON_UNESCAPED_SLASHES | JSON_UNESCAPED_UNICODE | JSON_PRESERVE_ZERO_FRACTION;

    /** @var resource */
    private $stream;

    /** Takes the channel over from descriptor 0, where child code could fall over it. */
    public function __construct()
    {
        $this->stream = fopen('php://fd/0', 'r+');
        stream_set_chunk_size($this->stream, self::BUFFER);
        fclose(STDIN);
        // Takes the lowest free number, which is 0; held so that it stays taken.
        $this->nothing = fopen('/dev/null', 'r');
    }

    /** @var resource */
    private $nothing;

    /** The next frame; null when the server closed the channel. */
    public function read(): ?array
    {
        $head = $this->bytes(4);
        if ($head === null) {
            return null;
        }
        $body = $this->bytes(unpack('V', $head)[1]);
        // Without the flag for exceptions: this also forgets the error that an earlier run may have left for json_last_error().
        return $body === null ? null : json_decode($body, true, self::READ_DEPTH);
    }

    /** Sends a frame. @throws Unsendable when its values can't be sent; nothing was sent then. */
    public function write(array $frame): void
    {
        $body = json_encode($frame, self::FLAGS, self::DEPTH);
        if ($body === false) {
            throw new Unsendable(json_last_error_msg(), json_last_error());
        }
        $this->send($body);
    }

    /** Sends a frame of texts; bytes that are not UTF-8 are replaced. */
    public function write_text(array $frame): void
    {
        $this->send(json_encode($frame, self::FLAGS | JSON_INVALID_UTF8_SUBSTITUTE | JSON_PARTIAL_OUTPUT_ON_ERROR, self::DEPTH));
    }

    private function send(string $body): void
    {
        $rest = pack('V', strlen($body)) . $body;
        while ($rest !== '') {
            $written = fwrite($this->stream, $rest);
            if (!$written) {
                exit(1);
            }
            $rest = $written === strlen($rest) ? '' : substr($rest, $written);
        }
    }

    private function bytes(int $length): ?string
    {
        $bytes = '';
        while (($missing = $length - strlen($bytes)) > 0) {
            $more = fread($this->stream, $missing);
            if ($more === false || $more === '') {
                return null;
            }
            $bytes = $bytes === '' ? $more : $bytes . $more;
        }
        return $bytes;
    }
}
