<?php
// The exception classes that scripts throw to refuse a call with a status of their choice.
namespace DreamFactory\Core\Exceptions;

/** An exception with further data about what went wrong. Made of another exception, it takes that one's message and code. */
class DfException extends \Exception
{
    protected $context;

    public function __construct($message = null, $code = null, $previous = null, $context = null)
    {
        if ($message instanceof \Throwable) {
            $previous ??= $message;
            $code ??= $message->getCode();
            $message = $message->getMessage();
        }
        parent::__construct((string) $message, is_numeric($code) ? (int) $code : 0, $previous);
        $this->context = $context;
    }

    public function getContext()
    {
        return $this->context;
    }

    public function setContext($context)
    {
        $this->context = $context;
        return $this;
    }

    public function setMessage($message)
    {
        $this->message = (string) $message;
        return $this;
    }

    public function setCode($code)
    {
        $this->code = $code;
        return $this;
    }

    public function toArray()
    {
        return ['code' => $this->getCode(), 'context' => $this->getContext(), 'message' => $this->getMessage()];
    }
}

/** Refuses the call with any HTTP status. */
class RestException extends DfException
{
    protected $statusCode;

    public function __construct($status, $message = null, $code = null, $previous = null, $context = null)
    {
        $this->statusCode = (int) $status;
        parent::__construct($message ?? self::text($this->statusCode), $code ?: $this->statusCode, $previous, $context);
    }

    public function getStatusCode()
    {
        return $this->statusCode;
    }

    public function setStatusCode($status)
    {
        $this->statusCode = (int) $status;
        return $this;
    }

    public function toArray()
    {
        return parent::toArray() + ['status_code' => $this->getStatusCode()];
    }

    private static function text($status)
    {
        return [
            400 => 'Bad Request', 401 => 'Unauthorized', 403 => 'Forbidden', 404 => 'Not Found', 409 => 'Conflict',
            429 => 'Too Many Requests', 500 => 'Internal Server Error', 501 => 'Not Implemented', 503 => 'Service Unavailable',
        ][$status] ?? "Status $status";
    }
}

/** A status that the class stands for. */
abstract class FixedStatusException extends RestException
{
    protected const STATUS = 500;

    public function __construct($message = null, $code = null, $previous = null, $context = null)
    {
        parent::__construct(static::STATUS, $message, $code, $previous, $context);
    }
}

class BadRequestException extends FixedStatusException
{
    protected const STATUS = 400;
}

class InvalidJsonException extends FixedStatusException
{
    protected const STATUS = 400;
}

class UnauthorizedException extends FixedStatusException
{
    protected const STATUS = 401;
}

class ForbiddenException extends FixedStatusException
{
    protected const STATUS = 403;
}

class NotFoundException extends FixedStatusException
{
    protected const STATUS = 404;
}

class ConflictResourceException extends FixedStatusException
{
    protected const STATUS = 409;
}

class TooManyRequestsException extends FixedStatusException
{
    protected const STATUS = 429;
}

class InternalServerErrorException extends FixedStatusException
{
    protected const STATUS = 500;
}

class NotImplementedException extends FixedStatusException
{
    protected const STATUS = 501;
}

class ServiceUnavailableException extends FixedStatusException
{
    protected const STATUS = 503;
}

/** Some records of a batch failed: the results in their order, exceptions among them. */
class BatchException extends RestException
{
    public const BATCH_CODE = 1000;

    public function __construct($results, $message = null, $code = null, $previous = null, $context = null)
    {
        $context ??= self::describe((array) $results);
        parent::__construct(400, $message ?? 'Batch Error', $code ?? self::BATCH_CODE, $previous, $context);
    }

    private static function describe(array $results)
    {
        $failed = [];
        $resource = [];
        foreach (array_values($results) as $position => $result) {
            if ($result instanceof \Throwable) {
                $failed[] = $position;
                $status = $result instanceof RestException ? $result->getStatusCode() : 500;
                $result = [
                    'code' => $result->getCode() ?: $status,
                    'context' => $result instanceof DfException ? $result->getContext() : null,
                    'message' => $result->getMessage(),
                    'status_code' => $status,
                ];
            }
            $resource[] = $result;
        }
        return ['error' => $failed, 'resource' => $resource];
    }
}
