<?php
$channel = fopen('php://fd/0', 'r+');
stream_set_read_buffer($channel, 0);
stream_set_write_buffer($channel, 0);
function read($channel, $count) {
    $data = '';
    while (strlen($data) < $count) {
        $part = fread($channel, $count - strlen($data));
        if ($part === false || $part === '') {
            exit(0);
        }
        $data .= $part;
    }
    return $data;
}
while (true) {
    $length = unpack('V', read($channel, 4))[1];
    $answer = json_encode(json_decode(read($channel, $length), true));
    fwrite($channel, pack('V', strlen($answer)) . $answer);
}
