<?php
namespace Antiphon;

/**
 * `$platform['api']`: calls to services as the caller. Each verb is a closure that can be taken away (`$get = $api->get`) and a
 * method (`$api->get(...)`). Made anew for each run, because scripts may change it.
 */
final class Api
{
    public \Closure $get;
    public \Closure $post;
    public \Closure $put;
    public \Closure $patch;
    public \Closure $delete;
    public \Closure $call;

    /** The closures hold nothing, so that printing them shows nothing of the worker. */
    public function __construct()
    {
        $this->get = static fn ($path, $payload = null, $options = null) => Worker::call('GET', $path, $payload, $options);
        $this->post = static fn ($path, $payload = null, $options = null) => Worker::call('POST', $path, $payload, $options);
        $this->put = static fn ($path, $payload = null, $options = null) => Worker::call('PUT', $path, $payload, $options);
        $this->patch = static fn ($path, $payload = null, $options = null) => Worker::call('PATCH', $path, $payload, $options);
        $this->delete = static fn ($path, $payload = null, $options = null) => Worker::call('DELETE', $path, $payload, $options);
        $this->call = static fn ($verb, $path, $payload = null, $options = null) => Worker::call($verb, $path, $payload, $options);
    }

    public function get(...$arguments)
    {
        return ($this->get)(...$arguments);
    }

    public function post(...$arguments)
    {
        return ($this->post)(...$arguments);
    }

    public function put(...$arguments)
    {
        return ($this->put)(...$arguments);
    }

    public function patch(...$arguments)
    {
        return ($this->patch)(...$arguments);
    }

    public function delete(...$arguments)
    {
        return ($this->delete)(...$arguments);
    }

    public function call(...$arguments)
    {
        return ($this->call)(...$arguments);
    }
}
